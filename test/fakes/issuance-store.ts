// An in-memory store of issuance that keeps the promises of the real one; both pass issuance-store-suite.ts.
import type { CertificateRecord } from '../../src/domain/certificate.ts';
import type { EarlierAttempt, Intent, IntentOutcome, IssuanceStore, IssuedResult } from '../../src/issuance/records.ts';

type Row = { readonly intent: Intent; outcome: 'issued' | 'abandoned' | null; certificate: CertificateRecord | null };

/** The store, and what a test may look at or prepare. */
export type FakeIssuanceStore = IssuanceStore & {
  readonly rows: ReadonlyMap<string, Row>;
  readonly revoked: ReadonlySet<string>;
  readonly audit: readonly string[];
  readonly suspendDevice: (deviceId: string) => void;
  /** Grants are those of every device until they are withdrawn, or its lineage is said to be another's. */
  readonly withdrawGrants: (deviceId: string) => void;
  readonly placeLineage: (lineageId: string, deviceId: string) => void;
  readonly compromiseKey: (spkiSha256: string) => void;
};

const dayMs = 86_400_000;

export function fakeIssuanceStore(): FakeIssuanceStore {
  const rows = new Map<string, Row>();
  const conversations = new Map<string, readonly Row[]>();
  const keys = new Map<string, { readonly holder: string; compromised: boolean }>();
  const idempotent = new Map<string, { readonly serial: string; readonly bodySha256: string; readonly at: Date }>();
  const stopped = new Set<string>();
  const suspended = new Set<string>();
  const ungranted = new Set<string>();
  const lineages = new Map<string, string>();
  const revoked = new Set<string>();
  const audit: string[] = [];
  const holderText = (intent: Intent): string =>
    intent.holder.kind === 'device' ? `device ${intent.holder.deviceId}` : intent.holder.kind;
  const attemptOf = (row: Row, bodySha256: string | null): EarlierAttempt => ({
    issuerId: row.intent.issuerId,
    serialNumber: row.intent.serialNumber,
    bodySha256,
    leaseUntil: row.intent.leaseUntil,
    outcome: row.outcome,
    certificate: row.certificate,
  });

  const recordIntent = async (intent: Intent): Promise<IntentOutcome> => {
    const key = keys.get(intent.spkiSha256) ?? { holder: holderText(intent), compromised: false };
    keys.set(intent.spkiSha256, key);
    if (key.compromised) return { kind: 'keyCompromised' };
    if (key.holder !== holderText(intent))
      return { kind: 'keyHeld', by: `a key of kind ${key.holder.split(' ')[0] ?? ''}` };
    if (intent.holder.kind === 'device' && suspended.has(intent.holder.deviceId)) return { kind: 'deviceNotActive' };
    if (intent.lineageId !== null && intent.holder.kind === 'device') {
      const { deviceId } = intent.holder;
      const owner = lineages.get(intent.lineageId) ?? deviceId;
      if (owner !== deviceId || ungranted.has(deviceId)) return { kind: 'notGranted' };
    }
    if (stopped.has(intent.profileDigest)) return { kind: 'profileStopped' };
    if (intent.idempotency !== null) {
      const name = `${intent.principal} ${intent.idempotency.key}`;
      const earlier = idempotent.get(name);
      if (earlier !== undefined && intent.recordedAt.getTime() - earlier.at.getTime() <= dayMs)
        return { kind: 'idempotencyKeyUsed' };
      idempotent.set(name, {
        serial: intent.serialNumber,
        bodySha256: intent.idempotency.bodySha256,
        at: intent.recordedAt,
      });
    }
    if (rows.has(intent.serialNumber)) throw new Error('duplicate serial number');
    const row: Row = { intent, outcome: null, certificate: null };
    rows.set(intent.serialNumber, row);
    if (intent.conversationId !== null && intent.lineageId !== null) {
      const conversation = `${intent.conversationId} ${intent.lineageId}`;
      conversations.set(conversation, [...(conversations.get(conversation) ?? []), row]);
    }
    return { kind: 'recorded' };
  };

  const recordIssued = async (result: IssuedResult): Promise<boolean> => {
    const row = rows.get(result.intent.serialNumber);
    if (row === undefined || row.outcome !== null) return false;
    row.outcome = 'issued';
    row.certificate = certificateOf(result);
    audit.push('certificate.issued');
    return true;
  };

  return {
    rows,
    revoked,
    audit,
    withdrawGrants: (deviceId) => void ungranted.add(deviceId),
    placeLineage: (lineageId, deviceId) => void lineages.set(lineageId, deviceId),
    suspendDevice: (deviceId) => void suspended.add(deviceId),
    compromiseKey: (spki) => void keys.set(spki, { holder: keys.get(spki)?.holder ?? 'operator', compromised: true }),
    recordIntent,
    recordIssued,
    abandonIntent: async ({ serialNumber }) => {
      const row = rows.get(serialNumber);
      if (row === undefined || row.outcome !== null) return false;
      row.outcome = 'abandoned';
      revoked.add(serialNumber);
      audit.push('issuance.abandoned');
      return true;
    },
    findByIdempotencyKey: async (principal, key, now) => {
      const found = idempotent.get(`${principal} ${key}`);
      const row = found === undefined ? undefined : rows.get(found.serial);
      if (found === undefined || row === undefined || now.getTime() - found.at.getTime() > dayMs) return null;
      return attemptOf(row, found.bodySha256);
    },
    releaseIdempotencyKey: async (principal, key, serialNumber) => {
      const name = `${principal} ${key}`;
      if (idempotent.get(name)?.serial === serialNumber) idempotent.delete(name);
    },
    findByConversation: async (conversationId, lineageId) =>
      (conversations.get(`${conversationId} ${lineageId}`) ?? []).map((row) => attemptOf(row, null)),
    stopProfile: async ({ profileDigest }) => {
      stopped.add(profileDigest);
      audit.push('profile.stopped');
    },
  };
}

const certificateOf = ({
  fingerprint,
  intent,
  der,
  commonName,
  names,
  notBefore,
  issuedAt,
  renewAt,
}: IssuedResult): CertificateRecord => ({
  fingerprint,
  issuerId: intent.issuerId,
  serialNumber: intent.serialNumber,
  der,
  profile: intent.profile,
  commonName,
  names,
  spkiSha256: intent.spkiSha256,
  notBefore,
  notAfter: intent.notAfter,
  principal: intent.principal,
  deviceId: intent.holder.kind === 'device' ? intent.holder.deviceId : null,
  lineageId: intent.lineageId,
  issuedAt,
  renewAt,
  status: { kind: 'good' },
});
