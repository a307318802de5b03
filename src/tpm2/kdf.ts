// The key derivation functions of TPM 2.0 Part 1 §11.4.10: KDFa (HMAC counter mode, SP 800-108) and KDFe (SP 800-56A).
// Labels are given without their terminating NUL octet, which is added here.

import { createHmac } from 'node:crypto';
import { digestOf, type HashName, hashes } from './algorithms.ts';
import { concatOctets, TpmWriter } from './cursor.ts';

const ascii = new TextEncoder();

/** `bits` is a multiple of 8 everywhere in this service; another number would need its top bits masked. */
function blocks(hash: HashName, bits: number, block: (counter: Uint8Array) => Uint8Array): Uint8Array {
  if (bits % 8 !== 0) throw new RangeError(`${bits} bits are not whole octets`);
  const made: Uint8Array[] = [];
  for (let i = 1; (i - 1) * hashes[hash].size * 8 < bits; i += 1) made.push(block(new TpmWriter().uint32(i).finish()));
  return concatOctets(made).slice(0, bits / 8);
}

/** KDFa(hash, key, label, contextU, contextV, bits) as octets. */
export function kdfA(input: {
  readonly hash: HashName;
  readonly key: Uint8Array;
  readonly label: string;
  readonly contextU: Uint8Array;
  readonly contextV: Uint8Array;
  readonly bits: number;
}): Uint8Array {
  const tail = new TpmWriter()
    .octets(ascii.encode(input.label))
    .uint8(0)
    .octets(input.contextU)
    .octets(input.contextV)
    .uint32(input.bits)
    .finish();
  return blocks(
    input.hash,
    input.bits,
    (counter) => new Uint8Array(createHmac(input.hash, input.key).update(counter).update(tail).digest()),
  );
}

/** KDFe(hash, Z, label, partyU, partyV, bits) as octets; `z` and the parties' x-coordinates padded to the field size. */
export function kdfE(input: {
  readonly hash: HashName;
  readonly z: Uint8Array;
  readonly label: string;
  readonly partyU: Uint8Array;
  readonly partyV: Uint8Array;
  readonly bits: number;
}): Uint8Array {
  const tail = new TpmWriter()
    .octets(input.z)
    .octets(ascii.encode(input.label))
    .uint8(0)
    .octets(input.partyU)
    .octets(input.partyV)
    .finish();
  return blocks(input.hash, input.bits, (counter) => digestOf(input.hash, counter, tail));
}
