// A signer is a function of octets, so that a key in a file, an HSM or another process are all the same to the gate.
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { SignatureAlgorithm } from '../domain/signature-algorithm.ts';

/** An issuer's private key, seen from outside: what it verifies with, and one act. */
export type Signer = {
  readonly algorithm: SignatureAlgorithm;
  readonly publicKey: KeyObject;
  /** Signs octets; the result is the content of the signature BIT STRING (ECDSA-Sig-Value in DER, or PKCS #1). */
  readonly sign: (octets: Uint8Array) => Promise<Uint8Array>;
};

const signInThreadPool = promisify(sign);

/**
 * A signer for a key in this process. P-256 signs at once (the thread pool costs six times the signature); RSA signs in
 * the thread pool, where it leaves the event loop alone. Other keys are a fault: they are refused when they are loaded.
 */
export function signerFor(privateKey: KeyObject): Signer {
  const publicKey = createPublicKey(privateKey);
  if (privateKey.asymmetricKeyType === 'ec') {
    return { algorithm: 'ecdsaWithSHA256', publicKey, sign: async (octets) => sign('sha256', octets, privateKey) };
  }
  return {
    algorithm: 'sha256WithRSAEncryption',
    publicKey,
    sign: async (octets) => signInThreadPool('sha256', octets, privateKey),
  };
}
