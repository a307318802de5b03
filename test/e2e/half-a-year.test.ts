// A host that was switched off for half a year: everything on it has ended, DevID included, and one run of its agent makes
// it whole. The half year is made by libfaketime, under which server and agent live on in the future. Then strangers try to
// pass for it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type SoftwareTpm, startTpms, writePolicies } from '../../bench/software-tpms.ts';
import { omens } from './support/agent-command.ts';
import { type Estate, freePort, type ServerProcess, startServer } from './support/estate.ts';

const hostName = 'tower.example.org';

const library = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path));

/** Half a year and a bit: more than a DevID lives. */
const halfAYear = 200 * 86_400_000;
const later = { LD_PRELOAD: library ?? '', FAKETIME: '+200d', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
const nowLater = (): number => Date.now() + halfAYear;

let directory: string;
let tpms: readonly SoftwareTpm[] = [];
let estate: Estate;
let server: ServerProcess | undefined;

const rootOf = (host: string): string => join(directory, host);
const tpmOf = (index: number): string => `unix:${tpms[index]!.socketPath}`;

/** `omens` that must succeed. */
async function succeed(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const ended = await omens(args, environment);
  if (ended.code !== 0) throw new Error(`omens ${args.join(' ')} ended with ${ended.code}: ${ended.stderr}`);
  return ended.stdout;
}

async function initialize(): Promise<Estate> {
  const [port, plainPort] = [await freePort(), await freePort()];
  const configFile = join(directory, 'omens.yaml');
  const passphraseFile = join(directory, 'passphrase');
  writeFileSync(passphraseFile, 'half a year\n', { mode: 0o600 });
  const lines = [
    `dataDirectory: ${join(directory, 'data')}`,
    `rootKeyDirectory: ${join(directory, 'roots')}`,
    `policiesDirectory: ${join(directory, 'policies')}`,
    `passphraseFile: ${passphraseFile}`,
    `listen: 127.0.0.1:${port}`,
    `plainListen: 127.0.0.1:${plainPort}`,
  ];
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  const token = (await succeed(['init', '--config', configFile])).trim();
  const rootFile = readdirSync(join(directory, 'roots')).find((name) => /^estate-.*\.crt$/.test(name)) ?? '';
  const caPem = readFileSync(join(directory, 'roots', rootFile), 'utf8');
  return { directory, configFile, url: `https://127.0.0.1:${port}`, token, caPem };
}

const asOperator = (): Readonly<Record<string, string>> => ({
  ...{ OMENS_URL: estate.url, OMENS_CA_FILE: join(directory, 'root.pem'), OMENS_TOKEN_FILE: join(directory, 'token') },
});

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'oh-'));
  chmodSync(directory, 0o711); // PostgreSQL runs as another user and must get there
  tpms = await startTpms({ directory: join(directory, 't'), count: 2, parallel: 1, say: () => undefined });
  await writePolicies(join(directory, 'policies'), tpms[0]!);
  estate = await initialize();
  server = await startServer(estate);
  writeFileSync(join(directory, 'root.pem'), estate.caPem);
  writeFileSync(join(directory, 'token'), `${estate.token}\n`, { mode: 0o600 });
  const created = await succeed(['tokens', 'create', '--host', hostName, '--address', '127.0.0.1'], asOperator());
  writeFileSync(join(directory, 'enroll'), created, { mode: 0o600 });
  const where = ['--hostname', hostName, '--root', rootOf('tower'), '--tpm', tpmOf(0)];
  await succeed(['agent', 'enroll', '--token-file', join(directory, 'enroll'), ...where]);
  await server.stop();
  server = await startServer(estate, later);
}, 180_000);

afterAll(async () => {
  await server?.stop();
  await Promise.all(tpms.map((tpm) => tpm.stop()));
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

const leafOf = (path: string): X509Certificate => new X509Certificate(readFileSync(join(rootOf('tower'), path)));
const certificateFiles = ['var/lib/tpm2-devid/devid.crt', 'etc/keylime/certs/agent.crt'];

async function query<T extends pg.QueryResultRow>(text: string): Promise<readonly T[]> {
  const client = new pg.Client({ connectionString: server?.databaseUrl });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

const audited = async (): Promise<readonly string[]> =>
  (await query<{ event: string }>('select event from audit_event order by id')).map(({ event }) => event);

const alarms = async (): Promise<number> => (await query("select from outbox where topic = 'alarm'")).length;

/** Who confirmed the newest certificate of each lineage. */
const confirmedBy = async (): Promise<readonly (string | null)[]> =>
  (
    await query<{ by: string | null }>(
      'select u.confirmed_by as by from lineage l join certificate_use u on u.fingerprint = l.newest_certificate',
    )
  ).map(({ by }) => by);

describe('a host that was off for half a year', () => {
  test('has nothing left that is valid', () => {
    for (const file of certificateFiles) {
      expect(Date.parse(leafOf(file).validTo)).toBeLessThan(nowLater() - 100 * 86_400_000);
    }
  });

  test('is whole after one run of its agent, and the audit says how', async () => {
    await succeed(['agent', 'run', '--once', '--root', rootOf('tower'), '--tpm', tpmOf(0)], later);
    for (const file of certificateFiles) expect(Date.parse(leafOf(file).validTo)).toBeGreaterThan(nowLater());
    expect(await confirmedBy()).toEqual(['host', 'host']);
    expect((await audited()).filter((event) => event === 'certificate.recoveredAfterExpiry')).toHaveLength(2);
  });

  test('cannot be passed for by another TPM that claims its name', async () => {
    const rootSha256 = new X509Certificate(estate.caPem).fingerprint256.replaceAll(':', '').toLowerCase();
    const before = await alarms();
    const where = ['--hostname', hostName, '--root', rootOf('stranger'), '--tpm', tpmOf(1)];
    const said = await succeed(
      ['agent', 'enroll', '--server', estate.url, '--root-sha256', rootSha256, ...where],
      later,
    );
    expect(said).toContain('an operator has to approve it');
    expect(existsSync(join(rootOf('stranger'), 'var/lib/tpm2-devid/devid.crt'))).toBe(false);
    expect(await alarms()).toBeGreaterThan(before);
  });

  test('gets no more than it was granted, with its own TPM and new keys', async () => {
    const rootSha256 = new X509Certificate(estate.caPem).fingerprint256.replaceAll(':', '').toLowerCase();
    const before = await alarms();
    const where = ['--hostname', hostName, '--root', rootOf('again'), '--tpm', tpmOf(0)];
    const wishes = ['--profile', 'devid', 'nginx-vhost=www.funlab.casa'];
    const trusted = ['--server', estate.url, '--root-sha256', rootSha256];
    const ended = await omens(['agent', 'enroll', ...trusted, ...where, ...wishes], later);
    expect(`${ended.stdout}${ended.stderr}`).toContain('an operator has to approve it');
    expect(await alarms()).toBeGreaterThan(before);
    expect(existsSync(join(rootOf('again'), 'var/lib/tpm2-devid/devid.crt'))).toBe(false);
  });
});
