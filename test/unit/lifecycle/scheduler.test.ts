import { expect, test } from '@jest/globals';
import { startScheduler } from '../../../src/lifecycle/scheduler.ts';

/** A clock that a test moves; `advance` runs what is due and lets promises settle. */
function handClock() {
  let now = 0;
  const waiting = new Map<number, { readonly due: number; readonly fn: () => void }>();
  let next = 0;
  return {
    after: (milliseconds: number, fn: () => void) => {
      const id = next++;
      waiting.set(id, { due: now + milliseconds, fn });
      return () => void waiting.delete(id);
    },
    advance: async (milliseconds: number) => {
      now += milliseconds;
      for (const [id, { due, fn }] of [...waiting]) {
        if (due > now) continue;
        waiting.delete(id);
        fn();
      }
      for (let i = 0; i < 5; i++) await Promise.resolve();
    },
    waiting,
  };
}

test('a job runs at once, and again after its interval', async () => {
  const clock = handClock();
  let runs = 0;
  startScheduler(
    [
      {
        name: 'a',
        everySeconds: 60,
        run: async () => {
          runs++;
        },
      },
    ],
    {
      after: clock.after,
      onFailure: () => undefined,
    },
  );
  await clock.advance(0);
  expect(runs).toBe(1);
  await clock.advance(59_000);
  expect(runs).toBe(1);
  await clock.advance(1000);
  expect(runs).toBe(2);
});

test('a job that fails is reported and runs again', async () => {
  const clock = handClock();
  const failures: string[] = [];
  let runs = 0;
  const run = async (): Promise<void> => {
    runs++;
    throw new Error('no');
  };
  startScheduler([{ name: 'a', everySeconds: 1, run }], { after: clock.after, onFailure: (job) => failures.push(job) });
  await clock.advance(0);
  await clock.advance(1000);
  expect([runs, failures]).toEqual([2, ['a', 'a']]);
});

test('a slow job never runs twice at once, and stopping waits for it', async () => {
  const clock = handClock();
  let finish = (): void => undefined;
  let runs = 0;
  const run = (): Promise<void> => {
    runs++;
    return new Promise((resolve) => (finish = resolve));
  };
  const scheduler = startScheduler([{ name: 'a', everySeconds: 1, run }], {
    after: clock.after,
    onFailure: () => undefined,
  });
  await clock.advance(10_000);
  expect(runs).toBe(1);
  let isStopped = false;
  const stopped = scheduler.stop().then(() => (isStopped = true));
  await clock.advance(0);
  expect(isStopped).toBe(false);
  finish();
  await stopped;
  expect(clock.waiting.size).toBe(0);
});
