import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { importTrustDomain, type MadeTrustDomain } from '../../../src/issuance/ceremony.ts';
import { makeEstate, now, seconds } from './scene.ts';

let made: MadeTrustDomain;
let other: MadeTrustDomain;

beforeAll(async () => {
  [made, other] = await Promise.all([makeEstate(), makeEstate()]);
});

describe('a trust domain that is made', () => {
  test('has the names of the estate, and path lengths that forbid CAs below the issuing one', () => {
    const [root, issuing] = [made.root, made.issuing].map(({ der }) => new X509Certificate(der)) as [
      X509Certificate,
      X509Certificate,
    ];
    expect([root.subject, issuing.subject]).toEqual(['CN=Eye of Thundera', 'CN=Book of Omens']);
    expect(issuing.checkIssued(root) && issuing.verify(root.publicKey)).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
  });

  test('links its certificates by key identifier', () => {
    expect(made.issuing.parentId).toBe(made.root.id);
    expect(made.issuing.subjectKeyIdentifier).not.toBe(made.root.subjectKeyIdentifier);
  });
});

const asked = () => ({
  domain: 'estate' as const,
  certificateDer: made.issuing.der,
  key: made.issuingKey,
  chainDer: [made.root.der],
  now,
});

describe('a trust domain that is imported', () => {
  test('is described root first', () => {
    const imported = importTrustDomain(asked());
    expect(imported.ok && imported.value.map(({ role, id }) => [role, id])).toEqual([
      ['root', made.root.id],
      ['issuing', made.issuing.id],
    ]);
  });

  test('finds its root among CAs of the same name, by key identifier', () => {
    const imported = importTrustDomain({ ...asked(), chainDer: [other.root.der, made.root.der] });
    expect(imported.ok && imported.value[0]?.id).toBe(made.root.id);
  });

  test.each([
    ['another CA’s root', () => ({ chainDer: [other.root.der] }), 'chainIncomplete'],
    ['no chain', () => ({ chainDer: [] }), 'chainIncomplete'],
    ['another key', () => ({ key: other.issuingKey }), 'keyDoesNotMatch'],
    [
      'a key of another kind',
      () => ({ key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }),
      'keyDoesNotMatch',
    ],
    ['a certificate that has ended', () => ({ now: seconds(11 * 365 * 86_400) }), 'caExpired'],
    ['something that is no certificate', () => ({ certificateDer: new Uint8Array(50) }), 'notACertificate'],
  ])('is refused with %s', (_, over, reason) => {
    const imported = importTrustDomain({ ...asked(), ...over() });
    expect(imported.ok ? null : imported.error.reason).toBe(reason);
  });
});
