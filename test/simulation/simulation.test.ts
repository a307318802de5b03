// A thousand hosts for 400 days on a simulated clock: agent and service are the real code, on the in-memory store that
// passes the suite of the real one. OMENS_SIMULATION_SEED chooses another run; `npm run bench -- simulation` has the same
// through PostgreSQL.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { InMemoryReport } from './in-memory.ts';

const seed = Number(process.env['OMENS_SIMULATION_SEED'] ?? '20260101') >>> 0;
const program = join(import.meta.dirname, '../../dist/test/simulation/in-memory.js');

function run(options: { readonly hosts: number; readonly days: number; readonly seed: number }): InMemoryReport {
  const args = [options.hosts, options.days, options.seed].map(String);
  // Most of what is made is of no use a moment later.
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--max-semi-space-size=128', program, ...args], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`seed ${options.seed}: ${stderr}`);
  return JSON.parse(stdout) as InMemoryReport;
}

describe(`a simulated fleet (seed ${seed})`, () => {
  let fleet: InMemoryReport;

  beforeAll(() => {
    fleet = run({ hosts: 1000, days: 400, seed });
  }, 600_000);

  test('lets no certificate lapse, keeps the ceiling, and ends confirmed or with the right reason', () => {
    expect(fleet.faults).toEqual([]);
  });

  test('went through what it is there to go through', () => {
    const met = (event: string): number => fleet.events[event] ?? 0;
    expect(fleet.renewals).toBeGreaterThan(50_000);
    for (const event of [
      'killed',
      'server.failed serverUnreachable',
      'server.failed clockDiffers',
      'target.failed serverUnreachable',
      'target.failed renewalCeiling',
      'target.failed renewalInProgress',
      'target.failed tpmBusy',
      'target.failed blocked',
      'certificate.rolledBack postCheckFailed',
      'renewal.discarded',
    ])
      expect({ event, isMet: met(event) > 0 }).toEqual({ event, isMet: true });
    expect(Math.min(fleet.recoveries, fleet.exceptions, fleet.fullHours, fleet.lapses)).toBeGreaterThan(0);
    expect(fleet.states['blocked']).toBeGreaterThan(0);
  });

  test('is the same each time', () => {
    const small = { hosts: 12, days: 60, seed };
    const [first, second] = [run(small), run(small)].map(({ rounds, events, states }) => ({ rounds, events, states }));
    expect(first).toEqual(second);
  });
});
