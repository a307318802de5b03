// A fresh database with one issuer, and the short way to devices, lineages and certificates in it.
import { randomBytes, randomUUID } from 'node:crypto';
import { serialNumberFrom } from '../../../src/domain/serial.ts';
import { issuanceIn } from '../../../src/storage/issuance.ts';
import { insertIssuer } from '../../../src/storage/issuers.ts';
import type { Database } from '../../../src/storage/pool.ts';
import { loadStatements } from '../../../src/storage/statement.ts';
import { freshDatabase, queriesDirectory } from '../database.ts';
import { insertDevice, insertLineage, sha256 } from './rows.ts';

export const day = (days: number): Date => new Date(Date.UTC(2026, 0, 1) + days * 86_400_000);

export type InventoryDevice = { readonly deviceId: string; readonly lineageId: string; readonly hostName: string };

export type Inventory = Awaited<ReturnType<typeof inventoryDatabase>>;

type IssueOptions = {
  readonly device?: InventoryDevice;
  readonly spkiSha256?: string;
  readonly profile?: string;
  readonly from?: Date;
  readonly days?: number;
  readonly der?: Uint8Array;
};

export async function inventoryDatabase() {
  const database = await freshDatabase();
  const db: Database = await database.pool({ statements: await loadStatements(queriesDirectory) });
  const issuerId = sha256('root');
  const dates = { notBefore: day(0), notAfter: day(10_000), createdAt: day(0) };
  const names = { id: issuerId, subjectKeyIdentifier: 'aa', spkiSha256: issuerId, parentId: null };
  await insertIssuer(db, { ...dates, ...names, domain: 'estate', role: 'root', der: randomBytes(10), isActive: true });
  const store = issuanceIn(db);

  const addDevice = async (profile = 'devid'): Promise<InventoryDevice> => {
    const { deviceId, hostName } = await insertDevice(db, { at: day(0) });
    const lineageId = await insertLineage(db, { deviceId, profile, at: day(0) });
    return { deviceId, lineageId, hostName };
  };

  const intentOf = ({ device, spkiSha256, profile = 'devid', from = day(1), days = 90 }: IssueOptions) => ({
    issuerId,
    serialNumber: serialNumberFrom(randomBytes(16)),
    tbsCertificate: randomBytes(40),
    profile,
    profileDigest: sha256(profile),
    principal: device === undefined ? 'operator:script:1' : `device:${device.deviceId}`,
    spkiSha256: spkiSha256 ?? sha256(randomBytes(8)),
    holder:
      device === undefined ? ({ kind: 'operator' } as const) : ({ kind: 'device', deviceId: device.deviceId } as const),
    lineageId: device?.lineageId ?? null,
    conversationId: device === undefined ? null : randomUUID(),
    idempotency: null,
    notAfter: new Date(from.getTime() + days * 86_400_000),
    recordedAt: from,
    leaseUntil: new Date(from.getTime() + 60_000),
  });

  const addIntent = async (options: IssueOptions = {}) => {
    const intent = intentOf(options);
    return { intent, outcome: await store.recordIntent(intent) };
  };

  const addCertificate = async (options: IssueOptions = {}): Promise<string> => {
    const { intent, outcome } = await addIntent(options);
    if (outcome.kind !== 'recorded') throw new Error(outcome.kind);
    const der = options.der ?? randomBytes(60);
    const commonName = options.device?.hostName ?? 'www.example.org';
    const issued = { names: { dnsNames: [commonName], ipAddresses: [], uris: [] }, commonName, der, intent };
    const dates = { notBefore: intent.recordedAt, issuedAt: intent.recordedAt };
    const renewAt = options.device === undefined ? null : new Date(intent.notAfter.getTime() - 20 * 86_400_000);
    await store.recordIssued({ ...issued, ...dates, fingerprint: sha256(der), renewAt });
    return sha256(der);
  };

  return { db, store, issuerId, addDevice, addIntent, addCertificate, close: () => database.close() };
}
