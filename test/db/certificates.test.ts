// The expiry report's statements: what counts as in use, over PostgreSQL.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { expiryReport } from '../../src/lifecycle/expiry-report.ts';
import { certificatesIn } from '../../src/storage/certificates.ts';
import { issuanceIn } from '../../src/storage/issuance.ts';
import { insertIssuer } from '../../src/storage/issuers.ts';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { serialNumberFrom } from '../../src/domain/serial.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';

const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
const hour = (hours: number): Date => new Date(Date.UTC(2026, 0, 1) + hours * 3_600_000);
const thresholds = { warning: 30 * 86_400, critical: 7 * 86_400 };
const issuerId = sha256('root');

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
  await insertIssuer(db, {
    id: issuerId,
    domain: 'estate',
    role: 'root',
    der: randomBytes(10),
    parentId: null,
    subjectKeyIdentifier: 'aa',
    spkiSha256: issuerId,
    notBefore: hour(0),
    notAfter: hour(100_000),
    isActive: true,
    createdAt: hour(0),
  });
});

afterAll(async () => {
  await database.close();
});

/** A certificate of a day that belongs to no lineage; gives its fingerprint. */
async function issued(
  commonName: string,
  notBefore: Date,
  dnsNames: readonly string[] = [commonName],
): Promise<string> {
  const store = issuanceIn(db);
  const intent = {
    issuerId,
    serialNumber: serialNumberFrom(randomBytes(16)),
    tbsCertificate: randomBytes(40),
    profile: 'nginx-vhost',
    profileDigest: sha256('nginx-vhost'),
    principal: `operator:script:${commonName}`,
    spkiSha256: sha256(randomBytes(8)),
    holder: { kind: 'operator' },
    lineageId: null,
    conversationId: null,
    idempotency: null,
    notAfter: new Date(notBefore.getTime() + 24 * 3_600_000),
    recordedAt: notBefore,
    leaseUntil: new Date(notBefore.getTime() + 60_000),
  } as const;
  expect(await store.recordIntent(intent)).toEqual({ kind: 'recorded' });
  const der = randomBytes(60);
  const fingerprint = sha256(der);
  const names = { dnsNames, ipAddresses: [], uris: [] };
  await store.recordIssued({
    fingerprint,
    intent,
    der,
    commonName,
    names,
    notBefore,
    issuedAt: notBefore,
    renewAt: null,
  });
  return fingerprint;
}

/** Nothing was given up at that time. */
const givenUpBefore = hour(-1);

const inUse = async (): Promise<readonly string[]> => {
  const rows = await certificatesIn(db).expiring({ endsBy: null, after: null, limit: 100, givenUpBefore });
  return rows.map(({ fingerprint }) => fingerprint);
};

test('of certificates without a lineage the newest for the same names counts, so that a renewed one does not alarm for ever', async () => {
  const old = await issued('daily.example.org', hour(0));
  const fresh = await issued('daily.example.org', hour(16));
  const twins = [await issued('twin.example.org', hour(1)), await issued('twin.example.org', hour(1))];
  expect(await inUse()).not.toContain(old);
  expect(await inUse()).toContain(fresh);
  expect((await inUse()).filter((one) => twins.includes(one))).toHaveLength(1);
});

test('other names of one subject stand for themselves', async () => {
  const one = await issued('shared.example.org', hour(0));
  const other = await issued('shared.example.org', hour(16), ['shared.example.org', 'more.example.org']);
  expect(await inUse()).toEqual(expect.arrayContaining([one, other]));
});

test('the summary counts exactly what the report lists', async () => {
  const { ok, warning, critical } = await certificatesIn(db).expirySummary(hour(20), thresholds, givenUpBefore);
  expect(ok + warning + critical).toBe((await inUse()).length);
  expect(ok).toBeGreaterThan(0);
  expect(warning).toBeGreaterThan(0);
});

test('pages of the report follow each other without a gap', async () => {
  const all = await certificatesIn(db).expiring({ endsBy: null, after: null, limit: 100, givenUpBefore });
  const [first] = await certificatesIn(db).expiring({ endsBy: null, after: null, limit: 1, givenUpBefore });
  const rest = await certificatesIn(db).expiring({ endsBy: null, after: first ?? null, limit: 100, givenUpBefore });
  expect([first, ...rest]).toEqual(all);
});

