import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DerReader } from '../../../src/x509/der-reader.ts';
import { tag } from '../../../src/x509/der-tags.ts';
import * as der from '../../../src/x509/der-writer.ts';
import { decodeOid, encodeOid } from '../../../src/x509/oids.ts';
import { elementLength, readingDer } from '../../../src/x509/reading-der.ts';
import { readTime } from '../../../src/x509/time.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const read = <T>(octets: Uint8Array, how: (reader: DerReader) => T) =>
  readingDer(octets, { reason: 'malformed', what: 'it' }, how);

describe('refused as not DER', () => {
  const any = (reader: DerReader) => reader.any();
  const integer = (reader: DerReader) => reader.integer();
  const hostile: readonly (readonly [string, string, (reader: DerReader) => unknown])[] = [
    ['nothing at all', '', any],
    ['an identifier without a length', '30', any],
    ['an indefinite length', '3080 0000', any],
    ['the reserved length FF', '30ff 00', any],
    ['a long length below 128', '308103 020101', any],
    ['a length with a leading zero', `30820080 ${'00'.repeat(128)}`, any],
    ['a length of five octets', '30850000000001 00', any],
    ['a length past the end', '3004 020101', any],
    ['a length past the end of the parent', '3003 020201', any],
    ['octets behind the element', '3003020101 00', any],
    ['octets behind the last field', '3006 020101 020101', (r) => r.within(tag.sequence, integer)],
    ['a tag of several octets', '1f8101 00', any],
    ['a primitive SEQUENCE', '1003 020101', any],
    ['another tag than the expected one', '0401 00', integer],
    ['an empty INTEGER', '0200', integer],
    ['a positive INTEGER with a superfluous octet', '02020001', integer],
    ['a negative INTEGER with a superfluous octet', '0202ff80', integer],
    ['zero where a positive INTEGER is needed', '020100', (r) => r.positiveInteger()],
    ['a negative INTEGER where a positive one is needed', '020180', (r) => r.positiveInteger()],
    ['a serial number of 21 octets', `021501${'00'.repeat(20)}`, (r) => r.serialNumber()],
    ['a small INTEGER beyond 2^31', '02050080000000', (r) => r.smallInteger()],
    ['a BOOLEAN that is neither 00 nor FF', '010101', any],
    ['a BOOLEAN of two octets', '0102ffff', any],
    ['a default that is written out', '010100', (r) => r.booleanDefaultFalse()],
    ['a NULL with content', '050100', any],
    ['an empty OBJECT IDENTIFIER', '0600', any],
    ['an arc with a leading 80', '06032a8001', any],
    ['an arc that does not end', '06022a81', any],
    ['an arc beyond 2^53', '060a2affffffffffffffff7f', any],
    ['an empty BIT STRING', '0300', any],
    ['eight unused bits', '03020800', any],
    ['unused bits of an empty string', '030107', any],
    ['unused bits that are not zero', '03020101', any],
    ['a key that is no whole number of octets', '03020100', (r) => r.octetBitString()],
    ['an empty SEQUENCE OF that needs an element', '3000', (r) => r.each(tag.sequence, 1, integer)],
    ['an unsorted SET OF', '3106 020102 020101', (r) => r.eachOfSet(integer)],
  ];
  test.each(hostile)('%s', (_, octets, how) => {
    expect(read(bytes(octets), how)).toMatchObject({ ok: false, error: { reason: 'malformed' } });
  });

  test('nesting beyond any certificate, before the stack is at risk', () => {
    let nested = Uint8Array.of(5, 0);
    for (let depth = 0; depth < 5000; depth++) nested = Uint8Array.from(der.sequence(nested));
    expect(read(nested, any)).toMatchObject({ ok: false, error: { detail: expect.stringContaining('too deeply') } });
  });

  test.each([
    ['a UTCTime without seconds', '170b 323631313031303030305a'],
    ['an offset instead of Z', '1711 3236313130313030303030302b30313030'],
    ['a fraction of a second', '1811 32303236313130313030303030302e355a'],
    ['the 30th of February', '170d 3236303233303030303030305a'],
    ['the 24th hour', '170d 3236313130313234303030305a'],
    ['a leap second', '170d 3136313233313233353936305a'],
    ['a time of another type', '130d 3236313130313030303030305a'],
  ])('%s', (_, octets) => {
    expect(read(bytes(octets), readTime).ok).toBe(false);
  });
});

