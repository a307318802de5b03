// Everything that is measured, up and running: one PostgreSQL with fsync on, our service and our server on it, the peers
// beside them, and the requests that they all get. Started once, used in turns.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Estate, initializeEstate, removeEstate } from '../test/e2e/support/estate.ts';
import { type Child, startChild } from './child.ts';
import type { LoadInput } from './http-load.ts';
import { type Durability, judgeCertificate, judgeDurability } from './judge.ts';
import { type Peer, type Peers, startPeers } from './peers.ts';
import { startPostgres } from './postgres.ts';
import { processorTimeOfFamily } from './processor-time.ts';
import type { SelfTime } from './profile.ts';
import { writeRequests } from './requests.ts';
import type { RunInput, RunOutput } from './run.ts';

export type VariantRun = {
  readonly output: RunOutput;
  /** Of the process that issues. */
  readonly cpuMicroseconds: number;
  /** Of the load generator, where that is another process. */
  readonly clientMicroseconds: number;
};

export type Variant = {
  readonly name: string;
  readonly inFlight: number;
  /** Issuances per round. */
  readonly count: number;
  /** Whether intent, certificate, audit event and outbox message are on disk before the answer. */
  readonly isDurable: boolean;
  /** Rows that others are compared with. */
  readonly role: 'subject' | 'cfssl' | 'peculiar' | 'other';
  /** One round over `count` requests from this number on. */
  readonly run: (from: number) => Promise<VariantRun>;
};

