// What is installed for a target, read back from the files that programs open.
import { readFile, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ObservedUse } from '../domain/lineage-wire.ts';
import { sameOctets } from '../domain/octets.ts';
import { oneLine } from '../domain/printable.ts';
import { wireTime } from '../domain/wire.ts';
import type { TpmKeyBlobs } from '../tpm2/key-files.ts';
import {
  absentIsNull,
  currentNumber,
  type GenerationStore,
  generationStore,
  readManifest,
} from './generation-store.ts';
import type { Placement } from './places.ts';
import { linkOf } from './public-names.ts';
import type { Target } from './target.ts';
import type { CheckOutcome } from './tell-consumers.ts';
import { readGeneration } from './verify-generation.ts';
import { resolveWithin } from './within-root.ts';

/** What is installed for a target. `generation` is 0 where the files are not this agent's generations. */
export type InstalledGeneration = {
  readonly generation: number;
  readonly certificateSha256: string;
  readonly leafPem: string;
  readonly chainPem: string;
  /** As its files say: whether it belongs to the certificate is for the caller to see. */
  readonly key:
    | { readonly kind: 'software'; readonly privateKeyPem: string }
    | { readonly kind: 'devid'; readonly blobs: TpmKeyBlobs };
};

/** Null where the certificate or the key is absent or cannot be read as one. */
export async function currentGeneration(root: string, target: Target): Promise<InstalledGeneration | null> {
  const paths = new Map<string, string>();
  for (const { path, content } of target.table.rows) {
    if (!paths.has(content)) paths.set(content, await resolveWithin(root, path));
  }
  const read = await readGeneration((kind) => paths.get(kind) ?? null).catch(absentIsNull);
  if (read === null || !read.ok) return null;
  const { key, certificateSha256, leafPem, chainPem } = read.value;
  const generation = (await currentNumber(await generationStore(root, target))) ?? 0;
  const own = key.kind === 'software' ? key : { kind: key.kind, blobs: key.blobs };
  return { generation, certificateSha256, leafPem, chainPem, key: own };
}

/** The number of the generation in service if it has exactly these files under all of their names; else null. */
export async function isInPlace(store: GenerationStore, placement: Placement): Promise<number | null> {
  const generation = await currentNumber(store);
  const manifest = generation === null ? null : await readManifest(store, generation);
  if (generation === null || manifest?.certificateSha256 !== placement.checked.certificateSha256) return null;
  for (const { path, content } of placement.files) {
    const { at } = await linkOf(store, path);
    const target = await readlink(at).catch(absentIsNull);
    if (target === null || !/(?:^|\/)\.omens\//.test(target)) return null;
    const found = await readFile(join(dirname(at), target)).catch(absentIsNull);
    const wanted = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    if (found === null || !sameOctets(new Uint8Array(found), wanted)) return null;
  }
  return generation;
}

/** What was seen of a generation in service. */
export async function observedOf(
  store: GenerationStore,
  seen: { readonly target: Target; readonly generation: number; readonly checks: readonly CheckOutcome[] },
): Promise<ObservedUse> {
  const { target, generation, checks } = seen;
  const manifest = await readManifest(store, generation);
  return {
    installedAt: manifest?.writtenAt ?? wireTime(new Date(0)),
    generation,
    servedSha256: checks.find((one) => one.check.startsWith('served ') && one.served !== null)?.served ?? null,
    hasSpireAgent: target.hasSpireAgent,
    checks: checks.map(({ check, ok, detail }) => ({ check: oneLine(check, 100), ok, detail: oneLine(detail, 500) })),
  };
}
