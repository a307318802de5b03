// Names and qualified names (TPM 2.0 Part 1 §16): how a TPM refers to an object so that nobody can swap it.

import { digestOf, type HashName, hashById, hashes } from './algorithms.ts';
import { concatOctets, TpmWriter } from './cursor.ts';
import { encodeTpmtPublic, type TpmtPublic } from './public-area.ts';

/** Permanent handles of the hierarchies (TPM_RH). */
export const TPM_RH = {
  owner: 0x40000001,
  null: 0x40000007,
  lockout: 0x4000000a,
  endorsement: 0x4000000b,
  platform: 0x4000000c,
} as const;

/** A hierarchy in which we make keys. */
export type Hierarchy = 'owner' | 'endorsement';

const withAlgorithm = (hash: HashName, digest: Uint8Array): Uint8Array =>
  new TpmWriter().uint16(hashes[hash].id).octets(digest).finish();

/** The Name of an object: nameAlg ‖ H(TPMT_PUBLIC). */
export const nameOf = (area: TpmtPublic): Uint8Array =>
  withAlgorithm(area.nameAlg, digestOf(area.nameAlg, encodeTpmtPublic(area)));

/** The Name of a permanent handle, PCR or session: the handle itself. */
export const nameOfHandle = (handle: number): Uint8Array => new TpmWriter().uint32(handle).finish();

/**
 * The qualified name of an object: nameAlg ‖ H(QN(parent) ‖ Name). For a primary key the parent's is the hierarchy's
 * handle: `nameOfHandle(TPM_RH.endorsement)`. `name` must be a well-formed Name (`nameOf`).
 */
export function qualifiedNameOf(parentQualifiedName: Uint8Array, name: Uint8Array): Uint8Array {
  const hash = hashById(((name[0] ?? 0) << 8) | (name[1] ?? 0));
  if (hash === undefined) throw new RangeError('not a Name');
  return withAlgorithm(hash, digestOf(hash, concatOctets([parentQualifiedName, name])));
}
