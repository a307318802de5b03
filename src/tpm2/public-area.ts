// TPMT_PUBLIC and TPM2B_PUBLIC (TPM 2.0 Part 2 §12.2.4), asymmetric keys only, and TPMA_OBJECT.
// Reading loses nothing: what is accepted encodes to the very same octets, so that a Name may be computed from the value.

import {
  type CurveName,
  curves,
  type HashName,
  hashes,
  readCurve,
  readHash,
  readMode,
  type SymmetricMode,
  symmetricModes,
  TPM_ALG,
} from './algorithms.ts';
import { parseWhole, type TpmReader, TpmWriter } from './cursor.ts';

/** TPMA_OBJECT bits (TPM 2.0 Part 2 §8.3). */
export const TPMA_OBJECT = {
  fixedTPM: 0x2,
  stClear: 0x4,
  fixedParent: 0x10,
  sensitiveDataOrigin: 0x20,
  userWithAuth: 0x40,
  adminWithPolicy: 0x80,
  noDA: 0x400,
  encryptedDuplication: 0x800,
  restricted: 0x10000,
  decrypt: 0x20000,
  sign: 0x40000,
} as const;

/** The name of one TPMA_OBJECT bit. */
export type ObjectAttribute = keyof typeof TPMA_OBJECT;

/** The TPMA_OBJECT value with exactly these bits. */
export const objectAttributes = (...names: readonly ObjectAttribute[]): number =>
  names.reduce((value, name) => value | TPMA_OBJECT[name], 0);

/** TPMT_SYM_DEF_OBJECT of a storage or endorsement key; `null` elsewhere stands for TPM_ALG_NULL. */
export type SymmetricDefinition = {
  readonly algorithm: 'aes';
  readonly keyBits: 128 | 192 | 256;
  readonly mode: SymmetricMode;
};

/** Signing schemes of RSA keys. */
export type RsaScheme = { readonly scheme: 'rsassa' | 'rsapss'; readonly hash: HashName };

/** Signing schemes of ECC keys. */
export type EccScheme = { readonly scheme: 'ecdsa'; readonly hash: HashName };

type CommonArea = {
  readonly nameAlg: HashName;
  /** TPMA_OBJECT bits. */
  readonly attributes: number;
  /** Empty, or a digest of `nameAlg`. */
  readonly authPolicy: Uint8Array;
  /** `null`: TPM_ALG_NULL. */
  readonly symmetric: SymmetricDefinition | null;
};

/** Public area of an RSA key; `exponent` 0 means 65537; `modulus` is big-endian, empty or zeros in a template. */
export type RsaPublicArea = CommonArea & {
  readonly type: 'rsa';
  readonly scheme: RsaScheme | null;
  readonly keyBits: number;
  readonly exponent: number;
  readonly modulus: Uint8Array;
};

/** Public area of an ECC key; its KDF is TPM_ALG_NULL; `x`, `y` are big-endian and may lack leading zeros. */
export type EccPublicArea = CommonArea & {
  readonly type: 'ecc';
  readonly scheme: EccScheme | null;
  readonly curve: CurveName;
  readonly x: Uint8Array;
  readonly y: Uint8Array;
};

/** TPMT_PUBLIC of an asymmetric key. */
export type TpmtPublic = RsaPublicArea | EccPublicArea;

/** No public area of a key that we know is longer (RSA-4096 needs about 600 octets). */
const PUBLIC_LIMIT = 1024;

/** Parses TPMT_PUBLIC (no size field); throws `MalformedTpmStructure`. */
export const parseTpmtPublic = (octets: Uint8Array): TpmtPublic => parseWhole(octets, readTpmtPublic, PUBLIC_LIMIT);

/** Parses TPM2B_PUBLIC (size field, then TPMT_PUBLIC); throws `MalformedTpmStructure`. */
export const parseTpm2bPublic = (octets: Uint8Array): TpmtPublic => parseWhole(octets, readTpm2bPublic, PUBLIC_LIMIT);

/** Reads TPM2B_PUBLIC inside a larger structure. */
export function readTpm2bPublic(reader: TpmReader): TpmtPublic {
  const inner = reader.nested(PUBLIC_LIMIT);
  const area = readTpmtPublic(inner);
  inner.end();
  return area;
}

