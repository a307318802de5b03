// The plans of the reports over twenty thousand certificates: pages come out of the indexes of what serves, whatever plan the
// server keeps, and never out of the whole inventory.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expiryIn } from '../../src/storage/expiry.ts';
import { insertIssuer } from '../../src/storage/issuers.ts';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';
import { fillInventory } from './support/many-certificates.ts';
import { sha256 } from './support/rows.ts';

const now = new Date('2026-06-01T00:00:00Z');
const inDays = (days: number): Date => new Date(now.getTime() + days * 86_400_000);

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory), maxConnections: 1 });
  const id = sha256('root');
  const dates = { notBefore: inDays(-1000), notAfter: inDays(1000), createdAt: now };
  const names = { id, subjectKeyIdentifier: 'aa', spkiSha256: id, parentId: null };
  await insertIssuer(db, {
    ...dates,
    ...names,
    domain: 'estate',
    role: 'root',
    der: new Uint8Array(10),
    isActive: true,
  });
  await fillInventory(db, id, { devices: 500, perLineage: 9, alone: 2000, now });
  for (const table of ['certificate_use', 'lineage']) await db.query(`vacuum analyze ${table}`);
}, 60_000);
afterAll(() => database.close());

type Plan = { readonly text: string; readonly rows: number };

/** The plan that fits any parameters, as it was carried out, and how many rows its scans read at most. */
async function planOf(file: string, values: readonly (Date | string | number | null)[]): Promise<Plan> {
  const text = readFileSync(join(queriesDirectory, file), 'utf8');
  await db.query('set plan_cache_mode = force_generic_plan');
  await db.query(`prepare asked as ${text}`);
  const given = values.map((value) =>
    value === null ? 'null' : `'${value instanceof Date ? value.toISOString() : String(value)}'`,
  );
  const rows = await db.query(`explain (analyze, timing off) execute asked(${given.join(', ')})`);
  await db.query('deallocate asked');
  const lines = rows.map((row) => String(row['QUERY PLAN']));
  const scans = lines.flatMap((line) => /Scan.* rows=(\d+) loops=(\d+)\)/.exec(line) ?? []);
  const read = lines.flatMap((line) => {
    const match = /Scan.*actual rows=(\d+)(?:\.\d+)? loops=(\d+)/.exec(line);
    return match === null ? [] : [Number(match[1]) * Number(match[2])];
  });
  expect(scans.length).toBeGreaterThan(0);
  return { text: lines.join('\n'), rows: Math.max(...read) };
}

describe('the plan that fits any parameters', () => {
  const after = [inDays(20), 'a'.repeat(64)] as const;
  test.each([
    ['of the first page within 30 days', [inDays(30), null, null, 101, inDays(-30), null, null, now]],
    ['of a later page', [inDays(30), ...after, 101, inDays(-30), null, null, now]],
    ['of the first page of all', [null, null, null, 101, inDays(-30), null, null, now]],
  ])('%s reads no more than the page from each index', async (_, values) => {
    const { text, rows } = await planOf('serving_page.sql', values);
    expect(text).toContain('certificate_use_kept');
    expect(text).toContain('certificate_use_alone');
    expect(text).not.toContain('Seq Scan');
    expect(rows).toBeLessThanOrEqual(101);
  });

  test('of the counts reads what is near its end from an index alone', async () => {
    const { text } = await planOf('serving_near_end.sql', [now, inDays(-30)]);
    expect(text).toContain('Index Only Scan using certificate_use_levels');
    expect(text).not.toContain('Seq Scan');
  });

  test('of a device reads its lineages', async () => {
    const [device] = await db.query('select id from device limit 1');
    const values = [null, null, null, 101, String(device?.['id']), null, null, now];
    const { text, rows } = await planOf('serving_of_device.sql', values);
    expect(text).not.toContain('Seq Scan');
    expect(rows).toBeLessThanOrEqual(8);
  });
});

test('of a level only what lies before its last end is read, and its pages hold no other level', async () => {
  const query = {
    endsBy: null,
    after: null,
    limit: 100,
    deviceId: null,
    now,
    profile: null,
    givenUpBefore: inDays(-30),
  };
  const critical = await expiryIn(db).serving({ ...query, level: 'critical' });
  expect(critical.length).toBeGreaterThan(5);
  expect(critical.every(({ criticalAt }) => criticalAt <= now)).toBe(true);
  const warning = await expiryIn(db).serving({ ...query, level: 'warning' });
  expect(warning.length).toBeGreaterThan(20);
  expect(warning.every(({ criticalAt, warningAt }) => criticalAt > now && warningAt <= now)).toBe(true);
});
