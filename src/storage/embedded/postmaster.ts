// Reads postmaster.pid and says whether its process is the live server of that very directory. Never writes the file.
import { readFile, readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../fault.ts';

/** What PostgreSQL (≥ 10) writes into postmaster.pid, line by line; `status` is empty until it wrote one. */
export type PostmasterFile = {
  readonly pid: number;
  readonly dataDirectory: string;
  readonly port: number;
  readonly socketDirectory: string;
  readonly listenAddress: string;
  readonly status: 'starting' | 'stopping' | 'ready' | 'standby' | '';
};

const statuses = ['starting', 'stopping', 'ready', 'standby'] as const;

/** The contents of postmaster.pid, or undefined when it is absent or names no process. */
export async function readPostmasterFile(dataDirectory: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
  const line = text.split('\n').map((one) => one.trim());
  const pid = Number(line[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  return {
    pid,
    dataDirectory: line[1] ?? '',
    port: Number(line[3] ?? ''),
    socketDirectory: line[4] ?? '',
    listenAddress: line[5] ?? '',
    status: statuses.find((one) => one === line[7]) ?? '',
  };
}

/** Does a process of this id exist, and is it more than a zombie? */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !/\) [ZX] /.test(stat);
}

/**
 * Is this process the postmaster of this directory? Checked: it lives; its program is `postgres` (also when a package
 * upgrade has replaced the file); its working directory, which a postmaster keeps for life, is the data directory.
 */
export async function isPostmasterOf(pid: number, dataDirectory: string): Promise<boolean> {
  if (!(await isAlive(pid))) return false;
  const program = await readlink(`/proc/${pid}/exe`).catch(() => '');
  if (basename(program.replace(/ \(deleted\)$/, '')) !== 'postgres') return false;
  const workingDirectory = await readlink(`/proc/${pid}/cwd`).catch(() => '');
  return workingDirectory === (await realpath(dataDirectory));
}

/** The live server of a data directory, or undefined. A pid file of a dead or foreign process counts as none. */
export async function livePostmaster(dataDirectory: string): Promise<PostmasterFile | undefined> {
  const file = await readPostmasterFile(dataDirectory);
  return file !== undefined && (await isPostmasterOf(file.pid, dataDirectory)) ? file : undefined;
}

/** The name of a running program, for messages. */
export const programOf = (pid: number): Promise<string> =>
  readFile(`/proc/${pid}/comm`, 'utf8').then(
    (name) => name.trim(),
    () => 'unknown',
  );

/**
 * Asks `probe` every 20 ms until it gives something other than undefined; undefined when `timeoutMs` have passed.
 * Waiting is counted in steps, so a clock that jumps does no harm.
 */
export async function poll<T>(probe: () => Promise<T | undefined>, timeoutMs: number): Promise<T | undefined> {
  for (let waited = 0; waited <= timeoutMs; waited += 20) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    await sleep(20);
  }
  return undefined;
}

/** Waits for the end of a process; false when it lives on after `timeoutMs`. */
export const waitForEnd = async (pid: number, timeoutMs: number): Promise<boolean> =>
  (await poll(async () => ((await isAlive(pid)) ? undefined : true), timeoutMs)) ?? false;
