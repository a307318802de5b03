// The generations of one target on disk, beside the directory that its programs read:
//   <home>/.omens/<target>/<n>/…      files of generation n, and manifest.json
//   <home>/.omens/<target>/current    → n: one rename of it switches certificate, key and CA files together
//   <home>/agent.crt                  → .omens/<target>/current/agent.crt
// Reads and writes these; when to switch is put-in-place.ts's decision.
import { chmod, lstat, mkdir, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type DurableFile, ensureDirectory, placeFile, placeFiles, placeLink, syncDirectory } from './durable-file.ts';
import { AgentFailure } from './failure.ts';
import type { FileContent } from './places.ts';
import type { Target } from './target.ts';
import { resolveWithin } from './within-root.ts';

/** What a generation is. `found`: what lay there before this agent came, or what somebody else wrote since. */
export type Manifest = {
  readonly version: 1;
  readonly generation: number;
  readonly origin: 'issued' | 'found';
  readonly lineage: string | null;
  readonly certificateSha256: string | null;
  readonly writtenAt: string;
  /** `name` within the generation; `path` is what programs open, relative to the root. */
  readonly files: readonly { readonly name: string; readonly path: string; readonly kind: FileContent }[];
  readonly links: readonly { readonly path: string; readonly target: string }[];
};

/** A change under way: what a killed process leaves for the next one. `writing` has not switched yet. */
export type Pending = {
  readonly from: number | null;
  readonly to: number;
  readonly stage: 'writing' | 'switching' | 'goingBack';
  /** False where `to` is an older generation that is kept whatever happens. */
  readonly isNew: boolean;
};

/** Where the generations of a target are. */
export type GenerationStore = {
  readonly root: string;
  /** The target's directory with links followed, absolute. */
  readonly home: string;
  readonly directory: string;
  readonly current: string;
};

/** Six digits are a generation each minute for two years. */
const generationName = /^(?:0|[1-9][0-9]{0,8})$/;

/** Finds the place; makes nothing. */
export async function generationStore(root: string, target: Pick<Target, 'name' | 'home'>): Promise<GenerationStore> {
  const home = await resolveWithin(root, target.home);
  const directory = join(home, '.omens', target.name);
  return { root, home, directory, current: join(directory, 'current') };
}

/** Makes its directories. Refuses one that somebody else could have laid there. */
export async function ensureStore({ home, directory }: GenerationStore, mode: number): Promise<void> {
  await ensureDirectory(home, mode);
  for (const path of [dirname(directory), directory]) {
    await ensureDirectory(path, mode);
    const { uid, mode: found } = await lstat(path);
    const isOurs = (await lstat(path)).isDirectory() && uid === process.getuid?.() && (found & 0o022) === 0;
    if (!isOurs) {
      throw new AgentFailure(`${path} is not a directory that only this user may write`, {
        hints: [`look who made it, and remove it`],
      });
    }
  }
}

/** The generation in service, or null. */
export async function currentNumber({ current }: GenerationStore): Promise<number | null> {
  const text = await readlink(current).catch(absentIsNull);
  return text !== null && generationName.test(text) ? Number(text) : null;
}

/** Numbers of all that are whole, in ascending order. */
export async function generationNumbers(store: GenerationStore): Promise<readonly number[]> {
  const names = (await readdir(store.directory).catch(absentIsNull)) ?? [];
  const whole: number[] = [];
  for (const name of names.filter((one) => generationName.test(one))) {
    if ((await readManifest(store, Number(name))) !== null) whole.push(Number(name));
  }
  return whole.sort((a, b) => a - b);
}

/** Null where the generation was not finished. */
export async function readManifest(store: GenerationStore, generation: number): Promise<Manifest | null> {
  const text = await readFile(join(store.directory, `${generation}`, 'manifest.json'), 'utf8').catch(absentIsNull);
  return text === null ? null : (JSON.parse(text) as Manifest);
}

/** Where a file of a generation is. */
export const fileIn = (store: GenerationStore, generation: number, name: string): string =>
  join(store.directory, `${generation}`, name);

/** Writes a generation whole and durably: files with owner and mode, the links inside it, its manifest last. */
export async function writeGeneration(
  store: GenerationStore,
  input: { readonly manifest: Manifest; readonly files: readonly DurableFile[]; readonly mode: number },
): Promise<void> {
  const { manifest, files, mode } = input;
  const directory = join(store.directory, `${manifest.generation}`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { mode: 0o700 });
  await placeFiles(files);
  for (const link of manifest.links) {
    const target = manifest.files.find(({ path }) => path === join(dirname(link.path), link.target));
    if (target !== undefined) await symlink(target.name, join(directory, nameFor(store, link.path)));
  }
  await chmod(directory, mode);
  const content = `${JSON.stringify(manifest)}\n`;
  await placeFile({ path: join(directory, 'manifest.json'), content, mode: 0o644, owner: null });
  await syncDirectory(store.directory);
}

/** A path's name within a generation: that below the home, or all of it; never one of two files. */
export function nameFor({ root, home }: GenerationStore, path: string): string {
  const below = relative(home, join(root, path));
  return (below.startsWith('..') ? path : below).replaceAll('/', '__');
}

/** Makes `generation` the one in service, by one rename; null takes it out of service. */
export async function switchTo(store: GenerationStore, generation: number | null): Promise<void> {
  if (generation !== null) return placeLink(store.current, `${generation}`);
  await rm(store.current, { force: true });
  await syncDirectory(store.directory);
}

export async function readPending({ directory }: GenerationStore): Promise<Pending | null> {
  const text = await readFile(join(directory, 'pending'), 'utf8').catch(absentIsNull);
  return text === null ? null : (JSON.parse(text) as Pending);
}

/** Notes a change before it is made; null when it is over. */
export async function notePending({ directory }: GenerationStore, pending: Pending | null): Promise<void> {
  const path = join(directory, 'pending');
  if (pending !== null) {
    await placeFile({ path, content: `${JSON.stringify(pending)}\n`, mode: 0o600, owner: null });
    return;
  }
  await rm(path, { force: true });
  await syncDirectory(directory);
}

/** Removes a generation. */
export async function removeGeneration({ directory }: GenerationStore, generation: number): Promise<void> {
  const path = join(directory, `${generation}`);
  // Without its manifest it counts no more, even if this ends half-way.
  await rm(join(path, 'manifest.json'), { force: true });
  await rm(path, { recursive: true, force: true });
}

/** Keeps the newest `keep` generations beside the one in service; removes what was never finished. */
export async function prune(store: GenerationStore, keep: number): Promise<void> {
  const current = await currentNumber(store);
  const whole = await generationNumbers(store);
  const kept = new Set(whole.filter((one) => one !== current).slice(-keep));
  for (const name of (await readdir(store.directory).catch(absentIsNull)) ?? []) {
    const number = Number(name);
    const isKept = number === current || kept.has(number);
    if (generationName.test(name) && !isKept) await removeGeneration(store, number);
    if (temporaryName.test(name)) await rm(join(store.directory, name), { force: true });
  }
}

/** What durable-file.ts leaves when it is killed. */
export const temporaryName = /^\..+\.[0-9a-f]{12}$/;

/** ENOENT and ENOTDIR say that nothing is there. */
export function absentIsNull(error: unknown): null {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return null;
  throw error;
}
