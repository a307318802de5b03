// Many hosts in one process: each runs the enrollment of `omens agent enroll`, with its own TPM, token and directory.
// Retry-After is obeyed by the agent's own code; this only counts how often.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exclusively, loadState } from '../src/agent/agent-state.ts';
import { enroll } from '../src/agent/enroll.ts';
import { connectToServer } from '../src/agent/enrollment-server.ts';
import { runCommand } from '../src/agent/run-command.ts';
import { openTpm } from '../src/agent/tpm-open.ts';
import { decodeEnrollmentToken } from '../src/domain/enrollment-token.ts';
import type { Tpm } from '../src/tpm2/command.ts';
import { answering } from './child.ts';

export type Host = {
  readonly hostName: string;
  readonly socketPath: string;
  readonly token: string;
  /** Stands for `/`. */
  readonly root: string;
};

/** How one enrollment went. `reached` is its state in the end, or the failure as text. */
export type HostResult = {
  readonly reached: string;
  readonly milliseconds: number;
  /** Waits that the server asked for, in seconds each. */
  readonly waits: readonly number[];
  readonly devIdStarts: string;
};

export type EnrollingAnswer = { readonly hosts: readonly HostResult[]; readonly cpuMicroseconds: number };

async function withTpm<T>(socketPath: string, use: (tpm: Tpm) => Promise<T>): Promise<T> {
  const tpm = await openTpm({ kind: 'socket', address: { path: socketPath } });
  try {
    return await use(tpm);
  } finally {
    await tpm.transport.close();
  }
}

async function enrollHost({ hostName, socketPath, token, root }: Host): Promise<HostResult> {
  const decoded = decodeEnrollmentToken(token);
  if (!decoded.ok) throw new Error(decoded.error.detail);
  const { url, rootSha256, credential } = decoded.value;
  const waits: number[] = [];
  const now = (): Date => new Date();
  const progress = {
    note: (line: string) => waits.push(...[...line.matchAll(/waiting ([0-9]+) s/g)].map((match) => Number(match[1]))),
    working: () => undefined,
  };
  const pace = { now, sleep: (milliseconds: number) => sleep(milliseconds) };
  const started = performance.now();
  const outcome = await exclusively(root, async () =>
    enroll(
      {
        ...{
          root,
          uid: process.getuid?.() ?? 0,
          ...pace,
          progress,
          passwords: {},
          ownName: null,
          run: runCommand,
          targets: [],
        },
        withTpm: (_spec, use) => withTpm(socketPath, use),
        connect: (server) => connectToServer(server, { ...pace, progress }),
      },
      {
        wishes: {
          ...{ server: { url, rootSha256 }, token: credential, hostName, profiles: [] },
          ...{ tpm: `unix:${socketPath}`, oldKeys: 'keep' },
        },
        state: await loadState(root),
        patience: 'once',
      },
    ),
  );
  const milliseconds = performance.now() - started;
  const pem = await readFile(join(root, 'var/lib/tpm2-devid/devid.crt'), 'latin1');
  return { reached: outcome.state, milliseconds, waits, devIdStarts: pem.slice(0, 27) };
}

await answering(async () => ({
  enroll: async (hosts: readonly Host[]): Promise<EnrollingAnswer> => {
    const before = process.cpuUsage();
    const started = performance.now();
    const failed = (error: unknown): HostResult => ({
      reached: error instanceof Error ? error.message : String(error),
      milliseconds: performance.now() - started,
      waits: [],
      devIdStarts: '',
    });
    const results = await Promise.all(hosts.map((host) => enrollHost(host).catch(failed)));
    const { user, system } = process.cpuUsage(before);
    return { hosts: results, cpuMicroseconds: user + system };
  },
}));
