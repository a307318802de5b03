// TPMS_ATTEST (TPM 2.0 Part 2 §10.12.12): what a TPM says in TPM2_Certify and TPM2_Quote. Whether it is true: verify.ts.

import { type HashName, hashes, readHash } from './algorithms.ts';
import { parseWhole, type TpmReader, TpmWriter } from './cursor.ts';

/** TPM_GENERATED_VALUE: a restricted key never signs a digest of outside data that begins so. */
export const TPM_GENERATED = 0xff544347;

/** TPM_ST values of attestations. */
const TPM_ST_ATTEST = { certify: 0x8017, quote: 0x8018 } as const;

/** One bank of a TPML_PCR_SELECTION; `select` is the bit map, octet 0 holding PCR 0 to 7. */
export type PcrSelection = { readonly hash: HashName; readonly select: Uint8Array };

/** TPMU_ATTEST; any other type is kept unread, so that it can be refused by name. */
export type Attested =
  | { readonly type: 'certify'; readonly name: Uint8Array; readonly qualifiedName: Uint8Array }
  | { readonly type: 'quote'; readonly pcrSelect: readonly PcrSelection[]; readonly pcrDigest: Uint8Array }
  | { readonly type: 'other'; readonly code: number; readonly octets: Uint8Array };

/** TPMS_ATTEST. Outside the endorsement and platform hierarchies the TPM obfuscates firmwareVersion and the counts. */
export type TpmsAttest = {
  /** Whether `magic` was TPM_GENERATED_VALUE is for the verifier to judge. */
  readonly magic: number;
  readonly qualifiedSigner: Uint8Array;
  /** What the caller sent as qualifyingData. */
  readonly extraData: Uint8Array;
  readonly clockInfo: {
    readonly clock: bigint;
    readonly resetCount: number;
    readonly restartCount: number;
    readonly safe: boolean;
  };
  readonly firmwareVersion: bigint;
  readonly attested: Attested;
};

const ATTEST_LIMIT = 1024;
const NAME_LIMIT = 66;

/** Parses TPMS_ATTEST (no size field: the octets that were signed); throws `MalformedTpmStructure`. */
export const parseTpmsAttest = (octets: Uint8Array): TpmsAttest => parseWhole(octets, readTpmsAttest, ATTEST_LIMIT);

/** Takes the signed octets (TPMS_ATTEST) out of TPM2B_ATTEST; throws `MalformedTpmStructure`. */
export const contentOfTpm2bAttest = (octets: Uint8Array): Uint8Array =>
  parseWhole(octets, (reader) => reader.sized(ATTEST_LIMIT), ATTEST_LIMIT + 2);

function readTpmsAttest(reader: TpmReader): TpmsAttest {
  const magic = reader.uint32();
  const type = reader.uint16();
  return {
    magic,
    qualifiedSigner: reader.sized(NAME_LIMIT),
    extraData: reader.sized(NAME_LIMIT),
    clockInfo: {
      clock: reader.uint64(),
      resetCount: reader.uint32(),
      restartCount: reader.uint32(),
      safe: readYesNo(reader),
    },
    firmwareVersion: reader.uint64(),
    attested: readAttested(reader, type),
  };
}

function readYesNo(reader: TpmReader): boolean {
  const value = reader.uint8();
  if (value > 1) reader.refuse(`${value} is neither yes nor no`);
  return value === 1;
}

function readAttested(reader: TpmReader, type: number): Attested {
  switch (type) {
    case TPM_ST_ATTEST.certify:
      return { type: 'certify', name: reader.sized(NAME_LIMIT), qualifiedName: reader.sized(NAME_LIMIT) };
    case TPM_ST_ATTEST.quote:
      return { type: 'quote', pcrSelect: readPcrSelections(reader), pcrDigest: reader.sized(64) };
    default:
      return { type: 'other', code: type, octets: reader.rest() };
  }
}

function readPcrSelections(reader: TpmReader): readonly PcrSelection[] {
  const count = reader.uint32();
  if (count > 16) reader.refuse(`${count} PCR banks`);
  return Array.from({ length: count }, () => ({ hash: readHash(reader), select: reader.take(reader.uint8()) }));
}

/** Encodes TPML_PCR_SELECTION. */
export function encodePcrSelections(selections: readonly PcrSelection[]): Uint8Array {
  const writer = new TpmWriter().uint32(selections.length);
  for (const { hash, select } of selections) writer.uint16(hashes[hash].id).uint8(select.length).octets(select);
  return writer.finish();
}

/** Encodes TPMS_ATTEST: for tests and tools; a TPM encodes what it signs itself. */
export function encodeTpmsAttest(attest: TpmsAttest): Uint8Array {
  const { attested, clockInfo } = attest;
  const writer = new TpmWriter()
    .uint32(attest.magic)
    .uint16(attested.type === 'other' ? attested.code : TPM_ST_ATTEST[attested.type])
    .sized(attest.qualifiedSigner)
    .sized(attest.extraData)
    .uint64(clockInfo.clock)
    .uint32(clockInfo.resetCount)
    .uint32(clockInfo.restartCount)
    .uint8(clockInfo.safe ? 1 : 0)
    .uint64(attest.firmwareVersion);
  if (attested.type === 'certify') return writer.sized(attested.name).sized(attested.qualifiedName).finish();
  if (attested.type === 'quote')
    return writer.octets(encodePcrSelections(attested.pcrSelect)).sized(attested.pcrDigest).finish();
  return writer.octets(attested.octets).finish();
}
