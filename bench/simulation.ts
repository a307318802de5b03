// A fleet on a simulated clock through a real PostgreSQL: hosts run the agent's rounds, the service its use cases, the
// store is that of the server. Measures what a renewal costs the database, and holds the invariants of test/simulation/.
// `npm run bench -- simulation [--json] [--hosts N] [--days N] [--seed N]`.
import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDatabase } from '../src/database.ts';
import type { Database, Session } from '../src/storage/pool.ts';
import { serviceOver } from '../test/simulation/service.ts';
import { simulate } from '../test/simulation/simulation.ts';
import { judge, type Verdict } from '../test/simulation/verdict.ts';
import { type Machine, machine, warnOfLoad } from './machine.ts';
import { startPostgres } from './postgres.ts';
import { processorTimeOfFamily } from './processor-time.ts';
import { aligned } from './report.ts';
import { insertFakeIssuers, simulationStoreIn } from './simulation-store.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    hosts: { type: 'string', default: '50' },
    days: { type: 'string', default: '400' },
    seed: { type: 'string', default: '20260101' },
  },
});

type SimulationReport = Machine &
  Omit<Verdict, 'states'> & {
    readonly seed: number;
    readonly hosts: number;
    readonly days: number;
    readonly rounds: number;
    readonly wallMs: number;
    readonly renewalsPerSecond: number;
    /** Of all calls, by all renewals; and of the calls of `renew` alone. */
    readonly statements: number;
    readonly statementsPerRenewal: number;
    readonly cpuMs: number;
    readonly postgresCpuMs: number;
    readonly endStates: Readonly<Record<string, number>>;
    readonly loadBefore: number;
    readonly loadAfter: number;
  };

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** The database, with each statement counted by what is being done. */
function counting(db: Database, count: () => void): Database {
  const session = (inner: Session): Session => ({
    execute: (name, values) => {
      count();
      return inner.execute(name, values);
    },
    query: (text, values) => {
      count();
      return inner.query(text, values);
    },
  });
  return {
    ...session(db),
    // Begin and commit are statements too.
    transaction: (fn) => {
      count();
      count();
      return db.transaction((tx) => fn(session(tx)));
    },
    close: () => db.close(),
  };
}

async function bench(): Promise<SimulationReport> {
  const [hosts, days, seed] = [Number(options.hosts), Number(options.days), Number(options.seed)];
  const loadBefore = warnOfLoad('before', say);
  const directory = mkdtempSync(join(tmpdir(), 'omens-simulation-'));
  chmodSync(directory, 0o755);
  const postgres = await startPostgres(directory);
  try {
    const { db } = await openDatabase({
      config: { databaseUrl: postgres.databaseUrl, dataDirectory: directory },
      searchPath: process.env['PATH'],
      log: () => undefined,
      onLockLost: () => undefined,
    });
    const statements = { all: 0, ofRenewals: 0 };
    const cpuBefore = process.cpuUsage();
    const postgresBefore = processorTimeOfFamily(postgres.pid);
    const started = performance.now();
    const outcome = await simulate({
      ...{ seed, hosts, days },
      backend: async (world) => {
        const issuerId = await insertFakeIssuers(db, new Date(Date.UTC(2020, 0, 1)));
        const backend = serviceOver(simulationStoreIn(counting(db, () => (statements.all += 1))), world, issuerId);
        const renew: typeof backend.service.renew = async (...call) => {
          const before = statements.all;
          const answer = await backend.service.renew(...call);
          if (answer.ok) statements.ofRenewals += statements.all - before;
          return answer;
        };
        return { ...backend, service: { ...backend.service, renew } };
      },
    });
    const wallMs = performance.now() - started;
    const { user, system } = process.cpuUsage(cpuBefore);
    const postgresCpuMs = processorTimeOfFamily(postgres.pid) - postgresBefore;
    await db.close();
    const { states, ...verdict } = judge(outcome);
    return {
      ...{ ...machine(), ...verdict, seed, hosts, days, rounds: outcome.rounds, wallMs },
      renewalsPerSecond: (verdict.renewals / wallMs) * 1000,
      statements: statements.all,
      statementsPerRenewal: statements.ofRenewals / verdict.renewals,
      ...{ cpuMs: (user + system) / 1000, postgresCpuMs, endStates: Object.fromEntries(states) },
      ...{ loadBefore, loadAfter: warnOfLoad('after', say) },
    };
  } finally {
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function format(report: SimulationReport): string {
  const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(1);
  const rows = [
    ['hosts × days', `${report.hosts} × ${report.days}`],
    ['rounds of agents', String(report.rounds)],
    ['renewals', `${report.renewals}, ${report.renewalsPerSecond.toFixed(1)} per s`],
    ['statements', `${report.statements}, ${report.statementsPerRenewal.toFixed(1)} per renewal`],
    ['wall s', seconds(report.wallMs)],
    ['CPU s', `${seconds(report.cpuMs)}, PostgreSQL ${seconds(report.postgresCpuMs)}`],
    ['outside the ceiling', String(report.exceptions)],
    ['recovered after expiry', String(report.recoveries)],
    ['ended, host or server away', String(report.lapses)],
    [
      'at the end',
      Object.entries(report.endStates)
        .map(([state, count]) => `${count} ${state}`)
        .join(', '),
    ],
    ['calls of a host and day', `${report.meanCalls.toFixed(1)}, at most ${report.mostCalls}`],
  ];
  return [
    `${report.at}  ${report.processor}, ${report.cores} cores, ${report.memoryGib} GiB, Node ${report.node}`,
    `load ${report.loadBefore.toFixed(2)} before, ${report.loadAfter.toFixed(2)} after; seed ${report.seed}`,
    '',
    ...aligned(rows),
    ...report.faults.map((fault) => `FAILED: ${fault}`),
  ].join('\n');
}

const report = await bench();
(options.json ? process.stderr : process.stdout).write(`${format(report)}\n`);
if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(report.faults.length === 0 ? 0 : 1);
