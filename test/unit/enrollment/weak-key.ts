// A 2048-bit modulus with the ROCA fingerprint: a power of 65537 modulo each of the 38 primes. Nobody has its factors.
const primes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];
const product = primes.reduce((all, prime) => all * BigInt(prime), 1n);
const power = 65537n ** 29n % product;
const multiple = (1n << 2047n) / product + 1n;
const first = power + multiple * product;
const odd = first % 2n === 1n ? first : first + product;

export const modulus = new Uint8Array(Buffer.from(odd.toString(16).padStart(512, '0'), 'hex'));
