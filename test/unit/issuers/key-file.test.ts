// CA keys at rest: what is written, what is taken, and what is refused.
import { afterAll, expect, test } from '@jest/globals';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIssuerKey, readKeyFile, writeKeyFile } from '../../../src/issuers/key-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'omens-key-file-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const passphrase = 'correct horse battery staple';
const p256 = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** A file of this test with a content. */
function file(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

test('a key is written as encrypted PKCS #8, for its owner alone, and read back', async () => {
  const key = await generateIssuerKey('ec-p256');
  const path = join(directory, 'written.key.pem');
  await writeKeyFile(path, key, passphrase);
  expect(readFileSync(path, 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const read = await readKeyFile(path, passphrase);
  expect(read.ok && read.value.equals(key)).toBe(true);
});

test('the encryption is PBES2 with AES-256-CBC', async () => {
  const path = join(directory, 'pbes2.key.pem');
  await writeKeyFile(path, p256(), passphrase);
  const der = Buffer.from(readFileSync(path, 'utf8').replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const pbes2 = Buffer.from('06092a864886f70d01050d', 'hex');
  const aes256Cbc = Buffer.from('060960864801650304012a', 'hex');
  expect([der.includes(pbes2), der.includes(aes256Cbc)]).toEqual([true, true]);
});

test('a file that is there is never written over', async () => {
  const path = file('there.key.pem', 'precious');
  await expect(writeKeyFile(path, p256(), passphrase)).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(path, 'utf8')).toBe('precious');
});

test('another passphrase, and a file that is not there, are refused with the path', async () => {
  const path = join(directory, 'other.key.pem');
  await writeKeyFile(path, p256(), passphrase);
  const wrong = await readKeyFile(path, 'another');
  expect(wrong).toMatchObject({ ok: false, error: { reason: 'wrongPassphrase' } });
  expect(wrong.ok ? '' : wrong.error.detail).toContain(path);
  expect(await readKeyFile(join(directory, 'nowhere'), passphrase)).toMatchObject({
    ok: false,
    error: { reason: 'keyFileUnreadable' },
  });
});

test('a key in the clear is refused, but for an import, which takes PKCS #8 and SEC 1', async () => {
  const key = p256();
  for (const type of ['pkcs8', 'sec1'] as const) {
    const path = file(`${type}.pem`, key.export({ type, format: 'pem' }).toString());
    expect(await readKeyFile(path, '')).toMatchObject({ ok: false, error: { reason: 'keyFileNotEncrypted' } });
    const read = await readKeyFile(path, '', { acceptPlain: true });
    expect(read.ok && read.value.equals(createPrivateKey(readFileSync(path)))).toBe(true);
  }
});

test.each([
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
  ['RSA of 1024 bits', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey],
  ['Ed25519', generateKeyPairSync('ed25519').privateKey],
])('a CA key of %s is refused', async (name, key) => {
  const path = file(`${name.replaceAll(' ', '-')}.pem`, key.export({ type: 'pkcs8', format: 'pem' }).toString());
  expect(await readKeyFile(path, '', { acceptPlain: true })).toMatchObject({
    ok: false,
    error: { reason: 'caKeyTypeNotAllowed' },
  });
});