test('what belongs to no lineage and ended long ago was given up', async () => {
  const rows = await certificatesIn(db).expiring({
    endsBy: null,
    after: null,
    limit: 100,
    givenUpBefore: hour(1_000_000),
  });
  expect(rows.every(({ deviceId }) => deviceId !== null)).toBe(true);
  const none = await certificatesIn(db).expirySummary(hour(20), { warning: 1, critical: 1 }, hour(1_000_000));
  expect(none.ok + none.warning + none.critical).toBe(rows.length);
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
  const { fingerprint = sha256(randomBytes(8)), path = '/etc/ssl/a.crt', fault = null, until = hour(30_000) } = over;
  const deviceId = `${sha256(hostName).slice(0, 8)}-0000-4000-8000-000000000000`;
  await db.query(
    `insert into device (id, host_name, state, created_at, last_seen_at) values ($1, $2, 'active', $3, $3)
     on conflict do nothing`,
    [deviceId, hostName, hour(0)],
  );
  await db.query(
    `insert into unmanaged_certificate (device_id, path, fingerprint, subject, issuer, not_before, not_after, fault, reported_at)
     values ($1, $2, $3, 'CN=foreign', 'CN=x', $4, $5, $6, $4)`,
    [deviceId, path, fingerprint, hour(0), until, fault],
  );
  return fingerprint;
}

test('what hosts report and nobody manages is listed once, with its places, the worst fault first', async () => {
  const shared = sha256('shared');
  await reported('b.example.org', { fingerprint: shared, fault: 'anotherHost' });
  await reported('a.example.org', { fingerprint: shared, path: '/z' });
  await reported('a.example.org', { fingerprint: shared, path: '/y', fault: 'softwareKeyDevId' });
  const rows = await certificatesIn(db).expiring({ endsBy: null, after: null, limit: 100, givenUpBefore });
  expect(rows.filter(({ fingerprint }) => fingerprint === shared)).toEqual([
    expect.objectContaining({
      kind: 'unmanaged',
      hostName: 'a.example.org',
      fault: 'softwareKeyDevId',
      places: [
        { hostName: 'a.example.org', path: '/y' },
        { hostName: 'a.example.org', path: '/z' },
        { hostName: 'b.example.org', path: '/etc/ssl/a.crt' },
      ],
    }),
  ]);
});

test('what a host has of ours is not listed twice, and neither is that of a retired host', async () => {
  const ours = await issued('ours.example.org', hour(0));
  await reported('c.example.org', { fingerprint: ours, path: '/ours' });
  const gone = await reported('retired.example.org');
  await db.query(`update device set state = 'retired' where host_name = 'retired.example.org'`, []);
  const rows = await inUse();
  expect(rows.filter((one) => one === ours)).toHaveLength(1);
  expect(rows).not.toContain(gone);
});

test('of what ended long ago only that with a fault stays, however old: a fake DevID does not go by itself', async () => {
  const old = { until: hour(1) };
  const plain = await reported('d.example.org', { ...old, path: '/1' });
  const ended = await reported('d.example.org', { ...old, path: '/2', fault: 'expired' });
  const fake = await reported('d.example.org', { ...old, path: '/3', fault: 'softwareKeyDevId' });
  const found = await certificatesIn(db).expiring({ endsBy: null, after: null, limit: 100, givenUpBefore: hour(5000) });
  const fingerprints = found.map(({ fingerprint }) => fingerprint);
  expect(fingerprints).toContain(fake);
  expect(fingerprints).not.toContain(plain);
  expect(fingerprints).not.toContain(ended);
});

let wrongHost: string;
test('a certificate of another host is a warning at least', async () => {
  wrongHost = await reported('e.example.org', { fault: 'anotherHost', path: '/e' });
  expect(await inUse()).toContain(wrongHost);
});

test('the summary counts what is not managed as the report judges it, and pages join without a gap', async () => {
  const now = hour(20);
  const all = await certificatesIn(db).expiring({ endsBy: null, after: null, limit: 100, givenUpBefore });
  const report = expiryReport({
    expiringCertificates: (query) => certificatesIn(db).expiring({ ...query, givenUpBefore }),
    expirySummary: (at) => certificatesIn(db).expirySummary(at, thresholds, givenUpBefore),
  });
  const paged = [];
  let after: { readonly notAfter: Date; readonly fingerprint: string } | null = null;
  let counted = { ok: 0, warning: 0, critical: 0 };
  do {
    const page: Awaited<ReturnType<typeof report>> = await report({ withinSeconds: null, after, limit: 2 }, now);
    paged.push(...page.report.items);
    counted = page.report.summary;
    after = page.next;
  } while (after !== null);
  expect(paged.map(({ certificate }) => certificate)).toEqual(all.map(({ fingerprint }) => fingerprint));
  const levels = { ok: 0, warning: 0, critical: 0 };
  for (const { level } of paged) levels[level] += 1;
  expect(counted).toEqual(levels);
  const fake = paged.find(({ fault, notAfter }) => fault === 'softwareKeyDevId' && notAfter > '2028');
  expect(fake).toMatchObject({ managed: false, profile: 'unmanaged', serial: null, level: 'critical' });
  expect(fake!.reason).toContain('this DevID certifies a software key, not one of the TPM');
  const wrong = paged.find(({ certificate }) => certificate === wrongHost);
  expect(wrong).toMatchObject({ level: 'warning', reason: expect.stringContaining('another host') });
});
