// The looks as the server runs them, over real rows and the real store of warnings.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { logger } from '../../src/log.ts';
import { lookJobs } from '../../src/look-services.ts';
import { loadPolicies } from '../../src/policies.ts';
import { standingsIn } from '../../src/storage/standings.ts';
import { day, type Inventory, inventoryDatabase } from './support/inventory.ts';

let inventory: Inventory;
beforeAll(async () => {
  inventory = await inventoryDatabase();
}, 60_000);
afterAll(() => inventory.close());

const loaded = loadPolicies(join(import.meta.dirname, '../../policies'));
if (!loaded.ok) throw new Error('policies/ has faults');
const policies = loaded.value;

const lines: string[] = [];
const log = logger('info', { write: (line) => void lines.push(line) });

/** Every look once, at an instant. */
async function lookAt(now: Date): Promise<void> {
  const authorities = { rows: [], active: new Map() };
  const config = { renewals: { perHour: 200, perLineagePerHour: 12, maxAbsenceDays: 400, blackouts: [] } };
  const parts = { config, db: inventory.db, policies, authorities, channels: [], log, now: () => now };
  for (const { run } of lookJobs(parts)) await run();
}

const warnings = async (): Promise<readonly string[]> =>
  (
    await inventory.db.query(
      `select condition || ' ' || level || case when closed_at is null then '' else ' closed' end as text
         from warning order by opened_at, condition`,
    )
  ).map(({ text }) => String(text));

test('a host that renews is told of by nobody; one that stops is told of, and its end is logged and in the audit', async () => {
  const minutes = (n: number): Date => new Date(day(74).getTime() + n * 60_000);
  const device = await inventory.addDevice();
  const certificate = await inventory.addCertificate({ device });
  const seen = (at: Date) =>
    inventory.db.query('update device set last_seen_at = $2 where id = $1', [device.deviceId, at]);
  await inventory.db.query(
    `update certificate_use set confirmed_at = $2, confirmed_by = 'host' where fingerprint = $1`,
    [certificate, day(1)],
  );
  await seen(day(71));
  await lookAt(day(71));
  expect(await warnings()).toEqual([]);

  await seen(day(74));
  await lookAt(minutes(0)); // the servers were away for three days
  expect(await warnings()).toEqual([]);
  for (let minute = 9; minute < 75; minute += 9) await lookAt(minutes(minute));
  expect(await warnings()).toEqual([]);
  for (const minute of [76, 85]) await lookAt(minutes(minute));
  expect(await warnings()).toEqual(['renewalMissed warning']);
  expect(lines.filter((line) => line.includes('"warning.opened"'))).toHaveLength(1);

  const next = await inventory.addCertificate({ device, from: minutes(86) });
  await inventory.db.query(
    `update certificate_use set confirmed_at = $2, confirmed_by = 'host' where fingerprint = $1`,
    [next, minutes(86)],
  );
  for (const minute of [87, 90, 93]) await lookAt(minutes(minute));
  expect(await warnings()).toEqual(['renewalMissed warning closed']);
  const audited = await inventory.db.query(`select event from audit_event where event like 'warning.%' order by id`);
  expect(audited.map(({ event }) => event)).toEqual(['warning.opened', 'warning.closed']);
});

test('a clock that was a year ahead for a moment makes nobody patient for a year', async () => {
  const { turnLooks } = standingsIn(inventory.db);
  const patience = { absentSeconds: 600, patientSeconds: 4500 };
  const turnAt = (minute: number): Promise<boolean> =>
    turnLooks(new Date(day(200).getTime() + minute * 60_000), patience);
  await turnAt(0);
  expect(await turnAt(365 * 1440)).toBe(true);
  for (const minute of [2, 11, 20, 29, 38, 47, 56, 65, 74]) expect(await turnAt(minute)).toBe(true);
  expect(await turnAt(78)).toBe(false);
  expect(await turnAt(87)).toBe(false);
  expect(await turnAt(98)).toBe(true);
});
