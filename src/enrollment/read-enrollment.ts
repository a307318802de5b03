// What the host itself may ask about its enrollment, by its request key: the state, and after an approval the fresh
// challenge with which the proof is repeated. Signatures are checked elsewhere, with the key that is found here.
import { type ApprovedEnrollment, isLapsed, isLeased } from '../domain/enrollment.ts';
import type { KnownRequestKey } from '../domain/request-signature.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { EnrollmentAnswer } from '../domain/wire.ts';
import { publicKeyOf } from '../tpm2/subject-public-key-info.ts';
import { pendingAnswer, unknownEnrollment } from './activate.ts';
import { makeChallenge } from './begin.ts';
import { type ActivationReason, approvalLapsed, inProgress, rejected } from './decide-activation.ts';
import { readAttestationKey, readEndorsementKey, readPublicArea } from './presented-tpm.ts';
import type { Context, EnrollmentStore } from './records.ts';

export type ReadEnrollmentReason = 'unknownEnrollment' | ActivationReason;

export type ReadEnrollmentPorts = Pick<EnrollmentStore, 'findEnrollment' | 'renewChallenge'> & {
  readonly random: (octets: number) => Uint8Array;
};

/** The state of an enrollment, for who holds the request key that it was made with (hex SHA-256 of its SPKI). */
export const readEnrollment =
  (ports: ReadEnrollmentPorts) =>
  async (
    input: { readonly id: string; readonly requestKeySha256: string },
    { now }: Context,
  ): Promise<Result<EnrollmentAnswer, Refusal<ReadEnrollmentReason>>> => {
    const enrollment = await ports.findEnrollment(input.id);
    if (enrollment === null || enrollment.state === 'challenged') return err(unknownEnrollment);
    const requestKey = enrollment.state === 'rejected' ? enrollment.requestKey : enrollment.proof.requestKey;
    if (requestKey?.spkiSha256 !== input.requestKeySha256) return err(unknownEnrollment);
    switch (enrollment.state) {
      case 'pending':
        return isLapsed(enrollment, now) ? err(approvalLapsed) : ok(pendingAnswer(enrollment));
      case 'approved':
        return isLapsed(enrollment, now) ? err(approvalLapsed) : freshChallenge(ports, enrollment, now);
      // The host has the octets of its activation: sent again, they go on from where it stopped.
      case 'authorized':
        return err(inProgress);
      case 'issued':
        return ok(enrollment.answer);
      case 'rejected':
        return err(rejected(enrollment.rejection));
      default:
        return enrollment satisfies never;
    }
  };

/** Another challenge for an approved host, unless the last one's answer is being worked on. */
async function freshChallenge(
  ports: ReadEnrollmentPorts,
  enrollment: ApprovedEnrollment,
  now: Date,
): Promise<Result<EnrollmentAnswer, Refusal<ReadEnrollmentReason>>> {
  const { id, activation, endorsementKey, attestationKey } = enrollment;
  if (activation !== null && isLeased(activation, now)) return err(inProgress);
  const ek = readEndorsementKey(endorsementKey.public);
  const ak = readAttestationKey(attestationKey.public);
  if (!ek.ok || !ak.ok) throw new Error(`the stored keys of enrollment ${id} are no good`);
  const made = makeChallenge(ports.random, { key: ek.value, akName: ak.value.name, now });
  const isRenewed = await ports.renewChallenge(id, made.challenge, now);
  return isRenewed ? ok({ state: 'approved', ...made.resource }) : err(inProgress);
}

/** Finds a request key. Knows no other key of a host: a DevID's signature authorizes nothing. */
export const requestKeyOf =
  (ports: Pick<EnrollmentStore, 'findRequestKey'>) =>
  async (input: { readonly requestKeySha256: string }): Promise<KnownRequestKey | null> => {
    const found = await ports.findRequestKey(input.requestKeySha256);
    if (found === null) return null;
    const area = readPublicArea(found.public, 'requestKey');
    const key = area.ok ? publicKeyOf(area.value) : area;
    if (!key.ok) throw new Error('a stored request key is no good');
    return { publicKey: key.value.spkiDer, deviceId: found.deviceId, enrollmentIds: found.enrollmentIds };
  };
