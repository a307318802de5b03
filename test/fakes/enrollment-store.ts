// An in-memory store of enrollment that keeps the promises of the real one; both pass enrollment-store-suite.ts. Each
// call runs to its end without waiting for anything, which is what a transaction is here.
import { randomUUID } from 'node:crypto';
import type { Cursor } from '../../src/domain/cursor.ts';
import type {
  Device,
  DeviceState,
  EndorsementKeyRecord,
  Grant,
  Lineage,
  Preregistration,
} from '../../src/domain/device.ts';
import type { Enrollment, PendingAlarm, PendingEnrollment } from '../../src/domain/enrollment.ts';
import type { EnrollmentTokenRecord } from '../../src/domain/enrollment-token.ts';
import { type Taking, takingEvent, type TakingOutcome, type TpmKeyRecord } from '../../src/domain/taking.ts';
import type {
  DeviceLookups,
  EnrollmentStore,
  PreregistrationLookups,
  TokenLookups,
} from '../../src/enrollment/records.ts';

type TpmKey = TpmKeyRecord & { readonly deviceId: string; readonly isReplaced: boolean };
type PublicKey = { readonly kind: string; readonly deviceId: string | null; readonly isCompromised: boolean };
type Change = { readonly by: string; readonly at: Date };

/** The store, and what a test may prepare or look at. */
export type FakeEnrollmentStore = EnrollmentStore &
  DeviceLookups &
  TokenLookups &
  PreregistrationLookups & {
    readonly audit: readonly string[];
    readonly alarms: readonly PendingAlarm[];
    readonly insertEnrollmentToken: (token: EnrollmentTokenRecord) => Promise<void>;
    readonly listEnrollmentTokens: (after: Cursor | null, limit: number) => Promise<readonly EnrollmentTokenRecord[]>;
    readonly revokeEnrollmentToken: (id: string, at: Date, by: string) => Promise<boolean>;
    readonly insertPreregistration: (preregistration: Preregistration) => Promise<boolean>;
    readonly listDevices: (after: Cursor | null, limit: number) => Promise<readonly Device[]>;
    readonly changeDeviceState: (id: string, state: DeviceState, change: Change) => Promise<boolean>;
    readonly replaceGrants: (id: string, grants: readonly Grant[], change: Change) => Promise<void>;
    readonly holdPublicKey: (spkiSha256: string, kind: string, isCompromised?: boolean) => void;
  };

type State = {
  readonly enrollments: Map<string, Enrollment>;
  readonly devices: Map<string, Device>;
  readonly endorsementKeys: Map<string, EndorsementKeyRecord>;
  readonly tpmKeys: Map<string, TpmKey>;
  readonly publicKeys: Map<string, PublicKey>;
  readonly grants: Map<string, Grant>;
  readonly lineages: Map<string, Lineage>;
  readonly tokens: Map<string, EnrollmentTokenRecord>;
  readonly preregistrations: Map<string, Preregistration>;
  readonly audit: string[];
  readonly alarms: PendingAlarm[];
};

const copyOf = (state: State): State => ({
  enrollments: new Map(state.enrollments),
  devices: new Map(state.devices),
  endorsementKeys: new Map(state.endorsementKeys),
  tpmKeys: new Map(state.tpmKeys),
  publicKeys: new Map(state.publicKeys),
  grants: new Map(state.grants),
  lineages: new Map(state.lineages),
  tokens: new Map(state.tokens),
  preregistrations: new Map(state.preregistrations),
  audit: [...state.audit],
  alarms: [...state.alarms],
});

const newestFirst = <T extends { readonly createdAt: Date; readonly id: string }>(
  all: Iterable<T>,
  after: Cursor | null,
  limit: number,
): readonly T[] => {
  const key = (item: { readonly at: Date; readonly id: string }): string => `${item.at.toISOString()} ${item.id}`;
  return [...all]
    .map((item) => ({ item, key: key({ at: item.createdAt, id: item.id }) }))
    .filter((one) => after === null || one.key < key(after))
    .sort((a, b) => (a.key < b.key ? 1 : -1))
    .slice(0, limit)
    .map(({ item }) => item);
};

