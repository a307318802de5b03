// Commands that make, load and unload keys (TPM 2.0 Part 3 §12, §24, §28).

import { sameOctets } from '../domain/octets.ts';
import { type Authorization, emptyPassword } from './authorization.ts';
import { execute, type NamedHandle, type Tpm } from './command.ts';
import { type TpmReader, TpmWriter } from './cursor.ts';
import type { TpmKeyBlobs } from './key-files.ts';
import { type Hierarchy, nameOf, nameOfHandle, TPM_RH } from './name.ts';
import { encodeTpm2bPublic, parseTpm2bPublic, readTpm2bPublic, type TpmtPublic } from './public-area.ts';

/** A key in a slot of the TPM; `name` was recomputed here from `area`. */
export type LoadedObject = NamedHandle & { readonly area: TpmtPublic };

/** The hierarchy as a handle with a Name. */
export const hierarchyHandle = (hierarchy: Hierarchy): NamedHandle => ({
  handle: TPM_RH[hierarchy],
  name: nameOfHandle(TPM_RH[hierarchy]),
});

/** TPM2B_SENSITIVE_CREATE with this password and no data, then TPM2B_PUBLIC, no outside information, no PCRs. */
function creationParameters(template: TpmtPublic, keyPassword: Uint8Array = new Uint8Array(0)): Uint8Array {
  const sensitive = new TpmWriter().sized(keyPassword).uint16(0).finish();
  return new TpmWriter().sized(sensitive).octets(encodeTpm2bPublic(template)).uint16(0).uint32(0).finish();
}

/** Makes the primary key of a hierarchy by a template (TPM2_CreatePrimary). The caller flushes it. */
export async function createPrimary(
  tpm: Tpm,
  input: { readonly hierarchy: Hierarchy; readonly template: TpmtPublic; readonly authorization?: Authorization },
): Promise<LoadedObject> {
  const { handle, parameters } = await execute(tpm, {
    name: 'CreatePrimary',
    handles: [hierarchyHandle(input.hierarchy)],
    authorizations: [input.authorization ?? emptyPassword],
    parameters: creationParameters(input.template),
    returnsHandle: true,
  });
  const area = readTpm2bPublic(parameters);
  skipCreationData(parameters);
  finishName(parameters, area);
  return loaded(handle, area);
}

/** TPM2B_CREATION_DATA, its hash and its ticket: nothing of ours reads them. */
function skipCreationData(parameters: TpmReader): void {
  parameters.sized();
  parameters.sized(64);
  parameters.uint16();
  parameters.uint32();
  parameters.sized(64);
}

const loaded = (handle: number, area: TpmtPublic): LoadedObject => ({ handle, area, name: nameOf(area) });

/** Makes a key under a loaded parent (TPM2_Create), without loading it. */
export async function create(
  tpm: Tpm,
  input: {
    readonly parent: NamedHandle;
    readonly template: TpmtPublic;
    readonly keyPassword?: Uint8Array;
    readonly authorization?: Authorization;
  },
): Promise<TpmKeyBlobs> {
  const { parameters } = await execute(tpm, {
    name: 'Create',
    handles: [input.parent],
    authorizations: [input.authorization ?? emptyPassword],
    parameters: creationParameters(input.template, input.keyPassword),
  });
  const privatePart = new TpmWriter().sized(parameters.sized()).finish();
  const area = readTpm2bPublic(parameters);
  skipCreationData(parameters);
  parameters.end();
  return { private: privatePart, public: encodeTpm2bPublic(area) };
}

/** Loads a key under its parent (TPM2_Load). The caller flushes it. TPM_RC_INTEGRITY: it is not this parent's. */
export async function load(tpm: Tpm, parent: NamedHandle, key: TpmKeyBlobs): Promise<LoadedObject> {
  const area = parseTpm2bPublic(key.public);
  const { handle, parameters } = await execute(tpm, {
    name: 'Load',
    handles: [parent],
    authorizations: [emptyPassword],
    parameters: new TpmWriter().octets(key.private).octets(key.public).finish(),
    returnsHandle: true,
  });
  finishName(parameters, area);
  return loaded(handle, area);
}

/** Reads the public area behind a handle (TPM2_ReadPublic). */
export async function readPublic(tpm: Tpm, handle: number): Promise<LoadedObject> {
  const { parameters } = await execute(tpm, { name: 'ReadPublic', handles: [{ handle, name: nameOfHandle(handle) }] });
  const area = readTpm2bPublic(parameters);
  parameters.sized(66); // its Name is recomputed here
  parameters.sized(66); // its qualified name has no reader
  parameters.end();
  return loaded(handle, area);
}

/** The TPM and we must mean the same object. */
function finishName(parameters: TpmReader, area: TpmtPublic): void {
  const name = parameters.sized(66);
  parameters.end();
  if (!sameOctets(name, nameOf(area))) parameters.refuse('the TPM computes another Name for this key');
}

/** Frees the slot of a transient object or session (TPM2_FlushContext). */
export async function flushContext(tpm: Tpm, handle: number): Promise<void> {
  await execute(tpm, { name: 'FlushContext', parameters: new TpmWriter().uint32(handle).finish() });
}

/** Hands a loaded object to `use` and flushes it whatever happens. */
export async function withObject<T extends LoadedObject, R>(
  tpm: Tpm,
  object: Promise<T>,
  use: (object: T) => Promise<R>,
): Promise<R> {
  const held = await object;
  return flushedAfter(tpm, held.handle, () => use(held));
}

/** Runs `use`, then flushes; when both fail, the first failure is the one to hear of. */
export async function flushedAfter<R>(tpm: Tpm, handle: number, use: () => Promise<R>): Promise<R> {
  let result: R;
  try {
    result = await use();
  } catch (error) {
    await flushContext(tpm, handle).catch(() => undefined);
    throw error;
  }
  await flushContext(tpm, handle);
  return result;
}

/** Makes a loaded key persistent at a handle, or removes what is there when `object` is that handle (TPM2_EvictControl). */
export async function evictControl(
  tpm: Tpm,
  input: { readonly object: NamedHandle; readonly persistentHandle: number; readonly authorization?: Authorization },
): Promise<void> {
  await execute(tpm, {
    name: 'EvictControl',
    handles: [hierarchyHandle('owner'), input.object],
    authorizations: [input.authorization ?? emptyPassword],
    parameters: new TpmWriter().uint32(input.persistentHandle).finish(),
  });
}
