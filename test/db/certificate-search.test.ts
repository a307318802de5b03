// The search of certificates at twenty thousand rows: what it finds, that its pages join, and that no list reads a whole
// table.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificateSearch, type FoundCertificate, levelOf } from '../../src/domain/certificate-search.ts';
import { searchCertificates } from '../../src/lifecycle/search-certificates.ts';
import { certificateSearchIn } from '../../src/storage/certificate-search.ts';
import { queriesDirectory } from './database.ts';
import { day, inventoryDatabase, type Inventory } from './support/inventory.ts';
import { sha256 } from './support/rows.ts';

let inventory: Inventory;
const hosts = 200;
const now = day(1000);

/** 200 hosts with 90 certificates each, one after another, and 2000 names without a host; every fifth of those is revoked. */
beforeAll(async () => {
  inventory = await inventoryDatabase();
  const { db, issuerId } = inventory;
  await db.query(
    `insert into device (id, host_name, state, keylime_uuid, created_at, last_seen_at)
     select ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'host' || lpad(i::text, 4, '0') || '.example.org',
            'active', encode(sha256(('keylime' || i)::bytea), 'hex'), $1, $1
       from generate_series(1, ${hosts}) i`,
    [day(0)],
  );
  await db.query(
    `insert into endorsement_key (fingerprint, device_id, public, hardware_serial, proved_at)
     select encode(sha256(('ek' || id)::bytea), 'hex'), id, '', '', $1 from device`,
    [day(0)],
  );
  await db.query(
    `insert into lineage (id, device_id, profile, place, created_at) select gen_random_uuid(), id, 'devid', '', $1 from device`,
    [day(0)],
  );
  await db.query(`insert into public_key (spki_sha256, kind, first_seen_at) values ($1, 'operator', $2)`, [
    sha256('key'),
    day(0),
  ]);
  await db.query(
    `with row as (
       select l.id as lineage_id, l.device_id, d.host_name as cn, 'devid' as profile, n, 10 * n as start, d.host_name || n as seed
         from lineage l join device d on d.id = l.device_id, generate_series(1, 90) n
       union all
       select null, null, 'www' || i || '.example.net', case when i % 2 = 0 then 'nginx-vhost' else 'server' end, 1, i, 'www' || i
         from generate_series(1, 2000) i
     ), made as (
       select row.*, encode(sha256(('serial' || seed)::bytea), 'hex') as digest, $2::timestamptz + start * interval '1 day' as not_before
         from row
     ), intents as (
       insert into issuance_intent (issuer_id, serial_number, tbs_certificate, profile, profile_digest, principal, spki_sha256,
                                    lineage_id, not_after, recorded_at, lease_until, outcome)
       select $1, left(digest, 32), '', profile, $3, 'test', $3, lineage_id, not_before + interval '120 days', not_before, not_before, 'issued'
         from made
     )
     insert into certificate (fingerprint, issuer_id, serial_number, der, profile, subject_common_name, dns_names, ip_addresses,
                              uris, spki_sha256, not_before, not_after, principal, device_id, lineage_id, issued_at)
     select encode(sha256(('certificate' || seed)::bytea), 'hex'), $1, left(digest, 32), '', profile, cn, array[cn, 'alias-' || cn],
            case when lineage_id is null then array['10.0.' || start / 250 || '.' || start % 250] else '{}' end, '{}', $3,
            not_before, not_before + interval '120 days', 'test', device_id, lineage_id, not_before
       from made`,
    [issuerId, day(0), sha256('key')],
  );
  await db.query(
    `insert into certificate_use (fingerprint, lineage_id, is_serving, not_after, warning_at, critical_at)
     select fingerprint, lineage_id, lineage_id is null or not_before = $1::timestamptz + interval '900 days', not_after,
            not_after - interval '30 days', not_after - interval '7 days' from certificate`,
    [day(0)],
  );
  await db.query(
    `insert into revocation (issuer_id, serial_number, reason_code, revoked_at, revoked_by)
     select issuer_id, serial_number, 'superseded', not_before + interval '1 hour', 'test'
       from certificate where lineage_id is null and substr(subject_common_name, 4, 1) = '5'`,
    [],
  );
  await db.query(
    `update certificate_use u set is_serving = false from certificate c join revocation r using (issuer_id, serial_number)
      where c.fingerprint = u.fingerprint`,
    [],
  );
  await db.query('analyze', []);
}, 60_000);
afterAll(() => inventory.close());

const search = (over: Partial<CertificateSearch>) =>
  searchCertificates(certificateSearchIn(inventory.db))(
    { text: '', view: 'serving', profile: null, withinSeconds: null, cursor: null, limit: 50, ...over },
    now,
  );

