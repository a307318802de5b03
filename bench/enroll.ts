// Hosts with software TPMs that enroll all at once with a real server: times, and what the server takes for it. Twice:
// without a limit per source, and under one, where the agents wait as Retry-After says.
// `npm run bench -- enroll [--json] [--count N] [--limit N] [--window SECONDS]`.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { call, type Estate, initializeEstate, removeEstate } from '../test/e2e/support/estate.ts';
import { type Child, startChild } from './child.ts';
import type { EnrollingAnswer, Host } from './enrolling-process.ts';
import { judgeEnrollments } from './judge.ts';
import { type Machine, machine, warnOfLoad } from './machine.ts';
import { startPostgres } from './postgres.ts';
import { mebibytesOf, processorTimeOf, processorTimeOfFamily } from './processor-time.ts';
import { aligned } from './report.ts';
import type { ServerInput } from './server-process.ts';
import { type SoftwareTpm, startTpms, writePolicies } from './software-tpms.ts';
import { percentile } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    count: { type: 'string', default: '200' },
    limit: { type: 'string', default: '60' },
    window: { type: 'string', default: '20' },
  },
});

type Crowd = {
  readonly name: string;
  readonly enrolled: number;
  readonly failures: readonly string[];
  readonly totalMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
  /** Answers with Retry-After that were obeyed, and the longest of these waits. */
  readonly waits: number;
  readonly longestWaitSeconds: number;
  readonly serverCpuMs: number;
  readonly postgresCpuMs: number;
  readonly agentsCpuMs: number;
  /** Of the software TPMs: on the hosts of this world it is a chip that takes this time. */
  readonly tpmsCpuMs: number;
  readonly serverMibBefore: number;
  readonly serverMibPeak: number;
  readonly serverMibAfter: number;
};

type EnrollReport = Machine & {
  readonly count: number;
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly crowds: readonly Crowd[];
};

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** How the server of a crowd is configured. */
type Rules = { readonly name: string; readonly config: readonly string[]; readonly windowSeconds?: number };

type CrowdOptions = { readonly directory: string; readonly tpms: readonly SoftwareTpm[]; readonly rules: Rules };

async function tokensFor(estate: Estate, count: number): Promise<readonly { hostName: string; token: string }[]> {
  const tokens: { hostName: string; token: string }[] = [];
  for (let index = 0; index < count; index += 1) {
    const hostName = `host-${index}.funlab.casa`;
    const { status, body } = await call(estate, '/v1/enrollment-tokens', { body: { hostName } });
    if (status !== 201) throw new Error(`no enrollment token: ${status} ${body}`);
    tokens.push({ hostName, token: String((JSON.parse(body) as { token: unknown }).token) });
  }
  return tokens;
}

/** A new server for the same TPMs: to it they are all unknown. */
async function enrollCrowd({ directory, tpms, rules }: CrowdOptions): Promise<Crowd> {
  const { windowSeconds } = rules;
  const config = [`policiesDirectory: ${join(directory, 'policies')}`, 'logLevel: error', ...rules.config];
  const place = join(directory, rules.windowSeconds === undefined ? 'free' : 'limited');
  mkdirSync(place);
  const postgres = await startPostgres(place);
  const children: Child[] = [];
  let estate: Estate | null = null;
  try {
    const { databaseUrl } = postgres;
    estate = await initializeEstate({ config, databaseUrl });
    const input: ServerInput = {
      configFile: estate.configFile,
      ...(windowSeconds === undefined ? {} : { windowSeconds }),
    };
    const server = await startChild('server-process.js', input);
    children.push(server);
    const agents = await startChild('enrolling-process.js', {});
    children.push(agents);
    const tokens = await tokensFor(estate, tpms.length);
    const hosts = tokens.map((token, index): Host => {
      const root = join(place, 'hosts', String(index));
      mkdirSync(root, { recursive: true });
      return { ...token, socketPath: tpms[index]!.socketPath, root };
    });
    const crowd = await measureCrowd({ server, agents, postmaster: postgres.pid, hosts, tpms, name: rules.name });
    await judgeEnrollments(databaseUrl, crowd.enrolled);
    await server.ask('end');
    return crowd;
  } finally {
    for (const child of children.toReversed()) await child.stop();
    if (estate !== null) removeEstate(estate);
    await postgres.stop();
  }
}

type CrowdParts = {
  readonly server: Child;
  readonly agents: Child;
  readonly postmaster: number;
  readonly hosts: readonly Host[];
  readonly tpms: readonly SoftwareTpm[];
  readonly name: string;
};

