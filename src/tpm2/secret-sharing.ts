// Secret sharing (TPM 2.0 Part 1 §B.10, §C.6): a seed that only the TPM holding a decryption key can recover.
// Serves credential protection (label IDENTITY) and salted sessions (label SECRET).

import { constants, createECDH, publicEncrypt } from 'node:crypto';
import { type CurveName, curves, hashes } from './algorithms.ts';
import { leftPad, TpmWriter } from './cursor.ts';
import { kdfE } from './kdf.ts';
import type { EccPublicArea, TpmtPublic } from './public-area.ts';
import { type TpmPublicKey, uncompressedPoint } from './subject-public-key-info.ts';

/** Gives that many unpredictable octets. */
export type RandomOctets = (length: number) => Uint8Array;

/** What the seed is for. */
export type SecretLabel = 'IDENTITY' | 'SECRET';

/** A seed, and what travels to the TPM: the content of TPM2B_ENCRYPTED_SECRET. */
export type SharedSecret = { readonly seed: Uint8Array; readonly encryptedSecret: Uint8Array };

/**
 * Shares a fresh seed, as long as a digest of the key's nameAlg, with the TPM that holds the key. `random` gives the seed
 * (RSA) or the ephemeral private key (ECC); OAEP's own padding randomness comes from OpenSSL.
 */
export function shareSecret(input: {
  readonly area: TpmtPublic;
  /** Of the same area: made by `publicKeyOf`, so the point is on its curve. */
  readonly publicKey: TpmPublicKey;
  readonly label: SecretLabel;
  readonly random: RandomOctets;
}): SharedSecret {
  const { area, label, random } = input;
  if (area.type === 'ecc') return shareByEcdh(area, label, random);
  const seed = random(hashes[area.nameAlg].size);
  const encryptedSecret = publicEncrypt(
    {
      key: input.publicKey.keyObject,
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: area.nameAlg,
      oaepLabel: Buffer.from(`${label}\0`), // the terminating NUL is part of the label: Part 1 §B.4
    },
    seed,
  );
  return { seed, encryptedSecret: new Uint8Array(encryptedSecret) };
}

/** One-pass ECDH; the secret that travels is the TPMS_ECC_POINT of the ephemeral key. */
function shareByEcdh(area: EccPublicArea, label: SecretLabel, random: RandomOctets): SharedSecret {
  const { size, openssl } = curves[area.curve];
  const point = uncompressedPoint(area);
  if (point === null) throw new RangeError('the public point was not checked');
  const ephemeral = createECDH(openssl);
  ephemeral.setPrivateKey(Buffer.from(privateScalar(area.curve, random)));
  const ephemeralPoint = new Uint8Array(ephemeral.getPublicKey());
  const x = ephemeralPoint.slice(1, 1 + size);
  const y = ephemeralPoint.slice(1 + size);
  const seed = kdfE({
    hash: area.nameAlg,
    z: leftPad(new Uint8Array(ephemeral.computeSecret(point)), size) ?? new Uint8Array(0),
    label,
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
