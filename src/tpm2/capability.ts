// What a TPM says about itself (TPM2_GetCapability, TPM2_GetRandom), and clearing what programs left in its slots.

import { execute, type Tpm } from './command.ts';
import { TpmWriter } from './cursor.ts';
import { flushContext } from './objects.ts';

const TPM_CAP_HANDLES = 1;
const TPM_CAP_TPM_PROPERTIES = 6;

/** First handle of each range (TPM_HT). */
export const handleRanges = {
  nvIndex: 0x01000000,
  loadedSession: 0x02000000,
  savedSession: 0x03000000,
  transient: 0x80000000,
  persistent: 0x81000000,
} as const;

/** Handles in use from `first` on, in the range that `first` lies in; at most 254, far more than a TPM has. */
export async function handlesFrom(tpm: Tpm, first: number): Promise<readonly number[]> {
  const reader = await capability(tpm, { capability: TPM_CAP_HANDLES, property: first, count: 254 });
  const count = reader.uint32();
  if (count > 254) reader.refuse(`${count} handles`);
  const handles = Array.from({ length: count }, () => reader.uint32());
  reader.end();
  return handles;
}

/** A TPM_PT property; `null` when the TPM does not know it. */
export async function tpmProperty(tpm: Tpm, property: number): Promise<number | null> {
  const reader = await capability(tpm, { capability: TPM_CAP_TPM_PROPERTIES, property, count: 1 });
  const count = reader.uint32();
  if (count === 0) return null;
  const found = reader.uint32();
  const value = reader.uint32();
  return found === property ? value : null;
}

async function capability(
  tpm: Tpm,
  input: { readonly capability: number; readonly property: number; readonly count: number },
) {
  const parameters = new TpmWriter().uint32(input.capability).uint32(input.property).uint32(input.count).finish();
  const response = await execute(tpm, { name: 'GetCapability', parameters });
  response.parameters.uint8(); // moreData
  const echoed = response.parameters.uint32();
  if (echoed !== input.capability) response.parameters.refuse('another capability than the one asked for');
  return response.parameters;
}

/** Who made a TPM, and what state it is in. */
export type TpmIdentity = {
  /** Four letters of the TCG vendor registry: "IFX", "STM", "IBM". */
  readonly manufacturer: string;
  readonly vendorString: string;
  /** Both halves of the firmware version as the maker counts it. */
  readonly firmwareVersion: bigint;
  /** Whether wrong passwords have locked the TPM. */
  readonly isInLockout: boolean;
};

/** Reads maker, model, firmware and lockout state. */
export async function readIdentity(tpm: Tpm): Promise<TpmIdentity> {
  const property = async (number: number): Promise<number> => (await tpmProperty(tpm, number)) ?? 0;
  const vendor = [await property(0x106), await property(0x107), await property(0x108), await property(0x109)];
  return {
    manufacturer: text(await property(0x105)),
    vendorString: vendor.map(text).join(''),
    firmwareVersion: (BigInt(await property(0x10b)) << 32n) | BigInt(await property(0x10c)),
    isInLockout: ((await property(0x200)) & 0x200) !== 0,
  };
}

/** Four octets as the printable characters among them. */
const text = (value: number): string =>
  String.fromCharCode(
    ...new TpmWriter()
      .uint32(value)
      .finish()
      .filter((octet) => octet > 0x20 && octet < 0x7f),
  );

/** Random octets of the TPM (TPM2_GetRandom); it may give fewer than asked for, at most a digest's length. */
export async function getRandom(tpm: Tpm, length: number): Promise<Uint8Array> {
  const { parameters } = await execute(tpm, { name: 'GetRandom', parameters: new TpmWriter().uint16(length).finish() });
  const octets = parameters.sized(length);
  parameters.end();
  return octets;
}

/**
 * Frees every transient object and session, whoever made them. Only for a TPM that is ours alone: behind a resource
 * manager (/dev/tpmrm0) there is nothing of others to see, on a bare one it would take away other programs' keys.
 */
export async function flushAll(tpm: Tpm): Promise<void> {
  for (const range of [handleRanges.transient, handleRanges.loadedSession, handleRanges.savedSession])
    for (const handle of await handlesFrom(tpm, range)) await flushContext(tpm, handle);
}
