// The expiry report over PostgreSQL: what is in it, by which level, in which order, and that its summary counts the same.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { givenUpAfterSeconds } from '../../src/domain/expiry.ts';
import type { ExpiryItem, ExpirySummary } from '../../src/domain/report-wire.ts';
import type { Judgement } from '../../src/lifecycle/expiry-items.ts';
import { expiryReport, type ExpiryQuery } from '../../src/lifecycle/expiry-report.ts';
import { deviceStateStore } from '../../src/storage/device-states.ts';
import { loadPolicies } from '../../src/policies.ts';
import { expiryIn } from '../../src/storage/expiry.ts';
import { renewalsIn } from '../../src/storage/renewals.ts';
import { revocationStore } from '../../src/storage/revocations.ts';
import { day, type Inventory, type InventoryDevice, inventoryDatabase } from './support/inventory.ts';
import { sha256 } from './support/rows.ts';

const policies = loadPolicies(join(import.meta.dirname, '../../policies'));
if (!policies.ok) throw new Error(JSON.stringify(policies.error));
const policy = policies.value.warnings;

let inventory: Inventory;
let issuers: Judgement['issuers'];
beforeAll(async () => {
  inventory = await inventoryDatabase();
  const { issuerId: id } = inventory;
  const dates = { notBefore: day(0), notAfter: day(10_000) };
  issuers = new Map([[id, { id, parentId: null, role: 'root', isActive: true, subject: 'Root', ...dates }]]);
});
afterAll(() => inventory.close());

const everything: ExpiryQuery = {
  ...{ withinSeconds: null, profile: null, deviceId: null, level: null, managed: null, after: null, limit: 1000 },
};

const reportOf = (over: Partial<Judgement> = {}) =>
  expiryReport({
    ...expiryIn(inventory.db),
    judgement: async (now) => ({
      ...{ now, policy, issuers, crls: await expiryIn(inventory.db).crlEnds() },
      ...{ anchorsOf: () => null, tpmProfiles: new Set(['devid']), ...over },
    }),
  });

const items = async (now: Date, over: Partial<ExpiryQuery> = {}): Promise<readonly ExpiryItem[]> =>
  (await reportOf()({ ...everything, ...over }, now)).report.items;
const inUse = async (now = day(20)): Promise<readonly string[]> =>
  (await items(now)).map(({ certificate }) => certificate);

const confirm = (device: InventoryDevice, fingerprint: string, at: Date) =>
  renewalsIn(inventory.db).recordConfirmation({
    ...{ lineageId: device.lineageId, fingerprint, at, by: 'host', principal: 'test', effect: 'confirmed' },
    ...{ evidence: {}, hasSpireAgent: null },
  });

describe('in the report', () => {
  test('of certificates without a lineage the last for the same names counts, so that a renewed one does not alarm for ever', async () => {
    const profile = 'daily';
    const old = await inventory.addCertificate({ profile, from: day(19), days: 1 });
    const fresh = await inventory.addCertificate({ profile, from: day(20), days: 1 });
    expect(await inUse()).not.toContain(old);
    expect(await inUse()).toContain(fresh);
  });

  test('a newest certificate that is not confirmed does not hide the older one that really serves', async () => {
    const device = await inventory.addDevice();
    const older = await inventory.addCertificate({ device, from: day(1) });
    await confirm(device, older, day(2));
    await inventory.addCertificate({ device, from: day(61) });
    const [found, ...more] = await items(day(85), { deviceId: device.deviceId });
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      ...{ certificate: older, kind: 'certificate', level: 'critical', lineage: device.lineageId, managed: true },
      ...{ device: device.hostName, hostLastSeenAt: '2026-01-01T00:00:00Z', state: 'late' },
    });
    expect(found?.reason).toMatch(
      /^6 d left of 90 d; its successor is not confirmed in use; its host was not seen for 85 d$/,
    );
  });

  test('what was revoked, and what a retired device had, is not', async () => {
    const [one, other] = [await inventory.addDevice(), await inventory.addDevice()];
    const revoked = await inventory.addCertificate({ device: one, from: day(10) });
    await revocationStore(inventory.db).revokeCertificate(revoked, {
      reasonCode: 'superseded',
      at: day(11),
      by: 'test',
    });
    const retired = await inventory.addCertificate({ device: other, from: day(1), days: 1 });
    await deviceStateStore(inventory.db).changeDeviceState(other.deviceId, 'retired', { at: day(12), by: 'test' });
    expect(await inUse()).not.toContain(revoked);
    expect(await inUse()).not.toContain(retired);
  });

  test('what belongs to no lineage and ended long ago was given up, and serves no more after a while', async () => {
    const old = await inventory.addCertificate({ profile: 'given-up', from: day(1), days: 1 });
    expect(await inUse(day(31))).toContain(old);
    expect(await inUse(day(33))).not.toContain(old);
    const before = new Date(day(33).getTime() - givenUpAfterSeconds * 1000);
    expect(await expiryIn(inventory.db).giveUp(before)).toBeGreaterThan(0);
    expect(await expiryIn(inventory.db).giveUp(before)).toBe(0);
  });
});

