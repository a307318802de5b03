// The jobs of the notifier as the server wires them, over PostgreSQL and the shipped policy.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import type { Channel, Message } from '../../src/domain/message.ts';
import { notifyJobs } from '../../src/notify-services.ts';
import { loadPolicies } from '../../src/policies.ts';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { warningStore } from '../../src/storage/warnings.ts';
import { channelRules, standingOf } from '../fakes/warning-store-suite.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
});
afterAll(() => database.close());

test('a warning, an alarm and a digest go out, each once, and the log says so', async () => {
  const policies = loadPolicies(join(import.meta.dirname, '../../policies'));
  if (!policies.ok) throw new Error(policies.error.map(({ detail }) => detail).join('; '));
  let now = new Date('2027-01-01T12:00:00Z');
  const taken: Message[] = [];
  const channel: Channel = {
    ...{ ...channelRules('mail', { digest: true, events: true, escalation: true }), kind: 'smtp', destination: 'test' },
    send: async (message) => {
      taken.push(message);
      return { accepted: true };
    },
  };
  const logged: string[] = [];
  const log = (event: string): void => void logged.push(event);
  const jobs = notifyJobs({
    config: {
      ...{ publicUrl: 'https://omens.example.org:8443' },
      notify: { digestAt: '12:00', timeZone: 'UTC', channels: [] },
    },
    ...{ policies: policies.value, db, channels: [channel], now: () => now },
    log: { debug: log, info: log, warn: log, error: log },
  });
  await warningStore(db).recordLook({
    ...{ conditions: ['renewalMissed'], standings: [standingOf('a')], at: now, channels: [channel] },
  });
  await db.query(
    `insert into outbox (topic, key, facts, created_at)
     values ('alarm', 'k', '{"event": "renewal.replayed", "principal": "device:1"}', $1)`,
    [now],
  );
  for (const seconds of [0, 20, 400]) {
    now = new Date(Date.UTC(2027, 0, 1, 12) + seconds * 1000);
    for (const { run } of jobs) await run();
    for (const { run } of jobs) await run();
  }
  expect(taken.map(({ kind, title, url }) => `${kind}: ${title} ${url ?? ''}`).toSorted()).toEqual([
    'digest: digest of 2027-01-01: 1 warning https://omens.example.org:8443/warnings',
    'event: warning: device:1: a renewal was sent again after its nonce was spent https://omens.example.org:8443/warnings',
    'warning: warning: a: due since 2 h https://omens.example.org:8443/warnings',
  ]);
  expect(logged).toEqual(Array(3).fill('message.delivered'));
});
