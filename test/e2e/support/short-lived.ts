// Policies for tests that must see certificates end: the reviewed ones with the lifetimes of some profiles shortened, in a
// copy that trusts the software TPMs of one run.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { startTpms } from '../../../bench/software-tpms.ts';
import { writePolicies } from '../../../bench/software-tpms.ts';

/** Lifetimes as profile files write them (`90s`), by profile. */
export type Lifetimes = Readonly<Record<string, string>>;

/** Writes the copy. */
export async function writeShortLivedPolicies(
  directory: string,
  tpm: Awaited<ReturnType<typeof startTpms>>[number],
  lifetimes: Lifetimes,
): Promise<void> {
  await writePolicies(directory, tpm);
  await shortenLifetimes(directory, lifetimes);
}

/** Certificates begin nearly at once: a minute of backdate would be most of such a life. */
export async function shortenLifetimes(directory: string, lifetimes: Lifetimes, backdate = '5s'): Promise<void> {
  for (const [profile, lifetime] of Object.entries(lifetimes)) {
    const file = join(directory, 'profiles', `${profile}.yaml`);
    const text = await readFile(file, 'utf8');
    const shortened = text
      .replace(/^lifetime: .*$/m, `lifetime: ${lifetime}`)
      .replace(/^backdate: .*$/m, `backdate: ${backdate}`);
    if (shortened === text) throw new Error(`${file} has no lifetime to shorten`);
    await writeFile(file, shortened);
  }
}
