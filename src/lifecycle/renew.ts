// The story of one renewal, from a signed request to its answer. Read `renewOf` from top to bottom. It does not depend on
// the certificate before: that may have ended, or be missing. What is proved, and how, is handed in.
import type { Device, Grant } from '../domain/device.ts';
import { blockedRefusal } from './blocked.ts';
import { type LineageFacts, lineageState } from '../domain/lineage.ts';
import type { RenewalAnswer, RenewalBody } from '../domain/lineage-wire.ts';
import type { PlanKey } from '../domain/plan.ts';
import type { CertificateNames, Profile } from '../domain/profile.ts';
import { admitRenewal, type RenewalLimits } from '../domain/renewal-admission.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { TpmKeyRecord } from '../domain/taking.ts';
import type { CertificateResource } from '../domain/wire.ts';
import type { IssuedCertificate, IssueRequest } from '../issuance/issue.ts';
import { issuedResource } from '../issuance/resource.ts';
import type { Plan } from '../domain/plan.ts';
import type { RenewalRecord, RenewalStore, TakeKeyOutcome } from './records.ts';
import {
  heldRefusal,
  keyRefusal,
  lostRefusal,
  type Refused,
  refusedFor,
  refusedWith,
  retrySoon,
  underWayRefusal,
  unknownLineage,
  waitRefusal,
} from './renewal-refusals.ts';

/** What a proof allows to certify; structurally that of enrollment/prove-renewal.ts. */
export type ProvedClaim = {
  readonly key: PlanKey;
  readonly spkiSha256: string;
  /** Of the grant. */
  readonly names: CertificateNames;
  readonly tpmKey: TpmKeyRecord | null;
  readonly firmwareVersion: bigint | null;
  readonly hardwareSerial: string;
  readonly evidence: object;
};

/** Whether the host proves what it asks for; every fault is told. */
export type ProveClaim = (claim: {
  readonly device: Device;
  readonly lineageId: string;
  readonly profile: Profile;
  readonly grant: Grant;
  readonly body: RenewalBody;
  readonly nonce: Uint8Array;
  readonly now: Date;
}) => Promise<Result<ProvedClaim, readonly Refusal[]>>;

export type RenewPorts = Omit<RenewalStore, 'recordConfirmation' | 'lineageFactsOfDevice' | 'listLineageFacts'> & {
  readonly findDevice: (id: string) => Promise<Device | null>;
  readonly grantsOf: (deviceId: string) => Promise<readonly Grant[]>;
  /** Why the gate of attestation holds a device at this instant; null when it does not. Absent: there is no gate. */
  readonly attestationHold?: (
    deviceId: string,
    now: Date,
  ) => Promise<{ readonly detail: string; readonly retryAfterSeconds: number } | null>;
  /** A certificate by its fingerprint, with its chain. */
  readonly certificate: (fingerprint: string) => Promise<CertificateResource | null>;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly limits: RenewalLimits;
  readonly prove: ProveClaim;
  readonly preview: (request: IssueRequest) => Result<Plan, readonly Refusal[]>;
  readonly issue: (request: IssueRequest) => Promise<Result<IssuedCertificate, readonly Refusal[]>>;
  readonly newId: () => string;
  /** Told how each request ended; `profile` is null for a lineage that nobody knows. */
  readonly counted?: (profile: string | null, result: RenewalResult) => void;
};

/** `waiting`: for the ceiling, or for another request; the same octets may come again. */
export type RenewalResult = 'issued' | 'waiting' | 'refused' | 'failed';

/** A request for a renewal. `nonce`: of its signature, and whether it was spent for this very request. */
export type RenewInput = {
  readonly lineageId: string;
  readonly deviceId: string;
  readonly body: RenewalBody;
  readonly bodySha256: string;
  readonly nonce: { readonly octets: Uint8Array; readonly isFresh: boolean };
  readonly now: Date;
};

/** The same octets get the same answer for so long. Seconds. */
export const retransmissionSeconds = 86_400;

/** A renewal that is worked on counts as left by a crash after so long. Seconds. */
const leaseSeconds = 60;

const sameSince = (now: Date): Date => new Date(now.getTime() - retransmissionSeconds * 1000);
const leaseFrom = (now: Date): Date => new Date(now.getTime() + leaseSeconds * 1000);

/** Whether a request is one that was recorded already: then its nonce, which is spent, is not asked for again. */
export const isRetransmission =
  (ports: Pick<RenewPorts, 'lineageFacts' | 'findRenewal'>) =>
  async (input: Pick<RenewInput, 'lineageId' | 'deviceId' | 'bodySha256' | 'now'>): Promise<boolean> => {
    const facts = await ports.lineageFacts(input.lineageId);
    if (facts?.deviceId !== input.deviceId) return false;
    const earlier = await ports.findRenewal(input.lineageId, input.bodySha256);
    return earlier !== null && earlier.admittedAt >= sameSince(input.now);
  };

/**
 * Renews one lineage. Throws when store or signer fail: the host may send the same octets again, and gets one certificate
 * in the end.
 */