export function fakeEnrollmentStore(): FakeEnrollmentStore {
  const empty = { enrollments: new Map(), devices: new Map(), endorsementKeys: new Map(), tpmKeys: new Map() };
  const more = { publicKeys: new Map(), grants: new Map(), lineages: new Map(), tokens: new Map() };
  let s: State = { ...empty, ...more, preregistrations: new Map(), audit: [], alarms: [] };
  const put = (enrollment: Enrollment): void => void s.enrollments.set(enrollment.id, enrollment);
  /** The enrollment, if this body spent its challenge and has no result yet. */
  const worked = (id: string, bodySha256: string): Enrollment | null => {
    const enrollment = s.enrollments.get(id);
    const isOpen = enrollment?.activation?.bodySha256 === bodySha256 && enrollment.activation.refusals === null;
    return isOpen ? enrollment : null;
  };
  const ofDevice = <T>(all: ReadonlyMap<string, T>, id: string): readonly T[] =>
    [...all].filter(([key]) => key.startsWith(`${id} `)).map(([, value]) => value);
  const changeState = (id: string, state: DeviceState): boolean => {
    const device = s.devices.get(id);
    if (device === undefined || (device.state === 'retired' && state !== 'retired')) return false;
    if (device.state === state) return true;
    s.devices.set(id, { ...device, state });
    s.audit.push(`device.${state === 'active' ? 'resumed' : state}`);
    if (state === 'retired') {
      for (const key of s.endorsementKeys.values()) if (key.deviceId === id) s.preregistrations.delete(key.fingerprint);
    }
    return true;
  };

  return {
    get audit() {
      return s.audit;
    },
    get alarms() {
      return s.alarms;
    },
    holdPublicKey: (spki, kind, isCompromised = false) =>
      void s.publicKeys.set(spki, { kind, deviceId: null, isCompromised }),
    insertEnrollment: async (enrollment) => put(enrollment),
    findEnrollment: async (id) => s.enrollments.get(id) ?? null,
    burnChallenge: async ({ id, nonce, bodySha256, at, leaseUntil }) => {
      const enrollment = s.enrollments.get(id);
      const isOpen = enrollment?.state === 'challenged' || enrollment?.state === 'approved';
      if (!isOpen || enrollment.challenge.spentAt !== null) return false;
      if (Buffer.compare(enrollment.challenge.nonce, nonce) !== 0) return false;
      const activation = { bodySha256, at, leaseUntil, refusals: null };
      put({ ...enrollment, challenge: { ...enrollment.challenge, spentAt: at }, activation, updatedAt: at });
      return true;
    },
    resumeActivation: async ({ id, bodySha256, at, leaseUntil }) => {
      const enrollment = worked(id, bodySha256);
      if (enrollment === null || enrollment.activation === null) return false;
      const { leaseUntil: until } = enrollment.activation;
      const isSpent = enrollment.challenge.spentAt !== null;
      const isOpen = (enrollment.state === 'challenged' || enrollment.state === 'approved') && isSpent;
      if ((until !== null && until > at) || !(isOpen || enrollment.state === 'authorized')) return false;
      put({ ...enrollment, activation: { ...enrollment.activation, leaseUntil }, updatedAt: at });
      return true;
    },
    recordRefusals: async ({ id, bodySha256, refusals, at }) => {
      const enrollment = s.enrollments.get(id);
      if (enrollment?.activation?.bodySha256 !== bodySha256) return;
      if (enrollment.state !== 'challenged' && enrollment.state !== 'approved') return;
      put({ ...enrollment, activation: { ...enrollment.activation, refusals, leaseUntil: null }, updatedAt: at });
      s.audit.push('enrollment.refused');
    },
    recordPending: async ({ id, bodySha256, at, proof, alarm }) => {
      const enrollment = s.enrollments.get(id);
      const isOurs = enrollment?.activation?.bodySha256 === bodySha256 && enrollment.challenge.spentAt !== null;
      if (!isOurs || enrollment.state !== 'challenged') return null;
      const superseded = [...s.enrollments.values()].flatMap((other) =>
        (other.state === 'pending' || other.state === 'approved') &&
        other.hostName === enrollment.hostName &&
        other.endorsementKey.fingerprint === enrollment.endorsementKey.fingerprint
          ? [other]
          : [],
      );
      for (const other of superseded) {
        const { requestKey } = other.proof;
        const rejection = 'a newer enrollment of this host took its place';
        put({ ...other, state: 'rejected', rejection, requestKey, updatedAt: at });
      }
      const version = Math.max(0, ...superseded.map((other) => other.version)) + 1;
      const activation = { ...enrollment.activation, leaseUntil: null };
      const pending: PendingEnrollment = { ...enrollment, state: 'pending', version, proof, activation, updatedAt: at };
      put(pending);
      s.audit.push('enrollment.pending');
      if (alarm !== null) s.alarms.push(alarm);
      return pending;
    },
    take: async (taking) => {
      const before = copyOf(s);
      const outcome = takeAll(s, taking, { worked, changeState });
      if (outcome.kind !== 'taken') s = before;
      return outcome;
    },
    finishEnrollment: async ({ id, bodySha256, answer, at }) => {
      const enrollment = s.enrollments.get(id);
      if (enrollment?.state !== 'authorized' || enrollment.activation?.bodySha256 !== bodySha256) return false;
      const activation = { ...enrollment.activation, leaseUntil: null };
      put({ ...enrollment, state: 'issued', answer, activation, updatedAt: at });
      s.audit.push('enrollment.issued');
      return true;
    },
    releaseLease: async ({ id, bodySha256, at }) => {
      const enrollment = s.enrollments.get(id);
      if (enrollment?.state !== 'authorized' || enrollment.activation?.bodySha256 !== bodySha256) return;
      put({ ...enrollment, activation: { ...enrollment.activation, leaseUntil: null }, updatedAt: at });
    },
    renewChallenge: async (id, challenge, at) => {
      const enrollment = s.enrollments.get(id);
      if (enrollment?.state !== 'approved') return false;
      const until = enrollment.activation?.leaseUntil ?? null;
      if (until !== null && until > at) return false;
      put({ ...enrollment, challenge });
      return true;
    },
    approveEnrollment: async ({ id, version, grants, replaces, by, at }) => {
      const enrollment = s.enrollments.get(id);
      if (enrollment?.state !== 'pending' || enrollment.version !== version) return false;
      const before = new Date(Math.min(enrollment.challenge.expiresAt.getTime(), at.getTime() - 1000));
      const challenge = { ...enrollment.challenge, spentAt: null, expiresAt: before };
      put({ ...enrollment, state: 'approved', approval: { by, at, grants, replaces }, challenge, updatedAt: at });
      s.audit.push('enrollment.approved');
      return true;
    },
    rejectEnrollment: async ({ id, version, reason, at }) => {
      const enrollment = s.enrollments.get(id);
      if (enrollment?.state !== 'pending' && enrollment?.state !== 'approved') return false;
      const until = enrollment.activation?.leaseUntil ?? null;
      if (enrollment.version !== version || (until !== null && until > at)) return false;
      const { requestKey } = enrollment.proof;
      put({ ...enrollment, state: 'rejected', rejection: reason, requestKey, updatedAt: at });
      s.audit.push('enrollment.rejected');
      return true;
    },
    listEnrollments: async ({ state, since, after, limit }) => {
      const key = (at: Date, id: string): string => `${at.toISOString()} ${id}`;
      return [...s.enrollments.values()]
        .filter((one) => one.state === 'pending' || one.state === 'approved')
        .filter((one) => one.state === state && one.updatedAt >= since)
        .filter((one) => after === null || key(one.updatedAt, one.id) > key(after.at, after.id))
        .sort((a, b) => (key(a.updatedAt, a.id) < key(b.updatedAt, b.id) ? -1 : 1))
        .slice(0, limit);
    },
    findRequestKey: async (spkiSha256) => {
      const enrolled = [...s.enrollments.values()]
        .map((one) => ({
          id: one.id,
          at: one.createdAt.getTime(),
          key: one.state === 'challenged' ? null : one.state === 'rejected' ? one.requestKey : one.proof.requestKey,
        }))
        .filter(({ key }) => key?.spkiSha256 === spkiSha256)
        .sort((a, b) => b.at - a.at);
      const key = [...s.tpmKeys.values()].find((one) => one.role === 'request' && one.spkiSha256 === spkiSha256);
      const area = key?.public ?? enrolled[0]?.key?.public;
      if (area === undefined) return null;
      const device = key === undefined || key.isReplaced ? undefined : s.devices.get(key.deviceId);
      const deviceId = device === undefined || device.state === 'retired' ? null : device.id;
      return { public: area, deviceId, enrollmentIds: enrolled.map(({ id }) => id) };
    },
    findDevice: async (id) => s.devices.get(id) ?? null,
    deviceOfHostName: async (hostName) =>
      [...s.devices.values()].find((device) => device.hostName === hostName && device.state !== 'retired') ?? null,
    deviceOfEndorsementKey: async (fingerprint) => {
      const key = s.endorsementKeys.get(fingerprint);
      return key === undefined ? null : (s.devices.get(key.deviceId) ?? null);
    },
    deviceOfAttestationKey: async (name) => {
      const key = s.tpmKeys.get(name);
      const device = key?.role === 'attestation' ? s.devices.get(key.deviceId) : undefined;
      return key === undefined || device === undefined ? null : { device, isCurrent: !key.isReplaced };
    },
    grantsOf: async (id) => ofDevice(s.grants, id),
    endorsementKeysOf: async (id) => [...s.endorsementKeys.values()].filter((key) => key.deviceId === id),
    lineagesOf: async (id) => ofDevice(s.lineages, id),
    findEnrollmentToken: async (id) => s.tokens.get(id) ?? null,
    insertEnrollmentToken: async (token) => {
      s.tokens.set(token.id, token);
      s.audit.push('enrollmentToken.created');
    },
    listEnrollmentTokens: async (after, limit) =>
      newestFirst(
        [...s.tokens.values()].filter((token) => token.revokedAt === null),
        after,
        limit,
      ),
    revokeEnrollmentToken: async (id, at) => {
      const token = s.tokens.get(id);
      if (token === undefined) return false;
      s.tokens.set(id, { ...token, revokedAt: token.revokedAt ?? at });
      return true;
    },
    findPreregistration: async (fingerprint) => s.preregistrations.get(fingerprint) ?? null,
    insertPreregistration: async (preregistration) => {
      if (s.preregistrations.has(preregistration.ekFingerprint)) return false;
      s.preregistrations.set(preregistration.ekFingerprint, preregistration);
      return true;
    },
    listDevices: async (after, limit) => newestFirst(s.devices.values(), after, limit),
    changeDeviceState: async (id, state) => changeState(id, state),
    replaceGrants: async (id, grants) => {
      for (const key of [...s.grants.keys()].filter((name) => name.startsWith(`${id} `))) s.grants.delete(key);
      for (const grant of grants) s.grants.set(`${id} ${grant.profile} ${grant.place}`, grant);
      s.audit.push('device.grantsReplaced');
    },
  };
}