async function pages(over: Partial<CertificateSearch>, limit = 300): Promise<readonly FoundCertificate[]> {
  const found: FoundCertificate[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof search>> = await search({ ...over, cursor, limit });
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

const names = (found: readonly FoundCertificate[]) => found.map(({ commonName }) => commonName);
const fingerprintOf = (seed: string): string => sha256(`certificate${seed}`);

describe('what serves', () => {
  test('is one of each lineage and the newest of the rest, what ends first at the top', async () => {
    const found = await pages({});
    expect(found.every(({ isServing }) => isServing)).toBe(true);
    expect(found.filter(({ lineage }) => lineage !== null)).toHaveLength(hosts);
    const ends = found.map(({ notAfter }) => notAfter.getTime());
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    expect(new Set(found.map(({ fingerprint }) => fingerprint)).size).toBe(found.length);
    expect(found.every(({ notAfter }) => notAfter >= day(970))).toBe(true);
  });

  test('of one profile is the same filtered', async () => {
    const found = await pages({});
    expect(await pages({ profile: 'server' }, 70)).toEqual(found.filter(({ profile }) => profile === 'server'));
    expect(await pages({ profile: 'devid' }, 70)).toHaveLength(hosts);
    expect(await pages({ profile: 'nothing' })).toEqual([]);
  });

  test('within a time is what ends by then, and what has ended', async () => {
    const found = await pages({ withinSeconds: 30 * 86_400 });
    expect(found.length).toBeGreaterThan(0);
    expect(found.every(({ notAfter }) => notAfter <= day(1030))).toBe(true);
    expect(levelOf(found[0]!, now)).toBe('critical');
  });
});

describe('a text finds', () => {
  test('a host by the beginning of its name, only what serves', async () => {
    expect(names(await pages({ text: 'HOST001' })).toSorted()).toEqual(
      Array.from({ length: 10 }, (_, i) => `host001${i}.example.org`),
    );
  });
  test('everything of the host, when everything is asked for', async () => {
    expect(await pages({ text: 'host0017.example.org', view: 'all' })).toHaveLength(90);
  });
  test('a certificate without a host by its common name', async () => {
    expect(names(await pages({ text: 'www500' }))).toEqual([]);
    expect(names(await pages({ text: 'www500', view: 'all' }))).toEqual(['www500.example.net']);
    expect(names(await pages({ text: 'CN=www999.example.net', view: 'all' }))).toEqual(['www999.example.net']);
  });
  test('any other name and an address exactly', async () => {
    expect(names(await pages({ text: 'alias-www999.example.net' }))).toEqual(['www999.example.net']);
    expect(names(await pages({ text: '10.0.3.249' }))).toEqual(['www999.example.net']);
    expect(await pages({ text: 'alias-www99' })).toEqual([]);
  });
  test('a fingerprint, whole or its beginning, and a serial number with or without colons', async () => {
    const fingerprint = fingerprintOf('www7');
    expect(names(await pages({ text: fingerprint, view: 'all' }))).toEqual(['www7.example.net']);
    expect(names(await pages({ text: fingerprint.slice(0, 16).toUpperCase(), view: 'all' }))).toEqual([
      'www7.example.net',
    ]);
    const serial = sha256('serialwww7').slice(0, 32);
    expect(names(await pages({ text: serial, view: 'all' }))).toEqual(['www7.example.net']);
    expect(names(await pages({ text: serial.match(/../g)!.join(':'), view: 'all' }))).toEqual(['www7.example.net']);
  });
  test('a host by its TPM, by Keylime’s name of it, and by its id', async () => {
    const id = '00000000-0000-4000-8000-000000000042';
    for (const text of [sha256(`ek${id}`), sha256('keylime42'), id]) {
      expect({ text, found: names(await pages({ text })) }).toEqual({ text, found: ['host0042.example.org'] });
    }
  });
  test('nothing by what is no name at all, however odd', async () => {
    for (const text of ['%', '_', "'; drop table certificate; --", '\\', '\u{10ffff}', '*', '10.0.0.0/8']) {
      expect({ text, found: await pages({ text }) }).toEqual({ text, found: [] });
    }
  });
  test('and says so when it finds more than it looks at', async () => {
    expect(await search({ text: 'host', view: 'all' })).toMatchObject({ isCut: true });
    expect(await search({ text: 'host' })).toMatchObject({ isCut: false });
  });
});

test('what was revoked is listed with the last one first', async () => {
  const found = await pages({ view: 'revoked' }, 100);
  expect(found).toHaveLength(111);
  expect(found.every(({ revoked }) => revoked !== null)).toBe(true);
  const at = found.map(({ revoked }) => revoked!.at.getTime());
  expect(at).toEqual(at.toSorted((a, b) => b - a));
  expect(names(await pages({ view: 'revoked', text: 'www51.' }))).toEqual(['www51.example.net']);
});

test('everything is listed with the last end first', async () => {
  const found = await pages({ view: 'all' }, 1000);
  expect(found).toHaveLength(hosts * 90 + 2000);
  expect(await pages({ view: 'all', profile: 'server' }, 1000)).toHaveLength(1000);
});

describe('no list reads a whole table', () => {
  const far = new Date(Date.UTC(9999, 0));
  const early = new Date(0);
  test.each<[string, readonly unknown[]]>([
    ['serving_certificates.sql', [far, day(970), early, '', 51]],
    ['serving_certificates_of_profile.sql', [far, day(970), early, '', 51, 'server', now]],
    ['all_certificates.sql', [far, far, 'g', 51]],
    ['all_certificates_of_profile.sql', [far, far, 'g', 51, 'devid']],
    ['find_by_number.sql', [fingerprintOf('www7'), `${fingerprintOf('www7')}g`, 2001]],
    ['find_by_id.sql', ['00000000-0000-4000-8000-000000000042', 2001]],
    ['find_serving_by_name.sql', ['host0017', 'host0017\u{10ffff}', 'host0017', 2001]],
    ['find_ever_by_name.sql', ['host0017', 'host0017\u{10ffff}', 'host0017', 2001]],
    ['certificates_among.sql', [[fingerprintOf('www7')], 'all', null, far, early, '', 51]],
  ])('%s', async (name, parameters) => {
    const sql = readFileSync(join(queriesDirectory, name), 'utf8');
    const rows = await inventory.db.query(`explain ${sql}`, [...parameters]);
    const plan = rows.map((row) => String(row['QUERY PLAN'])).join('\n');
    expect(plan).not.toMatch(/Seq Scan on (?:certificate|certificate_use|issuance_intent)\b/);
  });
});
