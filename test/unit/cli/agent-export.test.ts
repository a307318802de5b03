// `omens agent export` on a directory that stands for a host.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import { sha256Hex } from '../../../src/x509/digest.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { certificatesOnly } from '../../../src/x509/pkcs7.ts';
import { fakeWorld } from '../../fakes/service.ts';
import { ca, issued, p256, serverPlan, spkiOf } from '../x509/authority.ts';

const root = ca('Eye of Thundera');
const issuing = ca('Book of Omens', { issuer: root });
const keys = p256();
const leaf = issued(serverPlan({ subjectPublicKeyInfo: spkiOf(keys.publicKey) }), issuing);

let host: string;
beforeEach(() => {
  host = mkdtempSync(join(tmpdir(), 'omens-export-'));
  for (const directory of ['etc/omens', 'etc/nginx/ssl']) mkdirSync(join(host, directory), { recursive: true });
  write('etc/omens/agent.yaml', 'targets:\n  - preset: nginx-vhost\n    name: www\n  - preset: devid\n');
  write('etc/nginx/ssl/www.key', keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  write('etc/nginx/ssl/www.crt', encodePem('CERTIFICATE', leaf) + encodePem('CERTIFICATE', issuing.der));
  write('password', 'correct horse\n');
});
afterEach(() => rmSync(host, { recursive: true }));
const write = (path: string, text: string): void => writeFileSync(join(host, path), text);
const out = (): string => join(host, 'exported');

async function exported(...args: readonly string[]) {
  const world = fakeWorld({});
  const code = await run(['agent', 'export', '--root', host, '--out', out(), ...args], world);
  return { code, out: world.out(), errors: world.errors() };
}

test('certificates go to a file of mode 0600, and --json says which', async () => {
  const { code, out: said } = await exported('--target', 'www', '--format', 'pkcs7', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(said)).toEqual({ target: 'www', format: 'pkcs7', file: out(), certificate: sha256Hex(leaf) });
  expect(readFileSync(out(), 'utf8')).toBe(encodePem('PKCS7', certificatesOnly([leaf, issuing.der])));
  expect(statSync(out()).mode & 0o777).toBe(0o600);
});

test('with the key it is made under the password of a file, and replaces an older one', async () => {
  write('exported', 'older');
  const { code, out: said } = await exported(
    '--target',
    'www',
    '--format',
    'pkcs12',
    '--password-file',
    join(host, 'password'),
  );
  expect([code, said]).toEqual([0, `${out()}\n`]);
  expect([...readFileSync(out()).subarray(0, 1)]).toEqual([0x30]);
  expect(statSync(out()).mode & 0o777).toBe(0o600);
});

test.each([
  ['no password', ['--target', 'www', '--format', 'pkcs12'], 2, 'pkcs12 needs --password-file'],
  [
    'a password for certificates',
    ['--target', 'www', '--format', 'pkcs7', '--password-file', 'x'],
    2,
    'takes no password',
  ],
  ['a target that is not there', ['--target', 'mail', '--format', 'pkcs7'], 2, 'accepted: www, devid'],
  ['another format', ['--target', 'www', '--format', 'jks'], 2, 'Allowed choices'],
  ['nothing installed', ['--target', 'devid', '--format', 'pkcs7'], 1, 'nothing is installed for devid'],
])('%s makes no file', async (_, args, code, said) => {
  expect(await exported(...args)).toMatchObject({ code, errors: expect.stringContaining(said) });
  expect(existsSync(out())).toBe(false);
});
