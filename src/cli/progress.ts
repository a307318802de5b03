// What takes long, told to a person: only on a terminal, and only after a second.
import type { Progress } from '../agent/progress.ts';
import type { World } from './world.ts';

const tellAfterMs = 1000;

/** Notes go to stderr at once. An empty `working` says that the work is over. */
export function progressOf({ stderr, isTerminal }: Pick<World, 'stderr' | 'isTerminal'>): Progress {
  let timer: NodeJS.Timeout | undefined;
  return {
    note: (line) => stderr(`omens: ${line}\n`),
    working: (what) => {
      clearTimeout(timer);
      if (!isTerminal || what === '') return;
      timer = setTimeout(() => stderr(`omens: ${what} …\n`), tellAfterMs);
      timer.unref();
    },
  };
}
