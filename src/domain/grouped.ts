// Items by a key, in the order in which the keys came, and items that take turns.

/** The items of each key. */
export function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** The first item of each key, then the second of each, and so on: whoever has many stands before nobody else's first. */
export function inTurns<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const groups = [...groupedBy(items, keyOf).values()];
  const longest = Math.max(0, ...groups.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) => groups.flatMap((group) => group.slice(turn, turn + 1))).flat();
}
