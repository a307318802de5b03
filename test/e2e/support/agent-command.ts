// `omens` as a process, as a person at a host or an operator starts it. Kept free of jest.
import { execFile } from 'node:child_process';
import { join } from 'node:path';

const dist = join(import.meta.dirname, import.meta.dirname.includes('/dist/') ? '../../..' : '../../../dist');

export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs the built command to its end, within 90 seconds. */
export const omens = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const options = { timeout: 90_000, env: { PATH: process.env['PATH'], ...environment } };
    execFile(process.execPath, [join(dist, 'src/cli/omens.js'), ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
