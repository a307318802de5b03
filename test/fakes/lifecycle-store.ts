// Lineages, renewals and confirmations in memory, beside the in-memory store of issuance; passes lifecycle-store-suite.ts
// as the real one does. Made for long simulations: nothing is looked for where an index can say it.
import type { DeviceState } from '../../src/domain/device.ts';
import type { CertificateUse, LineageFacts } from '../../src/domain/lineage.ts';
import type { LineageError } from '../../src/domain/lineage-wire.ts';
import { type AdmissionFacts, askedSeconds, ceilingSeconds } from '../../src/domain/renewal-admission.ts';
import type { IssuanceStore } from '../../src/issuance/records.ts';
import type { RenewalRecord, RenewalStore } from '../../src/lifecycle/records.ts';
import { fakeIssuanceStore } from './issuance-store.ts';

type Place = {
  readonly id: string;
  readonly deviceId: string;
  readonly profile: string;
  readonly place: string;
  readonly createdAt: Date;
};

type Row = Place & {
  isGranted: boolean;
  hasSpireAgent: boolean;
  newest: string | null;
  inUse: string[];
  readonly certificates: string[];
  renewAt: Date | null;
  pulled: LineageFacts['pulled'];
  attempt: string | null;
  askedAt: Date | null;
  lastError: LineageError | null;
  failures: number;
};

type Use = CertificateUse & { readonly lineageId: string; readonly supersededAt: Date | null };

export type Happened = { readonly at: Date; readonly event: string; readonly facts: Readonly<Record<string, unknown>> };

/** The store, that of issuance over the same lineages, and what a test may prepare or look at. */
export type FakeLifecycleStore = RenewalStore & {
  readonly issuance: IssuanceStore;
  readonly addDevice: (device: { readonly id: string; readonly hostName: string }) => void;
  readonly setDeviceState: (id: string, state: DeviceState) => void;
  /** With its grant. */
  readonly addLineage: (place: Place) => void;
  readonly withdrawGrant: (lineageId: string) => void;
  /** Moves the window of a lineage; the newest certificate must be there. */
  readonly pull: (lineageId: string, pull: { readonly renewAt: Date } & NonNullable<LineageFacts['pulled']>) => void;
  /** What the report of a host says of a lineage of its own. */
  readonly reported: (
    lineageId: string,
    said: {
      readonly error: LineageError | null;
      readonly failures: number;
      readonly certificate: string | null;
      readonly at: Date;
    },
  ) => void;
  readonly holdTpmKey: (spkiSha256: string) => void;
  readonly compromiseKey: (spkiSha256: string) => void;
  readonly supersededAt: (fingerprint: string) => Date | null;
  readonly audit: readonly Happened[];
  /** Topics that somebody should hear of. */
  readonly outbox: readonly string[];
};

const seconds = (instant: Date, count: number): Date => new Date(instant.getTime() + count * 1000);

