import { describe, expect, test } from '@jest/globals';
import { TpmWriter } from '../../../src/tpm2/cursor.ts';
import { fromSpireBlobs, parseTss2Pem, toSpireBlobs, toTss2Pem } from '../../../src/tpm2/key-files.ts';
import { encodeTpm2bPublic, encodeTpmtPublic } from '../../../src/tpm2/public-area.ts';
import { devid } from './samples.ts';

const { area } = devid();
const inner = new Uint8Array(126).fill(0xc5);
const blobs = { public: encodeTpm2bPublic(area), private: new TpmWriter().sized(inner).finish() };
const body = (pem: string) => Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
const pemOf = (der: Uint8Array) =>
  `-----BEGIN TSS2 PRIVATE KEY-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/(.{64})(?=.)/g, '$1\n')}\n-----END TSS2 PRIVATE KEY-----\n`;

test('SPIRE gets both parts without their sizes, and they can be had back', () => {
  expect(toSpireBlobs(blobs)).toEqual({ public: encodeTpmtPublic(area), private: inner });
  expect(fromSpireBlobs(toSpireBlobs(blobs))).toEqual(blobs);
});

test('the PEM states its empty password and its parent, octet by octet', () => {
  const der = body(toTss2Pem(blobs)).toString('hex');
  expect(der).toMatch(/^3081f206066781050a0103a0030101ff020440000001045a0058/);
  expect(toTss2Pem(blobs)).toMatch(/^-----BEGIN TSS2 PRIVATE KEY-----\n/);
});

test.each([
  [0x40000001, true],
  [0x81000001, true],
  [0x81000001, false],
])('a PEM with parent 0x%s and emptyAuth %s survives writing and reading', (parent, emptyAuth) => {
  expect(parseTss2Pem(toTss2Pem({ ...blobs, parent, emptyAuth }))).toEqual({ ...blobs, parent, emptyAuth });
});

test('a PEM that says nothing about the password is read as having one', () => {
  const der = body(toTss2Pem(blobs));
  const without = Buffer.concat([der.subarray(0, 11), der.subarray(16)]);
  without.writeUInt8(without.readUInt8(2) - 5, 2);
  expect(parseTss2Pem(pemOf(without))).toMatchObject({ emptyAuth: false, parent: 0x40000001 });
});

describe('a PEM is refused', () => {
  const pem = toTss2Pem(blobs);
  const changed = (at: number, value: number) => {
    const der = body(pem);
    der[at] = value;
    return pemOf(der);
  };
  test.each([
    ['with another label', pem.replaceAll('TSS2 PRIVATE KEY', 'PRIVATE KEY'), 'not exactly one'],
    ['with text before it', `x\n${pem}`, 'not exactly one'],
    ['twice in one file', pem + pem, 'not exactly one'],
    ['that is far too long', pem + ' '.repeat(9000), 'not exactly one'],
    ['with another object identifier', changed(10, 4), 'not a loadable key'],
    ['with a boolean that is neither', changed(15, 2), 'not a boolean'],
    ['with octets after it', pemOf(Buffer.concat([body(pem), Uint8Array.of(0)])), 'trailing'],
    ['with a parent that is negative', changed(18, 0x81), 'the parent is no handle'],
  ])('%s', (_what, text, reason) => {
    expect(() => parseTss2Pem(text)).toThrow(reason);
  });

  test('when it is cut anywhere', () => {
    const der = body(pem);
    for (let length = 0; length < der.length; length += 1)
      expect(() => parseTss2Pem(pemOf(der.subarray(0, length)))).toThrow();
  });
});

test('blobs without their size fields are not mistaken for tpm2-tools blobs', () => {
  expect(() => toTss2Pem(toSpireBlobs(blobs))).toThrow(/at octet/);
});
