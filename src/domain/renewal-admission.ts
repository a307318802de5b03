// Whether a host that asks for its next certificate gets it now: the ceiling per hour, whom it binds, and who goes first.
// Pure; the store gathers the facts under one lock, so that several servers hold one ceiling.
import { type Blackout, blackoutAt } from './blackout.ts';

/** How many renewals, and when none. `perHour` counts those of all lineages within any 60 minutes. */
export type RenewalLimits = {
  readonly perHour: number;
  readonly perLineagePerHour: number;
  readonly blackouts: readonly Blackout[];
};

/** What was admitted within the hour before the question, and who else waits. */
export type AdmissionFacts = {
  /** The newest certificate of the lineage, whether confirmed or not. */
  readonly newest: { readonly notBefore: Date; readonly notAfter: Date; readonly isRevoked: boolean } | null;
  /** Renewals under the ceiling, and the earliest of them. */
  readonly underCeiling: Counted;
  /** Attempts of this lineage, refused ones too. */
  readonly ofLineage: Counted;
  /** Lineages whose hosts were told to wait within the last 15 minutes and whose certificates end before this one. */
  readonly nearerWaiting: number;
};

type Counted = { readonly count: number; readonly earliest: Date | null };

export type WaitBecause = 'ceiling' | 'lineageRate' | 'blackout';

export type Admission =
  | { readonly kind: 'admit'; readonly isOutsideCeiling: boolean; readonly isRecovery: boolean }
  | { readonly kind: 'wait'; readonly because: WaitBecause; readonly retryAfterSeconds: number };

/** The ceiling's hour. Seconds. */
export const ceilingSeconds = 3600;

/** A host that asked so long ago and does not come again is no longer waited for. Seconds. */
export const askedSeconds = 900;

const leastWaitSeconds = 15;

/** Under `askedSeconds`, so that who waits stays in the count of those that wait. */
const longestWaitSeconds = 600;

/**
 * The decision. A certificate in the last tenth of its life, expired, revoked or missing is outside ceiling and blackouts:
 * it is counted and never waits for others. What binds everybody is the rate of a single lineage.
 */
export function admitRenewal(facts: AdmissionFacts, limits: RenewalLimits, now: Date): Admission {
  const { newest, underCeiling, ofLineage, nearerWaiting } = facts;
  if (ofLineage.count >= limits.perLineagePerHour) {
    return { kind: 'wait', because: 'lineageRate', retryAfterSeconds: untilFree(ofLineage, now, ceilingSeconds) };
  }
  const isRecovery = newest === null || now > newest.notAfter;
  if (newest === null || isRecovery || newest.isRevoked || isInLastTenth(newest, now)) {
    return { kind: 'admit', isOutsideCeiling: true, isRecovery };
  }
  const blackout = blackoutAt(limits.blackouts, now);
  if (blackout !== null) {
    const retryAfterSeconds = Math.max(leastWaitSeconds, secondsBetween(now, earlier(blackout.to, lastTenth(newest))));
    return { kind: 'wait', because: 'blackout', retryAfterSeconds };
  }
  const free = limits.perHour - underCeiling.count;
  if (free > nearerWaiting) return { kind: 'admit', isOutsideCeiling: false, isRecovery };
  const retryAfterSeconds = free > 0 ? leastWaitSeconds * 4 : untilFree(underCeiling, now, longestWaitSeconds);
  return { kind: 'wait', because: 'ceiling', retryAfterSeconds };
}

/** Whether at most a tenth of its life is left. */
const isInLastTenth = (validity: { readonly notBefore: Date; readonly notAfter: Date }, now: Date): boolean =>
  now >= lastTenth(validity);

const lastTenth = ({ notBefore, notAfter }: { readonly notBefore: Date; readonly notAfter: Date }): Date =>
  new Date(notAfter.getTime() - (notAfter.getTime() - notBefore.getTime()) / 10);

/** Until the earliest of those that were counted is an hour old. */
function untilFree({ earliest }: Counted, now: Date, atMost: number): number {
  if (earliest === null) return leastWaitSeconds;
  const free = new Date(earliest.getTime() + ceilingSeconds * 1000);
  return Math.min(atMost, Math.max(leastWaitSeconds, secondsBetween(now, free)));
}

const secondsBetween = (from: Date, to: Date): number => Math.ceil((to.getTime() - from.getTime()) / 1000);
const earlier = (a: Date, b: Date): Date => (a < b ? a : b);