type Inner = {
  readonly worked: (id: string, bodySha256: string) => Enrollment | null;
  readonly changeState: (id: string, state: DeviceState) => boolean;
};

const conflict = (kind: Extract<TakingOutcome, { readonly kind: 'conflict' }>['with']): TakingOutcome => ({
  kind: 'conflict',
  with: kind,
});

function takeAll(s: State, taking: Taking, { worked, changeState }: Inner): TakingOutcome {
  const { device, endorsementKey: ek, at } = taking;
  const enrollment = worked(taking.enrollmentId, taking.bodySha256);
  if (enrollment?.state !== 'challenged' && enrollment?.state !== 'approved') return { kind: 'lost' };
  if (enrollment.challenge.spentAt === null || enrollment.activation === null) return { kind: 'lost' };
  if (device.replaces !== null) changeState(device.replaces, 'retired');

  const known = s.devices.get(device.id);
  const live = [...s.devices.values()].filter((one) => one.state !== 'retired' && one.id !== device.id);
  if (!device.isNew && known?.state !== 'active') return conflict('device');
  if (device.isNew && live.some((one) => one.hostName === device.hostName)) return conflict('hostName');
  if (device.keylimeUuid !== null && live.some((one) => one.keylimeUuid === device.keylimeUuid))
    return conflict('endorsementKey');
  const keylimeUuid = known?.keylimeUuid ?? device.keylimeUuid;
  const { id, hostName } = device;
  s.devices.set(id, { id, hostName, state: 'active', keylimeUuid, createdAt: known?.createdAt ?? at, lastSeenAt: at });

  const token = taking.tokenId === null ? undefined : s.tokens.get(taking.tokenId);
  const isGood = token !== undefined && token.spentAt === null && token.revokedAt === null && token.expiresAt > at;
  if (taking.tokenId !== null && !isGood && taking.isTokenNeeded) return conflict('token');
  if (token !== undefined && isGood) s.tokens.set(token.id, { ...token, spentAt: at });

  const isRetired = (deviceId: string | null): boolean => s.devices.get(deviceId ?? '')?.state === 'retired';
  const held = s.endorsementKeys.get(ek.fingerprint);
  if (held !== undefined && held.deviceId !== id && !isRetired(held.deviceId)) return conflict('endorsementKey');
  const { fingerprint, manufacturer, model, version, hardwareSerial, exception } = ek;
  const facts = { fingerprint, public: ek.public, manufacturer, model, version, hardwareSerial, exception };
  s.endorsementKeys.set(fingerprint, { ...facts, deviceId: id, provedAt: at });

  const names = taking.tpmKeys.map(({ name }) => name);
  for (const [name, key] of s.tpmKeys) {
    const isSucceeded = taking.tpmKeys.some(({ role }) => role === key.role) && !names.includes(name);
    if (key.deviceId === id && isSucceeded) s.tpmKeys.set(name, { ...key, isReplaced: true });
  }
  for (const key of taking.tpmKeys) {
    const other = s.tpmKeys.get(key.name);
    if (other !== undefined && (other.deviceId !== id || other.role !== key.role)) return conflict('tpmKey');
    s.tpmKeys.set(key.name, { ...key, deviceId: id, isReplaced: false });
  }
  const publicKeys = [
    { spki: ek.spkiSha256, kind: 'endorsement' },
    ...taking.tpmKeys.map(({ spkiSha256: spki, role }) => ({ spki, kind: role === 'devid' ? 'device' : role })),
    ...taking.softwareKeys.map((spki) => ({ spki, kind: 'device' })),
  ];
  for (const { spki, kind } of publicKeys) {
    const key = s.publicKeys.get(spki);
    if (key?.isCompromised === true) return conflict('compromisedKey');
    const isFree = key === undefined || key.deviceId === id || (kind === 'endorsement' && isRetired(key.deviceId));
    if (!isFree || (key !== undefined && key.kind !== kind)) return conflict('publicKey');
    s.publicKeys.set(spki, { kind, deviceId: id, isCompromised: false });
  }
  for (const grant of taking.grants) s.grants.set(`${id} ${grant.profile} ${grant.place}`, grant);
  for (const { profile, place } of taking.lineages) {
    const key = `${id} ${profile} ${place}`;
    if (!s.lineages.has(key)) s.lineages.set(key, { id: randomUUID(), profile, place });
  }
  const { proof, answer, leaseUntil } = taking;
  const activation = { ...enrollment.activation, leaseUntil: answer === null ? leaseUntil : null };
  const done = { ...enrollment, proof, deviceId: id, activation, updatedAt: at };
  s.enrollments.set(
    enrollment.id,
    answer === null ? { ...done, state: 'authorized' } : { ...done, state: 'issued', answer },
  );
  s.audit.push(takingEvent(taking));
  return { kind: 'taken' };
}
