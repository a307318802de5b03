// An estate that has a root and an issuing CA already, made by OpenSSL: what `omens init --import-certificate` takes, and
// what the server then issues, judged by OpenSSL under that root.
import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { ensureBuilt } from '../db/support/embedded-process.ts';
import { omens } from './support/agent-command.ts';
import {
  call,
  type Estate,
  type EstateOptions,
  initializeEstate,
  removeEstate,
  type ServerProcess,
  startServer,
} from './support/estate.ts';

const run = promisify(execFile);
let work: string;
let estate: Estate | null = null;
let server: ServerProcess | null = null;

beforeAll(async () => {
  await ensureBuilt();
  work = mkdtempSync(join(tmpdir(), 'omens-import-'));
}, 120_000);
afterEach(async () => {
  await server?.stop();
  if (estate !== null) removeEstate(estate);
  [server, estate] = [null, null];
}, 60_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

const at = (name: string): string => join(work, name);
const openssl = (...args: readonly string[]) => run('openssl', args, { cwd: work, timeout: 60_000 });
const extensions = (...lines: readonly string[]): string => ['[ca]', ...lines, ''].join('\n');
const keyUsage = 'keyUsage=critical,keyCertSign,cRLSign';
const identifiers = ['subjectKeyIdentifier=hash', 'authorityKeyIdentifier=keyid:always'];

const newKeys = {
  'rsa-4096': ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096'],
  'ec-p256': ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
} as const;
type KeyName = keyof typeof newKeys;

/** `<name>.key`, encrypted, and `<name>.crt`, under `issuer` or self-signed. */
async function makeCa(name: string, key: KeyName, issuer: string | null, basicConstraints: string): Promise<void> {
  const file = at(`${name}.cnf`);
  writeFileSync(at('ca-passphrase'), 'an old passphrase of the estate\n', { mode: 0o600 });
  writeFileSync(file, extensions(`basicConstraints=critical,CA:TRUE${basicConstraints}`, keyUsage, ...identifiers));
  const encrypted = ['-aes-256-cbc', '-pass', 'file:ca-passphrase'];
  await openssl(...newKeys[key], ...encrypted, '-out', `${name}.key`);
  const request = ['-key', `${name}.key`, '-passin', 'file:ca-passphrase', '-subj', `/O=Funlab/CN=${name}`];
  await openssl('req', '-new', ...request, '-out', `${name}.csr`);
  const signer =
    issuer === null
      ? ['-signkey', `${name}.key`]
      : ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`, '-CAcreateserial'];
  const rest = ['-passin', 'file:ca-passphrase', '-days', '3650', '-extfile', file, '-extensions', 'ca'];
  await openssl('x509', '-req', '-in', `${name}.csr`, ...signer, ...rest, '-out', `${name}.crt`);
}

const imported = (issuing: string, root: string): NonNullable<EstateOptions['importEstate']> => ({
  ...{ certificateFile: at(`${issuing}.crt`), keyFile: at(`${issuing}.key`), chainFile: at(`${root}.crt`) },
  keyPassphraseFile: at('ca-passphrase'),
});

async function csrFor(name: string): Promise<string> {
  const request = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'leaf.key'];
  await openssl('req', '-new', ...newKey, ...request, '-outform', 'DER', '-out', 'leaf.csr');
  return readFileSync(at('leaf.csr')).toString('base64url');
}

test.each<[KeyName, KeyName]>([
  ['rsa-4096', 'rsa-4096'],
  ['ec-p256', 'ec-p256'],
  ['rsa-4096', 'ec-p256'],
])(
  'a root with %s and an issuing CA with %s go on as they are',
  async (rootKey, issuingKey) => {
    const [root, issuing] = [`root ${rootKey} ${issuingKey}`, `issuing ${rootKey} ${issuingKey}`];
    await makeCa(root, rootKey, null, '');
    await makeCa(issuing, issuingKey, root, ',pathlen:0');
    estate = await initializeEstate({ importEstate: imported(issuing, root) });
    // The root's key was never here; the control domain has one of its own.
    expect(readdirSync(join(estate.directory, 'data-roots')).filter((name) => name.startsWith('estate'))).toEqual([]);
    server = await startServer(estate);
    const body = { profile: 'nginx-vhost', csr: await csrFor('www.funlab.casa') };
    // TLS is checked under the imported root: the server issued its own certificate by then.
    const reply = await call(estate, '/v1/certificates', { body });
    expect([reply.status, reply.body]).toEqual([201, expect.any(String)]);
    const { pem, chain } = JSON.parse(reply.body) as { pem: string; chain: string };
    writeFileSync(at('leaf.crt'), pem);
    writeFileSync(at('chain.crt'), chain);
    expect(chain.trim()).toBe(readFileSync(at(`${issuing}.crt`), 'utf8').trim());
    const verified = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', `${root}.crt`];
    await expect(openssl(...verified, '-untrusted', 'chain.crt', 'leaf.crt')).resolves.toMatchObject({
      stdout: 'leaf.crt: OK\n',
    });
    await expect(openssl(...verified, 'leaf.crt')).rejects.toThrow('unable to get local issuer certificate');
  },
  180_000,
);

test('a key of another certificate is refused, and the right one is taken afterwards', async () => {
  await makeCa('lone root', 'ec-p256', null, '');
  await makeCa('one', 'ec-p256', 'lone root', ',pathlen:0');
  await makeCa('other', 'ec-p256', 'lone root', ',pathlen:0');
  const data = join(work, 'data');
  chmodSync(work, 0o755); // PostgreSQL runs as another user and must get there
  writeFileSync(at('passphrase'), 'of the issuer keys\n', { mode: 0o600 });
  writeFileSync(at('omens.yaml'), `dataDirectory: ${data}\npassphraseFile: ${at('passphrase')}\n`);
  const init = (key: string) => {
    const files = [
      '--import-certificate',
      at('one.crt'),
      '--import-key',
      at(key),
      '--import-chain',
      at('lone root.crt'),
    ];
    const passphrase = ['--import-key-passphrase-file', at('ca-passphrase')];
    return omens(['init', '--json', '--config', at('omens.yaml'), ...files, ...passphrase]);
  };
  const refused = await init('other.key');
  expect([refused.code, refused.stdout, refused.stderr]).toEqual([
    1,
    '',
    expect.stringContaining('the key is not the'),
  ]);
  expect(existsSync(join(data, 'issuers'))).toBe(false);

  const taken = await init('one.key');
  expect([taken.code, taken.stderr]).toEqual([0, expect.any(String)]);
  const { issuers } = JSON.parse(taken.stdout) as { issuers: { domain: string; role: string; sha256: string }[] };
  const sha256 = (name: string) => createHash('sha256').update(new X509Certificate(readFileSync(at(name))).raw);
  expect(issuers.filter(({ domain }) => domain === 'estate')).toMatchObject([
    { role: 'root', sha256: sha256('lone root.crt').digest('hex') },
    { role: 'issuing', sha256: sha256('one.crt').digest('hex') },
  ]);
}, 120_000);

test('the three files of an import belong together', async () => {
  const told = await omens(['init', '--import-certificate', at('nothing.crt')]);
  expect([told.code, told.stderr]).toEqual([2, expect.stringContaining('--import-key')]);
});
