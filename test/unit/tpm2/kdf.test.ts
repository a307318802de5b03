import { expect, test } from '@jest/globals';
import { kdfA, kdfE } from '../../../src/tpm2/kdf.ts';

const counting = Uint8Array.from({ length: 32 }, (_, i) => i);
const filled = (value: number) => new Uint8Array(32).fill(value);
const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex');

test('KDFa gives the published storage key', () => {
  const contextU = Uint8Array.of(0x00, 0x0b, ...filled(0xaa));
  const key = kdfA({
    hash: 'sha256',
    key: counting,
    label: 'STORAGE',
    contextU,
    contextV: new Uint8Array(0),
    bits: 128,
  });
  expect(hex(key)).toBe('0415b32b6f43896a87e7b29be8f2ac14');
});

test('KDFa gives the published integrity key', () => {
  const none = new Uint8Array(0);
  const key = kdfA({ hash: 'sha256', key: counting, label: 'INTEGRITY', contextU: none, contextV: none, bits: 256 });
  expect(hex(key)).toBe('bacf689f634ece301e1f1b15b072d9c87db6a69585db42b1a0cb8f73ebe2692e');
});

test('KDFe gives the published seed', () => {
  const seed = kdfE({
    hash: 'sha256',
    z: filled(1),
    label: 'IDENTITY',
    partyU: filled(2),
    partyV: filled(3),
    bits: 256,
  });
  expect(hex(seed)).toBe('2073a3306eedcfb178183d8a721f949bba9c3d4501b6c2839487bbdd3b973070');
});

test('a longer output begins differently, because the length is part of the input, and has the length asked for', () => {
  const none = new Uint8Array(0);
  const make = (bits: number) =>
    kdfA({ hash: 'sha256', key: counting, label: 'CFB', contextU: none, contextV: none, bits });
  expect(make(640)).toHaveLength(80);
  expect(hex(make(640).slice(0, 32))).not.toBe(hex(make(256)));
});

test('bits that are not whole octets are our own mistake', () => {
  const none = new Uint8Array(0);
  expect(() => kdfA({ hash: 'sha256', key: none, label: 'X', contextU: none, contextV: none, bits: 521 })).toThrow(
    'whole octets',
  );
});
