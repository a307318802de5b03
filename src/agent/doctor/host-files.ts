// Reads files of a host below the directory that stands for its `/`: bounded, regular files only, and never out of that
// directory, wherever links point. Writes nothing.
import { constants, type Stats } from 'node:fs';
import { lstat, open, readdir, readlink, realpath } from 'node:fs/promises';
import { posix } from 'node:path';

/** What a file is and, when it is a regular one that is not too long, what it holds. */
export type HostFile = {
  /** As the host names it: absolute, as if `root` were `/`. */
  readonly path: string;
  /** Where the links end, as the host names it. */
  readonly realPath: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly content: Uint8Array;
};

/** A text of a host with where it stands. */
export type HostText = { readonly path: string; readonly text: string };

const longest = 262_144;
const mostLinks = 16;
const mostEntries = 1000;

/** Reads below one root. A file that is absent, not regular, too long or not ours to read is null; so is a loop. */
export type HostFiles = {
  readonly read: (path: string) => Promise<HostFile | null>;
  readonly text: (path: string) => Promise<HostText | null>;
  /** Names in a directory, sorted; empty when there is none. */
  readonly list: (directory: string) => Promise<readonly string[]>;
  /** Whether something stands there, even a dangling link. */
  readonly exists: (path: string) => Promise<boolean>;
  /** Facts about the file or directory where the links end. */
  readonly stat: (path: string) => Promise<Stats | null>;
};

export async function openHostFiles(root: string): Promise<HostFiles> {
  const base = await realpath(root);
  const real = (path: string): string => (base === '/' ? path : base + path);
  const read = async (path: string): Promise<HostFile | null> => {
    const realPath = await resolveLinks(real, path);
    return realPath === null ? null : readRegular(real(realPath), { path, realPath });
  };
  const inside = async <T>(path: string, use: (at: string) => Promise<T>, otherwise: T): Promise<T> => {
    const at = await resolveLinks(real, path);
    return at === null ? otherwise : use(real(at)).catch(() => otherwise);
  };
  return {
    read,
    text: async (path) => {
      const file = await read(path);
      return file === null ? null : { path, text: Buffer.from(file.content).toString('utf8') };
    },
    list: (directory) => inside(directory, async (at) => (await readdir(at)).sort().slice(0, mostEntries), []),
    exists: (path) =>
      inside(
        posix.dirname(path),
        async (at) => {
          await lstat(posix.join(at, posix.basename(path)));
          return true;
        },
        false,
      ),
    stat: (path) => inside<Stats | null>(path, lstat, null),
  };
}

/** Follows links by hand, with `root` as the top of every absolute one; null when there is nothing or a loop. */
async function resolveLinks(real: (path: string) => string, path: string): Promise<string | null> {
  const left = path.split('/').filter((part) => part !== '');
  let [at, links] = ['/', 0];
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '.' || part === '..') {
      at = part === '..' ? posix.dirname(at) : at;
      continue;
    }
    const next = posix.join(at, part);
    const facts = await lstat(real(next)).catch(() => null);
    if (facts === null) return null;
    if (!facts.isSymbolicLink()) {
      at = next;
      continue;
    }
    if (++links > mostLinks) return null;
    const target = await readlink(real(next)).catch(() => '');
    left.unshift(...target.split('/').filter((one) => one !== ''));
    if (target.startsWith('/')) at = '/';
  }
  return at;
}

/** The descriptor is asked where it is: a directory that became a link meanwhile leads nowhere. */
async function readRegular(at: string, names: Pick<HostFile, 'path' | 'realPath'>): Promise<HostFile | null> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(at, flags).catch(() => null);
  if (handle === null) return null;
  try {
    const facts = await handle.stat();
    const opened = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => at);
    if (!facts.isFile() || facts.size > longest || opened !== at) return null;
    const buffer = new Uint8Array(longest);
    // Files of /proc come in pieces.
    let length = 0;
    for (let taken = -1; taken !== 0 && length < longest; length += taken) {
      taken = (await handle.read(buffer, length, longest - length, length)).bytesRead;
    }
    const { mode, uid, gid, size } = facts;
    return { ...names, mode: mode & 0o7777, uid, gid, size, content: buffer.slice(0, length) };
  } finally {
    await handle.close();
  }
}
