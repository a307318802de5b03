// The daemon's loop and what it tells systemd; and how pauses after failures are drawn.
import { expect, test } from '@jest/globals';
import { nextAttempt } from '../../../src/agent/back-off.ts';
import { keepForEver } from '../../../src/agent/keep-loop.ts';
import { supervisorOf } from '../../../src/agent/systemd-notify.ts';
import { keepWorld } from '../../fakes/keep-world.ts';

test('the loop is ready, alive after each round, and ends after the round at work', async () => {
  const world = keepWorld();
  const told: object[] = [];
  const pauses: number[] = [];
  await keepForEver({
    keep: world.ports,
    supervisor: { notify: async (one) => void told.push(one), watchdogSeconds: 600 },
    checkEverySeconds: () => 3600,
    pause: async (milliseconds) => void pauses.push(milliseconds),
    isStopping: () => pauses.length === 3,
  });
  expect(told[0]).toMatchObject({ isReady: true });
  expect(told.at(-1)).toMatchObject({ isStopping: true });
  expect(told.filter((one) => 'isAlive' in one && 'status' in one)).toHaveLength(3);
  expect(pauses).toEqual([200_000, 200_000, 200_000]);
});

test('a round that cannot be done is no sign of life', async () => {
  const world = keepWorld();
  const told: object[] = [];
  let rounds = 0;
  await keepForEver({
    keep: { ...world.ports, load: () => Promise.reject(new Error('no space left')) },
    supervisor: { notify: async (one) => void told.push(one), watchdogSeconds: null },
    checkEverySeconds: () => 3600,
    pause: async () => void (rounds += 1),
    isStopping: () => rounds === 2,
  });
  expect(told.some((one) => 'isAlive' in one)).toBe(false);
  expect(world.events).toEqual(['round.failed', 'round.failed']);
});

test('systemd is told through its own program, and only where it asked', async () => {
  const calls: (readonly string[])[] = [];
  const run = async (program: string, args: readonly string[]) => void calls.push([program, ...args]);
  const { notify, watchdogSeconds } = supervisorOf({ NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '600000000' }, run);
  await notify({ isReady: true, isAlive: true, status: 'two\nlines' });
  expect(watchdogSeconds).toBe(600);
  expect(calls).toEqual([['systemd-notify', '--ready', '--status=two lines', 'WATCHDOG=1']]);
  await supervisorOf({}, run).notify({ isReady: true });
  expect(calls).toHaveLength(1);
});

test.each([0, 0.5, 0.999])(
  'a pause is at least a second, doubles to an hour, and obeys Retry-After (die %d)',
  (random) => {
    const now = new Date('2026-11-23T12:00:00Z');
    const after = (over: object): number =>
      (nextAttempt({
        ...{ now, count: 1, pace: 'usual', remainingSeconds: 1e6, retryAfterSeconds: null, random },
        ...over,
      }).getTime() -
        now.getTime()) /
      1000;
    expect(after({})).toBeLessThanOrEqual(30);
    expect(after({})).toBeGreaterThanOrEqual(3);
    expect(after({ count: 50 })).toBeLessThanOrEqual(3600);
    expect(after({ count: 50, remainingSeconds: 100 })).toBeLessThanOrEqual(25);
    expect(after({ remainingSeconds: 1 })).toBeGreaterThanOrEqual(1);
    expect(after({ retryAfterSeconds: 900 })).toBeGreaterThanOrEqual(900);
    expect(after({ pace: 'slow' })).toBeGreaterThanOrEqual(1800);
  },
);
