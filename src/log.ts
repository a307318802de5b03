// The log: event names with fields, one JSON object a line on standard error. Secrets have a type that does not print;
// whole requests and keys are never passed here.
import { destination, pino } from 'pino';

export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

export type Logger = { readonly debug: Log; readonly info: Log; readonly warn: Log; readonly error: Log };

/** A logger of events at or above a level. */
export function logger(level: 'debug' | 'info' | 'warn' | 'error'): Logger {
  const log = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'event' },
    destination(2),
  );
  return {
    debug: (event, fields = {}) => log.debug(fields, event),
    info: (event, fields = {}) => log.info(fields, event),
    warn: (event, fields = {}) => log.warn(fields, event),
    error: (event, fields = {}) => log.error(fields, event),
  };
}
