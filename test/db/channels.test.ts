// How channels stand, from rows of PostgreSQL, and what is left of a test.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { channelStore } from '../../src/storage/channels.ts';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';

let database: TestDatabase;
let db: Database;
const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute));

beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
});
afterAll(() => database.close());

const deliver = (channel: string, createdAt: Date, outcome: 'delivered' | null): Promise<unknown> =>
  db.query(
    `insert into delivery (id, channel, kind, cause, message, created_at, due_at, outcome, concluded_at)
     values ($1, $2, 'warning', 'host:a', '{}', $3::timestamptz, $3::timestamptz, $4::text, case when $4::text is not null then $3::timestamptz end)`,
    [randomUUID(), channel, createdAt, outcome],
  );

test('a channel has what waits for it and its last word; one without rows is there too', async () => {
  await deliver('phone', at(1), 'delivered');
  await deliver('phone', at(3), null);
  await deliver('phone', at(2), null);
  await deliver('elsewhere', at(0), null);
  await db.query(
    `insert into channel_turn (channel, turned_at, delivered_at, failing_since, last_error) values
       ('phone', $1, $2, $3, 'the answer was 500'), ('log', $1, $2, null, 'long ago')`,
    [at(5), at(1), at(3)],
  );
  const quiet = { waiting: 0, oldestWaiting: null, failingSince: null, lastError: null };
  expect(await channelStore(db).channelFacts(['phone', 'log', 'new'])).toEqual([
    {
      ...{ channel: 'phone', waiting: 2, oldestWaiting: at(2), lastDeliveredAt: at(1), failingSince: at(3) },
      lastError: 'the answer was 500',
    },
    { channel: 'log', ...quiet, lastDeliveredAt: at(1) },
    { channel: 'new', ...quiet, lastDeliveredAt: null },
  ]);
});

test('a test of a channel is in the audit', async () => {
  const facts = { channel: 'phone', accepted: false };
  await channelStore(db).recordChannelTest({ at: at(9), by: 'operator:me', facts });
  const rows = await db.query(`select at, event, principal, facts from audit_event where event = 'channel.tested'`);
  expect(rows).toEqual([{ at: at(9), event: 'channel.tested', principal: 'operator:me', facts }]);
});
