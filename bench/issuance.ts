// What one durable issuance costs, through the service function and over HTTPS, in interleaved rounds beside libraries
// and programs that keep no record. `npm run bench -- issuance [--json] [--profile] [--rounds N] [--scale X]`.
import { parseArgs } from 'node:util';
import { type Contest, openContest } from './contest.ts';
import { formatProfiles, formatReport, type Report, type Row } from './report.ts';
import { median, percentile } from './statistics.ts';
import { machine, warnOfLoad } from './machine.ts';
import { messagesPerIssuance } from './messages.ts';
import type { Variant } from './contest.ts';

type Measured = {
  readonly cpuMs: number;
  readonly postgresMs: number;
  readonly clientMs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
  },
});

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Each round runs every variant once, so that a neighbor's noise falls on all of them. Round 0 warms up. */
async function measure(contest: Contest, rounds: number): Promise<ReadonlyMap<Variant, readonly Measured[]>> {
  const measured = new Map<Variant, Measured[]>(contest.variants.map((variant) => [variant, []]));
  for (let round = 0; round <= rounds; round += 1) {
    say(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
    for (const variant of contest.variants) {
      const result = await oneRound(contest, variant);
      if (round > 0) measured.get(variant)?.push(result);
    }
  }
  return measured;
}

async function oneRound(contest: Contest, variant: Variant): Promise<Measured> {
  const { count } = variant;
  const before = contest.postgresMs();
  const { output, cpuMicroseconds, clientMicroseconds } = await variant.run(contest.nextItems(count));
  const postgresMs = contest.postgresMs() - before;
  return {
    cpuMs: cpuMicroseconds / 1000 / count,
    postgresMs: variant.isDurable ? postgresMs / count : 0,
    clientMs: clientMicroseconds / 1000 / count,
    perSecond: (count / output.wallMs) * 1000,
    p50Ms: percentile(output.latenciesMs, 50),
    p99Ms: percentile(output.latenciesMs, 99),
  };
}

function rowOf(variant: Variant, rounds: readonly Measured[]): Row {
  const middle = (member: keyof Measured): number => median(rounds.map((round) => round[member]));
  const { name, inFlight, isDurable, role, count } = variant;
  const cpuSpread = rounds.map(({ cpuMs }) => cpuMs);
  return {
    ...{ name, inFlight, isDurable, role, perRound: count },
    cpuMs: middle('cpuMs'),
    cpuMsLeast: Math.min(...cpuSpread),
    cpuMsMost: Math.max(...cpuSpread),
    postgresMs: middle('postgresMs'),
    clientMs: middle('clientMs'),
    perSecond: middle('perSecond'),
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
  };
}

async function bench(): Promise<Report> {
  const rounds = Number(options.rounds);
  const loadBefore = warnOfLoad('before', say);
  const contest = await openContest({ rounds: rounds + 1, scale: Number(options.scale), say });
  try {
    await contest.checkSamples();
    const measured = await measure(contest, rounds);
    const rows = [...measured].map(([variant, results]) => rowOf(variant, results));
    const durability = await contest.checkDurable();
    const profile = options.profile ? await contest.profile() : null;
    const messages = await messagesPerIssuance(contest);
    const loadAfter = warnOfLoad('after', say);
    return {
      ...machine(),
      rounds,
      loadBefore,
      loadAfter,
      rows,
      messages,
      durability,
      remarks: contest.remarks,
      profile,
    };
  } finally {
    await contest.close();
  }
}

const report = await bench();
(options.json ? process.stderr : process.stdout).write(`${formatReport(report)}\n`);
if (report.profile !== null) say(formatProfiles(report.profile));
if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
