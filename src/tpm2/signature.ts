// TPMT_SIGNATURE (TPM 2.0 Part 2 §11.3.4): RSASSA, RSAPSS and ECDSA. It has no size field of its own.

import { type HashName, hashes, readHash, TPM_ALG } from './algorithms.ts';
import { parseWhole, type TpmReader, TpmWriter } from './cursor.ts';

/** A signature by an RSA key. */
export type RsaSignature = {
  readonly scheme: 'rsassa' | 'rsapss';
  readonly hash: HashName;
  readonly octets: Uint8Array;
};

/** A signature by an ECC key; `r`, `s` are big-endian and may lack leading zeros. */
export type EcdsaSignature = {
  readonly scheme: 'ecdsa';
  readonly hash: HashName;
  readonly r: Uint8Array;
  readonly s: Uint8Array;
};

/** TPMT_SIGNATURE. */
export type TpmtSignature = RsaSignature | EcdsaSignature;

/** Parses TPMT_SIGNATURE; throws `MalformedTpmStructure`. */
export const parseTpmtSignature = (octets: Uint8Array): TpmtSignature => parseWhole(octets, readTpmtSignature, 1024);

/** Reads TPMT_SIGNATURE inside a larger structure. */
export function readTpmtSignature(reader: TpmReader): TpmtSignature {
  const algorithm = reader.uint16();
  switch (algorithm) {
    case TPM_ALG.RSASSA:
      return { scheme: 'rsassa', hash: readHash(reader), octets: reader.sized(512) };
    case TPM_ALG.RSAPSS:
      return { scheme: 'rsapss', hash: readHash(reader), octets: reader.sized(512) };
    case TPM_ALG.ECDSA:
      return { scheme: 'ecdsa', hash: readHash(reader), r: reader.sized(66), s: reader.sized(66) };
    default:
      return reader.refuse(`signature algorithm 0x${algorithm.toString(16)} is not RSASSA, RSAPSS or ECDSA`);
  }
}

/** Encodes TPMT_SIGNATURE. */
export function encodeTpmtSignature(signature: TpmtSignature): Uint8Array {
  const id = { rsassa: TPM_ALG.RSASSA, rsapss: TPM_ALG.RSAPSS, ecdsa: TPM_ALG.ECDSA }[signature.scheme];
  const writer = new TpmWriter().uint16(id).uint16(hashes[signature.hash].id);
  if (signature.scheme === 'ecdsa') return writer.sized(signature.r).sized(signature.s).finish();
  return writer.sized(signature.octets).finish();
}
