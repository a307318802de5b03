// The request key as a signer of requests: a key of the TPM, used for nothing else.
import { createHash } from 'node:crypto';
import type { RequestSigner } from '../client/request-signing.ts';
import type { Tpm } from '../tpm2/command.ts';
import { leftPad } from '../tpm2/cursor.ts';
import { parseTpm2bPublic } from '../tpm2/public-area.ts';
import { parseTpmtSignature } from '../tpm2/signature.ts';
import { publicKeyOf } from '../tpm2/subject-public-key-info.ts';
import { keyBlobs, type TpmKeys } from './agent-state.ts';

import type { TpmPasswords } from './tpm-endorsement.ts';
import { signDigest } from './tpm-keys.ts';

/** Lends an open TPM to `use` and closes it afterwards. */
export type WithTpm = <T>(use: (tpm: Tpm) => Promise<T>) => Promise<T>;

/** A signer over the request key; the TPM is opened for each signature, and left free in between. */
export function requestKeyOf(withTpm: WithTpm, keys: TpmKeys, passwords: TpmPasswords): RequestSigner {
  const key = keyBlobs(keys.requestKey);
  const publicKey = publicKeyOf(parseTpm2bPublic(key.public));
  if (!publicKey.ok) throw new RangeError(`the request key: ${publicKey.error.detail}`);
  return {
    subjectPublicKeyInfo: publicKey.value.spkiDer,
    sign: async (octets) => {
      const digest = new Uint8Array(createHash('sha256').update(octets).digest());
      return rawSignature(await withTpm((tpm) => signDigest(tpm, { key, digest, passwords })));
    },
  };
}

/** r ‖ s of 32 octets each (RFC 9421 §3.3.4) from a TPMT_SIGNATURE, whose numbers may lack leading zeros. */
export function rawSignature(tpmtSignature: Uint8Array): Uint8Array {
  const signature = parseTpmtSignature(tpmtSignature);
  const r = signature.scheme === 'ecdsa' ? leftPad(signature.r, 32) : null;
  const s = signature.scheme === 'ecdsa' ? leftPad(signature.s, 32) : null;
  if (r === null || s === null) throw new RangeError('the request key made no P-256 signature');
  return Uint8Array.of(...r, ...s);
}