export const renew =
  (ports: RenewPorts) =>
  async (input: RenewInput): Promise<Result<RenewalAnswer, Refused>> => {
    const facts = await ports.lineageFacts(input.lineageId);
    try {
      const outcome = await renewOf(ports, input, facts);
      ports.counted?.(facts?.profile ?? null, resultOf(outcome));
      return outcome;
    } catch (fault) {
      ports.counted?.(facts?.profile ?? null, 'failed');
      throw fault;
    }
  };

const resultOf = (outcome: Result<RenewalAnswer, Refused>): RenewalResult =>
  outcome.ok ? 'issued' : outcome.error.retryAfterSeconds === null ? 'refused' : 'waiting';

async function renewOf(
  ports: RenewPorts,
  input: RenewInput,
  facts: LineageFacts | null,
): Promise<Result<RenewalAnswer, Refused>> {
  const { lineageId, bodySha256, now } = input;
  if (facts?.deviceId !== input.deviceId) return notTheirs(ports, input, facts);

  // 1 The same octets again get what came of them; what a crash left of them is taken up.
  const earlier = await ports.findRenewal(lineageId, bodySha256);
  if (earlier !== null && earlier.admittedAt >= sameSince(now)) return again(ports, { input, facts }, earlier);
  if (!input.nonce.isFresh) throw new Error('a request whose nonce was not spent is none that came before');

  // 2 A device that is suspended, has no grant any more, or is not attested, is told so before anything is counted.
  const state = lineageState(facts, now);
  if (state.kind === 'blocked') return refuseEarly(ports, input, refusedWith(blockedRefusal(state.because)));
  const held = await heldBack(ports, input);
  if (held !== null) return refuseEarly(ports, input, held);

  // 3 Admission: the ceiling, who goes first, and the row that a retransmission finds; one transaction.
  const id = ports.newId();
  const request = new Uint8Array(Buffer.from(input.body.request, 'base64url'));
  const admitted = await ports.admitRenewal(
    { id, lineageId, bodySha256, request, at: now, leaseUntil: leaseFrom(now) },
    { sameSince: sameSince(now), decide: (counted) => admitRenewal(counted, ports.limits, now) },
  );
  switch (admitted.kind) {
    case 'wait':
      return err(waitRefusal(admitted));
    case 'underWay':
      return err(underWayRefusal(admitted.until, now));
    case 'same':
      return again(ports, { input, facts }, admitted.renewal);
    case 'admitted':
      return work(ports, { input, facts, renewal: admitted.renewal, isResumed: false });
    default:
      return admitted satisfies never;
  }
}

type Asked = { readonly input: RenewInput; readonly facts: LineageFacts };
type Work = Asked & { readonly renewal: RenewalRecord; readonly isResumed: boolean };

/** What became of the same octets. */
async function again(ports: RenewPorts, asked: Asked, renewal: RenewalRecord): Promise<Result<RenewalAnswer, Refused>> {
  const { now } = asked.input;
  if (renewal.fingerprint !== null) return stored(ports, renewal, renewal.fingerprint);
  if (renewal.refusals !== null) return err({ refusals: renewal.refusals, retryAfterSeconds: null });
  if (renewal.leaseUntil !== null && now < renewal.leaseUntil) return err(underWayRefusal(renewal.leaseUntil, now));
  const held = await heldBack(ports, asked.input);
  if (held !== null) return refuseEarly(ports, asked.input, held);
  const isOurs = await ports.resumeRenewal(renewal.id, now, leaseFrom(now));
  return isOurs ? work(ports, { ...asked, renewal, isResumed: true }) : err(retrySoon);
}

/** Steps 4 to 8, for whoever holds the renewal's lease. */
async function work(ports: RenewPorts, of: Work): Promise<Result<RenewalAnswer, Refused>> {
  const { input, facts, renewal } = of;
  const { now } = input;
  const device = await ports.findDevice(input.deviceId);
  const grants = await ports.grantsOf(input.deviceId);
  const grant = grants.find(({ profile, place }) => profile === facts.profile && place === facts.place);
  const profile = ports.profiles.get(facts.profile);
  if (device === null || grant === undefined) return refuse(ports, of, [blockedRefusal('notGranted')]);
  if (profile === undefined) return refuse(ports, of, [refusedFor('unknownProfile', facts.profile)]);
  if (!profile.obtainedBy.includes('device')) {
    return refuse(ports, of, [refusedFor('profileNotForDevices', facts.profile)]);
  }

  // 4 The proof: the TPM of this device, over this nonce and these octets.
  const { body, nonce } = input;
  const proved = await ports.prove({
    ...{ device, profile, grant, body, now },
    lineageId: facts.id,
    nonce: nonce.octets,
  });
  if (!proved.ok) return refuse(ports, of, proved.error);

  // 5 The plan, made from the grant; every rule that it breaks is told.
  const request = requestOf({ device, profile, proved: proved.value, renewal, now });
  const planned = ports.preview(request);
  if (!planned.ok) return refuse(ports, of, planned.error);

  // 6 Key, evidence and attested firmware, together; device and renewal are held meanwhile.
  const { evidence, firmwareVersion, tpmKey, spkiSha256 } = proved.value;
  const key = { evidence, firmwareVersion, tpmKey, spkiSha256 };
  const taken = await ports.takeRenewalKey({ ...key, renewalId: renewal.id, deviceId: device.id, at: now });
  if (taken !== 'taken') return notTaken(ports, of, taken);

  // 7 Issuance: intent, signature, result. The result concludes the renewal.
  const issued = await ports.issue(request);
  if (!issued.ok) return notIssued(ports, of, issued.error);

  // 8 The answer.
  return ok({ state: 'issued', recovered: renewal.isRecovery, certificate: issuedResource(issued.value, facts.id) });
}

