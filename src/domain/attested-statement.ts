// What an attestation key says about the keys of a host: a statement that binds them to one conversation and one request.
// Also what a certificate's key says of its own use. Host and server build them alike; what a request asks is not known
// here.
import { createHash } from 'node:crypto';

/** What a statement is bound to. */
export type StatementBinding = {
  /** Of the enrollment, or of the lineage that is renewed: 36 characters of lower-case UUID text. */
  readonly id: string;
  /** 32 octets of the challenge; for a renewal those of the request's nonce, decoded. */
  readonly nonce: Uint8Array;
  /** The octets of the request document as they were sent. */
  readonly request: Uint8Array;
};

/** What is done with it: a statement for the one is never good for the other. */
export type StatementPurpose = 'enrollment' | 'renewal';

/**
 * The octets that are hashed into the qualifyingData: "omens-<purpose>-v1" ‖ 00 ‖ id ‖ nonce ‖ SHA-256(request). Keys
 * sign the same digest, so this is also the message of their proofs.
 */
export const attestedStatement = (purpose: StatementPurpose, { id, nonce, request }: StatementBinding): Uint8Array =>
  new Uint8Array(
    Buffer.concat([
      Buffer.from(`omens-${purpose}-v1\0`, 'ascii'),
      Buffer.from(id, 'ascii'),
      nonce,
      createHash('sha256').update(request).digest(),
    ]),
  );

/** SHA-256 of the statement: 32 octets, which even small TPMs take as qualifyingData. */
export const attestedDigest = (purpose: StatementPurpose, binding: StatementBinding): Uint8Array =>
  new Uint8Array(createHash('sha256').update(attestedStatement(purpose, binding)).digest());

/**
 * What a certificate's own key signs, with SHA-256, to show that it is in use: "omens-confirmation-v1" ‖ 00 ‖ fingerprint ‖
 * nonce.
 * @param fingerprint SHA-256 of the certificate's DER, 64 lower-case hex characters.
 * @param nonce those of the request's nonce, decoded.
 */
export const confirmationMessage = (fingerprint: string, nonce: Uint8Array): Uint8Array =>
  new Uint8Array(
    Buffer.concat([Buffer.from('omens-confirmation-v1\0', 'ascii'), Buffer.from(fingerprint, 'ascii'), nonce]),
  );
