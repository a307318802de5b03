// Group commit with a database that is a promise we hold: order, sharing, isolation of failures, lanes.
import { describe, expect, test } from '@jest/globals';
import { groupCommit } from '../../../src/storage/group-commit.ts';

/** A run whose batches wait until the test lets them finish. */
function heldRun() {
  const batches: { items: readonly number[]; finish: () => void; fail: (why: string) => void }[] = [];
  const run = (items: readonly number[]): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      batches.push({
        items,
        finish: () => resolve(items.map((item) => `done ${item}`)),
        fail: (why) => reject(new Error(why)),
      });
    });
  return { run, batches };
}

const mayBeOfOneItem = (): boolean => true;

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('group commit', () => {
  test('an unloaded item is run at once, before its caller goes on', () => {
    const { run, batches } = heldRun();
    void groupCommit({ run, mayBeOfOneItem, maxBatch: 10 })(1);
    expect(batches.map((batch) => batch.items)).toEqual([[1]]);
  });

  test('items that arrive during a batch form the next one, in order and up to maxBatch', async () => {
    const { run, batches } = heldRun();
    const commit = groupCommit({ run, mayBeOfOneItem, maxBatch: 3 });
    const answers = [1, 2, 3, 4, 5].map((item) => commit(item));
    batches[0]!.finish();
    await turn();
    batches[1]!.finish();
    await turn();
    batches[2]!.finish();
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5].map((item) => `done ${item}`));
    expect(batches.map((batch) => batch.items)).toEqual([[1], [2, 3, 4], [5]]);
  });

  test('after a failed batch each item is run alone, and only the bad one fails', async () => {
    const ran: (readonly number[])[] = [];
    const run = async (items: readonly number[]): Promise<readonly number[]> => {
      ran.push(items);
      await turn();
      if (items.includes(3)) throw new Error('three is bad');
      return items.map((item) => item * 10);
    };
    const commit = groupCommit({ run, mayBeOfOneItem, maxBatch: 10 });
    const settled = await Promise.allSettled([1, 2, 3, 4].map((item) => commit(item)));
    expect(ran).toEqual([[1], [2, 3, 4], [2], [3], [4]]);
    expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message))).toEqual([
      ...[10, 20, 'three is bad', 40],
    ]);
  });

  test('after a failure that is of no item, all fail at once and none is run again', async () => {
    const { run, batches } = heldRun();
    const commit = groupCommit({ run, mayBeOfOneItem: () => false, maxBatch: 10 });
    const settled = Promise.allSettled([1, 2, 3].map((item) => commit(item)));
    batches[0]!.finish();
    await turn();
    batches[1]!.fail('the connection is lost');
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(batches.map(({ items }) => items)).toEqual([[1], [2, 3]]);
  });

  test('a single item that fails is not run again', async () => {
    let runs = 0;
    const run = async (): Promise<readonly number[]> => {
      runs += 1;
      throw new Error('bad');
    };
    await expect(groupCommit<number, number>({ run, mayBeOfOneItem, maxBatch: 10 })(1)).rejects.toThrow('bad');
    expect(runs).toBe(1);
  });

  test('a run that throws before it returns a promise fails its item only', async () => {
    const run = (items: readonly number[]): Promise<readonly number[]> => {
      if (items[0] === 1) throw new Error('at once');
      return Promise.resolve(items);
    };
    const commit = groupCommit({ run, mayBeOfOneItem, maxBatch: 10 });
    await expect(commit(1)).rejects.toThrow('at once');
    expect(await commit(2)).toBe(2);
  });

  test('an answer of the wrong length is a fault, not a mix-up', async () => {
    const commit = groupCommit<number, number>({ run: async () => [], mayBeOfOneItem, maxBatch: 10 });
    await expect(commit(1)).rejects.toThrow('0 answers to a batch of 1');
  });

  for (const lanes of [1, 2] as const) {
    test(`never more than ${lanes} batches are in flight with ${lanes} lanes`, async () => {
      let inFlight = 0;
      let most = 0;
      const run = async (items: readonly number[]): Promise<readonly number[]> => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await turn();
        inFlight -= 1;
        return items;
      };
      const commit = groupCommit({ run, mayBeOfOneItem, maxBatch: 4, lanes });
      const items = Array.from({ length: 50 }, (_, i) => i);
      expect(await Promise.all(items.map((item) => commit(item)))).toEqual(items);
      expect(most).toBe(lanes);
    });
  }

  test('a batch size that is no positive whole number is refused', () => {
    for (const maxBatch of [0, -1, 1.5, Number.NaN]) {
      expect(() => groupCommit({ run: async () => [], mayBeOfOneItem, maxBatch })).toThrow(RangeError);
    }
  });
});
