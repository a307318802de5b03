// The few DER forms that TPM keys need outside the TPM (SubjectPublicKeyInfo, TSS2 PRIVATE KEY). Not a general ASN.1 codec.

import { concatOctets, type TpmReader } from './cursor.ts';

/** One DER element: tag, definite length, the parts one after the other. */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatOctets(parts);
  return concatOctets([Uint8Array.of(tag, ...derLength(content.length)), content]);
}

function derLength(length: number): readonly number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x10000) return [0x82, length >> 8, length & 0xff];
  throw new RangeError(`${length} octets are more than these structures hold`);
}

/** A non-negative DER INTEGER from its big-endian octets. */
export function derUnsigned(magnitude: Uint8Array): Uint8Array {
  const first = magnitude.findIndex((octet) => octet !== 0);
  const minimal = first < 0 ? Uint8Array.of(0) : magnitude.subarray(first);
  return (minimal[0] ?? 0) < 0x80 ? derElement(0x02, minimal) : derElement(0x02, Uint8Array.of(0), minimal);
}

/** Reads the content of the next DER element, which must carry `tag` and a minimal length. */
export function readDer(reader: TpmReader, tag: number): Uint8Array {
  const found = reader.uint8();
  if (found !== tag) reader.refuse(`tag 0x${found.toString(16)} where 0x${tag.toString(16)} belongs`);
  const first = reader.uint8();
  if (first < 0x80) return reader.take(first);
  if (first !== 0x81 && first !== 0x82) return reader.refuse('length is indefinite or too long');
  const length = first === 0x81 ? reader.uint8() : reader.uint16();
  if (length < (first === 0x81 ? 0x80 : 0x100)) reader.refuse('length is not minimal');
  return reader.take(length);
}
