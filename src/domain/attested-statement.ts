// What an attestation key says about the keys of a host: a statement that binds them to one conversation and one request.
// Host and server build it alike; what is in the request is not known here.
import { createHash } from 'node:crypto';

/** What a statement is bound to. */
export type StatementBinding = {
  /** The conversation's id: 36 characters of lower-case UUID text. */
  readonly id: string;
  /** 32 octets. */
  readonly nonce: Uint8Array;
  /** The octets of the request document as they were sent. */
  readonly request: Uint8Array;
};

/**
 * The octets that are hashed into the qualifyingData: "omens-enrollment-v1" ‖ 00 ‖ id ‖ nonce ‖ SHA-256(request). Keys
 * sign the same digest, so this is also the message of their proofs.
 */
export const enrollmentStatement = ({ id, nonce, request }: StatementBinding): Uint8Array =>
  new Uint8Array(
    Buffer.concat([
      Buffer.from('omens-enrollment-v1\0', 'ascii'),
      Buffer.from(id, 'ascii'),
      nonce,
      createHash('sha256').update(request).digest(),
    ]),
  );

/** SHA-256 of the statement: 32 octets, which even small TPMs take as qualifyingData. */
export const enrollmentDigest = (binding: StatementBinding): Uint8Array =>
  new Uint8Array(createHash('sha256').update(enrollmentStatement(binding)).digest());
