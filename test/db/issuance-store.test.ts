import { afterAll, beforeAll } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { issuanceIn } from '../../src/storage/issuance.ts';
import { insertIssuer } from '../../src/storage/issuers.ts';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { describeIssuanceStore } from '../fakes/issuance-store-suite.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';
import { insertDevice, insertLineage } from './support/rows.ts';

let database: TestDatabase;
let db: Database;
const issuerId = createHash('sha256').update('issuer').digest('hex');
const now = new Date(Date.UTC(2026, 0, 1));

beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
  const facts = { domain: 'estate', der: randomBytes(10), notBefore: now, notAfter: now, isActive: true } as const;
  const root = createHash('sha256').update('root').digest('hex');
  const row = { ...facts, createdAt: now };
  await insertIssuer(db, {
    ...row,
    id: root,
    role: 'root',
    parentId: null,
    subjectKeyIdentifier: 'aa',
    spkiSha256: root,
  });
  await insertIssuer(db, {
    ...row,
    id: issuerId,
    role: 'issuing',
    parentId: root,
    subjectKeyIdentifier: 'bb',
    spkiSha256: issuerId,
  });
});

afterAll(async () => {
  await database.close();
});

describeIssuanceStore('PostgreSQL', async () => ({
  store: issuanceIn(db),
  issuerId,
  addDevice: async () => {
    const at = new Date();
    const { deviceId } = await insertDevice(db, { at });
    const lineageId = await insertLineage(db, { deviceId, profile: 'nginx-vhost', at });
    return { deviceId, lineageId, conversationId: randomUUID() };
  },
  withdrawGrants: async (deviceId) => {
    await db.query('delete from device_grant where device_id = $1', [deviceId]);
  },
  loseEndorsementKeys: async (deviceId) => {
    await db.query('delete from endorsement_key where device_id = $1', [deviceId]);
  },
  suspendDevice: async (deviceId) => {
    await db.query(`update device set state = 'suspended' where id = $1`, [deviceId]);
  },
  compromiseKey: async (spki) => {
    await db.query('update public_key set compromised_at = now() where spki_sha256 = $1', [spki]);
  },
}));
