// Times in which nothing is renewed, as people configure them: one span, or one that comes again each day (UTC).

export type Blackout =
  | { readonly kind: 'span'; readonly from: Date; readonly to: Date }
  /** Minutes of the UTC day; one that ends before it begins goes over midnight. */
  | { readonly kind: 'daily'; readonly fromMinute: number; readonly toMinute: number };

/** A stretch of time, its end not part of it. */
export type Stretch = { readonly from: Date; readonly to: Date };

const minute = 60_000;
const day = 86_400_000;

/** The blackout in which an instant lies, joined with those that touch or overlap it; null when it lies in none. */
export function blackoutAt(blackouts: readonly Blackout[], instant: Date): Stretch | null {
  const found = anyAt(blackouts, instant);
  if (found === null) return null;
  let { from, to } = found;
  // Bounded: blackouts that together cover every day would join for ever.
  for (let turn = 0; turn < blackouts.length * 8; turn += 1) {
    const following = anyAt(blackouts, to);
    const preceding = anyAt(blackouts, new Date(from.getTime() - 1));
    if (following === null && preceding === null) break;
    to = following?.to ?? to;
    from = preceding?.from ?? from;
  }
  return { from, to };
}

const anyAt = (blackouts: readonly Blackout[], instant: Date): Stretch | null =>
  blackouts.map((blackout) => stretchAt(blackout, instant)).find((stretch) => stretch !== null) ?? null;

function stretchAt(blackout: Blackout, instant: Date): Stretch | null {
  if (blackout.kind === 'span') return holds(blackout, instant) ? { from: blackout.from, to: blackout.to } : null;
  const { fromMinute, toMinute } = blackout;
  const length = ((toMinute - fromMinute + 1440) % 1440 || 1440) * minute;
  const midnight = Math.floor(instant.getTime() / day) * day;
  const begins = [midnight + fromMinute * minute, midnight - day + fromMinute * minute];
  const found = begins.map((at) => ({ from: new Date(at), to: new Date(at + length) }));
  return found.find((stretch) => holds(stretch, instant)) ?? null;
}

const holds = ({ from, to }: Stretch, instant: Date): boolean => from <= instant && instant < to;