const requestOf = (made: {
  readonly device: Device;
  readonly profile: Profile;
  readonly proved: ProvedClaim;
  readonly renewal: RenewalRecord;
  readonly now: Date;
}): IssueRequest => ({
  profile: made.profile,
  subject: {
    hostName: made.device.hostName,
    keylimeUuid: made.device.keylimeUuid,
    principal: null,
    hardwareSerial: made.proved.hardwareSerial,
    names: made.proved.names,
  },
  key: made.proved.key,
  holder: { kind: 'device', deviceId: made.device.id },
  principal: `device:${made.device.id}`,
  lineageId: made.renewal.lineageId,
  conversationId: made.renewal.id,
  idempotency: null,
  now: made.now,
});

/** Ends the renewal; only what was resumed stays open, since its own octets and nonce were good enough to be recorded. */
async function refuse(ports: RenewPorts, of: Work, refusals: readonly Refusal[]): Promise<Result<never, Refused>> {
  const { renewal, input, isResumed } = of;
  if (isResumed) await ports.releaseRenewal(renewal.id, input.now);
  else {
    const principal = `device:${input.deviceId}`;
    await ports.refuseRenewal({ id: renewal.id, refusals, at: input.now, principal });
  }
  return err({ refusals, retryAfterSeconds: null });
}

async function notTaken(
  ports: RenewPorts,
  of: Work,
  outcome: Exclude<TakeKeyOutcome, 'taken'>,
): Promise<Result<never, Refused>> {
  return outcome === 'lost' ? err(lostRefusal) : refuse(ports, of, [keyRefusal(outcome)]);
}

/** What passes by itself leaves the renewal open for the same octets; the rest is their end. */
async function notIssued(ports: RenewPorts, of: Work, refusals: readonly Refusal[]): Promise<Result<never, Refused>> {
  const passing: readonly string[] = ['issuanceInProgress', 'issuanceAbandoned'];
  if (!refusals.every(({ reason }) => passing.includes(reason))) return refuse(ports, of, refusals);
  await ports.releaseRenewal(of.renewal.id, of.input.now);
  return err({ refusals, retryAfterSeconds: 2 });
}

async function stored(
  ports: RenewPorts,
  renewal: RenewalRecord,
  fingerprint: string,
): Promise<Result<RenewalAnswer, Refused>> {
  const found = await ports.certificate(fingerprint);
  if (found === null) throw new Error(`the certificate ${fingerprint} of a renewal is not there`);
  const { profile, pem, chain, notAfter, renewAt } = found;
  const certificate = { profile, lineage: renewal.lineageId, certificate: pem, chain, notAfter, renewAt };
  return ok({ state: 'issued', recovered: renewal.isRecovery, certificate });
}

/** Another's lineage is told from one that does not exist by nobody; that somebody tried it is told to people. */
async function notTheirs(
  ports: Pick<RenewPorts, 'recordNotice'>,
  input: RenewInput,
  facts: LineageFacts | null,
): Promise<Result<never, Refused>> {
  const key = facts === null ? null : { topic: 'alarm', key: input.lineageId };
  await tellRefused(ports, input, { refusal: unknownLineage, tell: key });
  return err({ refusals: [unknownLineage], retryAfterSeconds: null });
}

/** Held or not, the lineage is as it was: nothing is counted. */
async function heldBack(ports: RenewPorts, { deviceId, now }: RenewInput): Promise<Refused | null> {
  const hold = (await ports.attestationHold?.(deviceId, now)) ?? null;
  return hold === null ? null : heldRefusal(hold);
}

async function refuseEarly(
  ports: Pick<RenewPorts, 'recordNotice'>,
  input: RenewInput,
  refused: Refused,
): Promise<Result<never, Refused>> {
  for (const refusal of refused.refusals) await tellRefused(ports, input, { refusal, tell: null });
  return err(refused);
}

const tellRefused = (
  ports: Pick<RenewPorts, 'recordNotice'>,
  { deviceId, lineageId, now }: RenewInput,
  told: { readonly refusal: Refusal; readonly tell: { readonly topic: string; readonly key: string } | null },
): Promise<void> =>
  ports.recordNotice({
    at: now,
    event: 'renewal.refused',
    principal: `device:${deviceId}`,
    facts: { lineage: lineageId, refusals: [told.refusal] },
    tell: told.tell,
  });
