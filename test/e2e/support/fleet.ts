// A server and many hosts, each with a software TPM and an agent of its own, as processes that a test kills and starts
// again. Kept free of jest.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, closeSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startTpms, type SoftwareTpm } from '../../../bench/software-tpms.ts';
import { omens } from './agent-command.ts';
import { call, type Estate, initializeEstate, removeEstate, type ServerProcess, startServer } from './estate.ts';
import { type Lifetimes, writeShortLivedPolicies } from './short-lived.ts';

const dist = join(import.meta.dirname, import.meta.dirname.includes('/dist/') ? '../../..' : '../../../dist');

export type FleetHost = {
  readonly hostName: string;
  /** Stands for `/`. */
  readonly root: string;
  readonly tpm: string;
  /** What its agents wrote, all of them after one another. */
  readonly log: () => string;
  /** Starts `omens agent run`; the one before must have ended. */
  readonly start: () => void;
  /** Ends it by this signal and waits. */
  readonly stop: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>;
};

export type Fleet = {
  readonly estate: Estate;
  readonly hosts: readonly FleetHost[];
  /** kill -9 of the server, and a new one. */
  readonly killServer: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type FleetOptions = {
  readonly count: number;
  readonly lifetimes: Lifetimes;
  /** Profiles beside devid and keylime-agent, by the index of the host; names as the grant has them. */
  readonly profiles: (index: number) => readonly { readonly profile: string; readonly dnsNames: readonly string[] }[];
  /** agent.yaml of a host. */
  readonly agentYaml: (index: number, root: string) => string;
  /** What is on a host before it is enrolled. */
  readonly prepare?: (index: number, root: string) => Promise<void>;
};

/** Sets everything up and enrolls each host by its own token; no agent runs yet. */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  // Short: unix sockets have at most 107 octets in their names.
  const directory = mkdtempSync(join(tmpdir(), 'of-'));
  const tpms = await startTpms({
    directory: join(directory, 't'),
    count: options.count,
    parallel: 2,
    say: () => undefined,
  });
  const [first] = tpms;
  if (first === undefined) throw new Error('a fleet has hosts');
  const policies = join(directory, 'policies');
  await writeShortLivedPolicies(policies, first, options.lifetimes);
  const config = [
    `policiesDirectory: ${policies}`,
    'rateLimits: { trustedSources: [127.0.0.0/8] }',
    'renewals: { perHour: 100000, perLineagePerHour: 1000 }',
  ];
  const estate = await initializeEstate({ config });
  let server: ServerProcess = await startServer(estate);
  const hosts = tpms.map((tpm, index) => hostOf(directory, tpm, index));
  const waiting = [...hosts.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, host] = next;
      await enrollHost(estate, host, { ...options, index });
    }
  };
  await Promise.all([lane(), lane(), lane()]);
  return {
    estate,
    hosts,
    killServer: async () => {
      await server.kill();
      server = await startServer(estate);
    },
    close: async () => {
      await Promise.all(hosts.map((host) => host.stop('SIGKILL')));
      await server.stop();
      removeEstate(estate);
      await Promise.all(tpms.map((tpm) => tpm.stop()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function hostOf(directory: string, tpm: SoftwareTpm, index: number): FleetHost {
  const root = join(directory, `h${index}`);
  const logFile = join(directory, `h${index}.log`);
  const spec = `unix:${tpm.socketPath}`;
  let agent: ChildProcess | null = null;
  let ended = Promise.resolve();
  return {
    hostName: `host${index}.example.org`,
    root,
    tpm: spec,
    log: () => readFileSync(logFile, 'utf8'),
    start: () => {
      const log = openSync(logFile, 'a');
      const started = spawn(
        process.execPath,
        [join(dist, 'src/cli/omens.js'), 'agent', 'run', '--root', root, '--tpm', spec],
        { env: { PATH: process.env['PATH'] }, stdio: ['ignore', log, log] },
      );
      closeSync(log);
      ended = new Promise((resolve) => started.once('exit', () => resolve()));
      agent = started;
    },
    stop: async (signal) => {
      agent?.kill(signal);
      await ended;
      agent = null;
    },
  };
}

async function enrollHost(
  estate: Estate,
  host: FleetHost,
  { index, profiles, agentYaml, prepare }: FleetOptions & { readonly index: number },
): Promise<void> {
  const wanted = [{ profile: 'devid' }, { profile: 'keylime-agent' }, ...profiles(index)];
  const body = { hostName: host.hostName, addresses: ['127.0.0.1'], profiles: wanted };
  const reply = await call(estate, '/v1/enrollment-tokens', { body });
  if (reply.status !== 201) throw new Error(`no token for ${host.hostName}: ${reply.body}`);
  const configFile = join(host.root, 'etc/omens/agent.yaml');
  await mkdir(dirname(configFile), { recursive: true });
  await writeFile(configFile, agentYaml(index, host.root));
  await prepare?.(index, host.root);
  const tokenFile = join(host.root, 'token');
  await writeFile(tokenFile, (JSON.parse(reply.body) as { readonly token: string }).token, { mode: 0o600 });
  const asked = wanted.map((one) => ('dnsNames' in one ? `${one.profile}=${one.dnsNames.join(',')}` : one.profile));
  const places = ['--hostname', host.hostName, '--root', host.root, '--tpm', host.tpm];
  const ended = await omens(['agent', 'enroll', '--token-file', tokenFile, ...places, '--profile', ...asked]);
  if (ended.code !== 0) throw new Error(`${host.hostName} was not enrolled: ${ended.stderr}`);
}
