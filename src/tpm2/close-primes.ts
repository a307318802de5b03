// RSA moduli whose two primes lie so close together that Fermat's method factors them at once (CVE-2022-26320): such keys
// came out of broken generators. Looks at the modulus only.
import { isRocaWeak } from './roca.ts';

/** As many as the CA/Browser Forum asks of a CA (Baseline Requirements §6.1.1.3). */
const rounds = 100;

/** Whether Fermat's method, from the square root of the modulus (big-endian) upwards, factors it within 100 rounds. */
export function hasClosePrimes(modulus: Uint8Array): boolean {
  const n = BigInt(`0x${Buffer.from(modulus).toString('hex') || '0'}`);
  let a = floorOfRoot(n);
  if (a * a < n) a += 1n;
  let rest = a * a - n;
  for (let round = 0; round < rounds; round += 1) {
    if (isSquare(rest)) return true;
    rest += 2n * a + 1n;
    a += 1n;
  }
  return false;
}

/** The known ways in which a modulus gives its primes away: close primes, or the fingerprint of CVE-2017-15361. */
export const isWeakModulus = (modulus: Uint8Array): boolean => isRocaWeak(modulus) || hasClosePrimes(modulus);

/** What a square leaves modulo 64: most numbers are sorted out by this alone. */
const residuesOfSquares: ReadonlySet<bigint> = new Set(Array.from({ length: 64 }, (_, i) => BigInt((i * i) % 64)));

function isSquare(n: bigint): boolean {
  return residuesOfSquares.has(n & 63n) && floorOfRoot(n) ** 2n === n;
}

/** Newton's method from above: it falls until the root is met. */
function floorOfRoot(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt(Math.ceil(n.toString(16).length / 2) * 4);
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}
