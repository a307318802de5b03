import { describe, expect, test } from '@jest/globals';
import { readCertificate } from '../../../src/x509/certificate.ts';
import { composeChain } from '../../../src/x509/chain.ts';
import { buildTbsCertList, readCrl, type CrlPlan } from '../../../src/x509/crl.ts';
import { verifySignature } from '../../../src/x509/signature-algorithm.ts';
import { ca, day, devidPlan, issued, nextSerial, signed, start, type Ca } from './authority.ts';

const root = ca('Test Root');
const issuer = ca('Test Issuing CA', { issuer: root });
const by = (one: Ca) => ({
  nameDer: one.nameDer,
  keyIdentifier: one.keyIdentifier,
  signatureAlgorithm: one.signer.algorithm,
});
const certificateOf = (octets: Uint8Array) => {
  const result = readCertificate(octets);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
};

const crlPlan = (over: Partial<CrlPlan> = {}): CrlPlan => ({
  crlNumber: 256n,
  thisUpdate: new Date(start),
  nextUpdate: new Date(start + 7 * day),
  revoked: [],
  ...over,
});
const crlOf = (plan: CrlPlan): Uint8Array => signed(buildTbsCertList(plan, by(issuer)), issuer.keys.privateKey);

describe('a CRL', () => {
  test('without entries has no list at all, and reads back', () => {
    const crl = readCrl(crlOf(crlPlan()));
    expect(crl).toMatchObject({ ok: true, value: { revoked: [], crlNumber: 256n, thisUpdate: new Date(start) } });
    expect(crl.ok && crl.value.authorityKeyIdentifier).toEqual(issuer.keyIdentifier);
  });

  test('keeps serial numbers, dates and reasons', () => {
    const revoked = (
      ['unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation', 'affiliationChanged'] as const
    ).map((reasonCode) => ({ serialNumber: nextSerial(), revokedAt: new Date(start + 1000), reasonCode }));
    const crl = readCrl(crlOf(crlPlan({ revoked })));
    expect(crl.ok && crl.value.revoked).toEqual(revoked);
  });

  test('verifies under its issuer and under nobody else', () => {
    const crl = readCrl(crlOf(crlPlan()));
    if (!crl.ok) throw new Error(crl.error.detail);
    const octets = { algorithm: issuer.signer.algorithm, message: crl.value.tbs, signature: crl.value.signature };
    expect(verifySignature({ ...octets, publicKey: issuer.publicKey })).toBe(true);
    expect(verifySignature({ ...octets, publicKey: root.publicKey })).toBe(false);
  });

  test('of a hundred thousand entries is made', () => {
    const serialNumber = nextSerial();
    const entry = { serialNumber, revokedAt: new Date(start), reasonCode: 'superseded' } as const;
    const crl = crlOf(crlPlan({ revoked: Array.from({ length: 100_000 }, () => entry) }));
    expect(crl.length).toBeGreaterThan(4_000_000);
  });

  test('refuses a number beyond 19 octets', () => {
    expect(() => crlOf(crlPlan({ crlNumber: 1n << 152n }))).toThrow(RangeError);
    expect(readCrl(crlOf(crlPlan({ crlNumber: (1n << 152n) - 1n })))).toMatchObject({ ok: true });
  });

  test.each([
    ['an octet behind it', (octets: Uint8Array) => Uint8Array.of(...octets, 0)],
    ['a truncated one', (octets: Uint8Array) => octets.subarray(0, -1)],
    ['a certificate', () => issuer.der],
  ])('is not read from %s', (_, change) => {
    expect(readCrl(change(crlOf(crlPlan())))).toMatchObject({ ok: false, error: { reason: 'malformedCrl' } });
  });
});

describe('a chain', () => {
  const leaf = certificateOf(issued(devidPlan(), issuer));
  const authorities = [root, issuer].map(({ der }) => certificateOf(der));

  test('goes from the issuer to the root', () => {
    const chain = composeChain(leaf, authorities);
    expect(chain.ok && chain.value.map(({ der }) => der)).toEqual([issuer.der, root.der]);
  });

  test('passes by a CA of the same name with another key', () => {
    const twin = certificateOf(ca('Test Issuing CA', { issuer: root }).der);
    const chain = composeChain(leaf, [twin, ...authorities]);
    expect(chain.ok && chain.value[0]?.der).toEqual(issuer.der);
  });

  test('takes the issuer certificate that ends last', () => {
    const renewed = ca('Test Issuing CA', { issuer: root, keys: issuer.keys, notAfter: new Date(start + 3651 * day) });
    const chain = composeChain(leaf, [...authorities, certificateOf(renewed.der)]);
    expect(chain.ok && chain.value[0]?.der).toEqual(renewed.der);
  });

  test('of a root is empty', () => {
    expect(composeChain(certificateOf(root.der), [])).toEqual({ ok: true, value: [] });
  });

  test('that misses a CA says which one by its key identifier', () => {
    const wanted = Buffer.from(root.keyIdentifier).toString('hex');
    expect(composeChain(leaf, [certificateOf(issuer.der)])).toMatchObject({
      ok: false,
      error: { reason: 'chainIncomplete', detail: expect.stringContaining(wanted) },
    });
  });
});
