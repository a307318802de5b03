// What the demo leaves on its host, judged by others: OpenSSL, tpm2-tools, tpm2-openssl. Also the promise of
// `npm run -s demo -- --keep --json` to the programs that start it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const demo = join(root, 'scripts/demo.mjs');

type Demo = {
  readonly url: string;
  readonly caBundle: string;
  readonly operatorToken: string;
  readonly hostDirectory: string;
  readonly tpmSocket: string;
  readonly databaseUrl: string;
  readonly pids: readonly number[];
  readonly stop: string;
};

let running: Demo;
let output: string;
let work: string;

beforeAll(async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [demo, '--keep', '--json'], { cwd: root });
  output = stdout;
  running = JSON.parse(stdout) as Demo;
  work = mkdtempSync(join(tmpdir(), 'omens-judge-'));
}, 180_000);

afterAll(() => {
  execFileSync(process.execPath, [demo, '--stop'], { cwd: root, stdio: 'ignore' });
  rmSync(work, { recursive: true, force: true });
}, 60_000);

const onHost = (path: string): string => join(running.hostDirectory, path);
const devid = (name: string): string => onHost(`var/lib/tpm2-devid/${name}`);
const keylime = (name: string): string => onHost(`etc/keylime/certs/${name}`);
const leafOf = (path: string): X509Certificate => new X509Certificate(readFileSync(path));

