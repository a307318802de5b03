// The ROCA fingerprint (CVE-2017-15361): RSA moduli made by a flawed key generator of Infineon, which can be factored.
// Looks at the modulus only: firmware versions tell less, since a repaired TPM keeps its old keys.

const primes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
] as const;

/** The residues that 65537 generates modulo a prime. */
export function residuesOf65537(prime: number): ReadonlySet<number> {
  const residues = new Set<number>();
  for (let x = 1; !residues.has(x); x = (x * 65537) % prime) residues.add(x);
  return residues;
}

const fingerprint = primes.map((prime) => ({ prime: BigInt(prime), residues: residuesOf65537(prime) }));

/**
 * Whether a modulus (big-endian) bears the fingerprint: its residue is a power of 65537 modulo every one of the 38
 * primes. A sound key does so with a probability of about 2^-28.
 */
export function isRocaWeak(modulus: Uint8Array): boolean {
  const n = BigInt(`0x${Buffer.from(modulus).toString('hex') || '0'}`);
  return fingerprint.every(({ prime, residues }) => residues.has(Number(n % prime)));
}