describe('the end that counts', () => {
  test('is that of whatever ends first, with its name', async () => {
    const device = await inventory.addDevice();
    await inventory.addCertificate({ device, from: day(100) });
    const query = { ...everything, deviceId: device.deviceId };
    const limited = async (over: Partial<Judgement>) => {
      const { items: all } = (await reportOf(over)(query, day(101))).report;
      const found = all.find(({ kind }) => kind === 'certificate');
      return [found?.effectiveNotAfter, found?.limitedBy, found?.reason.split('; ')[1]];
    };
    expect(await limited({})).toEqual(['2026-07-10T00:00:00Z', 'leaf', 'its host was not seen for 101 d']);
    const { issuerId } = inventory;
    const root = issuers.get(issuerId)!;
    const ending = new Map([[issuerId, { ...root, notAfter: day(150) }]]);
    expect(await limited({ issuers: ending })).toEqual(['2026-05-31T00:00:00Z', 'root', 'its root ends in 49 d']);
    const crl = (nextUpdate: Date) => limited({ crls: [{ issuerId, nextUpdate }] });
    expect((await crl(day(103)))[1]).toBe('leaf');
    expect(await crl(day(102))).toEqual(['2026-04-13T00:00:00Z', 'crl', 'the overdue CRL of its CA ends in 1 d']);
    await inventory.db.query('update endorsement_key set certificate_not_after = $2 where device_id = $1', [
      ...[device.deviceId, day(120)],
    ]);
    expect((await limited({}))[1]).toBe('endorsementCertificate');
    await inventory.db.query(
      `insert into host_report (device_id, reported_at, agent_version, report) values ($1, $2, '1', '{"trustGeneration": 3}')`,
      [device.deviceId, day(100)],
    );
    const anchorsOf = (generation: number) =>
      generation === 3 ? [{ sha256: sha256('other'), notAfter: day(900) }] : null;
    expect((await limited({ anchorsOf }))[1]).toBe('trustAnchor');
  });

  test('of CA certificates, CRLs and EK certificates that are near it are items of their own', async () => {
    const device = await inventory.addDevice();
    await inventory.db.query('update endorsement_key set certificate_not_after = $2 where device_id = $1', [
      ...[device.deviceId, day(9910)],
    ]);
    await inventory.db.query(
      `insert into crl (issuer_id, number, this_update, next_update, der) values ($1, 1, $2, $3, '')`,
      [inventory.issuerId, day(9900), day(9905)],
    );
    const now = day(9904.75);
    expect(await items(now, { level: 'critical' })).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'crl', certificate: inventory.issuerId, subject: 'Root', device: null }),
        expect.objectContaining({ kind: 'endorsementCertificate', device: device.hostName, managed: false }),
      ]),
    );
    const warnings = await items(now, { level: 'warning', managed: true });
    expect(warnings.find(({ kind }) => kind === 'root')).toMatchObject({ level: 'warning', profile: 'root' });
    expect((await items(day(2000))).map(({ kind }) => kind)).not.toContain('root');
    await inventory.db.query('delete from crl', []);
  });
});

/** A host's word of a certificate that is none of ours. */
async function reported(
  hostName: string,
  over: {
    readonly fingerprint?: string;
    readonly path?: string;
    readonly fault?: string | null;
    readonly until?: Date;
  } = {},
): Promise<string> {
  const { fingerprint = sha256(randomBytes(8)), path = '/etc/ssl/a.crt', fault = null, until = day(1300) } = over;
  const deviceId = `${sha256(hostName).slice(0, 8)}-0000-4000-8000-000000000000`;
  await inventory.db.query(
    `insert into device (id, host_name, state, created_at, last_seen_at) values ($1, $2, 'active', $3, $3)
     on conflict do nothing`,
    [deviceId, hostName, day(0)],
  );
  await inventory.db.query(
    `insert into unmanaged_certificate (device_id, path, fingerprint, subject, issuer, not_before, not_after, fault, reported_at,
                                        warning_at, critical_at)
     values ($1, $2, $3, 'CN=foreign', 'CN=x', $4, $5::timestamptz, $6, $4, $5::timestamptz - interval '30 days',
             $5::timestamptz - interval '7 days')`,
    [deviceId, path, fingerprint, day(0), until, fault],
  );
  return fingerprint;
}

