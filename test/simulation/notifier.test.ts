// Several hundred subjects that come and go for 400 days, four channels with weather of their own, and a notifier that is
// killed at random points of its turns: the real services, on stores in memory that pass the suite of the real ones.
// OMENS_SIMULATION_SEED chooses another run; test/db has a shorter one through PostgreSQL.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { NotifierReport } from './notifier-in-memory.ts';

const seed = Number(process.env['OMENS_SIMULATION_SEED'] ?? '20260101') >>> 0;
const program = join(import.meta.dirname, '../../dist/test/simulation/notifier-in-memory.js');

type Size = { readonly subjects: number; readonly days: number };

function run({ subjects, days }: Size, flaws: readonly string[]): ReadonlyMap<string, NotifierReport> {
  const args = ['--max-semi-space-size=128', program, ...[seed, subjects, days].map(String), ...flaws];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`seed ${seed}: ${stderr}`);
  return new Map(Object.entries(JSON.parse(stdout) as Record<string, NotifierReport>));
}

describe(`a notifier for 400 days (seed ${seed})`, () => {
  let report: NotifierReport;

  beforeAll(() => {
    report = run({ subjects: 300, days: 400 }, ['none']).get('none')!;
  }, 600_000);

  test('loses nothing, repeats only what nobody heard the end of, and tells nothing that is over', () => {
    expect(report.faults).toEqual([]);
  });

  test('went through what it is there to go through', () => {
    const { counted } = report;
    const least: Readonly<Record<string, number>> = {
      ...{ troubles: 1000, kills: 300, attempts: 10_000, repeated: 300, 'twice with one id': 50, told: 3000 },
      ...{ 'told well again': 1500, escalation: 300, reminder: 50, 'alarms told': 1000, digests: 200 },
    };
    for (const [what, count] of Object.entries(least))
      expect({ what, isMet: (counted[what] ?? 0) >= count }).toEqual({ what, isMet: true });
  });
});

describe('the oracle of the notifier', () => {
  const flaws = [
    ...['forgets', 'repeats', 'changes', 'renames', 'sendsWhatIsOver', 'neverWellAgain', 'alwaysWellAgain'],
    ...['takesCrossingsTwice', 'dropsCrossings', 'digestsEachHour'],
  ];
  let reports: ReadonlyMap<string, NotifierReport>;

  beforeAll(() => {
    reports = run({ subjects: 150, days: 60 }, ['none', 'immortal', 'dead', ...flaws]);
  }, 600_000);

  const faultsOf = (flaw: string): readonly string[] => reports.get(flaw)!.faults;

  test('finds no fault with the notifier as it is', () => {
    expect([...faultsOf('none'), ...faultsOf('immortal'), ...faultsOf('dead')]).toEqual([]);
  });

  test.each<[string, RegExp]>([
    ['forgets', /was never told|nobody was told|never came/],
    ['repeats', /came 2 times without a reason/],
    ['changes', /changed between attempts/],
    ['renames', /came as \d+ messages/],
    ['sendsWhatIsOver', /tells what was over|when all of it was over/],
    ['neverWellAgain', /nobody was told that it is well again/],
    ['alwaysWellAgain', /well again, and nobody was told that it was not/],
    ['takesCrossingsTwice', /came as \d+ messages/],
    ['dropsCrossings', /was never told/],
    ['digestsEachHour', /digest of .* came as several messages/],
  ])('finds one that %s', (flaw, fault) => {
    expect(faultsOf(flaw).filter((one) => fault.test(one)).length).toBeGreaterThan(0);
  });

  test('a channel that is dead all the time delays the others by nothing', () => {
    const [well, dead] = [reports.get('immortal')!.taken, reports.get('dead')!.taken];
    expect(dead['chat']).toEqual([]);
    expect(well['chat']!.length).toBeGreaterThan(20);
    for (const name of ['mail', 'page', 'log']) {
      expect(well[name]!.length).toBeGreaterThan(10);
      expect(dead[name]).toEqual(well[name]);
    }
  });
});
