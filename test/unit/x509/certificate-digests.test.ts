// The second certificate that anybody can make of one signed with ECDSA is known by the digest of the first.
import { createHash, X509Certificate } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { readCertificate } from '../../../src/x509/certificate.ts';
import { digestsOf } from '../../../src/x509/certificate-digests.ts';
import * as der from '../../../src/x509/der-writer.ts';
import { ca, rsa } from './authority.ts';

const sha256 = (octets: Uint8Array) => createHash('sha256').update(octets).digest('hex');
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The same certificate with (r, n - s) in place of (r, s), made without the code under test. */
function twinOf(octets: Uint8Array): Uint8Array {
  const read = readCertificate(octets);
  if (!read.ok) throw new Error(read.error.detail);
  const { tbs, signatureAlgorithm, signature } = read.value;
  const r = signature.subarray(4, 4 + signature[3]!);
  const s = BigInt(`0x${Buffer.from(signature.subarray(6 + r.length)).toString('hex')}`);
  const negated = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
  const pair = der.sequence(der.unsignedInteger(r), der.unsignedInteger(negated));
  return der.sequence(tbs, signatureAlgorithm.der, der.bitString(pair));
}

test('a certificate signed with ECDSA is known by its digest and by that of its twin, which verifies as well', () => {
  for (let round = 0; round < 20; round += 1) {
    const root = ca('Vendor EK Root', { pathLength: null });
    const vendor = ca('Vendor EK CA', { issuer: root });
    const twin = twinOf(vendor.der);
    expect(new X509Certificate(twin).verify(root.publicKey)).toBe(true);
    expect(sha256(twin)).not.toBe(sha256(vendor.der));
    expect(digestsOf(vendor.der)[0]).toBe(sha256(vendor.der));
    expect(digestsOf(vendor.der)).toContain(sha256(twin));
    expect(digestsOf(twin)).toContain(sha256(vendor.der));
  }
});

test('a certificate signed with RSA, and what is no certificate, is known by its digest alone', () => {
  const vendor = ca('Vendor EK CA', { issuer: ca('Vendor EK Root', { keys: rsa(), pathLength: null }) });
  expect(digestsOf(vendor.der)).toEqual([sha256(vendor.der)]);
  expect(digestsOf(Uint8Array.of(1, 2))).toEqual([sha256(Uint8Array.of(1, 2))]);
});
