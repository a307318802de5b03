// When a failed attempt is repeated. Pure: the clock and the die are arguments.
import type { Failure } from './kept.ts';

export type Attempted = {
  readonly now: Date;
  /** Failures in a row, this one included. */
  readonly count: number;
  readonly pace: Failure['pace'];
  /** Life that the certificate in place has left; 0 when it has none. */
  readonly remainingSeconds: number;
  /** What the server asked for (Retry-After), null when it asked for nothing. */
  readonly retryAfterSeconds: number | null;
  /** At least 0, less than 1. */
  readonly random: number;
};

const firstLimit = 30;
/** A service that is back for an hour is asked within it, and once more if a reply was lost. */
const longest = 1800;
const longestSlow = 3600;
/** Without a valid certificate a host is out of service: it asks often, and still never in a tight loop. */
const longestWithoutLife = 300;
const clockPause = 60;

/**
 * The instant of the next attempt: full jitter under a limit that doubles from 30 s to half an hour (1 h where nothing
 * changes by itself) and never exceeds a quarter of the remaining life; not before Retry-After, and at least a tenth of
 * the limit (never under a second) away.
 */
export function nextAttempt(attempted: Attempted): Date {
  const { now, random, retryAfterSeconds } = attempted;
  const limit = limitOf(attempted);
  const least = attempted.pace === 'slow' ? limit / 2 : limit / 10;
  const drawn = Math.max(1, least + (limit - least) * random);
  const seconds = Math.ceil(Math.max(drawn, retryAfterSeconds ?? 0));
  return new Date((Math.ceil(now.getTime() / 1000) + seconds) * 1000);
}

function limitOf({ count, pace, remainingSeconds }: Attempted): number {
  const quarter = remainingSeconds / 4;
  switch (pace) {
    case 'clock':
      return remainingSeconds > 0 ? Math.min(clockPause, Math.max(1, quarter)) : clockPause;
    case 'slow':
      return remainingSeconds > 0 ? Math.min(longestSlow, Math.max(firstLimit, quarter)) : longestSlow;
    case 'usual': {
      const doubled = firstLimit * 2 ** Math.min(count - 1, 20);
      if (remainingSeconds <= 0) return Math.min(doubled, longestWithoutLife);
      return Math.max(1, Math.min(doubled, longest, quarter));
    }
    default:
      return pace satisfies never;
  }
}
