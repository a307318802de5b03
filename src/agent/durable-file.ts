// Files that are either the old ones or the new ones, whole, after a crash at any instant. Knows modes and owners; what
// is written, and where, is others' matter.
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readlink, rename, rm, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Numbers of a user and a group. */
export type Owner = { readonly uid: number; readonly gid: number };

/** One file to be. `owner` null leaves it with whoever runs this. */
export type DurableFile = {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
  readonly owner: Owner | null;
};

/**
 * Puts several files in place. All contents are on disk under temporary names beside their places, with owner and mode,
 * before the first rename; the renames happen in the given order, so a caller puts a key before its certificate. What a
 * crash between two renames leaves is finished by doing it again. Parent directories must exist.
 */
export async function placeFiles(files: readonly DurableFile[]): Promise<void> {
  const written: { readonly temporary: string; readonly path: string }[] = [];
  try {
    for (const file of files) written.push({ temporary: await writeBeside(file), path: file.path });
    for (const { temporary, path } of written) await rename(temporary, path);
  } catch (error) {
    for (const { temporary } of written) await rm(temporary, { force: true });
    throw error;
  }
  for (const directory of new Set(files.map(({ path }) => dirname(path)))) await syncDirectory(directory);
}

/** Puts one file in place. */
export const placeFile = (file: DurableFile): Promise<void> => placeFiles([file]);

async function writeBeside({ path, content, mode, owner }: DurableFile): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  // Nobody else may read it while it is written; `wx` follows no link and takes no file that somebody else laid there.
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    if (owner !== null) await handle.chown(owner.uid, owner.gid);
    await handle.chmod(mode);
    await handle.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return temporary;
}

/** Makes `path` a symbolic link to `target` (as text), atomically; a link that already says so is left alone. */
export async function placeLink(path: string, target: string): Promise<void> {
  if ((await readlink(path).catch(() => null)) === target) return;
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  await symlink(target, temporary);
  try {
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes a directory with this mode where there is none; one that exists keeps the mode its owner gave it. */
export async function ensureDirectory(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first !== undefined) await chmod(path, mode);
}

/** Makes renames in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
