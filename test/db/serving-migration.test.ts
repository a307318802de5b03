// What the migration of warnings makes of an inventory that was there before it: one certificate of each lineage, and of each
// profile and set of names, serves; each has its levels.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../src/storage/migrate.ts';
import type { Database } from '../../src/storage/pool.ts';
import { freshDatabase, migrationsDirectory, type TestDatabase } from './database.ts';
import { insertDevice, insertLineage, sha256 } from './support/rows.ts';

const directory = mkdtempSync(join(tmpdir(), 'omens-migrations-'));
const day = (days: number): Date => new Date(Date.UTC(2026, 0, 1) + days * 86_400_000);

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  for (const file of readdirSync(migrationsDirectory).filter((name) => name < '0003'))
    cpSync(join(migrationsDirectory, file), join(directory, file));
  database = await freshDatabase({ migrations: null });
  await migrate({ databaseUrl: database.databaseUrl, directory });
  db = await database.pool();
  await db.query(
    `insert into issuer (id, trust_domain, role, certificate, subject_key_identifier, not_before, not_after, is_active, created_at)
     values ($1, 'estate', 'root', '', 'aa', $2, $3, true, $2)`,
    [sha256('root'), day(0), day(5000)],
  );
  await db.query(`insert into public_key (spki_sha256, kind, first_seen_at) values ($1, 'operator', $2)`, [
    ...[sha256('key'), day(0)],
  ]);
});
afterAll(async () => {
  await database.close();
  rmSync(directory, { recursive: true, force: true });
});

type Old = { readonly name: string; readonly from: number; readonly lineageId?: string; readonly deviceId?: string };

/** A certificate of ninety days, as the version before recorded it. */
async function certificate({ name, from, lineageId, deviceId }: Old): Promise<string> {
  const fingerprint = sha256(`${name} ${from}`);
  const serial = fingerprint.slice(0, 32);
  const rows = [sha256('root'), serial, sha256('key'), day(from), day(from + 90), lineageId ?? null];
  await db.query(
    `insert into issuance_intent (issuer_id, serial_number, tbs_certificate, profile, profile_digest, principal, spki_sha256,
                                  lineage_id, not_after, recorded_at, lease_until, outcome)
     values ($1, $2, '', 'tls', $3, 'test', $3, $6, $5, $4, $4, 'issued')`,
    rows,
  );
  await db.query(
    `insert into certificate (fingerprint, issuer_id, serial_number, der, profile, subject_common_name, dns_names, ip_addresses,
                              uris, spki_sha256, not_before, not_after, principal, device_id, lineage_id, issued_at)
     values ($7, $1, $2, '', 'tls', $8, array[$8], '{}', '{}', $3, $4, $5, 'test', $9, $6, $4)`,
    [...rows, fingerprint, name, deviceId ?? null],
  );
  if (lineageId !== undefined)
    await db.query('insert into certificate_use (fingerprint, lineage_id) values ($1, $2)', [fingerprint, lineageId]);
  return fingerprint;
}

async function lineage(): Promise<{ readonly lineageId: string; readonly deviceId: string }> {
  const { deviceId } = await insertDevice(db, { at: day(0) });
  return { deviceId, lineageId: await insertLineage(db, { deviceId, profile: 'tls', at: day(0) }) };
}

test('one of each lineage and of each set of names serves, and has the levels of its lifetime', async () => {
  const [confirmed, young, retired] = [await lineage(), await lineage(), await lineage()];
  const older = await certificate({ name: 'a', from: 0, ...confirmed });
  await certificate({ name: 'a', from: 60, ...confirmed });
  await db.query(`update certificate_use set confirmed_at = $2, confirmed_by = 'host' where fingerprint = $1`, [
    older,
    day(1),
  ]);
  await certificate({ name: 'b', from: 0, ...young });
  const newest = await certificate({ name: 'b', from: 60, ...young });
  const revoked = await certificate({ name: 'b', from: 61, ...young });
  await db.query(
    `insert into revocation (issuer_id, serial_number, reason_code, revoked_at, revoked_by)
     select issuer_id, serial_number, 'superseded', $2, 'test' from certificate where fingerprint = $1`,
    [revoked, day(62)],
  );
  await certificate({ name: 'c', from: 0, ...retired });
  await db.query(`update device set state = 'retired' where id = $1`, [retired.deviceId]);
  await certificate({ name: 'alone', from: 0 });
  const alone = await certificate({ name: 'alone', from: 60 });
  const other = await certificate({ name: 'other', from: 0 });

  await migrate({ databaseUrl: database.databaseUrl, directory: migrationsDirectory });

  const serving = await db.query('select fingerprint from certificate_use where is_serving order by fingerprint');
  expect(serving.map(({ fingerprint }) => fingerprint)).toEqual([older, newest, alone, other].toSorted());
  const [levels] = await db.query(
    'select not_after, warning_at, critical_at, alone_as is not null as is_alone from certificate_use where fingerprint = $1',
    [alone],
  );
  expect(levels).toEqual({ not_after: day(150), warning_at: day(127.5), critical_at: day(143), is_alone: true });
});
