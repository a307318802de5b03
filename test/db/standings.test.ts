// What looks gather, from real rows; and that with many lineages they are found by indexes.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { lineagesIn } from '../../src/storage/lineages.ts';
import { issuanceStandingsIn } from '../../src/storage/issuance-standings.ts';
import { standingsIn } from '../../src/storage/standings.ts';
import { queriesDirectory } from './database.ts';
import { day, type Inventory, inventoryDatabase, type InventoryDevice } from './support/inventory.ts';
import { sha256 } from './support/rows.ts';

let inventory: Inventory;
let standings: ReturnType<typeof standingsIn>;
let issuance: ReturnType<typeof issuanceStandingsIn>;
beforeAll(async () => {
  inventory = await inventoryDatabase();
  standings = standingsIn(inventory.db);
  issuance = issuanceStandingsIn(inventory.db);
}, 60_000);
afterAll(() => inventory.close());

const query = (text: string, values: readonly unknown[] = []) => inventory.db.query(text, [...values]);

/** A host with one DevID of days 1 to 91, in use; it is due at day 71, and its end a warning from day 61 on. */
async function kept(
  over: { readonly profile?: string } = {},
): Promise<InventoryDevice & { readonly certificate: string }> {
  const device = await inventory.addDevice(over.profile);
  const certificate = await inventory.addCertificate({ device, ...over });
  await query(
    `update certificate_use set confirmed_at = $2, confirmed_by = 'host', is_serving = true, not_after = $3,
            warning_at = $4, critical_at = $5 where fingerprint = $1`,
    [certificate, day(1), day(91), day(76), day(84)],
  );
  return { ...device, certificate };
}

const found = async (now: Date, device: InventoryDevice): Promise<boolean> =>
  (await standings.lineagesToLookAt(now, now)).includes(device.lineageId);

describe('lineages to look at', () => {
  test('are none that are well', async () => {
    const host = await kept();
    expect(await found(day(70), host)).toBe(false);
  });

  test.each<[string, Date, string, readonly unknown[]]>([
    ['was due', day(71), 'select 1', []],
    ['ends soon', day(76), 'update lineage set renew_at = null', []],
    ['fails', day(2), 'update lineage set failures = 1', []],
    ['is not confirmed', day(2), 'update certificate_use set confirmed_at = null, confirmed_by = null', []],
    [
      'is revoked',
      day(2),
      `insert into revocation (issuer_id, serial_number, reason_code, revoked_at, revoked_by)
       select issuer_id, serial_number, 'superseded', $2, 'test' from certificate`,
      [day(2)],
    ],
    [
      'was warned of',
      day(2),
      `insert into warning (id, condition, subject, level, cause, reason, facts, lineage_id, opened_at, level_at)
       select gen_random_uuid(), 'expiry', 'lineage:' || lineage_id, 'warning', '', '', '{}', lineage_id, $2, $2
         from certificate`,
      [day(2)],
    ],
  ])('are those of which one %s, while they may have something', async (_what, now, change, values) => {
    const host = await kept();
    const where = change.startsWith('update lineage') ? 'where id = $1::uuid' : 'where lineage_id = $1::uuid';
    await query(change === 'select 1' ? 'select 1 where $1::uuid is not null' : `${change} ${where}`, [
      host.lineageId,
      ...values,
    ]);
    expect(await found(now, host)).toBe(true);
    await query(`update device set state = 'suspended' where id = $1`, [host.deviceId]);
    expect(await found(now, host)).toBe(false);
    await query(`update device set state = 'active' where id = $1`, [host.deviceId]);
    await query(`delete from device_grant where device_id = $1`, [host.deviceId]);
    expect(await found(now, host)).toBe(false);
  });

  test('have the facts that every other reader of lineages sees, their issuers and how present their hosts are', async () => {
    const host = await kept();
    const next = await inventory.addCertificate({ device: host, from: day(70), days: 30 });
    await query(
      `insert into revocation (issuer_id, serial_number, reason_code, revoked_at, revoked_by)
       select issuer_id, serial_number, 'superseded', $2, 'test' from certificate where fingerprint = $1`,
      [next, day(71)],
    );
    const [subject] = await standings.lineagesLookedAt([host.lineageId]);
    expect(subject).toEqual({
      ...(await lineagesIn(inventory.db).lineageFacts(host.lineageId)),
      newestIssuer: inventory.issuerId,
      inUseIssuer: inventory.issuerId,
      newestRevokedAt: day(71),
      host: { lastSeenAt: day(0), shortestLifetime: 30 * 86_400, firstCriticalAt: day(84) },
    });
    expect(subject).toMatchObject({
      newest: { fingerprint: next, isRevoked: true },
      inUse: { fingerprint: host.certificate },
    });
  });
});

