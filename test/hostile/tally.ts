// The histogram of a hostile run, and the heap that it left.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Counts by name. */
export type Tally = {
  readonly add: (name: string) => void;
  readonly count: (name: string) => number;
  /** One line for each name, the most frequent first. */
  readonly lines: () => readonly string[];
};

export function tally(): Tally {
  const counts = new Map<string, number>();
  return {
    add: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    count: (name) => counts.get(name) ?? 0,
    lines: () =>
      [...counts].toSorted((a, b) => b[1] - a[1]).map(([name, count]) => `${String(count).padStart(7)}  ${name}`),
  };
}

/** What is told of a run: title, then the lines of each part. */
export function report(title: string, parts: Readonly<Record<string, readonly string[]>>): void {
  const text = Object.entries(parts).flatMap(([name, lines]) => [`  ${name}`, ...lines]);
  process.stdout.write(`\n${title}\n${text.join('\n')}\n`);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Octets of the heap that are in use after a garbage collection. */
export async function heapInUse(): Promise<number> {
  for (let times = 0; times < 3; times += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}