export function fakeLifecycleStore(): FakeLifecycleStore {
  const issued = fakeIssuanceStore();
  const devices = new Map<string, { readonly hostName: string; state: DeviceState }>();
  const rows = new Map<string, Row>();
  const ofDevice = new Map<string, Row[]>();
  const uses = new Map<string, Use>();
  const renewals = new Map<string, RenewalRecord>();
  const byBody = new Map<string, string>();
  const keys = new Map<string, string>();
  const tpmKeys = new Set<string>();
  const compromised = new Set<string>();
  const audit: Happened[] = [];
  const outbox: string[] = [];
  /** Ids of the renewals of the last hour, oldest first; and who asked, by lineage. */
  let hour: string[] = [];
  const asked = new Map<string, Date>();

  const happened = (at: Date, event: string, facts: Happened['facts'] = {}): void =>
    void audit.push({ at, event, facts });
  const change = (id: string, over: Partial<RenewalRecord>): void => {
    const renewal = renewals.get(id);
    if (renewal !== undefined) renewals.set(id, { ...renewal, ...over });
  };
  const end = (row: Row, id: string, over: Partial<RenewalRecord>): void => {
    change(id, { ...over, leaseUntil: null });
    if (row.attempt === id) row.attempt = null;
  };
  const rowOf = (lineageId: string): Row => {
    const row = rows.get(lineageId);
    if (row === undefined) throw new Error(`there is no lineage ${lineageId}`);
    return row;
  };

  const factsOf = (row: Row): LineageFacts => {
    const device = devices.get(row.deviceId);
    const attempt = row.attempt === null ? undefined : renewals.get(row.attempt);
    const inUse = row.inUse.at(-1);
    return {
      id: row.id,
      deviceId: row.deviceId,
      hostName: device?.hostName ?? '',
      deviceState: device?.state ?? 'retired',
      profile: row.profile,
      place: row.place,
      createdAt: row.createdAt,
      isGranted: row.isGranted,
      hasSpireAgent: row.hasSpireAgent,
      newest: row.newest === null ? null : useOf(row.newest),
      inUse: inUse === undefined ? null : useOf(inUse),
      renewAt: row.renewAt,
      pulled: row.pulled,
      attempt:
        attempt === undefined || attempt.leaseUntil === null
          ? null
          : { id: attempt.id, admittedAt: attempt.admittedAt, leaseUntil: attempt.leaseUntil },
      askedAt: row.askedAt,
      lastError: row.lastError,
      failures: row.failures,
    };
  };
  const useOf = (fingerprint: string): CertificateUse | null => {
    const use = uses.get(fingerprint);
    if (use === undefined) return null;
    return issued.revoked.has(use.serialNumber) ? { ...use, isRevoked: true } : use;
  };

  const admissionFacts = (row: Row, now: Date): AdmissionFacts => {
    hour = hour.filter((id) => (renewals.get(id)?.admittedAt ?? now) > seconds(now, -ceilingSeconds));
    for (const [id, at] of asked) if (at <= seconds(now, -askedSeconds)) asked.delete(id);
    const recent = hour.flatMap((id) => renewals.get(id) ?? []);
    const counted = recent.filter(({ isOutsideCeiling, refusals }) => !isOutsideCeiling && refusals === null);
    const own = recent.filter(({ lineageId }) => lineageId === row.id);
    const newest = row.newest === null ? null : useOf(row.newest);
    const nearer = [...asked.keys()].filter((id) => {
      const other = rows.get(id);
      const ends = other?.newest == null ? undefined : uses.get(other.newest)?.notAfter;
      return id !== row.id && newest !== null && ends !== undefined && ends < newest.notAfter;
    });
    return {
      newest:
        newest === null
          ? null
          : { notBefore: newest.notBefore, notAfter: newest.notAfter, isRevoked: newest.isRevoked },
      underCeiling: { count: counted.length, earliest: counted[0]?.admittedAt ?? null },
      ofLineage: { count: own.length, earliest: own[0]?.admittedAt ?? null },
      nearerWaiting: nearer.length,
    };
  };

  const store: RenewalStore = {
    lineageFacts: async (id) => {
      const row = rows.get(id);
      return row === undefined ? null : factsOf(row);
    },
    lineageFactsOfDevice: async (deviceId) => (ofDevice.get(deviceId) ?? []).map(factsOf),
    listLineageFacts: async ({ deviceId, profile, after, limit }) => {
      const order = (row: { createdAt: Date; id: string }): string => `${row.createdAt.toISOString()} ${row.id}`;
      const from = after === null ? '' : order({ createdAt: after.at, id: after.id });
      return [...(deviceId === null ? rows.values() : (ofDevice.get(deviceId) ?? []))]
        .filter((row) => (profile === null || row.profile === profile) && order(row) > from)
        .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
        .slice(0, limit)
        .map(factsOf);
    },
    findRenewal: async (lineageId, bodySha256) => {
      const found = renewals.get(byBody.get(`${lineageId} ${bodySha256}`) ?? '');
      return found === undefined ? null : found;
    },
    admitRenewal: async (request, { sameSince, decide }) => {
      const { id, lineageId, bodySha256, at, leaseUntil } = request;
      const row = rowOf(lineageId);
      const same = renewals.get(byBody.get(`${lineageId} ${bodySha256}`) ?? '');
      if (same !== undefined && same.admittedAt >= sameSince) return { kind: 'same', renewal: same };
      const live = row.attempt === null ? undefined : renewals.get(row.attempt);
      if (live?.leaseUntil != null) {
        if (live.leaseUntil > at) return { kind: 'underWay', until: live.leaseUntil };
        const lost = { reason: 'renewalLost', detail: 'another request came before this one had a result' };
        end(row, live.id, { refusals: [lost] });
        happened(at, 'renewal.lost', { renewal: live.id });
      }
      const decision = decide(admissionFacts(row, at));
      if (decision.kind === 'wait') {
        if (decision.because === 'ceiling') {
          row.askedAt = at;
          asked.set(lineageId, at);
        }
        return decision;
      }
      const { isOutsideCeiling, isRecovery } = decision;
      const renewal = { id, lineageId, bodySha256, admittedAt: at, isOutsideCeiling, isRecovery, leaseUntil };
      renewals.set(id, { ...renewal, refusals: null, fingerprint: null });
      byBody.set(`${lineageId} ${bodySha256}`, id);
      hour.push(id);
      row.attempt = id;
      row.askedAt = null;
      asked.delete(lineageId);
      happened(at, 'renewal.admitted', { renewal: id });
      return { kind: 'admitted', renewal: { ...renewal, refusals: null, fingerprint: null } };
    },
    resumeRenewal: async (id, at, leaseUntil) => {
      const renewal = renewals.get(id);
      if (renewal?.leaseUntil == null || renewal.leaseUntil > at) return false;
      change(id, { leaseUntil });
      return true;
    },
    takeRenewalKey: async ({ renewalId, deviceId, tpmKey, spkiSha256 }) => {
      const renewal = renewals.get(renewalId);
      if (renewal?.leaseUntil == null || rowOf(renewal.lineageId).deviceId !== deviceId) return 'lost';
      if (devices.get(deviceId)?.state !== 'active') return 'deviceNotActive';
      if (tpmKey === null && tpmKeys.has(spkiSha256)) return 'keyHeld';
      if (compromised.has(spkiSha256)) return 'keyCompromised';
      if ((keys.get(spkiSha256) ?? deviceId) !== deviceId) return 'keyHeld';
      keys.set(spkiSha256, deviceId);
      if (tpmKey !== null) tpmKeys.add(spkiSha256);
      return 'taken';
    },
    refuseRenewal: async ({ id, refusals, at }) => {
      const renewal = renewals.get(id);
      if (renewal === undefined || renewal.fingerprint !== null || renewal.refusals !== null) return;
      const row = rowOf(renewal.lineageId);
      const { reason = '', detail = '' } = refusals[0] ?? {};
      end(row, id, { refusals });
      row.failures += 1;
      row.lastError = { at: `${at.toISOString().slice(0, 19)}Z`, phase: 'request', reason, detail };
      happened(at, 'renewal.refused', { renewal: id });
      outbox.push('renewal.refused');
    },
    releaseRenewal: async (id, at) => {
      const renewal = renewals.get(id);
      if (renewal?.leaseUntil != null && renewal.leaseUntil > at) change(id, { leaseUntil: at });
    },
    recordConfirmation: async ({ lineageId, fingerprint, at, by, effect, hasSpireAgent }) => {
      const row = rowOf(lineageId);
      const use = uses.get(fingerprint);
      if (use?.lineageId !== lineageId) return;
      const kinds = ['host', 'probe', 'spire', 'operator'] as const;
      const higher = kinds.indexOf(use.confirmed?.by ?? 'host') > kinds.indexOf(by) ? (use.confirmed?.by ?? by) : by;
      const installedAt = use.installedAt ?? at;
      const isInstalled = effect === 'installed';
      const confirmed = isInstalled ? use.confirmed : { at, by: higher };
      uses.set(fingerprint, { ...use, installedAt, confirmed, supersededAt: isInstalled ? use.supersededAt : null });
      if (!isInstalled) row.inUse = [...row.inUse.filter((one) => one !== fingerprint).slice(-8), fingerprint];
      if (effect === 'confirmed') {
        for (const older of row.certificates.slice(0, row.certificates.indexOf(fingerprint))) {
          const known = uses.get(older);
          if (known?.supersededAt === null) uses.set(older, { ...known, supersededAt: at });
        }
        row.certificates.splice(0, Math.max(0, row.certificates.indexOf(fingerprint) - 8));
        Object.assign(row, { lastError: null, failures: 0 });
      }
      if (effect === 'reopened' && row.newest !== null && row.newest !== fingerprint) {
        const newest = uses.get(row.newest);
        if (newest !== undefined) uses.set(row.newest, { ...newest, confirmed: null });
        row.inUse = row.inUse.filter((one) => one !== row.newest);
        outbox.push('alarm');
      }
      row.hasSpireAgent = hasSpireAgent ?? row.hasSpireAgent;
      happened(at, effect === 'reopened' ? 'lineage.reopened' : `certificate.${effect}`, { certificate: fingerprint });
    },
    recordNotice: async ({ at, event, facts, tell }) => {
      happened(at, event, facts);
      if (tell !== null) outbox.push(tell.topic);
    },
  };

  const issuance: IssuanceStore = {
    ...issued,
    recordIntent: async (intent) => {
      const { holder, lineageId, conversationId } = intent;
      if (compromised.has(intent.spkiSha256)) return { kind: 'keyCompromised' };
      if (holder.kind === 'device' && devices.get(holder.deviceId)?.state !== 'active')
        return { kind: 'deviceNotActive' };
      const row = lineageId === null ? undefined : rows.get(lineageId);
      const deviceId = holder.kind === 'device' ? holder.deviceId : null;
      if (lineageId !== null && (row?.deviceId !== deviceId || !row.isGranted)) return { kind: 'notGranted' };
      if (renewals.get(conversationId ?? '')?.leaseUntil === null) return { kind: 'renewalOver' };
      return issued.recordIntent(intent);
    },
    recordIssued: async (result) => {
      if (!(await issued.recordIssued(result))) return false;
      const { intent, fingerprint, issuedAt, notBefore, renewAt } = result;
      const row = intent.lineageId === null ? undefined : rows.get(intent.lineageId);
      if (row === undefined) return true;
      const before = row.newest === null ? undefined : uses.get(row.newest);
      const renewal = renewals.get(intent.conversationId ?? '');
      if (renewal !== undefined && before !== undefined && before.notAfter < issuedAt) {
        happened(issuedAt, 'certificate.recoveredAfterExpiry', { certificate: fingerprint });
      }
      const { serialNumber, notAfter } = intent;
      const born = { fingerprint, serialNumber, notBefore, notAfter, issuedAt, isRevoked: false };
      uses.set(fingerprint, { ...born, lineageId: row.id, installedAt: null, confirmed: null, supersededAt: null });
      row.certificates.push(fingerprint);
      Object.assign(row, { newest: fingerprint, renewAt, pulled: null, askedAt: null, lastError: null });
      asked.delete(row.id);
      if (renewal !== undefined) end(row, renewal.id, { fingerprint });
      happened(issuedAt, 'certificate.issued', { certificate: fingerprint });
      return true;
    },
  };

  return {
    ...store,
    issuance,
    audit,
    outbox,
    addDevice: ({ id, hostName }) => void devices.set(id, { hostName, state: 'active' }),
    setDeviceState: (id, state) => {
      const device = devices.get(id);
      if (device !== undefined) device.state = state;
    },
    addLineage: (place) => {
      const nothing = { newest: null, renewAt: null, pulled: null, attempt: null, askedAt: null, lastError: null };
      const row: Row = {
        ...{ ...place, ...nothing, isGranted: true, hasSpireAgent: false, failures: 0 },
        ...{ inUse: [], certificates: [] },
      };
      rows.set(place.id, row);
      ofDevice.set(place.deviceId, [...(ofDevice.get(place.deviceId) ?? []), row]);
    },
    withdrawGrant: (lineageId) => {
      rowOf(lineageId).isGranted = false;
    },
    pull: (lineageId, { renewAt, ...pulled }) => void Object.assign(rowOf(lineageId), { renewAt, pulled }),
    reported: (lineageId, { error, failures, certificate, at }) => {
      const row = rowOf(lineageId);
      Object.assign(row, { lastError: error, failures });
      const use = certificate === null || certificate !== row.newest ? undefined : uses.get(certificate);
      if (use?.installedAt === null) uses.set(use.fingerprint, { ...use, installedAt: at });
    },
    holdTpmKey: (spkiSha256) => void tpmKeys.add(spkiSha256),
    compromiseKey: (spkiSha256) => void compromised.add(spkiSha256),
    supersededAt: (fingerprint) => uses.get(fingerprint)?.supersededAt ?? null,
  };
}
