// The names that programs open, as links into the generation in service; and what lay under these names before, taken
// over so that no reader sees a change.
import { lstat, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { type DurableFile, ensureDirectory, placeLink, syncDirectory } from './durable-file.ts';
import {
  absentIsNull,
  currentNumber,
  fileIn,
  type GenerationStore,
  generationNumbers,
  type Manifest,
  nameFor,
  switchTo,
  temporaryName,
  writeGeneration,
} from './generation-store.ts';
import type { Placement } from './places.ts';
import { resolveWithin } from './within-root.ts';

/** The place of a name with the links of its directory followed, and the text that its link has. */
export async function linkOf(
  store: GenerationStore,
  path: string,
): Promise<{ readonly at: string; readonly text: string }> {
  const directory = await resolveWithin(store.root, dirname(path));
  const at = join(directory, basename(path));
  return { at, text: relative(directory, inService(store, path)) };
}

/**
 * Makes every name of a generation a link into the one in service; a name that is a link already stays. `new` are those
 * that nothing stands under: they may be made before the switch, and come to life with it.
 */
export async function pointNames(store: GenerationStore, manifest: Manifest, which: 'new' | 'all'): Promise<void> {
  for (const { path } of manifest.files) {
    const { at, text } = await linkOf(store, path);
    if (which === 'new' && (await lstat(at).catch(absentIsNull)) !== null) continue;
    await ensureDirectory(dirname(at), 0o755);
    if (await isSharedAlike(store, { at, text, path })) continue;
    await placeLink(at, text);
  }
  for (const link of manifest.links) {
    const { at } = await linkOf(store, link.path);
    if (which === 'new' && (await lstat(at).catch(absentIsNull)) !== null) continue;
    await placeLink(at, link.target);
  }
}

/** Removes the names of `before` that lead into this store and that `after` does not have. */
export async function dropNames(
  store: GenerationStore,
  before: Manifest | null,
  after: Manifest | null,
): Promise<void> {
  const kept = new Set([...(after?.files ?? []), ...(after?.links ?? [])].map(({ path }) => path));
  for (const { path, target = null } of [...(before?.files ?? []), ...(before?.links ?? [])] as readonly Named[]) {
    if (kept.has(path)) continue;
    const { at, text } = await linkOf(store, path);
    const found = await readlink(at).catch(absentIsNull);
    if (found === null || (found !== text && found !== target)) continue;
    // A second name that still leads to a file is another target's too.
    if (found === target && (await stat(at).catch(absentIsNull)) !== null) continue;
    const shared = found === text ? await servedByAnother(store, { at, path }) : null;
    if (shared === null) await rm(at, { force: true });
    else await placeLink(at, shared);
    await syncDirectory(dirname(at));
  }
}

/** Targets of one directory share names, such as CA files: one that another target serves with the same octets stays. */
async function isSharedAlike(
  store: GenerationStore,
  { at, text, path }: { readonly at: string; readonly text: string; readonly path: string },
): Promise<boolean> {
  const found = await readlink(at).catch(absentIsNull);
  if (found === null || found === text || !intoAnyStore.test(found)) return false;
  const [theirs, ours] = [
    await readFile(at).catch(absentIsNull),
    await readFile(inService(store, path)).catch(absentIsNull),
  ];
  return theirs !== null && ours !== null && theirs.equals(ours);
}

/** The text of a link to the same name in the generation in service of another target here, or null. */
async function servedByAnother(
  store: GenerationStore,
  { at, path }: { readonly at: string; readonly path: string },
): Promise<string | null> {
  const stores = dirname(store.directory);
  for (const other of (await readdir(stores).catch(absentIsNull)) ?? []) {
    const file = join(stores, other, 'current', nameFor(store, path));
    if (other === basename(store.directory) || (await stat(file).catch(absentIsNull)) === null) continue;
    return relative(dirname(at), file);
  }
  return null;
}

const inService = (store: GenerationStore, path: string): string => join(store.current, nameFor(store, path));

/** The text of a link into the generation in service of some target. */
const intoAnyStore = /(?:^|\/)\.omens\/[^/]+\/current\/[^/]+$/;

type Named = { readonly path: string; readonly target?: string };

/** No file of a certificate or its CAs comes near this size. */
const mostOctets = 1024 * 1024;

/**
 * Takes over what is there now. Whatever stands under one of the names and is not our link is copied, with owner and
 * mode, into a generation of its own together with everything that is in service; that generation is put into service,
 * and only then do the names become links: each reader reads the same octets throughout. Answers its number, or null when
 * there was nothing to take over.
 */
export async function takeOver(
  store: GenerationStore,
  placement: Placement,
  writtenAt: string,
): Promise<number | null> {
  const names = [...placement.files, ...placement.links.map(({ path }) => ({ path, kind: 'chain' as const }))];
  const found = [];
  let isForeign = false;
  for (const { path, kind } of names) {
    const { at, text } = await linkOf(store, path);
    const state = await stateOf(at, { text, links: placement.links, path });
    if (state === 'absent' || state === 'alias') continue;
    isForeign ||= state === 'foreign';
    const file = await copyOf(store, path);
    if (file !== null) found.push({ path, kind, ...file });
  }
  if (!isForeign) return null;
  const numbers = await generationNumbers(store);
  const last = Math.max(numbers.at(-1) ?? -1, (await currentNumber(store)) ?? -1);
  const manifest: Manifest = {
    ...{ version: 1, generation: last + 1, origin: 'found', lineage: null, certificateSha256: null, writtenAt },
    files: found.map(({ path, kind }) => ({ name: nameFor(store, path), path, kind })),
    links: [],
  };
  const files = found.map(
    ({ path, content, mode, owner }): DurableFile => ({
      ...{ path: fileIn(store, manifest.generation, nameFor(store, path)), content, mode, owner },
    }),
  );
  await writeGeneration(store, { manifest, files, mode: placement.directory.mode });
  await switchTo(store, manifest.generation);
  await pointNames(store, manifest, 'all');
  return manifest.generation;
}

type Known = { readonly text: string; readonly path: string; readonly links: Placement['links'] };

/** What stands under a name: nothing, our link, the link that is a second name, or something of somebody else. */
async function stateOf(at: string, { text, path, links }: Known): Promise<'absent' | 'ours' | 'alias' | 'foreign'> {
  const found = await lstat(at).catch(absentIsNull);
  if (found === null) return 'absent';
  const target = found.isSymbolicLink() ? await readlink(at) : null;
  if (target === text) return 'ours';
  // A file that two targets share is served by whichever wrote it last.
  if (target !== null && intoAnyStore.test(target)) return 'ours';
  return links.some((link) => link.path === path && link.target === target) ? 'alias' : 'foreign';
}

/** Octets, owner and mode of what a name leads to; null for a link to nothing. */
async function copyOf(
  { root }: GenerationStore,
  path: string,
): Promise<Pick<DurableFile, 'content' | 'mode' | 'owner'> | null> {
  const at = await resolveWithin(root, path);
  const found = await stat(at).catch(absentIsNull);
  if (found === null) return null;
  if (!found.isFile() || found.size > mostOctets) {
    throw new RangeError(`/${path} is no file of a certificate: it is not a regular file, or is larger than 1 MiB`);
  }
  const owner = process.getuid?.() === 0 ? { uid: found.uid, gid: found.gid } : null;
  return { content: await readFile(at), mode: found.mode & 0o7777, owner };
}

/** Removes the temporary names that a killed process left beside the names of a placement. */
export async function sweepNames(store: GenerationStore, placement: Pick<Placement, 'files' | 'links'>): Promise<void> {
  for (const { path } of [...placement.files, ...placement.links]) {
    const directory = await resolveWithin(store.root, dirname(path));
    for (const name of (await readdir(directory).catch(absentIsNull)) ?? []) {
      const isLeft = temporaryName.test(name) && name.startsWith(`.${basename(path)}.`);
      if (isLeft) await rm(join(directory, name), { force: true });
    }
  }
}
