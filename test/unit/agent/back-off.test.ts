// How soon an agent asks again: never in a tight loop, and soon enough for the life that is left.
import { describe, expect, test } from '@jest/globals';
import { type Attempted, nextAttempt } from '../../../src/agent/back-off.ts';

const now = new Date(Date.UTC(2026, 0, 1));

/** The shortest and the longest pause, in seconds. */
function pauses(over: Partial<Attempted>): readonly [number, number] {
  const usual = { now, count: 1, pace: 'usual', remainingSeconds: 86_400, retryAfterSeconds: null } as const;
  const pause = (random: number): number =>
    (nextAttempt({ ...usual, ...over, random }).getTime() - now.getTime()) / 1000;
  return [pause(0), pause(0.999_999)];
}

describe('the next attempt', () => {
  test.each<readonly [string, Partial<Attempted>, readonly [number, number]]>([
    ['comes within half a minute after a first failure', {}, [3, 30]],
    ['comes twice within the hour after many', { count: 30 }, [180, 1800]],
    ['comes at least four times within the life that is left', { count: 30, remainingSeconds: 400 }, [10, 100]],
    ['comes every few minutes where nothing valid is left', { count: 30, remainingSeconds: 0 }, [30, 300]],
    ['waits as the service asks', { retryAfterSeconds: 900 }, [900, 900]],
    ['is slow where nothing changes by itself', { pace: 'slow' }, [1800, 3600]],
    ['is slow also when nothing valid is left', { pace: 'slow', remainingSeconds: 0 }, [1800, 3600]],
    ['looks at a wrong clock about once a minute', { pace: 'clock', remainingSeconds: 0 }, [6, 60]],
  ])('%s', (_, over, expected) => {
    expect(pauses(over)).toEqual(expected);
  });
});
