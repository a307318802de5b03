// What OpenSSL's cms command makes of our SignedData, and what we make of its own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { signTrustBundle } from '../../src/issuance/sign-trust-bundle.ts';
import { verifySignedData } from '../../src/x509/cms-signed-data.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { openTrustBundle, readAnchor } from '../../src/x509/signed-trust-bundle.ts';
import { ca, day, p256, rsa } from '../unit/x509/authority.ts';
import { opensslDirectory } from './openssl-directory.ts';

const { path: directory, openssl, write, remove } = opensslDirectory();
afterAll(remove);

const now = Math.floor(Date.now() / 1000) * 1000;
const validity = { notBefore: new Date(now - day), notAfter: new Date(now + 3650 * day) };

const second = ca('Second Root', validity);
write('second.crt', encodePem('CERTIFICATE', second.der));
write('second.key', second.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));

describe.each([
  ['P-256', p256()],
  ['RSA', rsa()],
])('by a root with %s', (kind, keys) => {
  const root = ca('Test Root', { ...validity, keys });
  const read = readAnchor('estate', encodePem('CERTIFICATE', root.der));
  if (!read.ok) throw new Error(read.error.detail);
  const anchor = read.value;
  const certificate = write(`${kind}.crt`, anchor.pem);
  const key = write(`${kind}.key`, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const request = { generation: 3, anchors: [anchor], root: anchor, rootKey: keys.privateKey, now: new Date(now) };
  const verify = ['cms', '-verify', '-inform', 'PEM', '-CAfile', certificate, '-purpose', 'any'] as const;

  test('OpenSSL verifies our bundle and gives back what is in it', async () => {
    const cms = await signTrustBundle(request);
    const bundle = write(`${kind}.cms`, encodePem('CMS', cms.ok ? cms.value : new Uint8Array()));
    const shown = openssl(...verify, '-in', bundle);
    expect(shown).toMatchObject({ status: 0, stderr: expect.stringContaining('Verification successful') });
    expect(JSON.parse(shown.stdout)).toMatchObject({ generation: 3, anchors: [{ domain: 'estate' }] });
    const other = write('other.crt', encodePem('CERTIFICATE', ca('Test Root', validity).der));
    expect(
      openssl('cms', '-verify', '-inform', 'PEM', '-CAfile', other, '-purpose', 'any', '-in', bundle).status,
    ).not.toBe(0);
  });

  const content = JSON.stringify({
    ...{ version: 1, generation: 4, createdAt: '2026-11-26T10:00:00Z' },
    anchors: [{ domain: 'estate', certificate: anchor.pem }],
  });
  const signing = (...more: readonly string[]): Uint8Array => {
    const input = write('bundle.json', content);
    const args = ['-sign', '-binary', '-in', input, '-signer', certificate, '-inkey', key, '-outform', 'DER'];
    const made = openssl('cms', ...args, '-out', 'made.cms', ...more);
    expect(made).toMatchObject({ status: 0 });
    return new Uint8Array(readFileSync(join(directory, 'made.cms')));
  };

  test('a bundle that OpenSSL signs as the decision record says opens here', () => {
    const cms = signing('-nodetach', '-nosmimecap', '-md', 'sha256');
    expect(openTrustBundle(cms, [anchor.sha256])).toMatchObject({ ok: true, value: { generation: 4 } });
    expect(openTrustBundle(cms, [])).toMatchObject({ error: { reason: 'signerNotTrusted' } });
  });

  test.each([
    ['the content elsewhere', ['-nosmimecap', '-md', 'sha256'], 'malformedCms'],
    ['S/MIME capabilities', ['-nodetach', '-md', 'sha256'], 'malformedCms'],
    ['no attributes', ['-nodetach', '-noattr', '-md', 'sha256'], 'malformedCms'],
    ['no certificate', ['-nodetach', '-nosmimecap', '-nocerts', '-md', 'sha256'], 'malformedCms'],
    ['a key identifier', ['-nodetach', '-nosmimecap', '-keyid', '-md', 'sha256'], 'malformedCms'],
    ['SHA-512', ['-nodetach', '-nosmimecap', '-md', 'sha512'], 'cmsNotSupported'],
    [
      'two signers',
      ['-nodetach', '-nosmimecap', '-md', 'sha256', '-signer', 'second.crt', '-inkey', 'second.key'],
      'malformedCms',
    ],
  ])('one with %s does not', (_, args, reason) => {
    const read = verifySignedData(signing(...args), { trustedSha256: [anchor.sha256], maxOctets: 65_536 });
    expect(read).toMatchObject({ ok: false, error: { reason } });
  });
});