describe('hosts to look at', () => {
  test('are those that did not call, with what their silence is measured by', async () => {
    const host = await kept();
    const bare = await inventory.addDevice();
    const silent = async (since: Date) =>
      (await standings.hostsToLookAt(since)).filter(({ deviceId }) =>
        [host.deviceId, bare.deviceId].includes(deviceId),
      );
    expect(await silent(day(-1))).toEqual([]);
    const { deviceId, hostName } = host;
    expect((await silent(day(1))).toSorted((a, b) => b.serving - a.serving)).toEqual([
      {
        ...{ deviceId, hostName, lastSeenAt: day(0), shortestLifetime: 90 * 86_400, firstCriticalAt: day(84) },
        ...{ serving: 1, firstNotAfter: day(91) },
      },
      {
        ...{ deviceId: bare.deviceId, hostName: bare.hostName, lastSeenAt: day(0), shortestLifetime: null },
        ...{ firstCriticalAt: null, serving: 0, firstNotAfter: null },
      },
    ]);
  });

  test('have the findings that are bad, and the trust bundle that they lack', async () => {
    const host = await kept();
    const finding = (check: string, level: string) => ({ check, level, detail: 'd', fix: null });
    const findings = [
      finding('clock', 'ok'),
      finding('chain', 'critical'),
      finding('mode', 'warning'),
      finding('tpm', 'unknown'),
    ];
    const report = (trustGeneration: number, of: readonly object[]) =>
      query(
        `insert into host_report (device_id, reported_at, agent_version, report) values ($1, $2, '1', $3)
         on conflict (device_id) do update set report = excluded.report`,
        [host.deviceId, day(3), JSON.stringify({ trustGeneration, findings: of })],
      );
    await report(1, findings);
    expect((await standings.hostsWithFindings()).find(({ deviceId }) => deviceId === host.deviceId)).toEqual({
      ...{ deviceId: host.deviceId, hostName: host.hostName, reportedAt: day(3) },
      findings: [finding('chain', 'critical'), finding('mode', 'warning')],
    });
    for (const [generation, published] of [
      [1, 1],
      [2, 5],
      [3, 9],
    ] as const)
      await query(
        `insert into trust_bundle (generation, follows, cms, published_by, published_at) values ($1, $2, '', 'test', $3)`,
        [generation, generation - 1, day(published)],
      );
    expect(await standings.hostsWithOldTrust(day(4))).toEqual([]);
    const old = { generation: 1, missing: { generation: 2, publishedAt: day(5) }, newest: 3 };
    expect(await standings.hostsWithOldTrust(day(5))).toMatchObject([{ deviceId: host.deviceId, ...old }]);
    await report(3, []);
    expect(await standings.hostsWithOldTrust(day(50))).toEqual([]);
    expect((await standings.hostsWithFindings()).some(({ deviceId }) => deviceId === host.deviceId)).toBe(false);
  });

  test('have an EK certificate that ends and none that goes on', async () => {
    const host = await inventory.addDevice();
    const ends = (at: Date) =>
      query(`update endorsement_key set certificate_not_after = $2 where device_id = $1`, [host.deviceId, at]);
    const ending = async () =>
      (await standings.endorsementsEnding(day(100))).filter(({ deviceId }) => deviceId === host.deviceId);
    await ends(day(101));
    expect(await ending()).toEqual([]);
    await ends(day(99));
    expect(await ending()).toMatchObject([{ hostName: host.hostName, notAfter: day(99) }]);
    await query(
      `insert into endorsement_key (fingerprint, device_id, public, hardware_serial, certificate_not_after, proved_at)
       values ($1, $2, '', '', $3, $4)`,
      [sha256(randomUUID()), host.deviceId, day(200), day(0)],
    );
    expect(await ending()).toEqual([]);
  });
});

