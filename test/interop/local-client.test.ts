// What OpenSSL thinks of the certificate that a host signs for itself: a TLS client, no CA, and good under itself only.
import { afterAll, expect, test } from '@jest/globals';
import { makeLocalClient } from '../../src/agent/local-client.ts';
import { opensslDirectory } from './openssl-directory.ts';

const { openssl, write, remove } = opensslDirectory();
afterAll(remove);

const own = await makeLocalClient('tower.example.org', new Date());
const other = await makeLocalClient('tower.example.org', new Date());
const certificate = write('own.crt', own.certificatePem);
const key = write('own.key', own.keyPem);
write('other.crt', other.certificatePem);
const verify = (anchor: string, ...more: readonly string[]) =>
  openssl('verify', '-x509_strict', '-no-CApath', '-no-CAstore', '-CAfile', anchor, ...more);

test('it verifies under itself as a TLS client, strictly', () => {
  expect(verify(certificate, '-purpose', 'sslclient', certificate)).toMatchObject({ status: 0 });
});

test('it is no TLS server and signs no mail', () => {
  for (const purpose of ['sslserver', 'smimesign']) {
    expect(verify(certificate, '-purpose', purpose, certificate).status).not.toBe(0);
  }
});

test('it does not verify under that of another host of the same name', () => {
  expect(verify('other.crt', '-purpose', 'sslclient', certificate).status).not.toBe(0);
});

test('it is no CA: what its key signs verifies nowhere', () => {
  const csr = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    'leaf.key',
    '-subj',
    '/CN=x',
  ];
  expect(openssl('req', '-new', ...csr, '-out', 'leaf.csr').status).toBe(0);
  write('leaf.ext', 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\n');
  const signing = ['x509', '-req', '-in', 'leaf.csr', '-CA', certificate, '-CAkey', key, '-set_serial', '7'];
  expect(openssl(...signing, '-days', '1', '-extfile', 'leaf.ext', '-out', 'leaf.crt').status).toBe(0);
  expect(verify(certificate, '-purpose', 'sslclient', 'leaf.crt').status).not.toBe(0);
  expect(openssl('x509', '-in', certificate, '-noout', '-purpose').text).toMatch(/SSL client CA : No/);
});

test('key and certificate belong together', () => {
  const ofCertificate = openssl('x509', '-in', certificate, '-noout', '-pubkey').text;
  expect(openssl('pkey', '-in', key, '-pubout').text).toBe(ofCertificate);
});
