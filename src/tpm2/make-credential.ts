// Credential protection (TPM 2.0 Part 1 §24): encrypts a secret so that only the TPM holding both the EK and the object
// with the given Name can recover it. The server's half of TPM2_MakeCredential / TPM2_ActivateCredential.

import { constants, createCipheriv, createECDH, createHmac, publicEncrypt } from 'node:crypto';
import { type CurveName, curves, hashes } from './algorithms.ts';
import { concatOctets, leftPad, parseWhole, TpmWriter } from './cursor.ts';
import type { EndorsementKey } from './endorsement-key.ts';
import { kdfA, kdfE } from './kdf.ts';
import type { EccPublicArea } from './public-area.ts';
import { uncompressedPoint } from './subject-public-key-info.ts';

/** Gives that many unpredictable octets. */
export type RandomOctets = (length: number) => Uint8Array;

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
  const { seed, encryptedSecret } = shareSeed(endorsementKey, random);
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

/** Secret sharing by the EK's type: TPM 2.0 Part 1 §B.10.3 (RSA) and §C.6.1 (ECC). */
function shareSeed(endorsementKey: EndorsementKey, random: RandomOctets) {
  const { area } = endorsementKey;
  return area.type === 'ecc'
    ? shareEcdhSecret({ area, label: 'IDENTITY', random })
    : shareOaepSecret({ endorsementKey, label: 'IDENTITY', random });
}

function shareOaepSecret(input: {
  readonly endorsementKey: EndorsementKey;
  readonly label: string;
  readonly random: RandomOctets;
}) {
  const hash = input.endorsementKey.area.nameAlg;
  const seed = input.random(hashes[hash].size);
  const encryptedSecret = publicEncrypt(
    {
      key: input.endorsementKey.publicKey.keyObject,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: hash,
      oaepLabel: Buffer.from(`${input.label}\0`), // the terminating NUL is part of the label: Part 1 §B.4
    },
    seed,
  );
  return { seed, encryptedSecret: new Uint8Array(encryptedSecret) };
}

/** One-pass ECDH towards a TPM's ECC key; the secret is TPMS_ECC_POINT of the ephemeral key. */
export function shareEcdhSecret(input: {
  readonly area: EccPublicArea;
  readonly label: string;
  readonly random: RandomOctets;
}): { readonly seed: Uint8Array; readonly encryptedSecret: Uint8Array } {
  const { area } = input;
  const { size, openssl } = curves[area.curve];
  const point = uncompressedPoint(area);
  if (point === null) throw new RangeError('the public point was not checked');
  const ephemeral = createECDH(openssl);
  ephemeral.setPrivateKey(Buffer.from(privateScalar(area.curve, input.random)));
  const ephemeralPoint = new Uint8Array(ephemeral.getPublicKey());
  const x = ephemeralPoint.slice(1, 1 + size);
  const y = ephemeralPoint.slice(1 + size);
  const seed = kdfE({
    hash: area.nameAlg,
    z: leftPad(new Uint8Array(ephemeral.computeSecret(point)), size) ?? new Uint8Array(0),
    label: input.label,
    partyU: x,
    partyV: point.slice(1, 1 + size),
    bits: hashes[area.nameAlg].size * 8,
  });
  return { seed, encryptedSecret: new TpmWriter().sized(x).sized(y).finish() };
}

/** A uniform number in [1, order): FIPS 186-5 §A.2.2, by rejection. */
function privateScalar(curve: CurveName, random: RandomOctets): Uint8Array {
  const { size, order } = curves[curve];
  for (let tries = 0; tries < 128; tries += 1) {
    const candidate = random(size);
    if (curve === 'P-521') candidate[0] = (candidate[0] ?? 0) & 0x01; // 521 bits are one more than 65 octets
    const d = BigInt(`0x${Buffer.from(candidate).toString('hex')}`);
    if (d > 0n && d < order) return candidate;
  }
  throw new Error('the source of randomness gives no usable private key');
}

/** Takes a protected credential apart without opening it; throws `MalformedTpmStructure`. For tests and tools. */
export const parseIdObject = (
  credentialBlob: Uint8Array,
): { readonly outerHmac: Uint8Array; readonly encIdentity: Uint8Array } =>
  parseWhole(credentialBlob, (reader) => {
    const inner = reader.nested(256);
    return { outerHmac: inner.sized(64), encIdentity: inner.rest() };
  });
