// What a step that went wrong means: from a thrown error or a refusal of the service to the failure that is kept.
import type { LineageError } from '../domain/lineage-wire.ts';
import { messageOf } from '../domain/thrown.ts';
import { wireTime } from '../domain/wire.ts';
import { nextAttempt } from './back-off.ts';
import type { LocalFiles } from './keep-decision.ts';
import { type KeepAnswer, type KeepPorts, Trouble } from './keep-ports.ts';
import type { Failure } from './kept.ts';
import { reasonOf } from './refused.ts';

/** What went wrong, before it is known when to try again. */
export type Fault = {
  readonly error: Omit<LineageError, 'at'>;
  readonly hints: readonly string[];
  readonly pace: Failure['pace'];
  readonly retryAfterSeconds: number | null;
  readonly areKeysLost: boolean;
};

/** Of a thrown error; one that is no `Trouble` is a fault of this program or of the host, and says so. */
export function faultOf(thrown: unknown, phase: LineageError['phase']): Fault {
  if (thrown instanceof Trouble) {
    const { reason, message, hints, pace, areKeysLost } = thrown;
    return { error: { phase, reason, detail: message }, hints, pace, areKeysLost, retryAfterSeconds: null };
  }
  const error = { phase, reason: 'unexpected', detail: messageOf(thrown) };
  return { error, hints: [], pace: 'usual', areKeysLost: false, retryAfterSeconds: null };
}

type Refused = Extract<KeepAnswer<unknown>, { readonly ok: false }>;

/** The service knows no such key, or knows it for no device: restored from a backup, or the host enrolled anew. */
const strangerReasons: ReadonlySet<string> = new Set(['unknownRequestKey', 'principalNotAllowed']);
const nonceReasons: ReadonlySet<string> = new Set(['unknownNonce', 'expiredNonce', 'spentNonce']);
/** The same octets, sent again, go on from where the service stopped. */
const undecidedReasons: ReadonlySet<string> = new Set(['renewalInProgress', 'issuanceInProgress', 'issuanceAbandoned']);

/** Whether nothing but the nonce was refused. */
export const isNonceRefusal = ({ problem }: Refused): boolean =>
  problem.status === 401 && nonceReasons.has(reasonOf(problem));

/** Whether the service has not decided: the same request is worth sending again. */
export function isUndecided({ problem, retryAfterSeconds }: Refused): boolean {
  const { status } = problem;
  if (status >= 500 || status === 408 || status === 425 || status === 429) return true;
  return status === 409 && (retryAfterSeconds !== null || undecidedReasons.has(reasonOf(problem)));
}

/** Of a refusal. What would be refused again is tried slowly. */
export function faultOfRefusal(refused: Refused, phase: LineageError['phase']): Fault {
  const { problem, retryAfterSeconds } = refused;
  const reason = reasonOf(problem);
  return {
    error: { phase, reason, detail: problem.detail },
    hints: problem.accepted === undefined ? [] : [`accepted: ${problem.accepted}`],
    pace: isUndecided(refused) || isNonceRefusal(refused) ? 'usual' : 'slow',
    retryAfterSeconds,
    areKeysLost: strangerReasons.has(reason),
  };
}

/** The failure that is kept, with the instant of the next attempt. */
export function failureOf(
  fault: Fault,
  before: Failure | null,
  { ports, remainingSeconds }: { readonly ports: Pick<KeepPorts, 'now' | 'random'>; readonly remainingSeconds: number },
): Failure {
  const now = ports.now();
  const count = (before?.count ?? 0) + 1;
  const { pace, retryAfterSeconds } = fault;
  const next = nextAttempt({ now, count, pace, remainingSeconds, retryAfterSeconds, random: ports.random() });
  return {
    count,
    error: { at: wireTime(now), ...fault.error },
    hints: fault.hints,
    pace,
    nextAttemptAt: wireTime(next),
  };
}

/** Life left of what lies in a target's place, 0 for none. */
export const remainingOf = (files: LocalFiles, now: Date): number =>
  files.state === 'inPlace' ? Math.max(0, (new Date(files.notAfter).getTime() - now.getTime()) / 1000) : 0;
