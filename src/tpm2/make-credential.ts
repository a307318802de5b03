// Credential protection (TPM 2.0 Part 1 §24): encrypts a secret so that only the TPM holding both the EK and the object
// with the given Name can recover it. The server's half of TPM2_MakeCredential / TPM2_ActivateCredential.

import { createCipheriv, createHmac } from 'node:crypto';
import { hashes } from './algorithms.ts';
import { concatOctets, parseWhole, TpmWriter } from './cursor.ts';
import type { EndorsementKey } from './endorsement-key.ts';
import { kdfA } from './kdf.ts';
import { type RandomOctets, shareSecret } from './secret-sharing.ts';

/** What travels to the TPM: TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, both with their size fields. */
export type ProtectedCredential = { readonly credentialBlob: Uint8Array; readonly encryptedSecret: Uint8Array };

/**
 * Protects `credential` (at most a digest of the EK's nameAlg long) for the object called `objectName` in the TPM of
 * the EK. Hash and cipher are the EK's own. `random` gives the seed or the ephemeral private key; OAEP's own padding
 * randomness comes from OpenSSL.
 */
export function makeCredential(input: {
  readonly endorsementKey: EndorsementKey;
  readonly objectName: Uint8Array;
  readonly credential: Uint8Array;
  readonly random: RandomOctets;
}): ProtectedCredential {
  const { endorsementKey, objectName, credential, random } = input;
  const hash = endorsementKey.area.nameAlg;
  if (credential.length > hashes[hash].size) throw new RangeError(`the credential is longer than a ${hash} digest`);
  const { seed, encryptedSecret } = shareSecret({ ...endorsementKey, label: 'IDENTITY', random });
  const none = new Uint8Array(0);
  const { keyBits } = endorsementKey.symmetric;
  const storageKey = kdfA({ hash, key: seed, label: 'STORAGE', contextU: objectName, contextV: none, bits: keyBits });
  const cipher = createCipheriv(`aes-${keyBits}-cfb`, storageKey, new Uint8Array(16));
  const encIdentity = concatOctets([cipher.update(new TpmWriter().sized(credential).finish()), cipher.final()]);
  const integrityBits = hashes[hash].size * 8;
  const hmacKey = kdfA({ hash, key: seed, label: 'INTEGRITY', contextU: none, contextV: none, bits: integrityBits });
  const outerHmac = createHmac(hash, hmacKey).update(encIdentity).update(objectName).digest();
  const idObject = new TpmWriter().sized(outerHmac).octets(encIdentity).finish();
  return {
    credentialBlob: new TpmWriter().sized(idObject).finish(),
    encryptedSecret: new TpmWriter().sized(encryptedSecret).finish(),
  };
}

/** Takes a protected credential apart without opening it; throws `MalformedTpmStructure`. For tests and tools. */
export const parseIdObject = (
  credentialBlob: Uint8Array,
): { readonly outerHmac: Uint8Array; readonly encIdentity: Uint8Array } =>
  parseWhole(credentialBlob, (reader) => {
    const inner = reader.nested(256);
    return { outerHmac: inner.sized(64), encIdentity: inner.rest() };
  });