export type Contest = {
  readonly variants: readonly Variant[];
  readonly remarks: readonly string[];
  readonly databaseUrl: string;
  readonly issuingInput: { readonly configFile: string; readonly requestsFile: string };
  /** The number of the first of so many requests that nobody has had yet. */
  readonly nextItems: (count: number) => number;
  /** Processor time of PostgreSQL, all its processes, in milliseconds. */
  readonly postgresMs: () => number;
  /** Throws unless one certificate of each process satisfies `judgeCertificate`. */
  readonly checkSamples: () => Promise<void>;
  readonly checkDurable: () => Promise<Durability>;
  readonly profile: () => Promise<Profiles>;
  /** Ends our server and starts it on another URL of the same database; gives the clients that speak to it. */
  readonly restartServer: (databaseUrl: string) => Promise<Pick<Ours, 'client' | 'clientWithKey'>>;
  readonly stopServer: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Where the time goes at 64 in flight. */
export type Profiles = { readonly service: readonly SelfTime[]; readonly https: readonly SelfTime[] };

export type ContestOptions = {
  /** Including the warm-up. */
  readonly rounds: number;
  /** Multiplies the size of every round. */
  readonly scale: number;
  readonly say: (text: string) => void;
};

/** Issuances per round: about a second each. */
const counts = {
  service64: 1500,
  service1: 400,
  https64: 1200,
  https64WithKey: 800,
  https1: 300,
  cfssl64: 1500,
  cfssl1: 400,
  peculiar: 120,
  pkijs: 160,
  openssl: 80,
} as const;

type Size = keyof typeof counts;

const profiled = 3000;
/** For samples, message counts and the profiles. */
const extraRequests = 1000 + 2 * profiled;

type Release = (step: () => Promise<void> | void) => void;

/** Starts everything; what was started is stopped again when something fails. */
export async function openContest(options: ContestOptions): Promise<Contest> {
  const steps: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const step of steps.splice(0).toReversed()) await step();
  };
  try {
    return { ...(await open(options, (step) => void steps.push(step))), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(options: ContestOptions, release: Release): Promise<Omit<Contest, 'close'>> {
  const directory = mkdtempSync(join(tmpdir(), 'omens-bench-'));
  release(() => rmSync(directory, { recursive: true, force: true }));
  chmodSync(directory, 0o755); // PostgreSQL runs as another user and must get there
  const requestsFile = join(directory, 'requests');
  const nextItems = makeRequests(requestsFile, options);
  const postgres = await startPostgres(directory);
  release(postgres.stop);
  const { databaseUrl } = postgres;
  const estate = await initializeEstate({ databaseUrl, config: ['logLevel: error'] });
  release(() => removeEstate(estate));
  const issuingInput = { configFile: estate.configFile, requestsFile };
  const ours = await startOurs({ estate, databaseUrl, requestsFile, release });
  let stopServer = ours.server.stop;
  const peers = await startPeers({ directory, requestsFile, release });
  return {
    variants: [...ourVariants(ours, options.scale), ...peers.list.flatMap((peer) => peerVariants(peer, options.scale))],
    remarks: peers.remarks,
    databaseUrl,
    issuingInput,
    nextItems,
    postgresMs: () => processorTimeOfFamily(postgres.pid),
    checkSamples: () => checkSamples({ ours, peers, rootPem: estate.caPem, nextItems, directory }),
    checkDurable: () => judgeDurability(databaseUrl, 'nginx-vhost'),
    restartServer: async (through) => {
      await ours.server.stop();
      const server = await startChild('server-process.js', { configFile: estate.configFile, databaseUrl: through });
      release(server.stop);
      stopServer = server.stop;
      return ours;
    },
    stopServer: () => stopServer(),
    profile: () => profileOurs(ours, () => ({ from: nextItems(profiled), count: profiled, inFlight: 64 })),
  };
}

const countOf = (size: Size, scale: number): number => Math.max(1, Math.round(counts[size] * scale));

function makeRequests(file: string, { rounds, scale, say }: ContestOptions): Contest['nextItems'] {
  const perRound = Object.keys(counts).reduce((sum, size) => sum + countOf(size as Size, scale), 0);
  const total = perRound * rounds + extraRequests;
  say(`making ${total} requests with fresh P-256 keys`);
  writeRequests(file, total);
  let next = 0;
  return (count) => (next += count) - count;
}

type Ours = {
  readonly service: Child;
  readonly server: Child;
  readonly client: Child;
  /** Sends an Idempotency-Key with each request. */
  readonly clientWithKey: Child;
};

type OursOptions = {
  readonly estate: Estate;
  readonly databaseUrl: string;
  readonly requestsFile: string;
  readonly release: Release;
};

async function startOurs({ estate, databaseUrl, requestsFile, release }: OursOptions): Promise<Ours> {
  const { configFile, caPem, token } = estate;
  const start = async (file: string, input: unknown): Promise<Child> => {
    const child = await startChild(file, input);
    release(child.stop);
    return child;
  };
  const load = (retries: 'idempotency-key' | 'none'): Promise<Child> => {
    const target = { kind: 'omens', token, retries } as const;
    const url = `${estate.url}/v1/certificates`;
    const input: LoadInput = { url, idlePath: '/healthz', caPem, requestsFile, target };
    return start('http-load.js', input);
  };
  return {
    service: await start('issuing-process.js', { configFile, databaseUrl, requestsFile }),
    server: await start('server-process.js', { configFile }),
    client: await load('none'),
    clientWithKey: await load('idempotency-key'),
  };
}

async function profileOurs({ service, server, client }: Ours, next: () => RunInput): Promise<Profiles> {
  const ofService = await service.ask<readonly SelfTime[]>('profile', next());
  await client.ask('connect', 64);
  await server.ask('startProfile');
  await client.ask('run', next());
  return { service: ofService, https: await server.ask('endProfile') };
}

/** A round in a process that issues by itself, or through a client of the process whose time `issuerTime` tells. */
const roundIn =
  (process: Child, input: { readonly count: number; readonly inFlight: number }, issuerTime: Peer['issuerTime']) =>
  async (from: number): Promise<VariantRun> => {
    if (issuerTime !== null) await process.ask('connect', input.inFlight);
    const before = (await issuerTime?.()) ?? 0;
    const output = await process.ask<RunOutput>('run', { ...input, from });
    if (issuerTime === null) return { output, cpuMicroseconds: output.cpuMicroseconds, clientMicroseconds: 0 };
    return { output, cpuMicroseconds: (await issuerTime()) - before, clientMicroseconds: output.cpuMicroseconds };
  };

function ourVariants({ service, server, client, clientWithKey }: Ours, scale: number): readonly Variant[] {
  const serverTime = (): Promise<number> => server.ask<number>('cpuMicroseconds');
  const lines = [
    ['service function', 64, 'service64', service, null],
    ['service function', 1, 'service1', service, null],
    ['HTTPS', 64, 'https64', client, serverTime],
    ['HTTPS with Idempotency-Key', 64, 'https64WithKey', clientWithKey, serverTime],
    ['HTTPS', 1, 'https1', client, serverTime],
  ] as const;
  return lines.map(([name, inFlight, size, process, issuerTime]) => {
    const input = { inFlight, count: countOf(size, scale) };
    return { name, ...input, isDurable: true, role: 'subject', run: roundIn(process, input, issuerTime) };
  });
}

function peerVariants({ name, kind, process, issuerTime }: Peer, scale: number): readonly Variant[] {
  const lines: readonly (readonly [number, Size, Variant['role']])[] =
    kind === 'cfssl'
      ? [
          [64, 'cfssl64', 'cfssl'],
          [1, 'cfssl1', 'other'],
        ]
      : [[1, kind, kind === 'peculiar' ? 'peculiar' : 'other']];
  return lines.map(([inFlight, size, role]) => {
    const input = { inFlight, count: countOf(size, scale) };
    return { name, ...input, isDurable: false, role, run: roundIn(process, input, issuerTime) };
  });
}

type SampleOptions = {
  readonly ours: Ours;
  readonly peers: Peers;
  readonly rootPem: string;
  readonly nextItems: Contest['nextItems'];
  readonly directory: string;
};

async function checkSamples({ ours, peers, rootPem, nextItems, directory }: SampleOptions): Promise<void> {
  for (const process of [ours.service, ours.client, ours.clientWithKey]) {
    const answer = JSON.parse(await process.ask<string>('sample', nextItems(1))) as { pem: string; chain: string };
    judgeCertificate(directory, { pem: answer.pem, chainPem: answer.chain + rootPem });
  }
  for (const { process, pemOf } of peers.list) {
    const answer = await process.ask<string>('sample', nextItems(1));
    judgeCertificate(directory, { pem: pemOf(answer), chainPem: peers.chainPem });
  }
}
