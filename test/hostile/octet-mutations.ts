// Mutations of octets: what noise, a careless program or somebody who means harm makes of a structure. They know of
// lengths and sizes, not of meaning.
import type { Dice } from './dice.ts';

export type Octets = Uint8Array;

/** Changes octets; `others` are good structures of the same conversation, to borrow from. */
export type OctetMutation = (octets: Octets, dice: Dice, others: readonly Octets[]) => Octets;

const joined = (...parts: readonly Octets[]): Octets => new Uint8Array(Buffer.concat(parts));

const replaced = (octets: Octets, at: number, instead: Octets, removed = instead.length): Octets =>
  joined(octets.subarray(0, at), instead, octets.subarray(at + removed));

/** A place in it, and how much from there on. */
function slice(octets: Octets, dice: Dice): { readonly at: number; readonly end: number } {
  const at = dice.roll(Math.max(1, octets.length));
  return { at, end: Math.min(octets.length, at + 1 + dice.roll(24)) };
}

/** Where a tag of ASN.1 seems to stand; anywhere if there is none. */
function tagAt(octets: Octets, dice: Dice): number {
  const tags = new Set([0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x30, 0x31, 0xa0, 0xa3]);
  const places = [...octets.keys()].filter((at) => tags.has(octets[at]!) && at + 1 < octets.length);
  return places.length === 0 ? dice.roll(Math.max(1, octets.length)) : dice.pick(places);
}

/** A size field as TPM2B_* have it, changed. */
function sizeField(octets: Octets, dice: Dice): Octets {
  const at = dice.roll(3) === 0 ? 0 : dice.roll(Math.max(1, octets.length - 1));
  const size = octets[at]! * 256 + (octets[at + 1] ?? 0);
  const wrong = dice.pick([size + 1, size - 1, 0, 0xffff, size * 2, octets.length, 0x7fff]) & 0xffff;
  return replaced(octets, at, Uint8Array.of(wrong >> 8, wrong & 0xff));
}

/** A length of DER, changed, indefinite, or written longer than it need be. */
function derLength(octets: Octets, dice: Dice): Octets {
  const at = tagAt(octets, dice) + 1;
  const length = octets[at] ?? 0;
  const wrong = dice.pick([
    [length + 1],
    [length - 1],
    [0x80],
    [0],
    [0x81, length & 0x7f],
    [0x82, 0, length & 0x7f],
    [0x84, 0x7f, 0xff, 0xff, 0xff],
    [0xff],
  ]);
  return replaced(
    octets,
    at,
    Uint8Array.from(wrong, (octet) => octet & 0xff),
    1,
  );
}

/** Two stretches change places. */
function swapped(octets: Octets, dice: Dice): Octets {
  const [a, b] = [slice(octets, dice), slice(octets, dice)].toSorted((x, y) => x.at - y.at);
  if (a!.end > b!.at) return octets;
  return joined(
    octets.subarray(0, a!.at),
    octets.subarray(b!.at, b!.end),
    octets.subarray(a!.end, b!.at),
    octets.subarray(a!.at, a!.end),
    octets.subarray(b!.end),
  );
}

/** By name. */
const octetMutations = {
  bitFlip: (octets, dice) => {
    const at = dice.roll(octets.length);
    return replaced(octets, at, Uint8Array.of(octets[at]! ^ (1 << dice.roll(8))));
  },
  octetSet: (octets, dice) =>
    replaced(octets, dice.roll(octets.length), Uint8Array.of(dice.pick([0, 1, 0x7f, 0x80, 0xff, dice.roll(256)]))),
  truncation: (octets, dice) => octets.slice(0, dice.roll(octets.length)),
  lastOctetGone: (octets) => octets.slice(0, -1),
  firstOctetsGone: (octets, dice) => octets.slice(1 + dice.roll(4)),
  extension: (octets, dice) => joined(octets, dice.octets(1 + dice.roll(40))),
  extensionByOne: (octets, dice) => joined(octets, Uint8Array.of(dice.pick([0, 0xff, 0x30]))),
  prefix: (octets, dice) => joined(dice.octets(1 + dice.roll(4)), octets),
  insertion: (octets, dice) => replaced(octets, dice.roll(octets.length), dice.octets(1 + dice.roll(4)), 0),
  deletion: (octets, dice) => {
    const { at, end } = slice(octets, dice);
    return replaced(octets, at, new Uint8Array(), end - at);
  },
  stretchDoubled: (octets, dice) => {
    const { at, end } = slice(octets, dice);
    return replaced(octets, at, octets.subarray(at, end), 0);
  },
  stretchesSwapped: swapped,
  stretchCleared: (octets, dice) => {
    const { at, end } = slice(octets, dice);
    return replaced(octets, at, new Uint8Array(end - at).fill(dice.pick([0, 0xff])));
  },
  sizeField,
  derLength,
  derTag: (octets, dice) => replaced(octets, tagAt(octets, dice), Uint8Array.of(dice.roll(256))),
  wholeTwice: (octets) => joined(octets, octets),
  anotherStructure: (_octets, dice, others) => dice.pick(others),
  headOfAnother: (octets, dice, others) => {
    const other = dice.pick(others);
    const at = dice.roll(Math.min(octets.length, other.length));
    return joined(other.subarray(0, at), octets.subarray(at));
  },
  stretchOfAnother: (octets, dice, others) => {
    const other = dice.pick(others);
    const { at, end } = slice(other, dice);
    return replaced(octets, dice.roll(octets.length), other.subarray(at, end));
  },
  nothing: () => new Uint8Array(),
  noise: (octets, dice) => dice.octets(octets.length),
  huge: (octets) => joined(octets, new Uint8Array(20_000)),
} as const satisfies Readonly<Record<string, OctetMutation>>;

type OctetMutationName = keyof typeof octetMutations;

const names = Object.keys(octetMutations) as OctetMutationName[];

/** One mutation drawn, or two of them one after the other; empty octets become one octet first. */
export function mutateOctets(
  octets: Octets,
  dice: Dice,
  others: readonly Octets[],
): { readonly kind: string; readonly octets: Octets } {
  const kinds = Array.from({ length: dice.roll(6) === 0 ? 2 : 1 }, () => dice.pick(names));
  const changed = kinds.reduce<Octets>(
    (so, kind) => octetMutations[kind](so.length === 0 ? Uint8Array.of(0) : so, dice, others),
    octets,
  );
  // A draw that changed nothing (two equal stretches swapped) is no mutation.
  if (Buffer.from(changed).equals(octets)) return mutateOctets(octets, dice, others);
  return { kind: kinds.join('+'), octets: changed };
}
