// Serial numbers: positive, at most 20 octets (RFC 5280 §4.1.2.2). Ours carry 128 random bits.
import { err, ok, type Result } from './result.ts';

declare const serialBrand: unique symbol;

/** Lower-case hex of the content octets of a positive INTEGER, without the sign octet, whole octets. */
export type SerialNumber = string & { readonly [serialBrand]: true };

/** Reads a serial number written in hex; separators are not accepted. */
export function parseSerialNumber(text: string): Result<SerialNumber, 'malformedSerial'> {
  const wellFormed = /^(?!0+$)(?:(?:[0-9a-f]{2}){1,19}|[0-7][0-9a-f]{39})$/.test(text);
  return wellFormed ? ok(text as SerialNumber) : err('malformedSerial');
}

/**
 * Makes a serial number from 16 random octets. A leading octet of zero is replaced by 0x01 so that the text is always
 * 32 characters and the number never zero.
 */
export function serialNumberFrom(random: Uint8Array): SerialNumber {
  if (random.length !== 16) throw new RangeError('a serial number is made from exactly 16 random octets');
  const octets = Uint8Array.from(random);
  if (octets[0] === 0) octets[0] = 1;
  return Buffer.from(octets).toString('hex') as SerialNumber;
}