describe('certificates of nobody', () => {
  const report = (deviceId: string, path: string, over: { fingerprint?: string; end?: number; fault?: string } = {}) =>
    query(
      `insert into unmanaged_certificate (device_id, path, fingerprint, subject, issuer, not_before, not_after, fault, reported_at,
                                          warning_at, critical_at)
       values ($1, $2, $3, 'CN=x', 'CN=y', $4, $5, $6, $4, $5, $5)`,
      [...[deviceId, path, over.fingerprint ?? sha256(randomUUID()), day(0), day(over.end ?? 500)], over.fault ?? null],
    );

  test('are looked at when they end soon or have a fault, and given up when they ended long ago', async () => {
    const host = await inventory.addDevice();
    await report(host.deviceId, '/soon', { end: 120 });
    await report(host.deviceId, '/late', { end: 400 });
    await report(host.deviceId, '/over', { end: 10, fault: 'expired' });
    await report(host.deviceId, '/fake', { end: 10, fault: 'softwareKeyDevId' });
    const paths = (await standings.unmanagedToLookAt(day(130), day(70)))
      .filter(({ deviceId }) => deviceId === host.deviceId)
      .map(({ path }) => path);
    expect(paths.toSorted()).toEqual(['/fake', '/soon']);
  });

  test('that stand on two hosts are found, and so are those of another host', async () => {
    const [owner, thief, third] = [await kept(), await inventory.addDevice(), await inventory.addDevice()];
    const foreign = sha256(randomUUID());
    await report(thief.deviceId, '/stolen', { fingerprint: owner.certificate });
    await report(thief.deviceId, '/wild', { fingerprint: foreign });
    await report(third.deviceId, '/wild', { fingerprint: foreign });
    await report(owner.deviceId, '/moved', { fingerprint: (await kept()).certificate, end: 1 });
    const shared = await standings.certificatesOnTwoHosts(day(2));
    expect(shared.find(({ fingerprint }) => fingerprint === owner.certificate)).toMatchObject({
      owner: { deviceId: owner.deviceId, hostName: owner.hostName },
      places: [{ deviceId: thief.deviceId, hostName: thief.hostName, path: '/stolen' }],
    });
    expect(shared.find(({ fingerprint }) => fingerprint === foreign)).toMatchObject({ owner: null, places: [{}, {}] });
    expect(shared).toHaveLength(2);
  });

  test('that this service issued are looked at near their end, its own for ever', async () => {
    const alone = async (principal: string): Promise<string> => {
      const certificate = await inventory.addCertificate({ profile: randomUUID(), days: 30 });
      await query('update certificate set principal = $2 where fingerprint = $1', [certificate, principal]);
      await query(
        `update certificate_use set is_serving = true, not_after = $2, warning_at = $3 where fingerprint = $1`,
        [certificate, day(31), day(24)],
      );
      return certificate;
    };
    const [own, script] = [await alone('service'), await alone('operator:script:1')];
    const seen = async (now: number, givenUp: number): Promise<readonly string[]> =>
      (await standings.aloneToLookAt(day(now), day(givenUp)))
        .map(({ fingerprint }) => fingerprint)
        .filter((one) => one === own || one === script);
    expect(await seen(23, 0)).toEqual([]);
    expect((await seen(24, 0)).toSorted()).toEqual([own, script].toSorted());
    expect(await seen(90, 60)).toEqual([own]);
  });
});