describe('what hosts report and nobody manages', () => {
  test('is listed once, with its places, the worst fault first', async () => {
    const shared = sha256('shared');
    await reported('b.example.org', { fingerprint: shared, fault: 'anotherHost' });
    await reported('a.example.org', { fingerprint: shared, path: '/z' });
    await reported('a.example.org', { fingerprint: shared, path: '/y', fault: 'softwareKeyDevId' });
    const found = await items(day(20), { managed: false });
    expect(found.filter(({ certificate }) => certificate === shared)).toEqual([
      expect.objectContaining({
        ...{ kind: 'unmanaged', device: 'a.example.org', fault: 'softwareKeyDevId', level: 'critical', serial: null },
        reason: expect.stringContaining('this DevID certifies a software key, not one of the TPM'),
        places: [
          { hostName: 'a.example.org', path: '/y' },
          { hostName: 'a.example.org', path: '/z' },
          { hostName: 'b.example.org', path: '/etc/ssl/a.crt' },
        ],
      }),
    ]);
  });

  test('is not listed when it is ours, nor when its host is retired', async () => {
    const ours = await inventory.addCertificate({ profile: 'ours', from: day(1) });
    await reported('c.example.org', { fingerprint: ours, path: '/ours' });
    const gone = await reported('retired.example.org');
    await inventory.db.query(`update device set state = 'retired' where host_name = 'retired.example.org'`, []);
    const rows = await inUse();
    expect(rows.filter((one) => one === ours)).toHaveLength(1);
    expect(rows).not.toContain(gone);
  });

  test('and ended long ago stays only with a fault, however old: a fake DevID does not go by itself', async () => {
    const old = { until: day(1) };
    const plain = await reported('d.example.org', { ...old, path: '/1' });
    const ended = await reported('d.example.org', { ...old, path: '/2', fault: 'expired' });
    const fake = await reported('d.example.org', { ...old, path: '/3', fault: 'softwareKeyDevId' });
    const fingerprints = await inUse(day(200));
    expect(fingerprints).toContain(fake);
    expect(fingerprints).not.toContain(plain);
    expect(fingerprints).not.toContain(ended);
  });

  test('is a warning at least when it is of another host', async () => {
    const wrong = await reported('e.example.org', { fault: 'anotherHost', path: '/e' });
    const found = (await items(day(20))).find(({ certificate }) => certificate === wrong);
    expect(found).toMatchObject({ level: 'warning', reason: expect.stringContaining('another host') });
  });
});

describe('pages and counts', () => {
  const levelsOf = (found: readonly ExpiryItem[]): ExpirySummary => {
    const count = (level: keyof ExpirySummary): number => found.filter((item) => item.level === level).length;
    return { ok: count('ok'), warning: count('warning'), critical: count('critical') };
  };

  test.each([20, 85, 9904.75])('at day %d join without a gap, and the summary counts what they list', async (days) => {
    const now = day(days);
    const report = reportOf();
    const all = await items(now);
    const paged: ExpiryItem[] = [];
    let after: ExpiryQuery['after'] = null;
    do {
      const page: Awaited<ReturnType<typeof report>> = await report({ ...everything, after, limit: 2 }, now);
      paged.push(...page.report.items);
      expect(page.report.summary).toEqual(levelsOf(all));
      after = page.next;
    } while (after !== null);
    expect(paged).toEqual(all);
    expect(new Set(all.map(({ kind, certificate }) => `${kind} ${certificate}`)).size).toBe(all.length);
  });

  test('by level are those of all, and by profile, by end and by who manages them', async () => {
    const now = day(85);
    const all = await items(now);
    for (const level of ['ok', 'warning', 'critical'] as const)
      expect(await items(now, { level })).toEqual(all.filter((item) => item.level === level));
    expect(await items(now, { profile: 'devid' })).toEqual(all.filter(({ profile }) => profile === 'devid'));
    for (const managed of [true, false])
      expect(await items(now, { managed })).toEqual(all.filter((item) => item.managed === managed));
    const until = new Date(now.getTime() + 30 * 86_400_000).toISOString();
    expect(await items(now, { withinSeconds: 30 * 86_400 })).toEqual(all.filter(({ notAfter }) => notAfter <= until));
  });

  test('of large inventories are made anew once a minute', async () => {
    let counted = 0;
    const report = expiryReport({
      ...expiryIn(inventory.db),
      servingTotal: async () => {
        counted += 1;
        return 60_000;
      },
      judgement: async (now) => ({
        ...{ now, policy, issuers, crls: [], anchorsOf: () => null, tpmProfiles: new Set() },
      }),
    });
    for (const seconds of [0, 30, 59, 61])
      await report({ ...everything, limit: 1 }, new Date(day(20).getTime() + seconds * 1000));
    expect(counted).toBe(2);
  });
});
