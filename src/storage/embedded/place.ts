// Where an embedded cluster lives and what it is called there. It gives traversal on our own directories only and never
// touches one that is not ours; what is inside the cluster is cluster.ts.
import { createHash } from 'node:crypto';
import { chmod, chown, link, mkdir, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { codeOf, StorageFault } from '../fault.ts';
import { canExecute, isHomeDirectory, type RunUser } from './run-user.ts';

/** What `cluster.json` records about the creation. */
export type ClusterRecord = {
  readonly format: 1;
  /** The directory that holds `data/` and `run/`; in the file relative to it, so that "." moves along. */
  readonly place: string;
  readonly kind: 'system' | 'npm' | 'copy';
  readonly binDirectory: string;
  readonly version: string;
  readonly major: number;
  readonly createdAt: string;
};

/** `<dataDirectory>/postgresql`, mode 0700 (0711 when another user runs the server): record, passwords, start log. */
export const homeOf = (dataDirectory: string): string => join(resolve(dataDirectory), 'postgresql');

/** The files of our own in the home directory. */
export const homeFiles = (home: string) =>
  ({
    record: join(home, 'cluster.json'),
    /** Password of the role that owns the database; 0600. */
    password: join(home, 'password'),
    /** Password of the role `postgres`, for pg_upgrade and repairs only; 0600. */
    superuserPassword: join(home, 'superuser-password'),
    startLog: join(home, 'start.log'),
  }) as const;

/** The directories of the cluster itself. */
export const placeDirectories = (place: string) =>
  ({ data: join(place, 'data'), sockets: join(place, 'run') }) as const;

/** Makes the home directory, and the data directory (0700) when there is none yet. */
export async function makeHome(dataDirectory: string): Promise<string> {
  const home = homeOf(dataDirectory);
  await mkdir(dirname(dirname(home)), { recursive: true });
  for (const directory of [dirname(home), home]) {
    await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
  return home;
}

/**
 * Lets the run user's group traverse `dataDirectory` (0700 root → 0710 root:<group>): nobody loses anything, and nobody
 * else gains anything. Only for a directory that is surely ours: owned by us, closed to every group, no home directory.
 */
async function grantTraversal(dataDirectory: string, user: RunUser): Promise<void> {
  const path = await realpath(dataDirectory);
  const info = await stat(path);
  const ours = info.uid === process.geteuid?.() && (info.mode & 0o077) === 0 && !(await isHomeDirectory(path));
  if (!ours || !(await canExecute(user, dirname(path)))) return;
  await chown(path, info.uid, user.gid);
  await chmod(path, (info.mode & 0o700) | 0o010);
}

/** The documented sibling for a data directory below one that the run user cannot traverse, such as /root. */
export async function siblingOf(dataDirectory: string): Promise<string> {
  const digest = createHash('sha256')
    .update(await realpath(dataDirectory))
    .digest('hex');
  return `/var/lib/omens-postgresql-${digest.slice(0, 12)}`;
}

/**
 * Chooses where a new cluster lives: the home directory when the run user can get there, else `siblingOf`. The chosen
 * directory exists afterwards and the run user can traverse it.
 */
export async function choosePlace(dataDirectory: string, user: RunUser): Promise<string> {
  const home = homeOf(dataDirectory);
  if (!user.switched) return home;
  await chmod(home, 0o711);
  if (!(await canExecute(user, home))) await grantTraversal(dirname(home), user);
  if (await canExecute(user, home)) return home;
  const sibling = await siblingOf(dataDirectory);
  await mkdir(sibling, { recursive: true });
  await chmod(sibling, 0o711);
  if (!(await canExecute(user, sibling))) {
    throw new StorageFault(`the user ${user.name} can traverse neither the data directory nor its stand-in`, {
      where: `${home}, ${sibling}`,
      hint: 'choose a dataDirectory that this user can traverse, or set databaseUrl',
    });
  }
  await writeFile(join(sibling, 'ORIGIN'), `The database of ${resolve(dataDirectory)}\n`);
  return sibling;
}

/** Opens the way to an existing cluster again, should somebody have closed our own directories since. */
export async function reopenPlace(dataDirectory: string, place: string, user: RunUser): Promise<void> {
  if (!user.switched || (await canExecute(user, place))) return;
  if (place === homeOf(dataDirectory)) await choosePlace(dataDirectory, user);
  if (await canExecute(user, place)) return;
  throw new StorageFault(`${user.name}, who owns the database directory, can no longer traverse to it`, {
    where: place,
    hint: `give ${user.name} execute permission on every directory above it`,
  });
}

/** Makes a directory of the run user's own (0700). */
export async function makeDirectoryOf(user: RunUser, path: string): Promise<void> {
  await mkdir(path, { mode: 0o700, recursive: true });
  if (user.switched) await chown(path, user.uid, user.gid);
  await chmod(path, 0o700);
}

/** Forces a directory's entries to disk. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives the secret that the file holds, after writing `fresh` (0600) if there was none. Of two writers one wins. */
export async function keepSecret(path: string, fresh: string): Promise<string> {
  const half = `${path}.half-${process.pid}`;
  await writeDurably(half, `${fresh}\n`);
  await link(half, path).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  await rm(half);
  return (await readFile(path, 'utf8')).trim();
}

/** Writes the record, whole or not at all. */
export async function writeRecord(home: string, record: ClusterRecord): Promise<void> {
  const path = homeFiles(home).record;
  const half = `${path}.half-${process.pid}`;
  const place = record.place === home ? '.' : record.place;
  await writeDurably(half, `${JSON.stringify({ ...record, place }, undefined, 2)}\n`);
  await rename(half, path);
  await syncDirectory(home);
}

/** The record of an earlier creation, or undefined. Throws when it is there and cannot be read as one. */
export async function readRecord(home: string): Promise<ClusterRecord | undefined> {
  const path = homeFiles(home).record;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as Partial<ClusterRecord>;
    const whole = typeof record.place === 'string' && typeof record.binDirectory === 'string';
    if (record.format === 1 && whole && Number.isSafeInteger(record.major)) {
      return { ...(record as ClusterRecord), place: resolve(home, record.place ?? '.') };
    }
  } catch {
    // said below
  }
  throw new StorageFault('the record of the embedded database cannot be read', {
    where: path,
    hint: 'restore this file from a backup; the database beside it is untouched',
  });
}
