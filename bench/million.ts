// One million certificates behind a real server: what the report, lists, metrics and the operator page take there, and how
// much memory. `npm run bench -- million [--json] [--requests N] [--scale X] [--shape history|serving]`.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Estate, initializeEstate, removeEstate } from '../test/e2e/support/estate.ts';
import { startChild } from './child.ts';
import { type Machine, machine, warnOfLoad } from './machine.ts';
import { compare, type Compared, fill, type Shape } from './million-database.ts';
import { startPostgres } from './postgres.ts';
import { mebibytesOf } from './processor-time.ts';
import { aligned } from './report.ts';
import type { ServerInput } from './server-process.ts';
import { percentile } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    requests: { type: 'string', default: '200' },
    scale: { type: 'string', default: '1' },
    shape: { type: 'string' },
  },
});

type Timed = { readonly name: string; readonly requests: number; readonly p50Ms: number; readonly p99Ms: number };

type ShapeReport = Compared & {
  readonly shape: string;
  readonly certificates: number;
  readonly serving: number;
  readonly fillSeconds: number;
  readonly startSeconds: number;
  readonly timed: readonly Timed[];
  readonly serverMibBefore: number;
  readonly serverMibPeak: number;
};

type MillionReport = Machine & {
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly shapes: readonly ShapeReport[];
};

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** A long history behind a few that serve; and all of them serving. */
function shapes(scale: number): readonly Shape[] {
  const all: readonly Shape[] = [
    { name: 'history', devices: Math.round(10_000 * scale), perLineage: 25, alone: Math.round(10_000 * scale) },
    { name: 'serving', devices: Math.round(125_000 * scale), perLineage: 1, alone: Math.round(500_000 * scale) },
  ];
  return options.shape === undefined ? all : all.filter(({ name }) => name === options.shape);
}

type Answer = { readonly status: number; readonly text: string; readonly cookie: string | null };
type Asked = { readonly path: string; readonly headers?: Readonly<Record<string, string>>; readonly form?: string };
type Ask = (asked: Asked) => Promise<Answer>;

/** One client over one connection. */
function clientOf(estate: Estate): { readonly ask: Ask; readonly close: () => void } {
  const agent = new Agent({ ca: estate.caPem, keepAlive: true, maxSockets: 1 });
  const ask: Ask = ({ path, headers = {}, form }) =>
    new Promise((resolve, reject) => {
      const posted = { 'content-type': 'application/x-www-form-urlencoded', origin: estate.url };
      const method = form === undefined ? 'GET' : 'POST';
      const all = { ...(form === undefined ? {} : posted), ...headers };
      const outgoing = request(`${estate.url}${path}`, { agent, method, headers: all }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        const cookie = incoming.headers['set-cookie']?.[0]?.split(';')[0] ?? null;
        incoming.on('error', reject).on('end', () => resolve({ status: incoming.statusCode ?? 0, text, cookie }));
      });
      outgoing.on('error', reject);
      outgoing.end(form);
    });
  return { ask, close: () => agent.destroy() };
}

/** Times requests, one after the other; `next` makes the path of each from the answer before it. */
async function time(
  name: string,
  ask: Ask,
  next: (before: Answer | null) => Asked,
  count = Number(options.requests),
): Promise<Timed> {
  const latencies: number[] = [];
  let before: Answer | null = null;
  for (let n = 0; n < count; n += 1) {
    const asked = next(before);
    const started = performance.now();
    before = await ask(asked);
    latencies.push(performance.now() - started);
    if (before.status !== 200) throw new Error(`${name}: ${before.status} ${before.text.slice(0, 200)}`);
  }
  const timed = {
    name,
    requests: latencies.length,
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
  };
  say(`  ${name}: p50 ${figure(timed.p50Ms)} ms, p99 ${figure(timed.p99Ms)} ms`);
  return timed;
}

