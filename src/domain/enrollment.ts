// One conversation of first contact: its states, each with its own facts, and the questions that need an instant.
// "expired" and "lapsed" are such questions, never states. What a state is decided from is in enrollment/.
import type { Grant } from './device.ts';
import type { Refusal } from './result.ts';
import type { EnrollmentAnswer } from './wire.ts';

/** A challenge can be answered for five minutes. */
export const challengeLifetimeSeconds = 300;

/** An activation that is sent again octet for octet gets its answer for a day. */
const retransmissionSeconds = 86_400;

/** What waits for a person, and what a person approved, lapses after a week. */
export const approvalLifetimeSeconds = 7 * 86_400;

/** An activation that is worked on counts as left by a crash after so long. */
export const activationLeaseSeconds = 60;

/** The one rule that a pre-registered EK may break. */
export type EndorsementException = 'rocaWeak' | 'noCertificate';

/** An endorsement key as it was presented and checked. */
export type PresentedEndorsementKey = {
  /** SHA-256 of the SubjectPublicKeyInfo DER, lower-case hex: what people compare. */
  readonly fingerprint: string;
  /** TPM2B_PUBLIC. */
  readonly public: Uint8Array;
  /** As they were sent: its own certificate first. Empty under the exception. */
  readonly certificates: readonly Uint8Array[];
  /** From its certificate to the root that was accepted, each in DER; empty without a certificate. */
  readonly path: readonly Uint8Array[];
  /** Whether the dates of the path had to be good: they decide at first enrollment only. */
  readonly validity: 'enforced' | 'ignored';
  readonly exception: EndorsementException | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly version: string | null;
  readonly certificateNotAfter: Date | null;
  /** hwSerialNum for the HardwareModuleName. */
  readonly hardwareSerial: string;
  /** `hash_ek`; null unless this is an RSA-2048 EK. */
  readonly keylimeUuid: string | null;
};

/** What the TPM was asked to prove. The secret is kept as its SHA-256 only. */
export type Challenge = {
  readonly secretSha256: Uint8Array;
  readonly nonce: Uint8Array;
  readonly expiresAt: Date;
  readonly spentAt: Date | null;
};

/** The activation that spent the challenge: its exact body, and what has come of it. */
export type Activation = {
  readonly bodySha256: string;
  readonly at: Date;
  /** Somebody works on it until then. */
  readonly leaseUntil: Date | null;
  readonly refusals: readonly Refusal[] | null;
};

/** Everything but the activation itself, so that it can be verified again; binary in base64url. */
export type Evidence = {
  readonly version: 1;
  readonly enrollment: string;
  readonly nonce: string;
  /** The octets of `request`. */
  readonly request: string;
  readonly checkedAt: string;
  readonly endorsementKey: {
    readonly public: string;
    readonly path: readonly string[];
    readonly validity: 'enforced' | 'ignored';
    readonly exception: EndorsementException | null;
  };
  readonly attestationKey: { readonly public: string };
  readonly certifications: readonly {
    readonly role: 'request' | 'devid';
    readonly public: string;
    readonly attest: string;
    readonly signature: string;
    readonly proof: string;
  }[];
};

/** What an activation proved. `requestKey` is null when a further EK joined a device and brought no keys. */
export type Proof = {
  readonly request: Uint8Array;
  readonly evidence: Evidence;
  readonly requestKey: { readonly public: Uint8Array; readonly spkiSha256: string } | null;
};

/** Why it is alarming that a proved TPM waits for a person; `device` is the one whose place it would take. */
export type PendingAlarm = {
  readonly kind:
    | 'nameHeldByAnotherTpm'
    | 'endorsementKeyNotProved'
    | 'absentTooLong'
    | 'notOverdue'
    | 'attestationFailing'
    | 'beyondOldGrants';
  readonly detail: string;
  readonly device: string;
};

/** What a person decided, looking at one version of the record. */
export type Approval = {
  readonly by: string;
  readonly at: Date;
  readonly grants: readonly Grant[];
  /** The device of this name that the person knew would be retired for this one. */
  readonly replaces: string | null;
};

type Common = {
  readonly id: string;
  readonly version: number;
  readonly hostName: string;
  readonly tokenId: string | null;
  readonly endorsementKey: PresentedEndorsementKey;
  /** TPM2B_PUBLIC, and the Name in lower-case hex. */
  readonly attestationKey: { readonly public: Uint8Array; readonly name: string };
  readonly challenge: Challenge;
  readonly activation: Activation | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export type ChallengedEnrollment = Common & { readonly state: 'challenged' };
export type PendingEnrollment = Common & { readonly state: 'pending'; readonly proof: Proof };
export type ApprovedEnrollment = Common & {
  readonly state: 'approved';
  readonly proof: Proof;
  readonly approval: Approval;
};
export type AuthorizedEnrollment = Common & {
  readonly state: 'authorized';
  readonly proof: Proof;
  readonly deviceId: string;
};
export type IssuedEnrollment = Common & {
  readonly state: 'issued';
  readonly proof: Proof;
  readonly deviceId: string;
  readonly answer: Extract<EnrollmentAnswer, { readonly state: 'issued' }>;
};
export type RejectedEnrollment = Common & {
  readonly state: 'rejected';
  readonly rejection: string;
  /** Null when it never got so far as to prove one. */
  readonly requestKey: Proof['requestKey'];
};

/** challenged → pending → approved → authorized → issued, or straight from challenged to authorized; or rejected. */
export type Enrollment =
  | ChallengedEnrollment
  | PendingEnrollment
  | ApprovedEnrollment
  | AuthorizedEnrollment
  | IssuedEnrollment
  | RejectedEnrollment;

const after = (instant: Date, seconds: number): Date => new Date(instant.getTime() + seconds * 1000);

/** Whether a challenge can no longer be answered; it can at the very instant of its end. */
export const isChallengeExpired = (challenge: Challenge, now: Date): boolean => now > challenge.expiresAt;

/** When what waits, or the approval it got, lapses. */
export const lapsesAt = (enrollment: PendingEnrollment | ApprovedEnrollment): Date =>
  after(enrollment.state === 'approved' ? enrollment.approval.at : enrollment.updatedAt, approvalLifetimeSeconds);

/** Whether it has lapsed. */
export const isLapsed = (enrollment: PendingEnrollment | ApprovedEnrollment, now: Date): boolean =>
  now > lapsesAt(enrollment);

/** Whether this body is the one that spent the challenge, within the time in which it may be sent again. */
export const isRetransmission = (activation: Activation | null, bodySha256: string, now: Date): boolean =>
  activation?.bodySha256 === bodySha256 && now <= after(activation.at, retransmissionSeconds);

/** Whether somebody works on the activation at this instant. */
export const isLeased = (activation: Activation, now: Date): boolean =>
  activation.leaseUntil !== null && now < activation.leaseUntil;
