// Which faults of the database pass by themselves: those are answered with 503, and asked again.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isOutage } from '../../src/storage/fault.ts';
import type { Database } from '../../src/storage/pool.ts';
import { freshDatabase, type TestDatabase } from './database.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await freshDatabase({ migrations: null });
  db = await database.pool();
});
afterAll(() => database.close());

const lock = 'select pg_advisory_xact_lock($1::integer)';

test('one of two transactions that meet in a deadlock', async () => {
  let arrived = 0;
  let go: () => void = () => undefined;
  const both = new Promise<void>((resolve) => (go = resolve));
  const take = (first: number, second: number) =>
    db.transaction(async (tx) => {
      await tx.query(lock, [first]);
      arrived += 1;
      if (arrived === 2) go();
      await both;
      await tx.query(lock, [second]);
    });
  const ends = await Promise.allSettled([take(1, 2), take(2, 1)]);
  const faults = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  expect(faults.map(isOutage)).toEqual([true]);
});

test('one that waited too long for a lock', async () => {
  const fault = await db.transaction(async (holder) => {
    await holder.query(lock, [3]);
    return db
      .transaction(async (tx) => {
        await tx.query("set local lock_timeout = '50ms'");
        await tx.query(lock, [3]);
      })
      .catch((error: unknown) => error);
  });
  expect(isOutage(fault)).toBe(true);
});

test('but not a mistake of ours', async () => {
  const mistakes = ['select 1/0', 'select nothing', `select '\\u0000'::jsonb::text`];
  for (const text of mistakes) {
    const fault: unknown = await db.query(text).catch((error: unknown) => error);
    expect(isOutage(fault)).toBe(false);
  }
  expect([isOutage(new Error('ECONN')), isOutage(null)]).toEqual([false, false]);
});