/** Splits a bundle into the files that `openssl verify` wants. */
function bundle(): { readonly rootPem: string; readonly issuingPem: string } {
  const blocks =
    readFileSync(running.caBundle, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
  const isRoot = (pem: string): boolean => new X509Certificate(pem).checkIssued(new X509Certificate(pem));
  const [rootPem, issuingPem] = [join(work, 'root.pem'), join(work, 'issuing.pem')];
  writeFileSync(rootPem, blocks.filter(isRoot).join(''));
  writeFileSync(issuingPem, blocks.filter((pem) => !isRoot(pem)).join(''));
  return { rootPem, issuingPem };
}

function verify(path: string, ...extra: readonly string[]): string {
  const { rootPem, issuingPem } = bundle();
  const result = spawnSync(
    'openssl',
    ['verify', '-x509_strict', ...extra, '-CAfile', rootPem, '-untrusted', issuingPem, path],
    {
      encoding: 'utf8',
    },
  );
  return result.status === 0 ? 'OK' : `${result.stdout}${result.stderr}`;
}

const tss = (): NodeJS.ProcessEnv => ({
  ...process.env,
  TPM2TOOLS_TCTI: `swtpm:path=${running.tpmSocket}`,
  TPM2OPENSSL_TCTI: `swtpm:path=${running.tpmSocket}`,
  TSS2_LOG: 'all+none',
});

/** One tool; a software TPM has three slots and no resource manager, so what the tool leaves loaded is flushed. */
function tool(name: string, ...args: readonly string[]): Buffer {
  const output = execFileSync(name, args, { env: tss(), stdio: ['ignore', 'pipe', 'pipe'] });
  execFileSync('tpm2_flushcontext', ['-t'], { env: tss(), stdio: 'ignore' });
  return output;
}

describe('npm run -s demo -- --keep --json', () => {
  test('prints exactly one JSON object on one line, with the promised keys', () => {
    expect(output.trimEnd().split('\n')).toHaveLength(1);
    const keys = ['caBundle', 'databaseUrl', 'hostDirectory', 'operatorToken', 'pids', 'stop', 'tpmSocket', 'url'];
    expect(Object.keys(running).toSorted()).toEqual(keys);
  });

  // execFile resolves only when every holder of the demo's stdout and stderr has closed them.
  test('leaves processes that outlive it and hold none of its file descriptors', () => {
    expect(running.pids.length).toBeGreaterThan(0);
    for (const pid of running.pids) expect(() => process.kill(pid, 0)).not.toThrow();
  });
});

describe('the DevID of the enrolled host', () => {
  test('is accepted by OpenSSL in strict mode, and by no TLS purpose', () => {
    expect(verify(devid('devid.crt'))).toBe('OK');
    expect(verify(devid('devid.crt'), '-purpose', 'sslclient')).toMatch(
      /unsuitable certificate purpose|unsupported certificate purpose/,
    );
    expect(verify(devid('devid.crt'), '-purpose', 'sslserver')).toMatch(
      /unsuitable certificate purpose|unsupported certificate purpose/,
    );
  });

  test('carries octet for octet the public key of devid.pub', () => {
    const area = readFileSync(devid('devid.pub'));
    const spki = leafOf(devid('devid.crt')).publicKey.export({ type: 'spki', format: 'der' });
    const point = spki.subarray(-64);
    const [x, y] = [point.subarray(0, 32), point.subarray(32)];
    const sized = (octets: Buffer): Buffer => Buffer.concat([Buffer.from([0, 32]), octets]);
    expect(area.subarray(-68)).toEqual(Buffer.concat([sized(x), sized(y)]));
    const printed = tool('tpm2_print', '-t', 'TPM2B_PUBLIC', '-f', 'pem', devid('devid.pub')).toString();
    expect(createPublicKey(printed).export({ type: 'spki', format: 'der' })).toEqual(spki);
  });

  test('is loaded by tpm2-tools under the SRK that SPIRE recreates, and signs', () => {
    const [srk, key, digest, signature] = ['srk.ctx', 'key.ctx', 'digest', 'signature'].map((name) =>
      join(work, name),
    ) as [string, string, string, string];
    const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt';
    tool('tpm2_createprimary', '-C', 'o', '-g', 'sha256', '-G', 'ecc256:null:aes128cfb', '-a', attributes, '-c', srk);
    tool('tpm2_load', '-C', srk, '-u', devid('devid.pub'), '-r', devid('devid.priv'), '-c', key);
    writeFileSync(digest, createHash('sha256').update('a message').digest());
    tool('tpm2_sign', '-c', key, '-g', 'sha256', '-s', 'ecdsa', '-d', '-f', 'plain', '-o', signature, digest);
    const publicKey = leafOf(devid('devid.crt')).publicKey;
    const pem = join(work, 'devid-public.pem');
    writeFileSync(pem, publicKey.export({ type: 'spki', format: 'pem' }));
    const message = join(work, 'message');
    writeFileSync(message, 'a message');
    execFileSync('openssl', ['dgst', '-sha256', '-verify', pem, '-signature', signature, message]);
  });

  test('signs through tpm2-openssl with devid.key.pem', () => {
    const [message, signature, pem] = ['m', 's', 'p.pem'].map((name) => join(work, name)) as [string, string, string];
    writeFileSync(message, 'another message');
    execFileSync(
      'openssl',
      [
        'pkeyutl',
        '-provider',
        'tpm2',
        '-provider',
        'default',
        '-propquery',
        '?provider=tpm2',
        '-sign',
        '-rawin',
        '-digest',
        'sha256',
        '-inkey',
        devid('devid.key.pem'),
        '-in',
        message,
        '-out',
        signature,
      ],
      { env: tss(), stdio: 'pipe' },
    );
    writeFileSync(pem, leafOf(devid('devid.crt')).publicKey.export({ type: 'spki', format: 'pem' }));
    execFileSync('openssl', ['dgst', '-sha256', '-verify', pem, '-signature', signature, message]);
  });

  test('has the blobs of SPIRE: the same octets without their size', () => {
    for (const half of ['pub', 'priv']) {
      const sized = readFileSync(devid(`devid.${half}`));
      expect(sized.readUInt16BE(0)).toBe(sized.length - 2);
      expect(readFileSync(devid(`devid.${half}.blob`))).toEqual(sized.subarray(2));
    }
  });

  test('is installed with the modes that its readers need', () => {
    expect(statSync(devid('devid.crt')).mode & 0o777).toBe(0o640);
    expect(statSync(devid('devid.key.pem')).mode & 0o007).toBe(0);
    expect(statSync(onHost('var/lib/omens/agent')).mode & 0o777).toBe(0o700);
  });
});

describe('the Keylime agent certificate of the enrolled host', () => {
  test('is a strict TLS server and no client', () => {
    expect(verify(keylime('agent.crt'))).toBe('OK');
    expect(verify(keylime('agent.crt'), '-purpose', 'sslserver')).toBe('OK');
    expect(verify(keylime('agent.crt'), '-purpose', 'sslclient')).toMatch(
      /unsuitable certificate purpose|unsupported certificate purpose/,
    );
  });

  test('stays below 2048 characters and comes with its chain', () => {
    const blocks =
      readFileSync(keylime('agent.crt'), 'utf8').match(
        /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g,
      ) ?? [];
    expect(blocks).toHaveLength(2);
    expect(blocks[0]!.length).toBeLessThan(2048);
  });

  test('has a PKCS #8 key that belongs to it', () => {
    const pem = readFileSync(keylime('agent-pkcs8.key'), 'utf8');
    expect(pem.startsWith('-----BEGIN PRIVATE KEY-----')).toBe(true);
    expect(createPublicKey(pem).equals(leafOf(keylime('agent.crt')).publicKey)).toBe(true);
    expect(existsSync(keylime('ca-chain.crt'))).toBe(true);
  });

  test('bears the UUID that Keylime computes from the EK', () => {
    tool('tpm2_readpublic', '-c', '0x81010001', '-f', 'pem', '-o', join(work, 'ek.pem'));
    const hashEk = createHash('sha256')
      .update(readFileSync(join(work, 'ek.pem')))
      .digest('hex');
    expect(leafOf(keylime('agent.crt')).subject).toBe(`CN=${hashEk}`);
  });
});
