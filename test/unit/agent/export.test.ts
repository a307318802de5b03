// What goes into an exported file, and what does not leave a host.
import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { exportInstalled, type ExportRequest, type ExportSource } from '../../../src/agent/export.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { certificatesOnly } from '../../../src/x509/pkcs7.ts';
import { ca, issued, p256, serverPlan, spkiOf } from '../x509/authority.ts';

const root = ca('Eye of Thundera');
const issuing = ca('Book of Omens', { issuer: root });
const otherRoot = ca('Eye of Thundera');
const keys = p256();
const leaf = issued(serverPlan({ subjectPublicKeyInfo: spkiOf(keys.publicKey) }), issuing);
const pem = (der: Uint8Array): string => encodePem('CERTIFICATE', der);
const privateKeyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const source: ExportSource = {
  leafPem: pem(leaf),
  chainPem: pem(issuing.der),
  key: { kind: 'software', privateKeyPem },
};
let drawn = 0;
const request: ExportRequest = {
  ...{ format: 'pkcs7', name: 'keylime-agent', password: null },
  roots: [otherRoot.der, root.der],
  random: (octets) => new Uint8Array(createHash('sha512').update(String(drawn++)).digest()).subarray(0, octets),
};
const text = (octets: Uint8Array): string => Buffer.from(octets).toString();

describe('certificates alone', () => {
  test('are the leaf, its chain, and the root above it by key identifier', () => {
    const made = exportInstalled(source, request);
    expect(made.ok && text(made.value)).toBe(encodePem('PKCS7', certificatesOnly([leaf, issuing.der, root.der])));
  });

  test('go without the root where this host does not know it', () => {
    const made = exportInstalled(source, { ...request, roots: [otherRoot.der] });
    expect(made.ok && text(made.value)).toBe(encodePem('PKCS7', certificatesOnly([leaf, issuing.der])));
  });

  test('of a key in the TPM may be exported', () => {
    expect(exportInstalled({ ...source, key: { kind: 'devid' } }, request).ok).toBe(true);
  });
});

describe('a file with the key', () => {
  const withKey: ExportRequest = { ...request, format: 'pkcs12', password: 'correct horse' };

  test('has it encrypted, and no salt twice', () => {
    drawn = 0;
    const made = exportInstalled(source, withKey);
    if (!made.ok) throw new Error(made.error.detail);
    const { subject } = new X509Certificate(leaf);
    const secret = keys.privateKey.export({ type: 'pkcs8', format: 'der' });
    expect(Buffer.from(made.value).includes(secret.subarray(36, 68))).toBe(false);
    expect(Buffer.from(made.value).includes(Buffer.from(subject.replace('CN=', '')))).toBe(false);
    expect(drawn).toBe(5);
  });

  test.each<readonly [string, ExportSource, ExportRequest, string]>([
    ['of a TPM', { ...source, key: { kind: 'devid' } }, withKey, 'keyInTpm'],
    ['without a password', source, { ...withKey, password: null }, 'passwordMissing'],
    ['under a short password', source, { ...withKey, password: 'horse' }, 'passwordNotAllowed'],
    [
      'that is not of the certificate',
      {
        ...source,
        key: { kind: 'software', privateKeyPem: p256().privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
      },
      withKey,
      'keyDoesNotMatch',
    ],
    ['beside something else than certificates', { ...source, chainPem: 'chain' }, withKey, 'notACertificate'],
  ])('%s is not made', (_, from, wish, reason) => {
    expect(exportInstalled(from, wish)).toMatchObject({ ok: false, error: { reason } });
  });
});
