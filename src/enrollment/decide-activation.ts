// What to do with an activation before anything in it is believed: a retransmission, a replay, too late, or worth a look.
// Pure; the secret is compared here and nowhere else.
import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type ApprovedEnrollment,
  type ChallengedEnrollment,
  type Enrollment,
  isChallengeExpired,
  isLapsed,
  isLeased,
  isRetransmission,
  type IssuedEnrollment,
} from '../domain/enrollment.ts';
import type { Refusal } from '../domain/result.ts';
import { wireTime } from '../domain/wire.ts';

export type ActivationReason =
  | 'wrongSecret'
  | 'challengeSpent'
  | 'challengeExpired'
  | 'approvalLapsed'
  | 'enrollmentRejected'
  | 'activationInProgress';

/** What to do with an activation, before anything in it is believed. */
export type ActivationDecision =
  /** The same octets again: the answer that they got. */
  | { readonly do: 'answer'; readonly enrollment: IssuedEnrollment }
  | { readonly do: 'answerPending' }
  | { readonly do: 'refuse'; readonly refusals: readonly Refusal[] }
  /** The same octets again, and a crash left them without a result. */
  | { readonly do: 'resumeProof' }
  | { readonly do: 'resumeIssuing' }
  /** The right secret, for the first time. */
  | { readonly do: 'burn' };

/**
 * Decides about an activation by its octets and its secret. A retransmission is answered before the secret is looked at;
 * the secret is compared in constant time, and only who knows it learns that it was spent or came too late.
 */
export function decideActivation(
  enrollment: Enrollment,
  activation: { readonly bodySha256: string; readonly secret: Uint8Array; readonly now: Date },
): ActivationDecision {
  const { bodySha256, secret, now } = activation;
  if (isRetransmission(enrollment.activation, bodySha256, now)) return decideRetransmission(enrollment, now);
  const presented = createHash('sha256').update(secret).digest();
  if (!timingSafeEqual(presented, enrollment.challenge.secretSha256)) return refuse(wrongSecret);
  if (enrollment.state === 'rejected') return refuse(rejected(enrollment.rejection));
  if (enrollment.challenge.spentAt !== null || !isChallengeable(enrollment)) return refuse(challengeSpent);
  if (isChallengeExpired(enrollment.challenge, now)) return refuse(challengeExpired(enrollment.challenge.expiresAt));
  if (enrollment.state === 'approved' && isLapsed(enrollment, now)) return refuse(approvalLapsed);
  return { do: 'burn' };
}

const isChallengeable = (enrollment: Enrollment): enrollment is ChallengedEnrollment | ApprovedEnrollment =>
  enrollment.state === 'challenged' || enrollment.state === 'approved';

function decideRetransmission(enrollment: Enrollment, now: Date): ActivationDecision {
  const { activation } = enrollment;
  if (enrollment.state === 'issued') return { do: 'answer', enrollment };
  if (enrollment.state === 'rejected') return refuse(rejected(enrollment.rejection));
  if (enrollment.state === 'pending') return { do: 'answerPending' };
  if (activation === null) throw new Error('a retransmission has an activation');
  if (activation.refusals !== null) return { do: 'refuse', refusals: activation.refusals };
  // Approved since, and the fresh challenge unspent: these octets were answered "pending" then, and are now.
  if (enrollment.state === 'approved' && enrollment.challenge.spentAt === null) return { do: 'answerPending' };
  if (isLeased(activation, now)) return refuse(inProgress);
  return enrollment.state === 'authorized' ? { do: 'resumeIssuing' } : { do: 'resumeProof' };
}

const refuse = (refusal: Refusal<ActivationReason>): ActivationDecision => ({ do: 'refuse', refusals: [refusal] });

const wrongSecret: Refusal<ActivationReason> = {
  reason: 'wrongSecret',
  detail: 'the secret is not the one that this TPM was challenged with',
  field: 'secret',
  accepted: 'what TPM2_ActivateCredential gives for this challenge',
};

const challengeSpent: Refusal<ActivationReason> = {
  reason: 'challengeSpent',
  detail: 'the challenge was answered already, by other octets or too long ago',
  accepted: 'the identical request within 24 hours, or a new enrollment',
};

const challengeExpired = (at: Date): Refusal<ActivationReason> => ({
  reason: 'challengeExpired',
  detail: `the challenge could be answered until ${wireTime(at)}`,
  accepted: 'a new enrollment; after an approval, GET /v1/enrollments/{id} gives a fresh challenge',
});

/** What a person approved waits for its host for seven days. */
export const approvalLapsed: Refusal<ActivationReason> = {
  reason: 'approvalLapsed',
  detail: 'the enrollment waited for more than seven days',
  accepted: 'a new enrollment',
};

/** Somebody decided against it, or a newer enrollment of the same host took its place. */
export const rejected = (why: string): Refusal<ActivationReason> => ({
  reason: 'enrollmentRejected',
  detail: `the enrollment was rejected: ${why}`,
  accepted: 'a new enrollment, once the reason is gone',
});

/** Another server, or another connection, works on the same octets. */
export const inProgress: Refusal<ActivationReason> = {
  reason: 'activationInProgress',
  detail: 'the same activation is worked on at this moment',
  accepted: 'the identical request again, a little later',
};
