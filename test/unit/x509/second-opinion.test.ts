import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../src/domain/plan.ts';
import { lintCertificate } from '../../../src/x509/lint.ts';
import { readByPeculiar, readByPkijs } from '../../../src/x509/library-opinions.ts';
import { disagreements, readByOpenssl, splitNames } from '../../../src/x509/second-opinion.ts';
import { ca, devidPlan, issued, nextSerial, p384, rsa, serverPlan, spkiOf, start } from './authority.ts';

const root = ca('Test Root');
const issuer = ca('Test Issuing CA', { issuer: root });
const rsaIssuer = ca('Test RSA CA', { issuer: root, keys: rsa() });

const plans: readonly (readonly [string, Plan])[] = [
  ['a DevID', devidPlan()],
  ['a Keylime agent', serverPlan()],
  ['an RSA key', serverPlan({ subjectPublicKeyInfo: spkiOf(rsa().publicKey), keyType: 'rsa-2048' })],
  ['a P-384 key', serverPlan({ subjectPublicKeyInfo: spkiOf(p384().publicKey), keyType: 'ec-p384' })],
  ['no name', devidPlan({ names: { dnsNames: [], ipAddresses: [], uris: [] }, hardwareSerial: null })],
  ['an end after 2049', devidPlan({ notAfter: new Date(Date.UTC(2050, 0, 1)) })],
  ['a commonName with every special character', devidPlan({ commonName: 'a,b+c"d\\e<f>g;h #i=ä ' })],
];

describe.each([issuer, rsaIssuer])('the readers agree with the plan', (by) => {
  test.each(plans)('for %s', async (_, plan) => {
    const serialNumber = nextSerial();
    const der = issued(plan, by, serialNumber);
    const expected = { plan, serialNumber };
    const long = { ...by, notAfter: new Date(Date.UTC(2060, 0, 1)) };
    expect(lintCertificate(der, { plan, issuer: long })).toEqual([]);
    expect(disagreements(expected, readByOpenssl(der, by.publicKey))).toEqual([]);
    expect(disagreements(expected, await readByPeculiar(der, by.publicKey))).toEqual([]);
    expect(disagreements(expected, await readByPkijs(der, by.publicKey))).toEqual([]);
  });
});

describe('each reader notices', () => {
  const plan = serverPlan();
  const serialNumber = nextSerial();
  const der = issued(plan, issuer, serialNumber);
  const changes: readonly (readonly [string, Plan])[] = [
    ['another commonName', { ...plan, commonName: 'other.example.lan' }],
    ['another beginning', { ...plan, notBefore: new Date(start + 1000) }],
    ['another end', { ...plan, notAfter: new Date(start + 1000) }],
    ['another purpose', { ...plan, extendedKeyUsage: ['clientAuth'] }],
    ['a second purpose', { ...plan, extendedKeyUsage: ['serverAuth', 'clientAuth'] }],
    ['a missing name', { ...plan, names: { ...plan.names, dnsNames: ['tower.example.lan'] } }],
    ['another address', { ...plan, names: { ...plan.names, ipAddresses: ['10.10.2.63', '127.0.0.1', '::1'] } }],
    ['another key', { ...plan, subjectPublicKeyInfo: spkiOf(root.publicKey) }],
  ];
  test.each(changes)('%s', async (_, changed) => {
    const expected = { plan: changed, serialNumber };
    expect(disagreements(expected, readByOpenssl(der, issuer.publicKey))).toHaveLength(1);
    expect(disagreements(expected, await readByPeculiar(der, issuer.publicKey))).toHaveLength(1);
    expect(disagreements(expected, await readByPkijs(der, issuer.publicKey))).toHaveLength(1);
    expect(lintCertificate(der, { plan: changed, issuer })).not.toEqual([]);
  });

  test('a missing HardwareModuleName, but for the one that shows none', async () => {
    const expected = { plan: { ...plan, hardwareSerial: 'A:B:C' }, serialNumber };
    expect(disagreements(expected, readByOpenssl(der, issuer.publicKey))).toHaveLength(1);
    expect(disagreements(expected, await readByPkijs(der, issuer.publicKey))).toHaveLength(1);
    expect(disagreements(expected, await readByPeculiar(der, issuer.publicKey))).toEqual([]);
    expect(lintCertificate(der, { plan: expected.plan, issuer })).toMatchObject([{ reason: 'hardwareModuleName' }]);
  });

  test('a signature by another key', async () => {
    const expected = { plan, serialNumber };
    const [byOpenssl, byPeculiar, byPkijs] = [
      readByOpenssl(der, root.publicKey),
      await readByPeculiar(der, root.publicKey),
      await readByPkijs(der, root.publicKey),
    ];
    for (const reading of [byOpenssl, byPeculiar, byPkijs]) {
      expect(disagreements(expected, reading)).toEqual([expect.stringContaining('isSignatureValid')]);
    }
  });

  test('another serial number', () => {
    const expected = { plan, serialNumber: nextSerial() };
    expect(disagreements(expected, readByOpenssl(der, issuer.publicKey))).toEqual([
      expect.stringContaining('serialNumber'),
    ]);
  });
});

describe('names in the text that Node makes of a subjectAltName', () => {
  test('are split where a name ends, not where its text says so', () => {
    expect(splitNames('DNS:"a.example, DNS:b.example", IP Address:0:0:0:0:0:0:0:1')).toEqual([
      'DNS:a.example, DNS:b.example',
      'IP:00000000000000000000000000000001',
    ]);
  });

  test('that do not fit the grammar equal no planned name', () => {
    expect(splitNames('DNS:a"b')).toEqual(['unreadable DNS:a"b']);
  });
});
