// First contact, second half. Read `activate` from top to bottom: the challenge is burnt before anything is planned,
// everything is taken at once, and only then is something signed, so that a crash at any instant is harmless.
import { activationLeaseSeconds, type Enrollment, type PendingEnrollment } from '../domain/enrollment.ts';
import { hexOf } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { shownFirmwareVersion } from '../domain/tpm-denials.ts';
import type { ActivationBody, EnrollmentAnswer } from '../domain/wire.ts';
import type { AuthorizationReason } from './authorize.ts';
import { type ActivationReason, decideActivation, inProgress } from './decide-activation.ts';
import { endorsementDenial, type EndorsementDenialReason } from './denied-tpm.ts';
import { type IssuePorts, issueGranted } from './issue-granted.ts';
import { type JudgePorts, type JudgeReason, type Judgement, judgeActivation } from './judge-activation.ts';
import { octetsOf } from './octets.ts';
import { readAttestationKey } from './presented-tpm.ts';
import type { Context, EnrollmentStore } from './records.ts';
import type { ActivationStep, Taking, TakingOutcome, TpmKeyRecord } from '../domain/taking.ts';
import { sha256Hex } from '../x509/digest.ts';

export type ActivateReason =
  | 'unknownEnrollment'
  | 'keyHeldElsewhere'
  | 'keyCompromised'
  | 'hostNameTaken'
  | ActivationReason
  | EndorsementDenialReason
  | AuthorizationReason
  | JudgeReason;

export type ActivatePorts = JudgePorts &
  IssuePorts &
  Pick<
    EnrollmentStore,
    'findEnrollment' | 'burnChallenge' | 'resumeActivation' | 'recordRefusals' | 'recordPending' | 'take'
  >;

export type ActivationInput = {
  readonly id: string;
  readonly body: ActivationBody;
  /** SHA-256 of the body as it came, lower-case hex: what makes the same request the same. */
  readonly bodySha256: string;
};

type Answer = Result<EnrollmentAnswer, readonly Refusal[]>;

/** Seconds after which a host that waits for a person asks again. */
const pendingRetrySeconds = 60;

/**
 * Answers an activation. Throws when the store or issuance fails: the identical request, sent again, goes on from where
 * it stopped and ends in the same certificates.
 */
export const activate =
  (ports: ActivatePorts) =>
  async (input: ActivationInput, { now }: Context): Promise<Answer> => {
    const { id, body, bodySha256 } = input;
    const step: ActivationStep = { id, bodySha256, at: now };

    // 1 What is known of it, and whether the secret is right. A retransmission gets its answer here.
    const secret = octetsOf(body.secret, 'secret', 64);
    if (!secret.ok) return err([secret.error]);
    const enrollment = await ports.findEnrollment(id);
    if (enrollment === null) return err([unknownEnrollment]);
    const decision = decideActivation(enrollment, { bodySha256, secret: secret.value, now });
    if (decision.do === 'refuse') return err(decision.refusals);
    if (decision.do === 'answer') return ok(decision.enrollment.answer);
    if (decision.do === 'answerPending') return ok(pendingAnswer(enrollment));

    // 2 The challenge is burnt for these octets, or what a crash left of them is taken over; one caller gets it.
    const leaseUntil = new Date(now.getTime() + activationLeaseSeconds * 1000);
    const isOurs = await (decision.do === 'burn'
      ? ports.burnChallenge({ ...step, nonce: enrollment.challenge.nonce, leaseUntil })
      : ports.resumeActivation({ ...step, leaseUntil }));
    if (!isOurs) return err([inProgress]);
    const denial = endorsementDenial(ports.tpmDenials, enrollment.endorsementKey);
    if (denial !== null) return refuse(ports, step, [denial]);
    if (enrollment.state === 'authorized') return issueGranted(ports)(enrollment, step);
    if (enrollment.state !== 'challenged' && enrollment.state !== 'approved') return err([inProgress]);

    // 3 What the TPM says, whether it authorizes, and what would be issued. Nothing is written while any of it fails.
    const judged = await judgeActivation(ports)(enrollment, body, now);
    if (!judged.ok) return refuse(ports, step, judged.error);

    // 4 Nobody has authorized it: a person decides.
    const { authorization, proof } = judged.value;
    if (authorization.kind === 'pending') {
      const pending = await ports.recordPending({ ...step, proof, alarm: authorization.alarm });
      return pending === null ? err([inProgress]) : ok(pendingAnswer(pending));
    }

    // 5 Device, keys, names, grants, token: all of them taken together, or none.
    const taking = takingOf(enrollment, judged.value, { step, leaseUntil });
    const taken = await ports.take(taking);
    if (taken.kind === 'lost') return err([inProgress]);
    if (taken.kind === 'conflict') return refuse(ports, step, [conflicts[taken.with]]);
    if (taking.answer !== null) return ok(taking.answer);

    // 6 What was granted is issued, one after the other, and the answer kept.
    const { id: deviceId } = judged.value.device;
    return issueGranted(ports)({ ...enrollment, state: 'authorized', proof, deviceId }, step);
  };

