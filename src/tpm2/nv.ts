// Reading NV indices (TPM 2.0 Part 3 §31): where makers put EK certificates. Writes nothing.

import { type Authorization, emptyPassword } from './authorization.ts';
import { tpmProperty } from './capability.ts';
import { execute, type NamedHandle, type Tpm } from './command.ts';
import { concatOctets, type TpmReader, TpmWriter } from './cursor.ts';
import { nameOfHandle } from './name.ts';
import { hierarchyHandle } from './objects.ts';

/** TPMA_NV bits that say who may read. */
const OWNERREAD = 0x20000;
const AUTHREAD = 0x40000;
const WRITTEN = 0x20000000;

/** TPM_PT_NV_BUFFER_MAX: the most that one TPM2_NV_Read returns. */
const NV_BUFFER_MAX = 0x12c;

/** What an NV index is; its Name is needed to authorize with it. */
export type NvPublic = NamedHandle & { readonly attributes: number; readonly dataSize: number };

/** Reads the public area of an index (TPM2_NV_ReadPublic). */
export async function nvReadPublic(tpm: Tpm, index: number): Promise<NvPublic> {
  const { parameters } = await execute(tpm, {
    name: 'NV_ReadPublic',
    handles: [{ handle: index, name: nameOfHandle(index) }],
  });
  const area = parameters.nested(256);
  const handle = area.uint32();
  area.uint16(); // nameAlg
  const attributes = area.uint32();
  area.sized(64); // authPolicy
  const dataSize = area.uint16();
  area.end();
  const name = parameters.sized(66);
  parameters.end();
  return { handle, name, attributes, dataSize };
}

/**
 * Reads a whole index as it stands, padding included (TPM2_NV_Read, in pieces): by its own empty password where it allows
 * that, else as owner.
 */
export async function nvRead(
  tpm: Tpm,
  index: NvPublic,
  ownerAuthorization: Authorization = emptyPassword,
): Promise<Uint8Array> {
  if ((index.attributes & WRITTEN) === 0) return new Uint8Array(0);
  const byIndex = (index.attributes & AUTHREAD) !== 0 || (index.attributes & OWNERREAD) === 0;
  const piece = Math.min((await tpmProperty(tpm, NV_BUFFER_MAX)) ?? 512, 1024);
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < index.dataSize; offset += piece) {
    const { parameters } = await execute(tpm, {
      name: 'NV_Read',
      handles: [byIndex ? index : hierarchyHandle('owner'), index],
      authorizations: [byIndex ? emptyPassword : ownerAuthorization],
      parameters: new TpmWriter()
        .uint16(Math.min(piece, index.dataSize - offset))
        .uint16(offset)
        .finish(),
    });
    parts.push(readPiece(parameters));
  }
  return concatOctets(parts);
}

function readPiece(parameters: TpmReader): Uint8Array {
  const data = parameters.sized(1024);
  parameters.end();
  return data;
}
