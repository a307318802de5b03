import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { isRocaWeak, residuesOf65537 } from '../../../src/tpm2/roca.ts';

// The published bit masks of the fingerprint: bit r is set when r is a power of 65537.
test.each([
  [3, 6n],
  [5, 30n],
  [7, 126n],
  [11, 1026n],
  [13, 5658n],
  [17, 107286n],
  [19, 199410n],
  [23, 8388606n],
])('the residues modulo %i are the published ones', (prime, mask) => {
  let found = 0n;
  for (const residue of residuesOf65537(prime)) found |= 1n << BigInt(residue);
  expect(found).toBe(mask);
});

const octets = (n: bigint) => {
  const digits = n.toString(16);
  return new Uint8Array(Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex'));
};

/** The product of the first 39 primes: the M of the flawed generator for 512-bit keys. */
const primorial = [
  2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
  113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
].reduce((product, prime) => product * BigInt(prime), 1n);

function power(exponent: bigint): bigint {
  let result = 1n;
  for (let base = 65537n, left = exponent; left > 0n; left >>= 1n, base = (base * base) % primorial)
    if (left & 1n) result = (result * base) % primorial;
  return result;
}

test('a product of two numbers of the form k·M + 65537^a mod M is recognized', () => {
  const p = 0x1d3fn * primorial + power(123456789n);
  const q = 0x2a91n * primorial + power(987654321n);
  expect(isRocaWeak(octets(p * q))).toBe(true);
  expect(isRocaWeak(octets(p * (q + 2n)))).toBe(false);
});

test('twenty fresh keys of a sound generator are not', () => {
  for (let i = 0; i < 20; i += 1) {
    const { n } = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    expect(isRocaWeak(new Uint8Array(Buffer.from(n!, 'base64url')))).toBe(false);
  }
});
