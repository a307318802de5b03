// Writes DER elements as octets. Not a document model: a caller nests calls in the order in which the standard lists
// the fields, and SET OF is the one place that sorts.
import { tag } from './der-tags.ts';
import { encodeOid } from './oids.ts';

/** Octets one after the other. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** One element: identifier octet, minimal definite length, and the given parts as content. */
export function element(identifier: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const lengthOctets = length < 0x80 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 4;
  const whole = new Uint8Array(1 + lengthOctets + length);
  whole[0] = identifier;
  if (lengthOctets === 1) {
    whole[1] = length;
  } else {
    whole[1] = 0x80 | (lengthOctets - 1);
    for (let i = 1, left = length; i < lengthOctets; i++, left = Math.floor(left / 256)) {
      whole[1 + lengthOctets - i] = left & 0xff;
    }
  }
  let at = 1 + lengthOctets;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => element(tag.sequence, ...parts);

/** SET OF: the elements in ascending order of their encodings (X.690 §11.6). */
export const setOf = (...parts: readonly Uint8Array[]): Uint8Array =>
  element(tag.set, ...[...parts].sort((a, b) => Buffer.compare(a, b)));

/** `[number] EXPLICIT`, or `[number] IMPLICIT` of a constructed type. */
export const tagged = (number: number, ...parts: readonly Uint8Array[]): Uint8Array => element(0xa0 | number, ...parts);

/** `[number] IMPLICIT` of a primitive type, given its content octets. */
export const taggedPrimitive = (number: number, content: Uint8Array): Uint8Array => element(0x80 | number, content);

/** A non-negative INTEGER from its magnitude, most significant octet first. */
export function unsignedInteger(magnitude: Uint8Array): Uint8Array {
  let zeros = 0;
  while (zeros < magnitude.length - 1 && magnitude[zeros] === 0) zeros++;
  const minimal = magnitude.subarray(zeros);
  const needsSign = minimal.length === 0 || (minimal[0] ?? 0) >= 0x80;
  return needsSign ? element(tag.integer, Uint8Array.of(0), minimal) : element(tag.integer, minimal);
}

/** An INTEGER from 0 to 2^31 - 1. */
export function smallInteger(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) throw new RangeError(`${value} is out of range`);
  return unsignedInteger(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
}

/** An ENUMERATED from 0 to 127. */
export const enumerated = (value: number): Uint8Array => element(tag.enumerated, Uint8Array.of(value & 0x7f));

export const booleanTrue: Uint8Array = Uint8Array.of(tag.boolean, 1, 0xff);
export const nullValue: Uint8Array = Uint8Array.of(tag.null, 0);

const objectIdentifiers = new Map<string, Uint8Array>();

/** An OBJECT IDENTIFIER. What is written comes from constants and from policy, so remembering each one is bounded. */
export function objectIdentifier(dotted: string): Uint8Array {
  const known = objectIdentifiers.get(dotted);
  if (known !== undefined) return known;
  const der = element(tag.oid, encodeOid(dotted));
  objectIdentifiers.set(dotted, der);
  return der;
}

export const octetString = (...content: readonly Uint8Array[]): Uint8Array => element(tag.octetString, ...content);

const noUnusedBits = Uint8Array.of(0);

/** A BIT STRING of whole octets. */
export const bitString = (octets: Uint8Array): Uint8Array => element(tag.bitString, noUnusedBits, octets);

/** A BIT STRING of named bits below 8 or more; trailing zero bits are left out (X.690 §11.2.2). */
export function namedBits(bits: readonly number[]): Uint8Array {
  const highest = Math.max(-1, ...bits);
  const octets = new Uint8Array((highest >> 3) + 1);
  for (const bit of bits) octets[bit >> 3] = (octets[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return element(tag.bitString, Uint8Array.of(highest < 0 ? 0 : 7 - (highest & 7)), octets);
}

const text = new TextEncoder();

export const utf8String = (value: string): Uint8Array => element(tag.utf8String, text.encode(value));

/** Octets of text whose characters are all ASCII. Throws RangeError otherwise: the caller has checked. */
export function ascii(value: string): Uint8Array {
  const octets = text.encode(value);
  if (octets.length !== value.length) throw new RangeError('not ASCII');
  return octets;
}

/** Time of RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050, Zulu, whole seconds. */
export function time(instant: Date): Uint8Array {
  const digits = instant.toISOString().replace(/\.\d+Z$|[-:T]/g, '');
  const year = instant.getUTCFullYear();
  if (digits.length !== 14 || year < 1950) throw new RangeError('the year is outside 1950 to 9999');
  return year < 2050
    ? element(tag.utcTime, ascii(`${digits.slice(2)}Z`))
    : element(tag.generalizedTime, ascii(`${digits}Z`));
}