describe('issuers and issuance', () => {
  const audit = (event: string, at: Date, facts: object, principal = 'test') =>
    query(`insert into audit_event (at, event, principal, facts) values ($1, $2, $3, $4)`, [
      at,
      event,
      principal,
      JSON.stringify(facts),
    ]);

  test('show signatures that never came, until one comes', async () => {
    const issuer = sha256(randomUUID());
    await query(
      `insert into issuer (id, trust_domain, role, certificate, subject_key_identifier, parent_id, not_before, not_after, is_active, created_at)
       values ($1, 'estate', 'issuing', '', 'ab', $2, $3, $4, true, $3)`,
      [issuer, inventory.issuerId, day(0), day(9000)],
    );
    const minute = (minutes: number): Date => day(300 + minutes / 1440);
    const unsigned = async (at: Date) => (await issuance.issuerWork(at)).find(({ issuerId }) => issuerId === issuer);
    for (const at of [1, 2, 3]) await audit('issuance.abandoned', minute(at), { issuer });
    expect(await unsigned(minute(10))).toEqual({
      ...{ issuerId: issuer, unsigned: 3, unsignedSince: minute(1), firstNotAfter: null },
    });
    expect(await unsigned(minute(125))).toMatchObject({ unsigned: 0, unsignedSince: null });
    await audit('certificate.issued', minute(9), { issuer });
    expect(await unsigned(minute(10))).toMatchObject({ unsigned: 0 });
  });

  test('are counted without renewals under the ceiling', async () => {
    const host = await kept();
    const at = day(310);
    const renewal = randomUUID();
    await query(
      `insert into renewal (id, lineage_id, body_sha256, admitted_at, is_outside_ceiling, is_recovery, request)
       values ($1, $2, $3, $4, false, false, '')`,
      [renewal, host.lineageId, sha256(renewal), at],
    );
    await audit('certificate.issued', at, { conversation: renewal });
    for (let n = 0; n < 5; n += 1) await audit('certificate.issued', at, { conversation: null });
    expect(await issuance.issuancesOfHour(at, 100)).toBe(5);
    expect(await issuance.issuancesOfHour(at, 3)).toBe(3);
    expect(await issuance.issuancesOfHour(day(311), 100)).toBe(0);
  });

  test('show names that no certificate for a CSR had before', async () => {
    const profile = randomUUID();
    await inventory.addCertificate({ profile, from: day(320) });
    await inventory.addCertificate({ profile, from: day(321) });
    expect(await issuance.newNames(day(319.5))).toMatchObject([
      { principal: 'operator:script:1', names: ['www.example.org'] },
    ]);
    expect(await issuance.newNames(day(320.5))).toEqual([]);
  });

  test('show whose requests were refused for a state or a key', async () => {
    const host = await kept();
    const principal = `device:${host.deviceId}`;
    const at = day(330);
    await audit('renewal.refused', at, { refusals: [{ reason: 'deviceNotActive', detail: 'd' }] }, principal);
    await audit('enrollment.refused', at, { reasons: ['keyHeldElsewhere'] }, principal);
    await audit('renewal.refused', at, { refusals: [{ reason: 'keyUnproved', detail: 'd' }] }, principal);
    for (const id of [randomUUID(), randomUUID()]) {
      await query(
        `insert into enrollment (id, state, version, host_name, ek_fingerprint, ek_public, ek_certificates, ek_facts, ak_public,
                                 ak_name, secret_sha256, nonce, challenge_expires_at, created_at, updated_at)
         values ($1, 'challenged', 1, 'gone.example.org', $2, '', '{}', '{}', '', '', '', '', $3, $3, $3)`,
        [id, sha256(id), at],
      );
      await audit('enrollment.refused', at, { reasons: ['deviceNotActive'] }, `enrollment:${id}`);
    }
    const gone = { principal: 'host:gone.example.org', deviceId: null, name: 'gone.example.org', count: 2, last: at };
    const refused = await issuance.refusedRequests(day(329));
    expect(refused.toSorted((a, b) => (a.reason < b.reason ? -1 : b.count - a.count))).toEqual([
      { reason: 'deviceNotActive', ...gone },
      { reason: 'deviceNotActive', principal, deviceId: host.deviceId, name: host.hostName, count: 1, last: at },
      { reason: 'keyHeldElsewhere', principal, deviceId: host.deviceId, name: host.hostName, count: 1, last: at },
    ]);
  });

  test('show profiles that were stopped, as they are now, and campaigns that stopped and were not taken up', async () => {
    const digest = sha256(randomUUID());
    await query(
      `insert into profile_stop (profile_digest, profile, reason, stopped_at) values ($1, 'devid', 'why', $2)`,
      [digest, day(1)],
    );
    expect(await issuance.stoppedProfiles([digest, sha256('other')])).toMatchObject([
      { profile: 'devid', reason: 'why' },
    ]);
    expect(await issuance.stoppedProfiles([sha256('other')])).toEqual([]);
    const campaign = (state: string, at: Date) =>
      query(
        `insert into campaign (id, name, plan, state, stop_reason, created_by, created_at, changed_at)
         values (gen_random_uuid(), 'all', '{}', $1, case when $1 = 'stopped' then 'enough' end, 'test', $2, $2)`,
        [state, at],
      );
    await campaign('stopped', day(10));
    expect(await issuance.campaignsStopped(day(9))).toMatchObject([
      { name: 'all', reason: 'enough', stoppedAt: day(10) },
    ]);
    expect(await issuance.campaignsStopped(day(10))).toEqual([]);
    await campaign('planned', day(11));
    expect(await issuance.campaignsStopped(day(9))).toEqual([]);
  });

  test('are patient after an absence, for a while', async () => {
    const patience = { absentSeconds: 600, patientSeconds: 4500 };
    const turn = (minutes: number) => standings.turnLooks(day(340 + minutes / 1440), patience);
    expect([await turn(0), await turn(10), await turn(21), await turn(30), await turn(39), await turn(48)]).toEqual([
      false,
      false,
      true,
      true,
      true,
      true,
    ]);
    for (let minutes = 57; minutes < 96; minutes += 9) expect(await turn(minutes)).toBe(true);
    expect(await turn(97)).toBe(false);
  });
});

