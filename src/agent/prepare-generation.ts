// Writes a generation and holds it against everything that can be known before it goes into service: the files as they
// are on disk, their readers, and for a DevID what SPIRE will do with it on the TPM. Nothing that a program reads changes.
import { readFile } from 'node:fs/promises';
import { messageOf } from '../domain/thrown.ts';
import type { LineageError } from '../domain/lineage-wire.ts';
import { wireTime } from '../domain/wire.ts';
import { readAccounts } from './accounts.ts';
import type { DurableFile } from './durable-file.ts';
import { AgentFailure } from './failure.ts';
import {
  currentNumber,
  ensureStore,
  fileIn,
  type GenerationStore,
  generationNumbers,
  type Manifest,
  nameFor,
  notePending,
  prune,
  removeGeneration,
  writeGeneration,
} from './generation-store.ts';
import type { InstallPorts } from './install-ports.ts';
import { ownership } from './ownership.ts';
import type { Placement, PlacementInput } from './places.ts';
import { sweepNames, takeOver } from './public-names.ts';
import { readTest } from './read-test.ts';
import { relabel } from './relabel.ts';
import type { Target } from './target.ts';
import { filesIn, generationFault, readGeneration } from './verify-generation.ts';

/** Generations that are kept beside the one in service. */
export const keptGenerations = 5;

/** A generation that may go into service. */
export type Prepared = {
  readonly from: number | null;
  readonly manifest: Manifest;
  readonly remarks: readonly string[];
};

/** Why one may not; what was in service still is. */
export class Unfit extends Error {
  override readonly name = 'Unfit';
  readonly error: Omit<LineageError, 'at'>;

  constructor(phase: LineageError['phase'], reason: string, detail: string) {
    super(detail);
    this.error = { phase, reason, detail };
  }
}

/** Throws `Unfit`, and leaves nothing behind then. */
export async function prepareGeneration(
  ports: InstallPorts,
  target: Target,
  { store, input }: { readonly store: GenerationStore; readonly input: PlacementInput },
): Promise<Prepared> {
  const placement = target.files(input);
  let manifest: Manifest | null = null;
  try {
    await ensureStore(store, placement.directory.mode);
    await sweepNames(store, placement);
    await takeOver(store, placement, wireTime(ports.now()));
    const from = await currentNumber(store);
    manifest = manifestOf(store, placement, {
      generation: Math.max((await generationNumbers(store)).at(-1) ?? 0, from ?? 0) + 1,
      writtenAt: wireTime(ports.now()),
    });
    const { generation } = manifest;
    await notePending(store, { from, to: manifest.generation, stage: 'writing', isNew: true });
    const { files, remarks } = await owned(ports, placement, (path) => fileIn(store, generation, nameFor(store, path)));
    await writeGeneration(store, { manifest, files, mode: placement.directory.mode });
    await relabel(ports, fileIn(store, manifest.generation, ''));
    const read = await verified(ports, store, { manifest, placement, input });
    return { from, manifest, remarks: [...target.remarks, ...placement.missing, ...remarks, ...read] };
  } catch (error) {
    await discard(store, manifest);
    throw unfitOf(error);
  }
}

/** A number that was written and not put into service leaves nothing; what cannot even be removed is left for later. */
async function discard(store: GenerationStore, manifest: Manifest | null): Promise<void> {
  try {
    if (manifest !== null) await removeGeneration(store, manifest.generation);
    await prune(store, keptGenerations);
    await notePending(store, null);
  } catch {
    // A full or read-only disk: the next call finds `pending` and does the same.
  }
}

/** What a fault of the disk is called. */
const diskReasons: Readonly<Record<string, string>> = {
  ...{ ENOSPC: 'diskFull', EDQUOT: 'diskFull', EROFS: 'readOnly' },
  ...{ EACCES: 'notWritable', EPERM: 'notWritable', ENOTDIR: 'notADirectory', EIO: 'diskFailed' },
};

/** Faults of the disk and of directories are to be expected; everything else is a fault of this program and is thrown. */
export function unfitOf(error: unknown): unknown {
  if (error instanceof Unfit) return error;
  if (error instanceof AgentFailure) return new Unfit('install', 'notInstallable', error.message);
  const reason = diskReasons[(error as NodeJS.ErrnoException).code ?? ''];
  return reason === undefined ? error : new Unfit('install', reason, messageOf(error));
}

function manifestOf(
  store: GenerationStore,
  placement: Placement,
  at: Pick<Manifest, 'generation' | 'writtenAt'>,
): Manifest {
  const { checked, files, links } = placement;
  return {
    ...{ version: 1, origin: 'issued', ...at },
    lineage: checked.resource.lineage,
    certificateSha256: checked.certificateSha256,
    files: files.map(({ path, kind }) => ({ name: nameFor(store, path), path, kind })),
    links,
  };
}

/** Every file with the owner that it shall have. Owners are set by the superuser only; what was skipped is said. */
async function owned(
  ports: InstallPorts,
  placement: Placement,
  placeOf: (path: string) => string,
): Promise<{ readonly files: readonly DurableFile[]; readonly remarks: readonly string[] }> {
  const accounts = await readAccounts(ports.root);
  const skipped: string[] = [];
  const files = placement.files.map((file): DurableFile => {
    const { owner, mode, wished } = ownership(file, accounts);
    if (ports.uid !== 0 || owner === null) skipped.push(`${wished} of /${file.path}`);
    return { path: placeOf(file.path), content: file.content, mode, owner: ports.uid === 0 ? owner : null };
  });
  const why = ports.uid === 0 ? 'no such user or group here' : 'this is not root';
  return { files, remarks: skipped.length === 0 ? [] : [`owners were not set (${why}): ${skipped.join(', ')}`] };
}

/** Reads the generation back and holds it against what it must be. Answers remarks. */
async function verified(
  ports: InstallPorts,
  store: GenerationStore,
  written: { readonly manifest: Manifest; readonly placement: Placement; readonly input: PlacementInput },
): Promise<readonly string[]> {
  const { manifest, placement, input } = written;
  const fileOf = filesIn(store, manifest);
  const read = await readGeneration(fileOf);
  if (!read.ok) throw new Unfit('check', read.error.reason, read.error.detail);
  const fault = generationFault(read.value, input, ports.now());
  if (fault !== null) throw new Unfit('check', fault.reason, fault.detail);
  const wishes = placement.files.map(({ path, readers }) => ({
    path: fileIn(store, manifest.generation, nameFor(store, path)),
    readers,
  }));
  const { denied, skipped } = await readTest(wishes, {
    ...{ root: ports.root, uid: ports.uid, accounts: await readAccounts(ports.root) },
  });
  if (denied.length > 0) throw new Unfit('check', 'notReadable', denied.join('; '));
  const certificateFile = fileOf('fullChain');
  if (read.value.key.kind === 'devid' && ports.rehearse !== null && certificateFile !== null) {
    const { spire } = read.value.key;
    const certificatePem = await readFile(certificateFile, 'utf8');
    const rehearsal = await ports
      .rehearse({ certificatePem, publicBlob: spire.public, privateBlob: spire.private })
      .catch((error: unknown) => {
        throw new Unfit('check', 'rehearsalFailed', messageOf(error));
      });
    if (!rehearsal.ok) throw new Unfit('check', rehearsal.error.reason, rehearsal.error.detail);
  }
  return skipped;
}
