// A service of enrollment in memory, as new as the mutation that is tried on it: one challenge, unspent; one token; one
// pre-registration; real policies, real issuance, an issuing CA made for the run.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Device, Grant } from '../../src/domain/device.ts';
import type { ChallengedEnrollment, Enrollment, IssuedEnrollment, Proof } from '../../src/domain/enrollment.ts';
import type { Profile } from '../../src/domain/profile.ts';
import { renewAt } from '../../src/domain/renewal.ts';
import type { TpmDenials } from '../../src/domain/tpm-denials.ts';
import { activate, type ActivatePorts } from '../../src/enrollment/activate.ts';
import { beginEnrollment, type BeginPorts } from '../../src/enrollment/begin.ts';
import { issue, preview, type IssuancePorts } from '../../src/issuance/issue.ts';
import type { ActiveIssuer } from '../../src/issuance/active-issuer.ts';
import type { EndorsementPolicy } from '../../src/x509/endorsement-chain.ts';
import { fakeIssuanceStore } from '../fakes/issuance-store.ts';

type Ports = BeginPorts & ActivatePorts;
type TokenRecord = NonNullable<Awaited<ReturnType<Ports['findEnrollmentToken']>>>;
type Preregistered = NonNullable<Awaited<ReturnType<Ports['findPreregistration']>>>;
type Taking = Parameters<Ports['take']>[0];
type Lineage = Awaited<ReturnType<Ports['lineagesOf']>>[number];

/** What stays the same through the whole run. */
export type Estate = {
  readonly issuer: ActiveIssuer;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly endorsementPolicy: EndorsementPolicy;
  readonly tpmDenials: TpmDenials;
  readonly now: Date;
};

/** What the service knows beforehand, and the challenge that it will draw: each mutation meets the same one. */
export type Prepared = {
  readonly token: TokenRecord;
  readonly preregistration: Preregistered | null;
  readonly id: string;
  readonly secret: Uint8Array;
  readonly nonce: Uint8Array;
};

/** One service, and the enrollment that it holds. */
export type Service = {
  readonly begin: ReturnType<typeof beginEnrollment>;
  readonly activate: ReturnType<typeof activate>;
  readonly enrollment: () => Enrollment | null;
};

/** A new service; with `begun` the challenge was drawn already. */
export function freshService(estate: Estate, prepared: Prepared, begun: ChallengedEnrollment | null): Service {
  const memory = enrollmentMemory(begun);
  const drawn = [prepared.secret, prepared.nonce];
  // Fixed serial numbers: the same certificate is the same to the last octet that is signed.
  let serial = 0;
  const issuance: IssuancePorts = {
    issuerFor: () => estate.issuer,
    chainPemOf: () => '',
    random: (octets) => new Uint8Array(octets).fill(0x11 + serial++),
    drawRenewal: renewAt,
    store: fakeIssuanceStore(),
    secondOpinionSampling: Number.MAX_SAFE_INTEGER,
    leaseSeconds: 30,
  };
  const { token, preregistration } = prepared;
  const lookups = {
    ...memory.ports,
    findEnrollmentToken: async (id: string) => (id === token.id ? token : null),
    findPreregistration: async (fingerprint: string) =>
      preregistration?.ekFingerprint === fingerprint ? preregistration : null,
  };
  return {
    begin: beginEnrollment({
      ...lookups,
      endorsementPolicy: estate.endorsementPolicy,
      tpmDenials: estate.tpmDenials,
      random: (octets) => drawn.shift() ?? new Uint8Array(randomBytes(octets)),
      newId: () => prepared.id,
    }),
    activate: activate({
      ...lookups,
      recoveryFactsOf: async () => ({ isOverdue: false, lastSeenAt: new Date(0) }),
      maxAbsenceSeconds: 400 * 86_400,
      profiles: estate.profiles,
      tpmDenials: estate.tpmDenials,
      newId: randomUUID,
      issue: issue(issuance),
      preview: preview(issuance),
    }),
    enrollment: memory.enrollment,
  };
}

type Kept = {
  enrollment: Enrollment | null;
  device: Device | null;
  grants: readonly Grant[];
  lineages: readonly Lineage[];
};

/** The records of one enrollment and of the one device that it can make. */
function enrollmentMemory(begun: ChallengedEnrollment | null) {
  const kept: Kept = { enrollment: begun, device: null, grants: [], lineages: [] };
  const challenged = (): ChallengedEnrollment => {
    if (kept.enrollment?.state !== 'challenged') throw new Error('the enrollment was concluded already');
    return kept.enrollment;
  };
  const none = async (): Promise<null> => null;
  const ports = {
    insertEnrollment: async (enrollment: ChallengedEnrollment) => void (kept.enrollment = enrollment),
    findEnrollment: async (id: string) => (kept.enrollment?.id === id ? kept.enrollment : null),
    burnChallenge: async ({ bodySha256, at, leaseUntil }: Parameters<Ports['burnChallenge']>[0]) => {
      const { challenge } = challenged();
      if (challenge.spentAt !== null) return false;
      const activation = { bodySha256, at, leaseUntil, refusals: null };
      kept.enrollment = { ...challenged(), challenge: { ...challenge, spentAt: at }, activation };
      return true;
    },
    resumeActivation: async () => false,
    recordRefusals: async () => undefined,
    releaseLease: async () => undefined,
    recordPending: async ({ proof }: { readonly proof: Proof }) => {
      const pending = { ...challenged(), state: 'pending' as const, proof };
      kept.enrollment = pending;
      return pending;
    },
    take: async (taking: Taking) => {
      const keys = [
        taking.endorsementKey.spkiSha256,
        ...taking.tpmKeys.map(({ spkiSha256 }) => spkiSha256),
        ...taking.softwareKeys,
      ];
      if (new Set(keys).size !== keys.length) return { kind: 'conflict', with: 'publicKey' } as const;
      const { id, hostName, keylimeUuid } = taking.device;
      kept.device = { id, hostName, keylimeUuid, state: 'active', createdAt: taking.at, lastSeenAt: taking.at };
      kept.grants = taking.grants;
      kept.lineages = taking.lineages.map((lineage) => ({ ...lineage, id: randomUUID() }));
      kept.enrollment = { ...challenged(), state: 'authorized', proof: taking.proof, deviceId: id };
      return { kind: 'taken' } as const;
    },
    finishEnrollment: async ({ answer }: { readonly answer: IssuedEnrollment['answer'] }) => {
      if (kept.enrollment?.state !== 'authorized') return false;
      kept.enrollment = { ...kept.enrollment, state: 'issued', answer };
      return true;
    },
    findDevice: async () => kept.device,
    deviceOfHostName: none,
    deviceOfEndorsementKey: none,
    deviceOfAttestationKey: none,
    grantsOf: async () => kept.grants,
    endorsementKeysOf: async () => [],
    lineagesOf: async () => kept.lineages,
  };
  return { ports, enrollment: () => kept.enrollment };
}