async function measureCrowd({ server, agents, postmaster, hosts, tpms, name }: CrowdParts): Promise<Crowd> {
  const times = async () => ({
    server: (await server.ask<number>('cpuMicroseconds')) / 1000,
    postgres: processorTimeOfFamily(postmaster),
    tpms: tpms.reduce((sum, { pid }) => sum + processorTimeOf(pid), 0),
  });
  const serverMibBefore = mebibytesOf(server.pid, 'VmRSS');
  const before = await times();
  const started = performance.now();
  const answer = await agents.ask<EnrollingAnswer>('enroll', hosts);
  const totalMs = performance.now() - started;
  const after = await times();
  const enrolled = answer.hosts.filter(({ reached, devIdStarts }) => reached === 'issued' && devIdStarts !== '');
  const took = enrolled.map(({ milliseconds }) => milliseconds);
  const waits = answer.hosts.flatMap((host) => host.waits);
  return {
    name,
    enrolled: enrolled.length,
    failures: [...new Set(answer.hosts.map(({ reached }) => reached).filter((reached) => reached !== 'issued'))],
    totalMs,
    p50Ms: percentile(took, 50),
    p99Ms: percentile(took, 99),
    slowestMs: Math.max(...took),
    waits: waits.length,
    longestWaitSeconds: Math.max(0, ...waits),
    serverCpuMs: (after.server - before.server) / hosts.length,
    postgresCpuMs: (after.postgres - before.postgres) / hosts.length,
    agentsCpuMs: answer.cpuMicroseconds / 1000 / hosts.length,
    tpmsCpuMs: (after.tpms - before.tpms) / hosts.length,
    serverMibBefore,
    serverMibPeak: mebibytesOf(server.pid, 'VmHWM'),
    serverMibAfter: mebibytesOf(server.pid, 'VmRSS'),
  };
}

async function bench(): Promise<EnrollReport> {
  const count = Number(options.count);
  const loadBefore = warnOfLoad('before', say);
  const directory = mkdtempSync(join(tmpdir(), 'omens-tpms-'));
  chmodSync(directory, 0o755);
  const crowds: Crowd[] = [];
  let tpms: readonly SoftwareTpm[] = [];
  try {
    say(`making ${count} software TPMs`);
    tpms = await startTpms({ directory, count, parallel: 2, say });
    await writePolicies(join(directory, 'policies'), tpms[0]!);
    for (const rules of allRules) {
      say(`${count} hosts enroll at once: ${rules.name}`);
      crowds.push(await enrollCrowd({ directory, tpms, rules }));
    }
  } finally {
    await Promise.all(tpms.map((tpm) => tpm.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
  return { ...machine(), count, loadBefore, loadAfter: warnOfLoad('after', say), crowds };
}

const allRules: readonly Rules[] = [
  { name: 'no limit per source', config: ['rateLimits: { trustedSources: [127.0.0.0/8] }'] },
  {
    name: `${options.limit} per ${options.window} s from one source`,
    config: [`rateLimits: { enrollmentsPerSourcePerHour: ${options.limit} }`],
    windowSeconds: Number(options.window),
  },
];

function format({ crowds, ...report }: EnrollReport): string {
  const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(1);
  const rows = crowds.map((crowd) => [
    crowd.name,
    `${crowd.enrolled} of ${report.count}`,
    ...[crowd.totalMs, crowd.p50Ms, crowd.p99Ms, crowd.slowestMs].map(seconds),
    ...[crowd.waits, crowd.longestWaitSeconds].map(String),
    ...[crowd.serverCpuMs, crowd.postgresCpuMs, crowd.agentsCpuMs, crowd.tpmsCpuMs].map((value) => value.toFixed(1)),
    ...[crowd.serverMibBefore, crowd.serverMibPeak, crowd.serverMibAfter].map((value) => value.toFixed(0)),
  ]);
  const titles = ['', 'enrolled', 'total s', 'p50 s', 'p99 s', 'slowest', 'waits', 'longest s'];
  const costs = ['server CPU ms', 'PG CPU ms', 'agent CPU ms', 'TPM CPU ms', 'RSS MiB before', 'peak', 'after'];
  return [
    `${report.at}  ${report.processor}, ${report.cores} cores, ${report.memoryGib} GiB, Node ${report.node}`,
    `load ${report.loadBefore.toFixed(2)} before, ${report.loadAfter.toFixed(2)} after; CPU per enrollment of a DevID and a Keylime agent certificate`,
    '',
    ...aligned([[...titles, ...costs], ...rows]),
    ...crowds.flatMap(({ name, failures }) => failures.map((failure) => `FAILED (${name}): ${failure}`)),
  ].join('\n');
}

const report = await bench();
(options.json ? process.stderr : process.stdout).write(`${format(report)}\n`);
if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(report.crowds.every(({ enrolled }) => enrolled === report.count) ? 0 : 1);
