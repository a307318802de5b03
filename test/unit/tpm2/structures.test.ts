import { describe, expect, test } from '@jest/globals';
import { contentOfTpm2bAttest, encodeTpmsAttest, parseTpmsAttest } from '../../../src/tpm2/attest.ts';
import { MalformedTpmStructure, parsed, TpmReader, TpmWriter } from '../../../src/tpm2/cursor.ts';
import { nameOf } from '../../../src/tpm2/name.ts';
import {
  encodeTpm2bPublic,
  encodeTpmtPublic,
  parseTpm2bPublic,
  parseTpmtPublic,
} from '../../../src/tpm2/public-area.ts';
import { encodeTpmtSignature, parseTpmtSignature } from '../../../src/tpm2/signature.ts';
import { certifyAttest, devid, publicAreas } from './samples.ts';

const areas = publicAreas();
const attest = certifyAttest(nameOf(areas.devid));
const quote = certifyAttest(new Uint8Array(0), {
  attested: {
    type: 'quote',
    pcrSelect: [{ hash: 'sha256', select: Uint8Array.of(0x81, 0, 0x10) }],
    pcrDigest: new Uint8Array(32).fill(5),
  },
});
const ecdsaSignature = {
  scheme: 'ecdsa',
  hash: 'sha256',
  r: Uint8Array.of(1, 2),
  s: new Uint8Array(32).fill(9),
} as const;
const pssSignature = { scheme: 'rsapss', hash: 'sha384', octets: new Uint8Array(256).fill(3) } as const;

const structures: readonly [string, Uint8Array, (octets: Uint8Array) => unknown][] = [
  ...Object.entries(areas).map(
    ([name, area]) =>
      [`TPMT_PUBLIC of ${name}`, encodeTpmtPublic(area), parseTpmtPublic] as [
        string,
        Uint8Array,
        typeof parseTpmtPublic,
      ],
  ),
  ['TPM2B_PUBLIC', encodeTpm2bPublic(areas.devid), parseTpm2bPublic],
  ['TPMS_ATTEST of a certification', encodeTpmsAttest(attest), parseTpmsAttest],
  ['TPMS_ATTEST of a quote', encodeTpmsAttest(quote), parseTpmsAttest],
  ['TPM2B_ATTEST', new TpmWriter().sized(encodeTpmsAttest(attest)).finish(), contentOfTpm2bAttest],
  ['TPMT_SIGNATURE with ECDSA', encodeTpmtSignature(ecdsaSignature), parseTpmtSignature],
  ['TPMT_SIGNATURE with RSAPSS', encodeTpmtSignature(pssSignature), parseTpmtSignature],
];

describe.each(structures)('%s', (_name, octets, parse) => {
  test('is refused at every shorter length, with an offset inside it', () => {
    for (let length = 0; length < octets.length; length += 1) {
      const result = parsed(() => parse(octets.slice(0, length)));
      expect(result).toMatchObject({ ok: false, error: { name: 'MalformedTpmStructure' } });
      if (!result.ok) expect(result.error.offset).toBeLessThanOrEqual(length);
    }
  });

  test('is refused with one trailing octet', () => {
    const result = parsed(() => parse(Uint8Array.of(...octets, 0)));
    expect(result).toMatchObject({ ok: false, error: { reason: '1 trailing octets', offset: octets.length } });
  });
});

test.each(Object.entries(areas))('the public area of %s survives reading and writing octet by octet', (_name, area) => {
  const octets = encodeTpm2bPublic(area);
  expect(parseTpm2bPublic(octets)).toEqual(area);
  expect(encodeTpm2bPublic(parseTpm2bPublic(octets))).toEqual(octets);
});

test.each([attest, quote])('an attestation survives reading and writing', (value) => {
  expect(parseTpmsAttest(encodeTpmsAttest(value))).toEqual(value);
});

test.each([ecdsaSignature, pssSignature])('a signature survives reading and writing', (value) => {
  expect(parseTpmtSignature(encodeTpmtSignature(value))).toEqual(value);
});

test('any octet string that parses as a public area encodes to itself', () => {
  const octets = encodeTpmtPublic(devid().area);
  let accepted = 0;
  for (let at = 0; at < octets.length; at += 1)
    for (const value of [0, 1, 0x10, 0x7f, 0xff]) {
      const mutant = octets.slice();
      mutant[at] = value;
      const result = parsed(() => parseTpmtPublic(mutant));
      if (!result.ok) continue;
      accepted += 1;
      expect(encodeTpmtPublic(result.value)).toEqual(mutant);
    }
  expect(accepted).toBeGreaterThan(300);
});

test.each([
  ['a key type that is not asymmetric', '0008000b', 'key type 0x8 is not RSA or ECC'],
  ['an unknown hash', '00230099', '0x99 is not a known hash algorithm'],
  ['a policy of the wrong length', '0023000b000404720001aa', 'authPolicy of 1 octets is no sha256 digest'],
  ['Camellia', '0023000b0004047200000026', 'symmetric algorithm 0x26 is not AES'],
  ['an ECDAA scheme', '0023000b000404720000' + '0010' + '001a', 'ECC scheme 0x1a is not supported'],
  ['a Barreto-Naehrig curve', '0023000b000404720000' + '0010' + '0018000b' + '0010', '0x10 is not a known curve'],
  ['a KDF', '0023000b000404720000' + '0010' + '0018000b' + '0003' + '0022', 'KDF 0x22 is not TPM_ALG_NULL'],
])('a public area with %s is refused by name', (_what, octets, reason) => {
  const result = parsed(() => parseTpmtPublic(new Uint8Array(Buffer.from(octets, 'hex'))));
  expect(result).toMatchObject({ ok: false, error: { reason } });
});

test('a structure above its size limit is refused before it is read', () => {
  expect(() => parseTpmtPublic(new Uint8Array(1_000_000))).toThrow('1000000 octets are above the limit of 1024');
});

test('what is read does not alias the octets it was read from', () => {
  const octets = Buffer.from('0002aabb', 'hex');
  const content = new TpmReader(octets).sized();
  octets.fill(0);
  expect(content).toEqual(Uint8Array.of(0xaa, 0xbb));
});

test('errors other than malformed structures are not turned into values', () => {
  expect(() =>
    parsed(() => {
      throw new TypeError('a fault');
    }),
  ).toThrow(TypeError);
  expect(new MalformedTpmStructure('x', 3).message).toBe('x (at octet 3)');
});

test('a number that does not fit its field is our own mistake', () => {
  expect(() => new TpmWriter().uint16(65536)).toThrow(RangeError);
  expect(new TpmWriter().uint64(0x0102030405060708n).finish()).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
});
