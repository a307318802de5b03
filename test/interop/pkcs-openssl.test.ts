// What OpenSSL reads from our PKCS #12 and PKCS #7 files.
import { randomBytes, X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import { encodePem } from '../../src/x509/pem.ts';
import { pkcs12 } from '../../src/x509/pkcs12.ts';
import { certificatesOnly } from '../../src/x509/pkcs7.ts';
import { ca, issued, p256, rsa, serverPlan, spkiOf } from '../unit/x509/authority.ts';
import { opensslDirectory } from './openssl-directory.ts';

const { openssl, write, remove } = opensslDirectory();
afterAll(remove);
const certificatesIn = (text: string): readonly string[] =>
  (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem).fingerprint256,
  );
const fingerprints = (ders: readonly Uint8Array[]): readonly string[] =>
  ders.map((der) => new X509Certificate(der).fingerprint256);

const root = ca('Eye of Thundera');
const issuing = ca('Book of Omens', { issuer: root });
const random = (octets: number): Uint8Array => randomBytes(octets);
const password = 'correct horse "battery" $taple\\';
write('password', `${password}\n`);
write('wrong', 'incorrect horse\n');

describe.each([
  ['P-256', p256()],
  ['RSA', rsa()],
])('with a key on %s', (kind, keys) => {
  const leaf = issued(serverPlan({ subjectPublicKeyInfo: spkiOf(keys.publicKey) }), issuing);
  const certificates = [leaf, issuing.der, root.der];
  const privateKey = new Uint8Array(keys.privateKey.export({ type: 'pkcs8', format: 'der' }));
  const made = pkcs12({ privateKey, certificates, friendlyName: 'keylime-agent', password, random });
  const file = write(`${kind}.p12`, made.ok ? made.value : new Uint8Array());
  const open = (...more: readonly string[]) =>
    openssl('pkcs12', '-in', file, '-passin', 'file:password', '-nodes', ...more);

  test('OpenSSL opens the file and finds exactly this key and these certificates', () => {
    const shown = open();
    expect(shown.status).toBe(0);
    expect(certificatesIn(shown.stdout)).toEqual(fingerprints(certificates));
    const pem = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(shown.stdout)?.[0];
    expect(pem).toBe(keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(shown.stdout).toContain('friendlyName: keylime-agent');
  });

  test('key and leaf are one entry, the others are CAs', () => {
    expect(certificatesIn(open('-clcerts', '-nokeys').stdout)).toEqual(fingerprints([leaf]));
    expect(certificatesIn(open('-cacerts', '-nokeys').stdout)).toEqual(fingerprints([issuing.der, root.der]));
  });

  test('everything is encrypted and authenticated with what is not obsolete', () => {
    const info = open('-info', '-noout').stderr;
    expect(info).toMatch(/MAC: sha256, Iteration 600000/);
    expect(info.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256/g)).toHaveLength(2);
  });

  test('another password does not open it', () => {
    const shown = openssl('pkcs12', '-in', file, '-passin', 'file:wrong', '-nodes');
    expect(shown.status).not.toBe(0);
    expect(shown.stdout).toBe('');
  });
});

test.each(['', 'short', 'pässwörd-with-umlauts', 'x'.repeat(129), 'line\nbreak-in-it'])(
  'no file is made under the password %p',
  (bad) => {
    const parts = { privateKey: new Uint8Array(), certificates: [], friendlyName: 'x', random };
    expect(pkcs12({ ...parts, password: bad })).toMatchObject({ error: { reason: 'passwordNotAllowed' } });
  },
);

test('OpenSSL reads certificates, and nothing else, from a PKCS #7 file', () => {
  const certificates = [issued(serverPlan(), issuing), issuing.der, root.der];
  const der = certificatesOnly(certificates);
  const pem = write('bag.p7b', encodePem('PKCS7', der));
  const binary = write('bag.der', der);
  for (const input of [
    ['-in', pem],
    ['-inform', 'DER', '-in', binary],
  ]) {
    const shown = openssl('pkcs7', ...input, '-print_certs');
    expect(shown.status).toBe(0);
    expect(certificatesIn(shown.stdout).toSorted()).toEqual([...fingerprints(certificates)].toSorted());
  }
  const printed = openssl('pkcs7', '-in', pem, '-print', '-noout').stdout;
  expect(printed).toMatch(/signer_info:\s+<EMPTY>/);
});
