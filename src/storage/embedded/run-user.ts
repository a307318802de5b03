// The operating-system user that runs PostgreSQL: oneself, or, for root, an existing account without privilege.
// It creates no account and changes no directory; it only starts programs and asks what they can reach.
import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { StorageFault } from '../fault.ts';

/** Who PostgreSQL runs as. `switched` is true when that is not the user of this process. */
export type RunUser = {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  readonly switched: boolean;
};

/** What a finished program said. */
export type Finished = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

const ownIds = (): { readonly uid: number; readonly gid: number } => ({
  uid: process.geteuid?.() ?? -1,
  gid: process.getegid?.() ?? -1,
});

type Account = { readonly name: string; readonly uid: number; readonly gid: number; readonly home: string };

/** The accounts of /etc/passwd; those of a directory service are not asked. */
async function accounts(): Promise<readonly Account[]> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 6)
    .map(([name = '', , uid, gid, , home = '']) => ({ name, uid: Number(uid), gid: Number(gid), home }));
}

/** Is this path the home directory of an account, and so never ours to change? */
export const isHomeDirectory = async (path: string): Promise<boolean> =>
  (await accounts()).some((account) => account.home === path);

/**
 * Who runs a cluster. An existing data directory decides by its owner, since PostgreSQL demands it; a new one belongs
 * to oneself or, for root, to `postgres`, else `nobody`. Throws when the owner is somebody whom we cannot become.
 */
export async function runUserFor(dataDirectory: string | undefined): Promise<RunUser> {
  const self = ownIds();
  if (dataDirectory !== undefined) {
    const owner = await stat(dataDirectory);
    if (owner.uid === self.uid && self.uid !== 0) return { ...self, name: `uid ${self.uid}`, switched: false };
    if (self.uid === 0 && owner.uid !== 0) {
      return { uid: owner.uid, gid: owner.gid, name: `uid ${owner.uid}`, switched: true };
    }
    throw new StorageFault(`the database directory belongs to uid ${owner.uid}, this process is uid ${self.uid}`, {
      where: dataDirectory,
      hint:
        owner.uid === 0
          ? 'PostgreSQL never runs as root: give the directory back to the account that made it'
          : `start as uid ${owner.uid} or as root`,
    });
  }
  if (self.uid !== 0) return { ...self, name: `uid ${self.uid}`, switched: false };
  const known = await accounts();
  const account = known.find((a) => a.name === 'postgres') ?? known.find((a) => a.name === 'nobody');
  if (account === undefined) {
    throw new StorageFault('PostgreSQL does not run as root, and there is neither a user postgres nor nobody', {
      where: '/etc/passwd',
      hint: 'start as an ordinary user, create the account postgres, or set databaseUrl',
    });
  }
  return { uid: account.uid, gid: account.gid, name: account.name, switched: true };
}

/** The part of spawn's options that turns into the run user. libuv drops the supplementary groups with it. */
export const identityOf = (user: RunUser): { readonly uid?: number; readonly gid?: number } =>
  user.switched ? { uid: user.uid, gid: user.gid } : {};

/** Nothing of our own environment reaches PostgreSQL: no secret, and no PGDATA or PGPORT that would mislead it. */
export const cleanEnvironment: Readonly<Record<string, string>> = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** Runs a program to its end as the run user, with `input` on its stdin. Rejects only when it cannot be started. */
export async function runAs(user: RunUser, command: readonly [string, ...string[]], input = ''): Promise<Finished> {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...identityOf(user), cwd: '/', env: cleanEnvironment, stdio: 'pipe' });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
    child.stdin.on('error', () => undefined); // a program that ends early has closed its stdin: its exit code tells
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...said }));
    child.stdin.end(input);
  });
}

/** Can the run user traverse this directory, or execute this file? Asked of the kernel, as that user. */
export async function canExecute(user: RunUser, path: string): Promise<boolean> {
  return (await runAs(user, ['/bin/sh', '-c', 'test -x "$1"', 'sh', path])).code === 0;
}
