// Which machine the numbers are of, and whether it was doing anything else.
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

export type Machine = {
  readonly at: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
  readonly opensslProgram: string;
};

export const machine = (): Machine => ({
  at: new Date().toISOString(),
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGib: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
  openssl: process.versions.openssl,
  opensslProgram: programVersion(),
});

function programVersion(): string {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim();
  } catch {
    return 'none';
  }
}

/** Load over the last minute, with a warning when the machine has other work (or, afterwards, has had). */
export function warnOfLoad(when: 'before' | 'after', say: (text: string) => void): number {
  const [load = 0] = loadavg();
  say(`load ${when}: ${load.toFixed(2)}`);
  // Afterwards the load is also our own: server, PostgreSQL and client keep about two processes running.
  if (load > (when === 'before' ? 1 : 4)) say('warning: this machine has other work; compare only within one table');
  return load;
}
