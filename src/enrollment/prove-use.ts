// Whether a signature was made by the key of a certificate: evidence that whoever confirms its use has that key at hand.
// What follows from it is decided in lifecycle/.
import { constants, createPublicKey, verify } from 'node:crypto';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { readCertificate } from '../x509/certificate.ts';
import { octetsOf } from './octets.ts';

export type UseProofReason = 'malformedBinary' | 'wrongUseSignature';

/** RSA-8192 has as much. */
const maxSignatureOctets = 1024;

/** Verifies with SHA-256: ECDSA as r ‖ s, RSA as PKCS #1 v1.5. `signature` is base64url. Throws for a foreign DER. */
export function verifyUse(input: {
  readonly certificateDer: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: string;
}): Result<null, Refusal<UseProofReason>> {
  const signature = octetsOf(input.signature, 'signature', maxSignatureOctets);
  if (!signature.ok) return signature;
  const certificate = readCertificate(input.certificateDer);
  if (!certificate.ok) throw new Error(`a stored certificate cannot be read: ${certificate.error.detail}`);
  const der = Buffer.from(certificate.value.subjectPublicKeyInfo);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const scheme =
    key.asymmetricKeyType === 'ec'
      ? ({ key, dsaEncoding: 'ieee-p1363' } as const)
      : { key, padding: constants.RSA_PKCS1_PADDING };
  if (verify('sha256', input.message, scheme, signature.value)) return ok(null);
  return err({
    reason: 'wrongUseSignature',
    detail: 'the signature does not verify under the key of the certificate over this nonce',
    field: 'signature',
    accepted: 'SHA-256 with the key of the installed certificate: ECDSA as r ‖ s, RSA as PKCS #1 v1.5',
  });
}
