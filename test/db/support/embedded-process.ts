// Runs the embedded server's opener in a process of its own, as `omens serve` would, so that it can be killed for real.
// Child processes run the built JavaScript; it is built here when it is missing or older than the sources.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { EmbeddedOptions } from '../../../src/storage/embedded/cluster.ts';
import { forcedBinaries } from '../database.ts';

const root = join(import.meta.dirname, '../../..');

async function isStale(): Promise<boolean> {
  const embedded = (await readdir(join(root, 'src/storage/embedded'))).map((name) => join('storage/embedded', name));
  const files = ['domain/result.ts', 'storage/fault.ts', 'storage/migrate.ts', ...embedded]; // all that the children load
  const changed = (path: string): Promise<number> =>
    stat(path).then(
      (info) => info.mtimeMs,
      () => 0,
    );
  for (const file of files) {
    const built = await changed(join(root, 'dist/src', file.replace(/\.ts$/, '.js')));
    if (built < (await changed(join(root, 'src', file)))) return true;
  }
  return false;
}

/** Builds `dist/` if need be. */
export async function ensureBuilt(): Promise<void> {
  if (!(await isStale())) return;
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  // --noCheck: types are the check suite's business; --incremental false: a file that is up to date is written too.
  const options = ['--noCheck', '--incremental', 'false', '--tsBuildInfoFile', 'null'];
  await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.build.json', ...options], { cwd: root });
}

const program = (lock: boolean): string => `
import { randomBytes } from 'node:crypto';
const at = ${JSON.stringify(pathToFileURL(join(root, 'dist/src/storage/embedded/')).href)};
const { openEmbedded } = await import(at + 'server.js');
const { holdServerLock } = await import(at + 'server-lock.js');
const say = (value) => console.log(JSON.stringify(value));
try {
  const options = JSON.parse(process.argv[1]);
  const server = await openEmbedded({ ...options, randomBytes, log: () => undefined });
  const lock = ${lock} ? await holdServerLock(server.databaseUrl, { onLost: (why) => say({ lost: why }) }) : undefined;
  if (lock?.ok === false) say({ refused: lock.error });
  else say({ opened: { ...server, stop: undefined } });
  process.stdin.on('data', async () => {
    await lock?.value?.release();
    say({ stopped: await server.stop() });
    process.exit(0);
  });
} catch (error) {
  say({ failed: { message: error.message, where: error.where, hint: error.hint } });
}
`;

/** What such a process was told to open. */
export type Opening = Partial<Pick<EmbeddedOptions, 'binaries' | 'sources'>> & {
  readonly dataDirectory: string;
  readonly lock?: boolean;
  readonly uid?: number;
};

/** What it answered first. */
export type Answer = {
  readonly opened?: { databaseUrl: string; pid: number; version: string; adopted: boolean; place: string };
  readonly refused?: { reason: string; detail: string };
  readonly failed?: { message: string; where: string; hint: string };
};

/** A process that opened an embedded server and waits. `kill9` ends it without a word, `stop` lets it stop the server. */
export type EmbeddedProcess = {
  readonly answer: Answer;
  readonly kill9: () => Promise<void>;
  readonly stop: () => Promise<string>;
};

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', () => resolve()));

/** Starts such a process and waits for its first answer. */
export async function openInProcess(opening: Opening): Promise<EmbeddedProcess> {
  await ensureBuilt();
  const { lock = false, uid, ...options } = opening;
  const given = JSON.stringify({ ...(forcedBinaries === undefined ? {} : { binaries: forcedBinaries }), ...options });
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(lock), given], {
    ...{ cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, unknown>> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('the process ended without an answer');
    return JSON.parse(line.value);
  };
  const answer: Answer = await next();
  return {
    answer,
    kill9: async () => {
      child.kill('SIGKILL');
      await ended(child);
    },
    stop: async () => {
      child.stdin.write('stop\n');
      const { stopped } = await next();
      await ended(child);
      return String(stopped);
    },
  };
}
