// A host without a token: proved by its TPM, it waits for a person, is approved for exactly what the person saw, and
// proves itself again before anything is signed.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from '../db/support/embedded-process.ts';
import { type CertifiedSoftwareTpm, policiesTrusting, startCertifiedSwtpm } from '../tpm/swtpm.ts';
import { type Ended, omens } from './support/agent-command.ts';
import { type Estate, initializeEstate, removeEstate, type ServerProcess, startServer } from './support/estate.ts';

let estate: Estate;
let server: ServerProcess;
let tpm: CertifiedSoftwareTpm;
let work: string;
/** Undoes what the set-up came to, last first. */
const endings: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  await ensureBuilt();
  tpm = await startCertifiedSwtpm();
  endings.push(() => tpm.stop());
  work = mkdtempSync(join(tmpdir(), 'omens-approval-'));
  endings.push(() => rmSync(work, { recursive: true, force: true }));
  await policiesTrusting(tpm, join(work, 'policies'));
  estate = await initializeEstate({ config: [`policiesDirectory: ${join(work, 'policies')}`] });
  endings.push(() => removeEstate(estate));
  server = await startServer(estate);
  endings.push(() => server.stop());
  writeFileSync(join(work, 'token'), estate.token, { mode: 0o600 });
  writeFileSync(join(work, 'ca.pem'), estate.caPem);
}, 120_000);

afterAll(async () => {
  for (const end of endings.toReversed()) await end();
}, 60_000);

const operator = (...args: readonly string[]): Promise<Ended> =>
  omens(args, { OMENS_URL: estate.url, OMENS_TOKEN_FILE: join(work, 'token'), OMENS_CA_FILE: join(work, 'ca.pem') });

const enroll = (): Promise<Ended> => {
  const rootSha256 = createHash('sha256').update(new X509Certificate(estate.caPem).raw).digest('hex');
  const server = ['--server', estate.url, '--root-sha256', rootSha256];
  const place = ['--root', join(work, 'host'), '--tpm', `unix:${tpm.socketPath}`];
  return omens(['agent', 'enroll', ...server, '--hostname', 'wilykit.example.org', ...place]);
};

const status = (...more: readonly string[]): Promise<Ended> =>
  omens(['agent', 'status', '--root', join(work, 'host'), '--tpm', `unix:${tpm.socketPath}`, ...more]);

test('a host without a token waits, is approved by version, and gets the default grant', async () => {
  const waiting = await enroll();
  expect(waiting.code).toBe(0);
  expect(existsSync(join(work, 'host/var/lib/tpm2-devid/devid.crt'))).toBe(false);

  const listed = await operator('devices', 'pending', '--json');
  const { items } = JSON.parse(listed.stdout) as {
    items: { id: string; version: number; ekFingerprint: string; hostName: string }[];
  };
  expect(items).toHaveLength(1);
  const [item] = items;
  expect(item?.hostName).toBe('wilykit.example.org');
  expect(`${waiting.stdout}${waiting.stderr}`).toContain(item?.ekFingerprint);

  const told = await status();
  expect([told.code, told.stdout]).toEqual([
    0,
    expect.stringContaining(`  omens devices approve ${item?.id} --version ${item?.version}\n`),
  ]);
  expect(told.stdout).toContain(item?.ekFingerprint);

  const outdated = await operator('devices', 'approve', item?.id ?? '', '--version', String((item?.version ?? 0) + 1));
  expect(outdated.code).toBe(1);
  const approved = await operator('devices', 'approve', item?.id ?? '', '--version', String(item?.version));
  expect([approved.code, approved.stderr]).toEqual([0, expect.any(String)]);

  const known = JSON.parse((await status('--json')).stdout) as { pending: unknown; offline: unknown };
  expect(known).toMatchObject({ pending: { state: 'approved', id: item?.id }, offline: null });

  const done = await enroll();
  expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('devid')]);
  const devid = new X509Certificate(readFileSync(join(work, 'host/var/lib/tpm2-devid/devid.crt')));
  expect(devid.subject).toBe('CN=wilykit.example.org');
  const devices = JSON.parse((await operator('devices', 'list', '--json')).stdout) as {
    items: { hostName: string; state: string }[];
  };
  expect(devices.items).toMatchObject([{ hostName: 'wilykit.example.org', state: 'active' }]);
}, 120_000);

test('the agent knows its device, signed by its request key', async () => {
  const { device } = JSON.parse((await status('--json')).stdout) as { device: { hostName: string } };
  expect(device.hostName).toBe('wilykit.example.org');
});

test('the certificates of a suspended device are revoked, and nobody is warned of their end any more', async () => {
  const devices = JSON.parse((await operator('devices', 'list', '--json')).stdout) as { items: { id: string }[] };
  expect((await operator('devices', 'suspend', devices.items[0]?.id ?? '')).code).toBe(0);
  const report = await operator('report', 'expiry', '--json');
  const { items } = JSON.parse(report.stdout) as { items: { profile: string }[] };
  expect(items.map(({ profile }) => profile).toSorted()).toEqual(['omens-server']);
  const certificates = JSON.parse((await operator('certs', 'list', '--status', 'revoked', '--json')).stdout) as {
    items: { profile: string }[];
  };
  expect(certificates.items.map(({ profile }) => profile).toSorted()).toEqual(['devid', 'keylime-agent']);
});

test('the expiry report speaks Nagios', async () => {
  const report = await operator('report', 'expiry', '--exit-code');
  expect([report.code, report.stdout.trim().split('\n')]).toEqual([
    0,
    [expect.stringMatching(/^EXPIRY OK - 0 critical, 0 warning, 1 ok/)],
  ]);
});
