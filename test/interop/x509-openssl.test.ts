// What OpenSSL's own command makes of our octets, and what we make of its requests.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { readCertificationRequest } from '../../src/x509/certification-request.ts';
import { buildTbsCertList } from '../../src/x509/crl.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { ca, day, devidPlan, issued, nextSerial, rsa, serverPlan, signed, type Ca } from '../unit/x509/authority.ts';
import { opensslDirectory } from './openssl-directory.ts';

const { path: directory, openssl, write, remove } = opensslDirectory();
afterAll(remove);
const file = (name: string, label: string, der: Uint8Array): string => {
  write(name, encodePem(label, der));
  return join(directory, name);
};

const now = Math.floor(Date.now() / 1000) * 1000;
const validity = { notBefore: new Date(now - 60_000), notAfter: new Date(now + day) };
const caValidity = { notBefore: new Date(now - day), notAfter: new Date(now + 3650 * day) };

describe.each([
  ['P-256', ca('Test Root', caValidity), undefined],
  ['RSA', ca('Test Root', { ...caValidity, keys: rsa() }), rsa()],
])('under an issuer with %s', (kind, root, keys) => {
  const issuing = (domain: Ca['domain']): Ca =>
    ca(`Test ${domain}`, { ...caValidity, issuer: root, domain, ...(keys === undefined ? {} : { keys }) });
  const estate = issuing('estate');
  const control = issuing('keylime-control');
  const rootFile = file(`${kind}-root.pem`, 'CERTIFICATE', root.der);
  const leaf = (name: string, plan: Parameters<typeof issued>[0], by: Ca) => {
    const chain = file(`${kind}-${by.domain}.pem`, 'CERTIFICATE', by.der);
    const path = file(`${kind}-${name}.pem`, 'CERTIFICATE', issued({ ...plan, ...validity }, by));
    return (...more: readonly string[]) =>
      openssl('verify', '-x509_strict', '-CAfile', rootFile, '-untrusted', chain, ...more, path);
  };
  const devid = leaf('devid', devidPlan(), estate);
  const server = leaf('server', serverPlan(), estate);
  const clientPlan = devidPlan({
    domain: 'keylime-control',
    hardwareSerial: null,
    extendedKeyUsage: ['clientAuth'],
    names: { dnsNames: [], ipAddresses: [], uris: [] },
    certificatePolicies: [],
  });
  const client = leaf('client', clientPlan, control);
  const strayed = leaf('strayed', { ...clientPlan, domain: 'estate' }, estate);

  test('every certificate passes -x509_strict', () => {
    for (const verify of [devid, server, client]) expect(verify()).toMatchObject({ status: 0 });
  });

  test('a DevID is neither a TLS client nor a TLS server', () => {
    expect(devid('-purpose', 'sslclient').status).not.toBe(0);
    expect(devid('-purpose', 'sslserver').status).not.toBe(0);
  });

  test('a server certificate is a server and no client', () => {
    expect(server('-purpose', 'sslserver', '-verify_ip', '10.10.2.62')).toMatchObject({ status: 0 });
    expect(server('-purpose', 'sslserver', '-verify_hostname', 'other.example.lan').status).not.toBe(0);
    expect(server('-purpose', 'sslclient').status).not.toBe(0);
  });

  test('a control client is a client and no server', () => {
    expect(client('-purpose', 'sslclient')).toMatchObject({ status: 0 });
    expect(client('-purpose', 'sslserver').status).not.toBe(0);
  });

  test('a clientAuth leaf that strayed into the estate is refused because of its issuing CA', () => {
    expect(strayed('-purpose', 'sslclient')).toMatchObject({ text: expect.stringContaining('error 26 at 1 depth') });
  });

  test('a CRL verifies, with its number, serial and reason', () => {
    const serialNumber = nextSerial();
    const plan = {
      crlNumber: 7n,
      thisUpdate: new Date(now),
      nextUpdate: new Date(now + day),
      revoked: [{ serialNumber, revokedAt: new Date(now - 1000), reasonCode: 'keyCompromise' }],
    } as const;
    const by = {
      nameDer: estate.nameDer,
      keyIdentifier: estate.keyIdentifier,
      signatureAlgorithm: estate.signer.algorithm,
    };
    const crl = file(`${kind}.crl`, 'X509 CRL', signed(buildTbsCertList(plan, by), estate.keys.privateKey));
    const shown = openssl('crl', '-in', crl, '-noout', '-text', '-CAfile', `${kind}-estate.pem`).text;
    expect(shown).toContain('verify OK');
    expect(shown).toContain(`Serial Number: ${serialNumber.toUpperCase()}`);
    expect(shown).toContain('Key Compromise');
    expect(shown).toMatch(/CRL Number: \s+7\n/);
  });
});

test.each([
  ['P-256', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], [], 'ec-p256'],
  ['P-384 with SHA-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['-sha384'], 'ec-p384'],
  ['RSA-2048', ['-newkey', 'rsa:2048'], [], 'rsa-2048'],
])('a request that OpenSSL makes for %s is read', (_, key, hash, keyType) => {
  const san = 'subjectAltName=DNS:Tower.example.lan,IP:10.10.2.62,IP:::1,URI:spiffe://a.b/c';
  const args = ['req', '-new', ...key, ...hash, '-nodes', '-keyout', 'key.pem', '-outform', 'DER'];
  const der = execFileSync('openssl', [...args, '-subj', '/O=x/CN=tower.example.lan', '-addext', san], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  expect(readCertificationRequest(new Uint8Array(der))).toMatchObject({
    ok: true,
    value: {
      keyType,
      commonName: 'tower.example.lan',
      names: { dnsNames: ['tower.example.lan'], ipAddresses: ['10.10.2.62', '::1'], uris: ['spiffe://a.b/c'] },
    },
  });
});

test.each([
  ['RSASSA-PSS', ['-newkey', 'rsa:2048', '-sigopt', 'rsa_padding_mode:pss'], 'unsupportedSignatureAlgorithm'],
  ['SHA-1', ['-newkey', 'rsa:2048', '-sha1'], 'unsupportedSignatureAlgorithm'],
  ['RSA-1024', ['-newkey', 'rsa:1024'], 'weakKey'],
  ['Ed25519', ['-newkey', 'ed25519'], 'keyTypeNotSupported'],
  [
    'explicit parameters',
    ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
    'keyTypeNotSupported',
  ],
])('a request that OpenSSL makes with %s is refused', (_, args, reason) => {
  const command = ['req', '-new', ...args, '-nodes', '-keyout', 'key.pem', '-outform', 'DER', '-subj', '/CN=x'];
  const der = execFileSync('openssl', command, { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });
  expect(readCertificationRequest(new Uint8Array(der))).toMatchObject({ ok: false, error: { reason } });
});
