// Reads again what an activation proved, out of its stored octets. They were verified before they were stored, so that
// anything wrong with them now is a fault of ours.
import type { Enrollment, Proof } from '../domain/enrollment.ts';
import { octetsOfBase64url } from '../domain/octets.ts';
import { certificationsIn } from './evidence.ts';
import { parseRequestDocument, type RequestDocument } from './request-document.ts';
import { readAttestationKey } from './presented-tpm.ts';
import { type ProvedKey, proveKeys } from './prove.ts';

/** The document and its proved keys. */
export function readProof(enrollment: Pick<Enrollment, 'id' | 'attestationKey'> & { readonly proof: Proof }): {
  readonly document: RequestDocument;
  readonly keys: readonly ProvedKey[];
} {
  const { request, evidence } = enrollment.proof;
  const document = parseRequestDocument(request);
  const ak = readAttestationKey(enrollment.attestationKey.public);
  if (!document.ok || !ak.ok) throw new Error(`the stored request of enrollment ${enrollment.id} cannot be read`);
  const keys = proveKeys({
    akPublic: ak.value.area,
    binding: { id: enrollment.id, nonce: octetsOfBase64url(evidence.nonce), request },
    certifications: certificationsIn(evidence),
  });
  if (!keys.ok) throw new Error(`the stored proof of enrollment ${enrollment.id} does not hold: ${keys.error.detail}`);
  return { document: document.value, keys: keys.value };
}
