// Whether the users that shall read a file can: a child process becomes each of them, with all their groups, and opens it.
import { execFile } from 'node:child_process';
import { lstat } from 'node:fs/promises';
import { relative } from 'node:path';
import { promisify } from 'node:util';
import type { Accounts } from './accounts.ts';

/** A file by its absolute path, and the names of its readers. */
export type ReadWish = { readonly path: string; readonly readers: readonly string[] };

/** `denied` has one sentence for each reader and file; `skipped` says what was not tried, and why. */
export type ReadTest = { readonly denied: readonly string[]; readonly skipped: readonly string[] };

/** Becomes the user for good before it opens anything. Prints what it could not open. */
const script = `
const { openSync, readSync, closeSync, accessSync, constants } = require('node:fs');
const { uid, groups, files } = JSON.parse(process.argv[1]);
process.setgroups(groups);
process.setgid(groups[0]);
process.setuid(uid);
const failed = [];
try { accessSync('.', constants.X_OK); } catch { console.log('"root"'); process.exit(0); }
for (const file of files) {
  try { const fd = openSync(file, 'r'); readSync(fd, Buffer.alloc(1)); closeSync(fd); }
  catch (error) { failed.push([file, error.code]); }
}
console.log(JSON.stringify(failed));
`;

const run = promisify(execFile);

/** Tries every reader. Only the superuser can; users that the host does not have are passed over in silence. */
export async function readTest(
  wishes: readonly ReadWish[],
  host: { readonly root: string; readonly uid: number; readonly accounts: Accounts },
): Promise<ReadTest> {
  const { root, uid, accounts } = host;
  const readers = [...new Set(wishes.flatMap((wish) => wish.readers))].filter((name) => accounts.users.has(name));
  if (readers.length === 0) return { denied: [], skipped: [] };
  if (uid !== 0) return { denied: [], skipped: [`whether ${readers.join(', ')} can read was not tried: not root`] };
  const denied: string[] = [];
  const skipped: string[] = [];
  for (const name of readers) {
    const user = accounts.users.get(name) ?? 0;
    const groups = accounts.groupsOf.get(name) ?? [user];
    const files = wishes.filter((wish) => wish.readers.includes(name)).map(({ path }) => relative(root, path));
    // The superuser opens everything, and needs no proof.
    if (user === 0) continue;
    const { stdout } = await run(
      process.execPath,
      ['--no-warnings', '-e', script, JSON.stringify({ uid: user, groups, files })],
      { cwd: root, env: {}, timeout: 30_000 },
    );
    const answer = JSON.parse(stdout) as 'root' | readonly (readonly [string, string])[];
    if (answer === 'root') skipped.push(`whether ${name} can read was not tried: it may not enter ${root}`);
    else for (const [file, code] of answer) denied.push(`${name} cannot read ${await described(root, file)} (${code})`);
  }
  return { denied, skipped };
}

/** The path and what stands in its way. */
async function described(root: string, file: string): Promise<string> {
  const { uid, gid, mode } = await lstat(`${root === '/' ? '' : root}/${file}`);
  return `/${file}, which has mode ${(mode & 0o777).toString(8)} and belongs to ${uid}:${gid}`;
}
