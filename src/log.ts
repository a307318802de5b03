// The log: event names with fields, one JSON object a line on standard error. Secrets have a type that does not print;
// whole requests and keys are never passed here.
import { type DestinationStream, destination, pino } from 'pino';

export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

export type Logger = { readonly debug: Log; readonly info: Log; readonly warn: Log; readonly error: Log };

/** A logger of events at or above a level. A field `fault` takes anything that was thrown. `to`: standard error. */
export function logger(level: 'debug' | 'info' | 'warn' | 'error', to: DestinationStream = destination(2)): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'event' };
  const log = pino({ ...options, serializers: { fault: (fault: unknown) => described(fault) } }, to);
  return {
    debug: (event, fields = {}) => log.debug(fields, event),
    info: (event, fields = {}) => log.info(fields, event),
    warn: (event, fields = {}) => log.warn(fields, event),
    error: (event, fields = {}) => log.error(fields, event),
  };
}

/** The log of an edge, which knows no levels: its faults are errors, everything else is information. */
export const edgeLog =
  (log: Logger): Log =>
  (event, fields) =>
    (event.endsWith('.fault') ? log.error : log.info)(event, fields);

/** Of an error only what says where it broke: further members, such as PostgreSQL's `detail`, repeat stored values. */
const toldMembers = ['name', 'code', 'message', 'where', 'hint', 'routine', 'constraint', 'stack'] as const;

/** JSON alone makes {} of an Error. Causes are followed, a few of them. */
function described(fault: unknown, depth = 0): unknown {
  if (typeof fault !== 'object' || fault === null) return String(fault);
  const members: Readonly<Record<string, unknown>> = Object.fromEntries(
    toldMembers.map((name) => [name, Reflect.get(fault, name)] as const),
  );
  const told = Object.entries(members).filter(([, value]) => typeof value === 'string');
  const cause: unknown = Reflect.get(fault, 'cause');
  const isTold = cause !== undefined && cause !== null && depth < 4;
  return { ...Object.fromEntries(told), ...(isTold ? { cause: described(cause, depth + 1) } : {}) };
}
