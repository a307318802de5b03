// Processor time and memory of other processes, from Linux's /proc (proc(5)). Our own processes say it themselves, by
// process.cpuUsage.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

type Stat = { readonly parent: number; readonly own: number; readonly ofEndedChildren: number };

/** Times in milliseconds; null when the process is gone. */
function readStat(pid: number): Stat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name in parentheses that may hold blanks: count from behind it.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const milliseconds = (first: number): number =>
      (((fields[first] ?? 0) + (fields[first + 1] ?? 0)) * 1000) / ticksPerSecond;
    return { parent: fields[1] ?? 0, own: milliseconds(11), ofEndedChildren: milliseconds(13) };
  } catch {
    return null;
  }
}

/** User and system time of one process, in milliseconds. */
export const processorTimeOf = (pid: number): number => readStat(pid)?.own ?? 0;

/** The same of the children of a process that have ended. */
export const processorTimeOfEndedChildren = (pid: number): number => readStat(pid)?.ofEndedChildren ?? 0;

/** Milliseconds of a process, its living children, and those that ended: a postmaster with all its servers. */
export function processorTimeOfFamily(pid: number): number {
  const parent = readStat(pid);
  const children = childrenOf(pid).map(processorTimeOf);
  return (parent?.own ?? 0) + (parent?.ofEndedChildren ?? 0) + children.reduce((sum, time) => sum + time, 0);
}

const childrenOf = (pid: number): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((candidate) => readStat(candidate)?.parent === pid);

/** A member of /proc/<pid>/status that is in kB (VmRSS, VmHWM), as MiB. */
export function mebibytesOf(pid: number, member: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kibibytes = new RegExp(`^${member}:\\s+([0-9]+) kB`, 'm').exec(status)?.[1];
  return Number(kibibytes ?? NaN) / 1024;
}
