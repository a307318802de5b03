// The runbooks of the host side and of warnings, typed line by line against a kept demo. What needs systemd, SPIRE or
// Keylime is not run; that its `omens` commands exist is shown by test/unit/docs.test.ts.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Ended } from './support/agent-command.ts';
import { type Demo, desk, linesOf } from './support/runbook.ts';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../../scripts/demo.mjs');

/** None of them may leave the demo useless for the next one, so the cleared TPM comes last. */
const runbooks = [
  'add-a-host.md',
  'take-over-from-the-old-scripts.md',
  'renewal-failed.md',
  'host-was-off-for-months.md',
  'spire-agent-recovery.md',
  'keylime-attestation-failure.md',
  'endpoint-wrong.md',
  'roll-back.md',
  'warning-came.md',
  'notifier-silent.md',
  'tpm-cleared-or-board-replaced.md',
];

let demo: Demo;
let directory: string;
let type: ReturnType<typeof desk>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'omens-runbooks-'));
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], OMENS_SETUP: 'none' };
  const { stdout } = await run(process.execPath, [script, '--keep', '--json'], { env, timeout: 100_000 });
  demo = JSON.parse(stdout) as Demo;
  const names = {
    'host1.example.org': 'tower.example.org',
    '192.0.2.10': '127.0.0.1',
    '<fingerprint>': 'ab'.repeat(32),
  };
  type = desk(demo, directory, names);
  const { stdout: devices } = await type('operator', 'omens devices list --json');
  const [device] = (JSON.parse(devices) as { items: readonly { id: string }[] }).items;
  rmSync(directory, { recursive: true });
  directory = mkdtempSync(join(tmpdir(), 'omens-runbooks-'));
  type = desk(demo, directory, { ...names, '<id>': device!.id });
}, 120_000);

afterAll(async () => {
  const [program = '', ...args] = demo.stop.split(' ');
  await run(program, args);
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

/** The doctor speaks Nagios: a demo has no systemd, so that it may well find something; that it could look is what counts. */
const isWell = (line: string, { code }: Ended): boolean =>
  line.startsWith('omens agent doctor') ? code <= 2 : code === 0;

async function walk(runbook: string): Promise<readonly (Ended & { readonly line: string })[]> {
  const ended = [];
  for (const { role, line } of linesOf(runbook)) {
    if (role === null || role === 'by-hand') continue;
    const outcome = { line, ...(await type(role, line)) };
    if (!isWell(line, outcome)) throw new Error(`${runbook}: ${JSON.stringify(outcome)}`);
    ended.push(outcome);
  }
  return ended;
}

test.each(runbooks)('%s says of every command who types it', (runbook) => {
  const lines = linesOf(runbook);
  expect(lines.filter(({ role }) => role === null)).toEqual([]);
  expect(lines.length).toBeGreaterThan(1);
});

test.each(runbooks.slice(0, -1))('%s does what it says', async (runbook) => {
  expect((await walk(runbook)).length).toBeGreaterThan(1);
});

test('tpm-cleared-or-board-replaced.md makes a host with a cleared TPM whole again', async () => {
  const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:path=${demo.tpmSocket}`, TSS2_LOG: 'all+none' };
  await run('tpm2_clear', ['-c', 'p'], { env });
  const outcomes = (await walk(runbooks.at(-1)!)).filter(({ line }) => line === 'omens agent doctor');
  expect(outcomes.map(({ stdout }) => /\btpm-key\b/.test(stdout))).toEqual([true, false]);
});
