// Algorithm and curve identifiers of TPM 2.0 Part 2 (TPM_ALG_ID, TPM_ECC_CURVE). Only what this service speaks.

import { createHash } from 'node:crypto';
import type { TpmReader } from './cursor.ts';

/** TPM_ALG_ID values. */
export const TPM_ALG = {
  RSA: 0x0001,
  HMAC: 0x0005,
  AES: 0x0006,
  NULL: 0x0010,
  RSASSA: 0x0014,
  RSAPSS: 0x0016,
  ECDSA: 0x0018,
  ECC: 0x0023,
} as const;

/** Hash algorithms by the name `node:crypto` knows them by; SHA-1 is read only so that it can be refused by name. */
export const hashes = {
  sha1: { id: 0x0004, size: 20 },
  sha256: { id: 0x000b, size: 32 },
  sha384: { id: 0x000c, size: 48 },
  sha512: { id: 0x000d, size: 64 },
} as const;

/** A hash algorithm. */
export type HashName = keyof typeof hashes;

/** The hash algorithms that are strong enough for anything we accept. */
export const acceptedHashes: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

/** Block cipher modes (TPMI_ALG_SYM_MODE). */
export const symmetricModes = { ctr: 0x0040, ofb: 0x0041, cbc: 0x0042, cfb: 0x0043, ecb: 0x0044 } as const;

/** A block cipher mode. */
export type SymmetricMode = keyof typeof symmetricModes;

/** NIST curves: TPM_ECC_CURVE, OpenSSL's name, octets of a field element, group order (SEC 2). */
export const curves = {
  'P-256': {
    id: 0x0003,
    openssl: 'prime256v1',
    size: 32,
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  'P-384': {
    id: 0x0004,
    openssl: 'secp384r1',
    size: 48,
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  'P-521': {
    id: 0x0005,
    openssl: 'secp521r1',
    size: 66,
    order:
      0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
} as const;

/** A NIST curve. */
export type CurveName = keyof typeof curves;

/** Hash of the parts, one after the other. */
export function digestOf(hash: HashName, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = createHash(hash);
  for (const part of parts) state.update(part);
  return new Uint8Array(state.digest());
}

function named<N extends string>(table: Readonly<Record<N, { readonly id: number }>>, id: number): N | undefined {
  for (const name in table) if (table[name].id === id) return name;
  return undefined;
}

/** The hash with this TPM_ALG_ID. */
export const hashById = (id: number): HashName | undefined => named(hashes, id);

/** Reads a TPMI_ALG_HASH. */
export function readHash(reader: TpmReader): HashName {
  const id = reader.uint16();
  return hashById(id) ?? reader.refuse(`0x${id.toString(16)} is not a known hash algorithm`);
}

/** Reads a TPMI_ECC_CURVE. */
export function readCurve(reader: TpmReader): CurveName {
  const id = reader.uint16();
  return named(curves, id) ?? reader.refuse(`0x${id.toString(16)} is not a known curve`);
}

/** Reads a TPMI_ALG_SYM_MODE. */
export function readMode(reader: TpmReader): SymmetricMode {
  const id = reader.uint16();
  for (const [name, value] of Object.entries(symmetricModes)) if (value === id) return name as SymmetricMode;
  return reader.refuse(`0x${id.toString(16)} is not a known cipher mode`);
}
