import { checkPrimeSync, generateKeyPairSync, generatePrimeSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { hasClosePrimes, isWeakModulus } from '../../../src/tpm2/close-primes.ts';
import { publicKeyOf } from '../../../src/tpm2/subject-public-key-info.ts';
import { ekTemplates } from '../../../src/tpm2/templates.ts';

const octets = (n: bigint): Uint8Array => new Uint8Array(Buffer.from(n.toString(16), 'hex'));

/** A prime with its two highest bits set, so that a product of two has 2048 bits; and the next prime from `distance` on. */
const p = generatePrimeSync(1024, { bigint: true }) | (3n << 1022n);
function primeAfter(start: bigint): bigint {
  let candidate = start | 1n;
  while (!checkPrimeSync(candidate)) candidate += 2n;
  return candidate;
}
const first = primeAfter(p);

test.each([0n, 2n, 1n << 100n, 1n << 515n])('primes that lie %s apart are found', (distance) => {
  expect(hasClosePrimes(octets(first * primeAfter(first + distance)))).toBe(true);
});

test('primes with half their digits in common are not mistaken for close ones', () => {
  expect(hasClosePrimes(octets(first * primeAfter(first + (1n << 600n))))).toBe(false);
});

test('keys of a sound generator are not weak', () => {
  for (let i = 0; i < 3; i += 1) {
    const { n } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
    expect(isWeakModulus(new Uint8Array(Buffer.from(n!, 'base64url')))).toBe(false);
  }
});

test('a public area with close primes is refused for that reason, whatever its role', () => {
  const modulus = octets(first * primeAfter(first + 2n));
  expect(publicKeyOf({ ...ekTemplates['L-1'], modulus })).toMatchObject({
    ok: false,
    error: { reason: 'closePrimes', field: 'unique' },
  });
});
