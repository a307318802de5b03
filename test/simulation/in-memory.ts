// One simulation on the in-memory store, in a process of its own: `node in-memory.js HOSTS DAYS SEED` prints the verdict as
// JSON. Run from the build, since jest's own world makes it slow.
import { sha256Hex } from './keys.ts';
import { memoryStore } from './memory-store.ts';
import { serviceOver } from './service.ts';
import { simulate } from './simulation.ts';
import { judge, type Verdict } from './verdict.ts';

/** What the process prints. Seconds are of the simulation alone. */
export type InMemoryReport = Omit<Verdict, 'states'> & {
  readonly states: Readonly<Record<string, number>>;
  readonly rounds: number;
  readonly events: Readonly<Record<string, number>>;
  readonly lineages: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly mebibytes: number;
};

const [hosts = 0, days = 0, seed = 0] = process.argv.slice(2).map(Number);
const started = performance.now();
const outcome = await simulate({
  ...{ seed, hosts, days },
  backend: async (world) => serviceOver(memoryStore(), world, sha256Hex('issuing')),
});
const { user, system } = process.cpuUsage();
const seconds = (performance.now() - started) / 1000;
const { states, ...verdict } = judge(outcome);
const report: InMemoryReport = {
  ...verdict,
  states: Object.fromEntries(states),
  ...{ rounds: outcome.rounds, events: Object.fromEntries(outcome.events), lineages: outcome.lineages.length },
  ...{ seconds, cpuSeconds: (user + system) / 1e6, mebibytes: process.memoryUsage().rss / 2 ** 20 },
};
process.stdout.write(`${JSON.stringify(report)}\n`);
