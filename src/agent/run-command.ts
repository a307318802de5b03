// Runs one command of this host's own configuration: no shell, a clean environment, an end after its time, and no more of
// its output than a person reads.
import { execFile } from 'node:child_process';
import type { CommandLine } from './target.ts';

/** What came of a command; `output` is the end of stdout and stderr together, for people. */
export type CommandResult =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly detail: string; readonly output: string };

export type RunCommand = (command: CommandLine, timeoutSeconds: number) => Promise<CommandResult>;

/** Enough for a service manager; nothing of ours, and no secret that somebody exported. */
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

const mostOctets = 64 * 1024;
const shownCharacters = 500;

/** Runs it in `/` to its end. Never rejects: a program that is not there is a result too. */
export const runCommand: RunCommand = ([program, ...args], timeoutSeconds) =>
  new Promise((resolve) => {
    const options = {
      ...{ cwd: '/', env: environment, encoding: 'utf8' as const, maxBuffer: mostOctets, windowsHide: true },
      ...{ timeout: timeoutSeconds * 1000, killSignal: 'SIGKILL' as const },
    };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim().slice(-shownCharacters);
      resolve(error === null ? { ok: true, output } : { ok: false, detail: howItEnded(error, timeoutSeconds), output });
    });
    child.stdin?.end();
  });

function howItEnded(error: Error & { code?: unknown; killed?: boolean; signal?: unknown }, seconds: number): string {
  if (error.code === 'ENOENT') return 'there is no such program';
  if (error.code === 'EACCES') return 'it may not be executed';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `it wrote more than ${mostOctets} octets`;
  if (error.killed === true) return `it did not end within ${seconds} s`;
  return typeof error.code === 'number' ? `exit code ${error.code}` : `it was ended by ${String(error.signal)}`;
}
