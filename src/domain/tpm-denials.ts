// TPMs that are believed no longer, whatever their makers certify: the meaning of policies/tpm-denied.yaml. The file's
// format is in tpm-denied-file.ts, and who asks about a TPM is enrollment/denied-tpm.ts.

/** Firmware of one maker that no new key is taken from. */
export type DeniedFirmware = {
  /** TCG vendor id, eight upper-case hex digits. */
  readonly manufacturer: string;
  /** Bounds of TPMS_ATTEST.firmwareVersion, both included. */
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: string;
};

/** What is denied, with the reason that was given. Digests are SHA-256 in lower-case hex. */
export type TpmDenials = {
  /** By the digest of the EK's SubjectPublicKeyInfo DER. */
  readonly endorsementKeys: ReadonlyMap<string, string>;
  /** By the digest of the DER: EK certificates, and CAs above them. */
  readonly certificates: ReadonlyMap<string, string>;
  readonly firmware: readonly DeniedFirmware[];
};

/**
 * firmwareVersion of a text of two to four decimal numbers with dots between them, each 16 bits of it from the most
 * significant on: `7.61` begins with 0007003d. Numbers that are not there are `missing` (0 or 65535). Null when the text
 * is malformed.
 */
export function parseFirmwareVersion(text: string, missing: 0 | 65535): bigint | null {
  if (!/^(?:0|[1-9]\d{0,4})(?:\.(?:0|[1-9]\d{0,4})){1,3}$/.test(text)) return null;
  const numbers = text.split('.').map(Number);
  if (numbers.some((number) => number > 65535)) return null;
  const [a = missing, b = missing, c = missing, d = missing] = numbers;
  return [a, b, c, d].reduce((version, number) => (version << 16n) | BigInt(number), 0n);
}

/** firmwareVersion as four decimal numbers with dots. */
export const shownFirmwareVersion = (version: bigint): string =>
  [48n, 32n, 16n, 0n].map((shift) => ((version >> shift) & 0xffffn).toString()).join('.');
