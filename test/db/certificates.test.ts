// The expiry report's statements: what counts as in use, over PostgreSQL.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
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
