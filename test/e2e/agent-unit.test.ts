// The systemd unit that `omens agent install-units` writes, judged by systemd itself. Nothing is started.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Ended, omens } from './support/agent-command.ts';

/** On systemd's scale 0 is closed and 10 is open; docs/runbooks/add-a-host.md states it. */
const mostExposure = 3;

let root: string;
let unitFile: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'omens-unit-'));
  unitFile = join(root, 'etc/systemd/system/omens-agent.service');
  await mkdir(join(root, 'etc/omens'), { recursive: true });
  await writeFile(
    join(root, 'etc/omens/agent.yaml'),
    [
      'targets:',
      '  - preset: keylime-agent',
      '  - preset: devid',
      '  - preset: openbao-server',
      '  - preset: nginx-vhost',
      '    name: registrar',
      '    certificate: /srv/tls/registrar.crt',
      '',
    ].join('\n'),
  );
});
afterAll(() => rm(root, { recursive: true, force: true }));

const analyze = (...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile('systemd-analyze', args, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });

const installUnits = (...args: readonly string[]): Promise<Ended> =>
  omens(['agent', 'install-units', '--root', root, ...args]);

test('is shown without being written', async () => {
  const { code, stdout } = await installUnits('--print');
  expect(code).toBe(0);
  expect(stdout).toContain('ReadWritePaths=-/srv/tls\n');
  await expect(stat(unitFile)).rejects.toThrow('ENOENT');
});

test('is written for the directories of the targets, which are there afterwards, and says what comes next', async () => {
  const { code, stdout } = await installUnits();
  expect(code).toBe(0);
  expect(stdout).toContain('next: systemctl enable --now omens-agent.service\n');
  const text = await readFile(unitFile, 'utf8');
  const shown = (await installUnits('--print')).stdout;
  expect(text).toBe(shown);
  for (const directory of ['/etc/keylime/certs', '/opt/openbao/tls', '/srv/tls', '/var/lib/tpm2-devid']) {
    expect(text).toContain(`ReadWritePaths=-${directory}\n`);
    expect((await stat(join(root, directory))).isDirectory()).toBe(true);
  }
  expect((await stat(unitFile)).mode & 0o777).toBe(0o644);
  expect((await installUnits()).stdout).toContain('is as it should be');
});

test('is accepted by systemd without a word', async () => {
  expect(await analyze('verify', unitFile)).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('is closed as far as its work allows', async () => {
  const { stdout } = await analyze('security', '--offline=yes', unitFile);
  const exposure = Number(/Overall exposure level for omens-agent\.service: ([0-9.]+)/.exec(stdout)?.[1]);
  expect(exposure).toBeGreaterThan(0);
  expect(exposure).toBeLessThanOrEqual(mostExposure);
});

test('is taken away with the link that enabled it, but a unit of that name by somebody else is left alone', async () => {
  const enabled = join(root, 'etc/systemd/system/multi-user.target.wants');
  await mkdir(enabled);
  await writeFile(join(enabled, 'omens-agent.service'), '');
  expect((await installUnits('--remove')).code).toBe(0);
  await expect(stat(join(enabled, 'omens-agent.service'))).rejects.toThrow('ENOENT');
  await expect(stat(unitFile)).rejects.toThrow('ENOENT');
  await writeFile(unitFile, '[Service]\nExecStart=/bin/true\n');
  for (const args of [[], ['--remove']]) {
    const refused = await installUnits(...args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('was not written by this program');
  }
  expect(await readFile(unitFile, 'utf8')).toContain('/bin/true');
});
