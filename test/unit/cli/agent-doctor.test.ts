// `omens agent doctor` as monitoring and people see it: exit codes, one line first, fixes, and what agent.yaml leaves out.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Finding } from '../../../src/agent/doctor/finding.ts';
import { run } from '../../../src/cli/program.ts';
import type { World } from '../../../src/cli/world.ts';
import { healthyHost, now, type TestHost } from '../agent/doctor/host.ts';

let host: TestHost;
beforeEach(async () => {
  host = await healthyHost();
});
afterEach(() => host.remove('/'));

async function doctor(...args: readonly string[]) {
  let [stdout, stderr] = ['', ''];
  const world: World = {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    ...{
      readStdin: async () => '',
      isTerminal: false,
      isColorful: false,
      env: {},
      uid: process.getuid?.() ?? 0,
      now: () => now,
    },
    ...{ sleep: async () => undefined, untilToldToStop: async () => undefined },
    openService: () => Promise.reject(new Error('the doctor asks no service')),
  };
  const where = ['--root', host.directory, '--tpm', 'device:/dev/no-such-tpm'];
  const code = await run(['agent', 'doctor', ...where, ...args], world);
  return { code, stdout, stderr };
}

/** A test machine has no TPM, and perhaps little space. */
const leaveOut = (more = ''): Promise<void> =>
  host.put('/etc/omens/agent.yaml', `doctor:\n  ignore: [tpm-absent, space${more}]\n`);

test('says ok in one line and with exit code 0 when nothing is wrong', async () => {
  await leaveOut();
  const { code, stdout } = await doctor();
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^DOCTOR OK - 0 critical, .*\n$/) });
});

test('shows what is well only when asked', async () => {
  await leaveOut();
  expect((await doctor('--all')).stdout).toContain('keylime-conf');
});

test('ends with 2 for something critical, with the fix below what is wrong', async () => {
  const { code, stdout } = await doctor();
  expect(code).toBe(2);
  expect(stdout).toMatch(/^DOCTOR CRITICAL - 1 critical/);
  expect(stdout).toMatch(/^critical +tpm-absent +.*\n +fix: /m);
});

test('ends with 1 for a warning', async () => {
  await leaveOut();
  await host.put('/etc/profile.d/openbao.sh', 'export BAO_SKIP_VERIFY=true\n');
  expect((await doctor()).code).toBe(1);
});

test('prints every finding as one list for --json', async () => {
  const { stdout, code } = await doctor('--json');
  const { items, next } = JSON.parse(stdout) as { items: readonly Finding[]; next: unknown };
  expect({ code, next }).toEqual({ code: 2, next: null });
  expect(items[0]).toEqual({
    ...{ check: 'tpm-absent', level: 'critical', path: null },
    detail: expect.stringContaining('/dev/no-such-tpm') as unknown,
    fix: expect.stringContaining('TPM') as unknown,
  });
});

test('prints nothing but what mends, each once', async () => {
  await leaveOut();
  await host.remove('/etc/systemd/system');
  expect((await doctor('--fix-hints')).stdout).toBe(
    'omens agent install-units && systemctl enable --now omens-agent.service\n',
  );
});

test('ends with 3 when it cannot look', async () => {
  await host.put('/etc/omens/agent.yaml', 'targets: nonsense\n');
  const { code, stdout } = await doctor();
  expect(code).toBe(3);
  expect(stdout).toMatch(/^DOCTOR UNKNOWN - .*agent\.yaml/);
});
