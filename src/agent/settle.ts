// Distance between two programs that are made to read their files again. Two Keylime programs that restart together leave
// an agent failed for good (state 7), so the last restart is on disk before it is made: a killed process changes nothing.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agentDirectory } from './agent-state.ts';
import { ensureDirectory, placeFile } from './durable-file.ts';
import type { InstallPorts } from './install-ports.ts';
import type { Consumer } from './target.ts';

type SettlePorts = Pick<InstallPorts, 'root' | 'now' | 'sleep'>;

/** The last program that was told, and until when it settles. */
type LastTold = { readonly name: string; readonly at: string; readonly settleSeconds: number };

const noteOf = (root: string): string => join(agentDirectory(root), 'last-told.json');

/** Waits until the program that was told last has settled, if it is another one; at most its settle time. */
export async function othersSettled({ root, now, sleep }: SettlePorts, { name }: Consumer): Promise<void> {
  const last = await lastTold(root);
  if (last === null || last.name === name) return;
  const whole = last.settleSeconds * 1000;
  const passed = now().getTime() - new Date(last.at).getTime();
  // A clock that was set back since says nothing: then it is the whole time.
  const rest = passed < 0 ? whole : whole - passed;
  if (rest > 0) await sleep(rest);
}

/** Notes that a program is about to be told. A disk that takes no note keeps no program from going back to its old files. */
export async function noteTold({ root, now }: SettlePorts, { name, settleSeconds }: Consumer): Promise<void> {
  const last: LastTold = { name, at: now().toISOString(), settleSeconds };
  try {
    await ensureDirectory(agentDirectory(root), 0o700);
    await placeFile({ path: noteOf(root), content: `${JSON.stringify(last)}\n`, mode: 0o600, owner: null });
  } catch {
    // The pause that follows every restart is kept without it.
  }
}

async function lastTold(root: string): Promise<LastTold | null> {
  try {
    const last = JSON.parse(await readFile(noteOf(root), 'utf8')) as LastTold;
    return Number.isFinite(last.settleSeconds) && Number.isFinite(Date.parse(last.at)) ? last : null;
  } catch {
    return null;
  }
}
