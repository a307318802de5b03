// Sets of time as sorted, disjoint, half-open intervals, and what the schedules of a simulation ask of them. Knows nothing
// of hosts or certificates.

/** Milliseconds since the epoch; `to` is not part of it. */
export type Interval = { readonly from: number; readonly to: number };

/** Sorted by time, without overlap, none empty. */
export type Intervals = readonly Interval[];

/** What is in both. */
export function intersection(a: Intervals, b: Intervals): Intervals {
  const found: Interval[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i]!.from, b[j]!.from);
    const to = Math.min(a[i]!.to, b[j]!.to);
    if (from < to) found.push({ from, to });
    if (a[i]!.to < b[j]!.to) i += 1;
    else j += 1;
  }
  return found;
}

/** What of `whole` is in none of `parts`. */
export function difference(whole: Interval, parts: Intervals): Intervals {
  const left: Interval[] = [];
  let from = whole.from;
  for (const part of parts) {
    if (from < Math.min(part.from, whole.to)) left.push({ from, to: Math.min(part.from, whole.to) });
    from = Math.max(from, part.to);
  }
  if (from < whole.to) left.push({ from, to: whole.to });
  return left;
}

/** Sorts, and joins what touches. */
export function union(parts: Intervals): Intervals {
  const joined: Interval[] = [];
  for (const part of parts.toSorted((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last !== undefined && part.from <= last.to)
      joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, part.to) };
    else joined.push(part);
  }
  return joined;
}

/** The index of the first interval that ends after an instant. */
function firstEndingAfter(intervals: Intervals, at: number): number {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (intervals[middle]!.to > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Whether an instant is within. */
export function contains(intervals: Intervals, at: number): boolean {
  const next = intervals[firstEndingAfter(intervals, at)];
  return next !== undefined && next.from <= at;
}

/** How much of the intervals lies within one interval, in milliseconds. */
export function lengthWithin(intervals: Intervals, { from, to }: Interval): number {
  let sum = 0;
  for (let i = firstEndingAfter(intervals, from); i < intervals.length; i += 1) {
    const part = intervals[i]!;
    if (part.from >= to) break;
    sum += Math.min(part.to, to) - Math.max(part.from, from);
  }
  return sum;
}