describe('written and read again', () => {
  test('any magnitude as INTEGER', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (magnitude) => {
        const written = der.unsignedInteger(magnitude);
        const value = read(written, (reader) => reader.integer());
        expect(value.ok && BigInt(`0x${hexOf(value.value)}`)).toBe(BigInt(`0x${hexOf(magnitude)}`));
      }),
    );
  });

  test('content of any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70_000 }), (length) => {
        const written = der.octetString(new Uint8Array(length));
        const value = read(written, (reader) => reader.octetString());
        expect(value.ok && value.value.length).toBe(length);
      }),
    );
  });

  test('any OBJECT IDENTIFIER', () => {
    const arcs = fc.array(fc.integer({ min: 0, max: 2 ** 48 }), { minLength: 0, maxLength: 8 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 39 }), arcs, (first, second, rest) => {
        const dotted = [first, second, ...rest].join('.');
        expect(decodeOid(encodeOid(dotted))).toBe(dotted);
      }),
    );
  });

  test('any whole second from 1950 to 9999', () => {
    const seconds = fc.integer({ min: Date.UTC(1950, 0) / 1000, max: Date.UTC(9999, 11, 31, 23, 59, 59) / 1000 });
    fc.assert(
      fc.property(seconds, (second) => {
        const instant = new Date(second * 1000);
        const written = der.time(instant);
        expect(written[0]).toBe(instant.getUTCFullYear() < 2050 ? tag.utcTime : tag.generalizedTime);
        const value = read(written, readTime);
        expect(value.ok && value.value.getTime()).toBe(instant.getTime());
      }),
    );
  });
});

describe('the octets that the standards give', () => {
  test.each([
    ['hwType of a TPM 2.0', '2.23.133.1.2', '06056781050102'],
    ['verifiedTPMResidency', '2.23.133.11.1.1', '06066781050b0101'],
    ['hardwareModuleName', '1.3.6.1.5.5.7.8.4', '06082b06010505070804'],
    ['rsaEncryption', '1.2.840.113549.1.1.1', '06092a864886f70d010101'],
  ])('for %s', (_, dotted, octets) => {
    expect(hexOf(der.objectIdentifier(dotted))).toBe(octets);
  });

  test('for named bits, without trailing zero bits', () => {
    expect(hexOf(der.namedBits([0]))).toBe('03020780');
    expect(hexOf(der.namedBits([5, 6]))).toBe('03020106');
    expect(hexOf(der.namedBits([8]))).toBe('0303070080');
    expect(hexOf(der.namedBits([]))).toBe('030100');
  });

  test('for a SET OF, sorted', () => {
    expect(hexOf(der.setOf(bytes('020102'), bytes('020101')))).toBe('3106020101020102');
  });
});

test.each(['', '1', '1.', '3.1', '1.40', '1.2.03', '1.-2', 'a.b', '1.2.99999999999999999'])(
  '"%s" is no object identifier',
  (dotted) => {
    expect(() => encodeOid(dotted)).toThrow(RangeError);
  },
);

test('the length of the first element does not depend on what follows', () => {
  expect(elementLength(bytes('3003020101ffff'))).toBe(5);
  expect(elementLength(bytes('3005020101'))).toBeNull();
});

test('no octets make the reader throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
      const result = read(octets, (reader) => reader.any());
      expect(result.ok ? hexOf(result.value) : hexOf(octets)).toBe(hexOf(octets));
    }),
    { numRuns: 2000 },
  );
});
