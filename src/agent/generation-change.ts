// One change of the generation in service, forth and back, in steps that a crash may interrupt anywhere: what is under way
// is on disk before it begins, and done again or undone by whoever comes next.
import type { LineageError } from '../domain/lineage-wire.ts';
import { dropNames, pointNames } from './public-names.ts';
import {
  type GenerationStore,
  notePending,
  prune,
  readManifest,
  removeGeneration,
  switchTo,
} from './generation-store.ts';
import { keptGenerations } from './prepare-generation.ts';
import type { Target } from './target.ts';
import type { CheckOutcome } from './tell-consumers.ts';
import { filesIn, readGeneration } from './verify-generation.ts';

/** A change under way. `checks` and `error` fill while the programs are told. */
export type Change = {
  readonly target: Target;
  readonly store: GenerationStore;
  readonly from: number | null;
  readonly to: number;
  readonly isNew: boolean;
  /** Of the leaf in `to`; null where it cannot be read. */
  readonly certificateSha256: string | null;
  readonly remarks: readonly string[];
  checks: readonly CheckOutcome[];
  error: LineageError | null;
};

/** Puts `to` into service: names that are new come to life with the one rename, all others change with it. */
export async function goForth(change: Change): Promise<void> {
  const { store, from, to, isNew } = change;
  const [before, after] = [await manifestOf(store, from), await manifestOf(store, to)];
  await notePending(store, { from, to, stage: 'switching', isNew });
  if (after !== null) await pointNames(store, after, 'new');
  await switchTo(store, to);
  if (after !== null) await pointNames(store, after, 'all');
  await dropNames(store, before, after);
}

/** Puts `from` into service again; where there was nothing, takes every name away. */
export async function goBackAgain(change: Change): Promise<void> {
  const { store, from, to, isNew } = change;
  const [before, after] = [await manifestOf(store, from), await manifestOf(store, to)];
  await notePending(store, { from, to, stage: 'goingBack', isNew });
  await switchTo(store, from);
  if (before !== null) await pointNames(store, before, 'all');
  await dropNames(store, after, before);
}

/** Ends a change, whichever way it went. */
export async function concluded({ store, to, isNew, error }: Change): Promise<void> {
  if (error !== null && isNew) await removeGeneration(store, to);
  await notePending(store, null);
  await prune(store, keptGenerations);
}

const manifestOf = (store: GenerationStore, generation: number | null) =>
  generation === null ? null : readManifest(store, generation);

/** SHA-256 of the leaf of a generation, null where it has none that can be read. */
export async function leafOfGeneration(store: GenerationStore, generation: number | null): Promise<string | null> {
  const manifest = await manifestOf(store, generation);
  if (manifest === null) return null;
  const read = await readGeneration(filesIn(store, manifest)).catch(() => null);
  return read?.ok === true ? read.value.certificateSha256 : null;
}
