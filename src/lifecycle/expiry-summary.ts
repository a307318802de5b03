// How many things are fine, near their end, and very near or past it. What is near is counted at each request; what is fine
// only as often as a large inventory bears.
import type { ExpirySummary } from '../domain/report-wire.ts';
import { authorityEndings, type Judgement } from './expiry-items.ts';

type Near = { readonly warning: number; readonly critical: number };

export type SummaryPorts = {
  /** What serves and is near its end. */
  readonly servingNearEnd: (now: Date, givenUpBefore: Date) => Promise<Near>;
  readonly servingTotal: (givenUpBefore: Date) => Promise<number>;
  readonly unmanagedLevels: (now: Date, givenUpBefore: Date) => Promise<ExpirySummary>;
  /** EK certificates that end by these instants. */
  readonly endorsementNearEnd: (warningBy: Date, criticalBy: Date) => Promise<Near>;
};

/** A count of more rows than this is used again for a minute: it would be most of the work of a page. */
const manyRows = 50_000;
const recountMs = 60_000;

/** Counts at an instant. */
export function expirySummary(ports: SummaryPorts): (by: Judgement, givenUpBefore: Date) => Promise<ExpirySummary> {
  const near = recent(ports.servingNearEnd, ({ warning, critical }) => warning + critical);
  const total = recent(
    (_now: Date, givenUpBefore: Date) => ports.servingTotal(givenUpBefore),
    (count) => count,
  );
  const unmanaged = recent(ports.unmanagedLevels, ({ ok, warning, critical }) => ok + warning + critical);
  return async (judgement, givenUpBefore) => {
    const { now, policy } = judgement;
    const before = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
    const { warning, critical } = policy.endorsementCertificate;
    const [serving, all, others, endorsement] = await Promise.all([
      near(now, givenUpBefore),
      total(now, givenUpBefore),
      unmanaged(now, givenUpBefore),
      ports.endorsementNearEnd(before(warning), before(critical)),
    ]);
    const authorities = authorityEndings(judgement).map(({ item }) => item.level);
    const count = (level: keyof Near): number =>
      serving[level] + others[level] + endorsement[level] + authorities.filter((one) => one === level).length;
    const ok = Math.max(0, all - serving.warning - serving.critical) + others.ok;
    return { ok, warning: count('warning'), critical: count('critical') };
  };
}

/** A count that is made anew, unless the last one was of many rows and is younger than a minute. */
function recent<T>(
  count: (now: Date, givenUpBefore: Date) => Promise<T>,
  sizeOf: (counted: T) => number,
): (now: Date, givenUpBefore: Date) => Promise<T> {
  let last: { readonly at: number; readonly counted: T } | null = null;
  return async (now, givenUpBefore) => {
    const age = last === null ? Infinity : now.getTime() - last.at;
    if (last !== null && age >= 0 && age < recountMs && sizeOf(last.counted) > manyRows) return last.counted;
    const counted = await count(now, givenUpBefore);
    last = { at: now.getTime(), counted };
    return counted;
  };
}