function readTpmtPublic(reader: TpmReader): TpmtPublic {
  const type = reader.uint16();
  if (type !== TPM_ALG.RSA && type !== TPM_ALG.ECC) reader.refuse(`key type 0x${type.toString(16)} is not RSA or ECC`);
  const nameAlg = readHash(reader);
  const attributes = reader.uint32();
  const authPolicy = reader.sized(64);
  if (authPolicy.length !== 0 && authPolicy.length !== hashes[nameAlg].size)
    reader.refuse(`authPolicy of ${authPolicy.length} octets is no ${nameAlg} digest`);
  const common = { nameAlg, attributes, authPolicy, symmetric: readSymmetric(reader) };
  return type === TPM_ALG.RSA
    ? { type: 'rsa', ...common, ...readRsa(reader) }
    : { type: 'ecc', ...common, ...readEcc(reader) };
}

function readSymmetric(reader: TpmReader): SymmetricDefinition | null {
  const algorithm = reader.uint16();
  if (algorithm === TPM_ALG.NULL) return null;
  if (algorithm !== TPM_ALG.AES) return reader.refuse(`symmetric algorithm 0x${algorithm.toString(16)} is not AES`);
  const keyBits = reader.uint16();
  if (keyBits !== 128 && keyBits !== 192 && keyBits !== 256) return reader.refuse(`AES has no ${keyBits}-bit key`);
  return { algorithm: 'aes', keyBits, mode: readMode(reader) };
}

function readRsa(reader: TpmReader) {
  const scheme = reader.uint16();
  const hash = scheme === TPM_ALG.RSASSA || scheme === TPM_ALG.RSAPSS ? readHash(reader) : null;
  if (hash === null && scheme !== TPM_ALG.NULL) reader.refuse(`RSA scheme 0x${scheme.toString(16)} is not supported`);
  return {
    scheme: hash && ({ scheme: scheme === TPM_ALG.RSASSA ? 'rsassa' : 'rsapss', hash } as const),
    keyBits: reader.uint16(),
    exponent: reader.uint32(),
    modulus: reader.sized(512),
  };
}

function readEcc(reader: TpmReader) {
  const scheme = reader.uint16();
  const hash = scheme === TPM_ALG.ECDSA ? readHash(reader) : null;
  if (hash === null && scheme !== TPM_ALG.NULL) reader.refuse(`ECC scheme 0x${scheme.toString(16)} is not supported`);
  const curve = readCurve(reader);
  const kdf = reader.uint16();
  if (kdf !== TPM_ALG.NULL) reader.refuse(`KDF 0x${kdf.toString(16)} is not TPM_ALG_NULL`);
  const { size } = curves[curve];
  return { scheme: hash && ({ scheme: 'ecdsa', hash } as const), curve, x: reader.sized(size), y: reader.sized(size) };
}

/** Encodes TPMT_PUBLIC, without a size field: what Names are computed over and what SPIRE's `devid_pub_path` holds. */
export function encodeTpmtPublic(area: TpmtPublic): Uint8Array {
  const writer = new TpmWriter()
    .uint16(area.type === 'rsa' ? TPM_ALG.RSA : TPM_ALG.ECC)
    .uint16(hashes[area.nameAlg].id)
    .uint32(area.attributes)
    .sized(area.authPolicy);
  if (area.symmetric === null) writer.uint16(TPM_ALG.NULL);
  else writer.uint16(TPM_ALG.AES).uint16(area.symmetric.keyBits).uint16(symmetricModes[area.symmetric.mode]);
  writeScheme(writer, area.scheme);
  if (area.type === 'rsa') return writer.uint16(area.keyBits).uint32(area.exponent).sized(area.modulus).finish();
  return writer.uint16(curves[area.curve].id).uint16(TPM_ALG.NULL).sized(area.x).sized(area.y).finish();
}

/** Encodes TPM2B_PUBLIC: the form that travels and that tpm2-tools read. */
export const encodeTpm2bPublic = (area: TpmtPublic): Uint8Array =>
  new TpmWriter().sized(encodeTpmtPublic(area)).finish();

const schemeIds = { rsassa: TPM_ALG.RSASSA, rsapss: TPM_ALG.RSAPSS, ecdsa: TPM_ALG.ECDSA } as const;

function writeScheme(writer: TpmWriter, scheme: RsaScheme | EccScheme | null): void {
  if (scheme === null) writer.uint16(TPM_ALG.NULL);
  else writer.uint16(schemeIds[scheme.scheme]).uint16(hashes[scheme.hash].id);
}
