// Randomness of the hostile suite: one seed, and the same sequence of mutations every time. Not for keys or secrets.

/** Draws from one sequence. */
export type Dice = {
  /** An integer in [0, limit). */
  readonly roll: (limit: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
  readonly octets: (length: number) => Uint8Array;
};

/** The seed of this run: OMENS_HOSTILE_SEED, or the one that is always taken. */
export const seedOfRun = (): number => Number(process.env['OMENS_HOSTILE_SEED'] ?? '20261123') >>> 0;

/** A sequence of its own for each seed (mulberry32). */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const roll = (limit: number): number => next() % limit;
  return {
    roll,
    pick: (list) => list[roll(list.length)]!,
    octets: (length) => Uint8Array.from({ length }, () => roll(256)),
  };
}