/** 202: proved, and waiting. */
export const pendingAnswer = (
  enrollment: Pick<PendingEnrollment | Enrollment, 'endorsementKey' | 'version'>,
): EnrollmentAnswer => ({
  state: 'pending',
  ekFingerprint: enrollment.endorsementKey.fingerprint,
  version: enrollment.version,
  retryAfter: pendingRetrySeconds,
});

async function refuse(ports: ActivatePorts, step: ActivationStep, refusals: readonly Refusal[]): Promise<Answer> {
  await ports.recordRefusals({ ...step, refusals });
  return err(refusals);
}

type Judged = Judgement & { readonly authorization: { readonly kind: string } };

function takingOf(
  enrollment: Extract<Enrollment, { readonly state: 'challenged' | 'approved' }>,
  judged: Judged,
  { step, leaseUntil }: { readonly step: ActivationStep; readonly leaseUntil: Date },
): Taking {
  const { authorization, device, keys, granted, proof } = judged;
  if (authorization.kind !== 'authorized') throw new Error('nothing is taken without authorization');
  const { hostName, endorsementKey, tokenId } = enrollment;
  const { by, principal, replaces, grants, absentSince } = authorization;
  const answerDevice = { id: device.id, hostName, keylimeUuid: device.keylimeUuid };
  return {
    enrollmentId: step.id,
    bodySha256: step.bodySha256,
    at: step.at,
    leaseUntil,
    by,
    principal,
    tokenId: by === 'join' ? null : tokenId,
    isTokenNeeded: by === 'token',
    device: { id: device.id, isNew: device.isNew, hostName, keylimeUuid: device.keylimeUuid, replaces },
    endorsementKey: { ...endorsementKey, spkiSha256: endorsementKey.fingerprint },
    tpmKeys: by === 'join' ? [] : [attestationKeyOf(enrollment), ...keys.map(recordOf)],
    softwareKeys: granted.filter(({ csr }) => csr !== null).map(({ spkiSha256 }) => spkiSha256),
    grants,
    lineages: granted.map(({ grant }) => ({ profile: grant.profile, place: grant.place })),
    proof,
    absentSince,
    firmware: keys[0] === undefined ? null : shownFirmwareVersion(keys[0].firmwareVersion),
    answer: by === 'join' ? { state: 'issued', device: answerDevice, certificates: [] } : null,
  };
}

const recordOf = ({ name, role, public: area, spkiSha256 }: Judgement['keys'][number]): TpmKeyRecord => ({
  name,
  role,
  public: area,
  spkiSha256,
});

function attestationKeyOf({ id, attestationKey }: Enrollment): TpmKeyRecord {
  const ak = readAttestationKey(attestationKey.public);
  if (!ak.ok || hexOf(ak.value.name) !== attestationKey.name) throw new Error(`the AK of enrollment ${id} is no good`);
  const spkiSha256 = sha256Hex(ak.value.publicKey.spkiDer);
  return { name: attestationKey.name, role: 'attestation', public: attestationKey.public, spkiSha256 };
}

/** No such enrollment, or not for who asks: the two are not told apart. */
export const unknownEnrollment: Refusal<'unknownEnrollment'> = {
  reason: 'unknownEnrollment',
  detail: 'there is no such enrollment',
  accepted: 'a new enrollment: POST /v1/enrollments',
};

const keyHeldElsewhere: Refusal<ActivateReason> = {
  reason: 'keyHeldElsewhere',
  detail: 'one of the keys is already known as a key of another device or purpose',
  field: 'request',
  accepted: 'fresh keys: a key has one holder and one purpose',
};

type Conflict = Extract<TakingOutcome, { readonly kind: 'conflict' }>['with'];

/** Somebody else was quicker, or held it all along. */
const conflicts: Readonly<Record<Conflict, Refusal<ActivateReason>>> = {
  token: {
    reason: 'spentEnrollmentToken',
    detail: 'the token was spent, revoked or expired meanwhile: it enrolls one host, once',
    field: 'token',
    accepted: 'a new token: omens tokens create --host',
  },
  hostName: {
    reason: 'hostNameTaken',
    detail: 'another device has taken this host name meanwhile',
    field: 'hostName',
    accepted: 'a new enrollment, and an approval that retires that device',
  },
  device: {
    reason: 'deviceNotActive',
    detail: 'the device is suspended or retired',
    accepted: 'omens devices resume',
  },
  endorsementKey: {
    reason: 'endorsementKeyOfAnotherDevice',
    detail: 'this endorsement key belongs to another device',
    field: 'ekPublic',
    accepted: 'the host name of that device, or its retirement',
  },
  tpmKey: keyHeldElsewhere,
  publicKey: keyHeldElsewhere,
  compromisedKey: {
    reason: 'keyCompromised',
    detail: 'a certificate for one of the keys was revoked for keyCompromise',
    field: 'request',
    accepted: 'fresh keys',
  },
};