async function timeAll(estate: Estate): Promise<readonly Timed[]> {
  const { ask, close } = clientOf(estate);
  const headers = { authorization: `Bearer ${estate.token}` };
  const get = (path: string) => (): Asked => ({ path, headers });
  const following =
    (path: string) =>
    (before: Answer | null): Asked => {
      const next = before === null ? null : (JSON.parse(before.text) as { readonly next: string | null }).next;
      return { path: next === null ? path : `${path}&cursor=${next}`, headers };
    };
  const opened = await ask({ path: '/login', form: `token=${encodeURIComponent(estate.token)}&next=` });
  const page = { cookie: opened.cookie ?? '' };
  const report = '/v1/reports/expiry?limit=100';
  try {
    return [
      await time('report within 30 d, first page', ask, get(`${report}&within=30d`)),
      await time('report within 30 d, one page after the other', ask, following(`${report}&within=30d`)),
      await time('report, all, one page after the other', ask, following(report)),
      await time('report, critical', ask, get(`${report}&level=critical`)),
      await time('report, of one host', ask, get(`${report}&device=host7.example.org`)),
      await time('devices report, one page after the other', ask, following('/v1/reports/devices?limit=100')),
      await time(
        'certificates within 30 d, one page after the other',
        ask,
        following('/v1/certificates?limit=100&within=30d'),
      ),
      // A scrape is made twice a minute, and takes as long as many pages.
      await time('/metrics', ask, get('/metrics'), Math.min(20, Number(options.requests))),
      await time('operator page, certificates', ask, () => ({ path: '/certificates', headers: page })),
      await time('operator page, overview', ask, () => ({ path: '/', headers: page })),
    ];
  } finally {
    close();
  }
}

async function measure(shape: Shape): Promise<ShapeReport> {
  const directory = mkdtempSync(join(tmpdir(), 'omens-million-'));
  chmodSync(directory, 0o755);
  const postgres = await startPostgres(directory);
  const { databaseUrl } = postgres;
  const estate = await initializeEstate({ databaseUrl, config: ['logLevel: error'] });
  try {
    const now = new Date();
    say(`${shape.name}: filling`);
    const filling = performance.now();
    await fill(databaseUrl, shape, now);
    const fillSeconds = (performance.now() - filling) / 1000;
    say(`${shape.name}: filled in ${fillSeconds.toFixed(0)} s; starting the server, which computes the levels`);
    const starting = performance.now();
    const input: ServerInput = { configFile: estate.configFile, databaseUrl };
    const server = await startChild('server-process.js', input);
    const startSeconds = (performance.now() - starting) / 1000;
    try {
      const serverMibBefore = Math.round(mebibytesOf(server.pid, 'VmRSS'));
      const timed = await timeAll(estate);
      const serverMibPeak = Math.round(mebibytesOf(server.pid, 'VmHWM'));
      const lineages = shape.devices * 4;
      return {
        ...{ shape: shape.name, fillSeconds, startSeconds, timed, serverMibBefore, serverMibPeak },
        ...{ certificates: lineages * shape.perLineage + shape.alone, serving: lineages + shape.alone },
        ...(await compare(databaseUrl, now)),
      };
    } finally {
      await server.stop();
    }
  } finally {
    removeEstate(estate);
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

const figure = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

function shapeText(one: ShapeReport): string {
  const { page, counts } = one;
  const compared = (name: string, { byHistory, byServing }: ShapeReport['page']): readonly string[] => [
    ...[name, figure(byHistory), figure(byServing), figure(byHistory / byServing)],
  ];
  return [
    `${one.shape}: ${one.certificates} certificates, of which ${one.serving} serve; filled in ${figure(one.fillSeconds)} s`,
    `server: start with all levels ${figure(one.startSeconds)} s; RSS ${one.serverMibBefore} MiB before, peak ${one.serverMibPeak} MiB`,
    ...aligned([
      ['over HTTPS, one at a time', 'requests', 'p50 ms', 'p99 ms'],
      ...one.timed.map(({ name, requests, p50Ms, p99Ms }) => [name, String(requests), figure(p50Ms), figure(p99Ms)]),
    ]),
    '',
    ...aligned([
      ['in the database alone, ms', 'by history', 'by what serves', 'ratio'],
      [...compared('page of 100 within 30 d', page)],
      [...compared('counts', counts)],
    ]),
    '',
    ...one.plan,
    '',
  ].join('\n');
}

async function bench(): Promise<MillionReport> {
  const loadBefore = warnOfLoad('before', say);
  const measured: ShapeReport[] = [];
  for (const shape of shapes(Number(options.scale))) measured.push(await measure(shape));
  return { ...machine(), loadBefore, loadAfter: warnOfLoad('after', say), shapes: measured };
}

const report = await bench();
const text = [
  `${report.at}  ${report.processor}, ${report.cores} cores, ${report.memoryGib} GiB, Node ${report.node}`,
  `load ${report.loadBefore.toFixed(2)} before, ${report.loadAfter.toFixed(2)} after`,
  '',
  ...report.shapes.map(shapeText),
].join('\n');
(options.json ? process.stderr : process.stdout).write(`${text}\n`);
if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