test('twenty thousand lineages are not read for the few that are not well', async () => {
  const issuer = inventory.issuerId;
  await query(`
    with d as (
      insert into device (id, host_name, state, created_at, last_seen_at)
      select gen_random_uuid(), 'many' || n || '.example.org', 'active', '${day(500).toISOString()}', '${day(500).toISOString()}'
        from generate_series(1, 20000) n returning id
    ), g as (
      insert into device_grant (id, device_id, profile, dns_names, ip_addresses, uris, place, granted_by, granted_at)
      select gen_random_uuid(), id, 'devid', '{}', '{}', '{}', '', 'test', now() from d
    ), l as (
      insert into lineage (id, device_id, profile, place, created_at, renew_at)
      select gen_random_uuid(), id, 'devid', '', now(), '${day(570).toISOString()}' from d returning id, device_id
    ), k as (
      insert into public_key (spki_sha256, kind, device_id, first_seen_at)
      select encode(sha256(device_id::text::bytea), 'hex'), 'device', device_id, now() from l returning spki_sha256
    ), i as (
      insert into issuance_intent (issuer_id, serial_number, tbs_certificate, profile, profile_digest, principal, spki_sha256,
                                   not_after, recorded_at, lease_until, outcome)
      select '${issuer}', substr(spki_sha256, 1, 32), '', 'devid', spki_sha256, 'test', spki_sha256, now(), now(), now(), 'issued'
        from k
    ), c as (
      insert into certificate (fingerprint, issuer_id, serial_number, der, profile, subject_common_name, dns_names,
                               ip_addresses, uris, spki_sha256, not_before, not_after, principal, device_id, lineage_id, issued_at)
      select encode(sha256(id::text::bytea), 'hex'), '${issuer}', substr(encode(sha256(device_id::text::bytea), 'hex'), 1, 32), '', 'devid', 'many', '{}', '{}',
             '{}', encode(sha256(device_id::text::bytea), 'hex'), '${day(500).toISOString()}', '${day(590).toISOString()}', 'test', device_id, id, now()
        from l returning fingerprint, lineage_id
    )
    insert into certificate_use (fingerprint, lineage_id, confirmed_at, confirmed_by, is_serving, not_after, warning_at, critical_at)
    select fingerprint, lineage_id, now(), 'host', true, '${day(590).toISOString()}', '${day(575).toISOString()}', '${day(583).toISOString()}' from c
  `);
  await query(
    `update lineage l set newest_certificate = c.fingerprint from certificate c where c.lineage_id = l.id and l.newest_certificate is null`,
  );
  for (const table of [
    'lineage',
    'certificate',
    'certificate_use',
    'device',
    'device_grant',
    'revocation',
    'host_report',
  ])
    await query(`analyze ${table}`);
  const late = await kept();
  const ids = await standings.lineagesToLookAt(day(560), day(560));
  expect(ids).toContain(late.lineageId);
  expect(ids.length).toBeLessThan(30);
  const text = readFileSync(join(queriesDirectory, 'lineages_to_look_at.sql'), 'utf8');
  const plan = (await query(`explain (analyze, format text) ${text}`, [day(560), day(560)])).map((row) =>
    String(row['QUERY PLAN']),
  );
  const whole = plan.filter((line) =>
    /Seq Scan on (?:lineage|certificate|certificate_use|device|device_grant)\b/.test(line),
  );
  expect({ whole, plan: whole.length === 0 ? [] : plan }).toEqual({ whole: [], plan: [] });
}, 60_000);
