// Trust bundles in PostgreSQL, held to what the one in memory does, and their audit.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { trustBundlesIn } from '../../src/storage/trust-bundles.ts';
import { describeTrustBundleStore } from '../fakes/trust-bundle-suite.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
});
afterAll(() => database.close());

describeTrustBundleStore(async () => {
  await db.query('truncate trust_bundle');
  return trustBundlesIn(db);
});

test('publishing is audited once, with who, what and by which root', async () => {
  await db.query('truncate trust_bundle, audit_event');
  const publishedAt = new Date('2026-11-26T10:00:00Z');
  const facts = { signedBy: 'aa', anchors: ['bb', 'cc'] };
  const row = {
    generation: 2,
    follows: 1,
    cms: Uint8Array.of(0x30),
    publishedBy: 'operator:alice:1',
    publishedAt,
    facts,
  };
  await trustBundlesIn(db).insertTrustBundle(row);
  await trustBundlesIn(db).insertTrustBundle(row);
  expect(await db.query('select at, event, principal, facts from audit_event')).toEqual([
    {
      at: publishedAt,
      event: 'trustBundle.published',
      principal: 'operator:alice:1',
      facts: { ...facts, generation: 2 },
    },
  ]);
});
