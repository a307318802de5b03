// `omens agent run` against a real server, with certificates of half a minute: several rotations of the DevID and of the
// Keylime agent's certificate, each confirmed, while the server is killed and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client } from 'pg';
import { ensureBuilt } from '../db/support/embedded-process.ts';
import { type CertifiedSoftwareTpm, policiesTrusting, startCertifiedSwtpm } from '../tpm/swtpm.ts';
import { omens } from './support/agent-command.ts';
import { call, endEstate, type Estate, initializeEstate, type ServerProcess, startServer } from './support/estate.ts';
import { shortenLifetimes } from './support/short-lived.ts';

const executable = join(import.meta.dirname, '../../dist/src/cli/omens.js');
const lifetimeSeconds = 30;
/** For each wait; a machine with nothing else to do takes a quarter of it. */
const mostSeconds = 100;

let estate: Estate;
let server: ServerProcess;
let policies: string;
let tpm: CertifiedSoftwareTpm;
let host: string;
let agent: ChildProcess | null = null;
/** Undoes what the set-up came to, last first. */
const endings: (() => Promise<void> | void)[] = [];
let log = '';

beforeAll(async () => {
  await ensureBuilt();
  tpm = await startCertifiedSwtpm();
  endings.push(() => tpm.stop());
  policies = join(mkdtempSync(join(tmpdir(), 'omens-policies-')), 'policies');
  endings.push(() => rmSync(join(policies, '..'), { recursive: true, force: true }));
  await policiesTrusting(tpm, policies);
  const lifetime = `${lifetimeSeconds}s`;
  await shortenLifetimes(policies, { devid: lifetime, 'keylime-agent': lifetime }, '1s');
  estate = await initializeEstate({ config: [`policiesDirectory: ${policies}`] });
  endings.push(() => endEstate(estate));
  server = await startServer(estate);
  endings.push(() => server.kill());
  host = mkdtempSync(join(tmpdir(), 'omens-host-'));
  endings.push(() => {
    agent?.kill('SIGKILL');
    rmSync(host, { recursive: true, force: true });
  });
  mkdirSync(join(host, 'etc/omens'), { recursive: true });
  writeFileSync(join(host, 'etc/omens/agent.yaml'), 'checkEverySeconds: 1\n');
}, 120_000);

afterAll(async () => {
  for (const end of endings.toReversed()) await end();
}, 60_000);

const hostOptions = (): readonly string[] => ['--root', host, '--tpm', `unix:${tpm.socketPath}`];

async function enrolled(): Promise<void> {
  const created = await call(estate, '/v1/enrollment-tokens', { body: { hostName: 'tower.example.org' } });
  const tokenFile = join(host, 'token');
  writeFileSync(tokenFile, (JSON.parse(created.body) as { token: string }).token, { mode: 0o600 });
  const args = ['agent', 'enroll', '--token-file', tokenFile, '--hostname', 'tower.example.org', ...hostOptions()];
  expect(await omens(args)).toMatchObject({ code: 0 });
}

function startAgent(): ChildProcess {
  const child = spawn(process.execPath, [executable, 'agent', 'run', ...hostOptions()], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  return child;
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code)));

/** Certificates of each lineage by profile, those that were confirmed by the host. */
async function confirmed(): Promise<Readonly<Record<string, number>>> {
  const client = new Client({ connectionString: server.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ profile: string; count: number }>(
      `select l.profile, count(*)::int as count from certificate_use u join lineage l on l.id = u.lineage_id
        where u.confirmed_by = 'host' group by l.profile`,
    );
    return Object.fromEntries(rows.map(({ profile, count }) => [profile, count]));
  } finally {
    await client.end();
  }
}

/** Waits until both profiles have so many confirmed certificates; answers how many they have when time is over. */
async function confirmedAtLeast(count: number, seconds: number): Promise<readonly number[]> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await confirmed();
    const counts = ['devid', 'keylime-agent'].map((profile) => found[profile] ?? 0);
    if (counts.every((one) => one >= count) || Date.now() > end) return counts;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

test('an agent keeps both certificates through two rotations, and through a server that is killed in between', async () => {
  await enrolled();
  agent = startAgent();
  const first = await confirmedAtLeast(2, mostSeconds);
  expect({ first, log: Math.min(...first) < 2 ? log : '' }).toEqual({ first: expect.anything(), log: '' });
  await server.kill();
  server = await startServer(estate);
  const second = await confirmedAtLeast(3, mostSeconds);
  expect({ second, log: Math.min(...second) < 3 ? log : '' }).toEqual({ second: expect.anything(), log: '' });
  const over = ended(agent);
  agent.kill('SIGTERM');
  expect(await over).toBe(0);
  agent = null;
  expect(log).not.toMatch(/PRIVATE KEY/);
  const once = await omens(['agent', 'run', '--once', ...hostOptions()]);
  expect(once).toMatchObject({ code: 0, stdout: '' });
  const forced = await omens(['agent', 'renew', '--force', '--target', 'devid', '--json', ...hostOptions()]);
  expect({ code: forced.code, stderr: forced.code === 0 ? '' : forced.stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(forced.stdout)).toMatchObject({ hasFailed: false });
}, 300_000);
