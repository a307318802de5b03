import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { caKey } from '../../../src/x509/ca-link.ts';

/** SubjectPublicKeyInfo of an RSA key; nobody needs to know its factors to have a signature verified with it. */
function rsaSpki(modulusOctets: number, exponent: Buffer): Uint8Array {
  const n = Buffer.alloc(modulusOctets, 0xa5).toString('base64url');
  const key = createPublicKey({ key: { kty: 'RSA', n, e: exponent.toString('base64url') }, format: 'jwk' });
  return key.export({ type: 'spki', format: 'der' });
}

const f4 = Buffer.from([1, 0, 1]);

test('the key of a CA is RSA of 2048 to 8192 bits with an ordinary exponent, or on a named curve', () => {
  expect(caKey(rsaSpki(256, f4))).not.toBeNull();
  expect(caKey(rsaSpki(1024, f4))).not.toBeNull();
  expect(
    caKey(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ type: 'spki', format: 'der' })),
  ).not.toBeNull();
});

test('a stranger cannot make verification long by a huge modulus or exponent', () => {
  expect(caKey(rsaSpki(2048, f4))).toBeNull();
  expect(caKey(rsaSpki(384, Buffer.alloc(383, 0x5b)))).toBeNull();
  expect(caKey(rsaSpki(384, Buffer.from([2, 0, 0, 0, 1])))).toBeNull();
});

test('a weak RSA key is no key of a CA', () => {
  expect(caKey(rsaSpki(128, f4))).toBeNull();
  expect(caKey(rsaSpki(256, Buffer.from([3])))).toBeNull();
});
