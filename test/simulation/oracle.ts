// What must hold after a simulation, worked out from the schedules and from what the world outside the service saw. Shares
// no code with what it judges: validity, windows and the ceiling are reckoned here once more, from the requirement's text.
import { intersection, type Interval, type Intervals, lengthWithin } from './intervals.ts';
import { day, hour } from './schedule.ts';

/** A certificate as the signer saw it: `askedBy` names the exact request. */
export type Signing = {
  readonly at: number;
  readonly lineage: string;
  readonly profile: string;
  readonly fingerprint: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** The instant that the service drew. */
  readonly renewAt: number;
  readonly askedBy: string;
  /** What the service said of it: outside the ceiling, and after an expiry; null for the first of a lineage. */
  readonly said: { readonly isOutsideCeiling: boolean; readonly isRecovery: boolean } | null;
};

/** A certificate that a reader of the host's files finds from an instant on. */
export type Placing = { readonly at: number; readonly lineage: string; readonly fingerprint: string };

/** The service told a host to wait because of the ceiling. */
export type Wait = { readonly at: number; readonly lineage: string };

/** What a lineage had, and when its host could do something about it. */
export type LineageHistory = {
  readonly lineage: string;
  readonly host: string;
  readonly profile: string;
  /** In the order of time; the first one is that of the enrollment. */
  readonly signings: readonly Signing[];
  readonly placings: readonly Placing[];
  /** Host up, clock right, and nobody has forbidden the certificate. */
  readonly able: Intervals;
};

/** A certificate that ended before its successor was in place. */
export type Lapse = {
  readonly host: string;
  readonly profile: string;
  readonly lineage: string;
  readonly opened: number;
  readonly notAfter: number;
  readonly replacedAt: number | null;
  /** Milliseconds in which host and server were up together between opening and expiry. */
  readonly together: number;
};

/** What the requirement calls long enough. */
export const longEnough = hour;

/**
 * Every lapse within the span. The time together is summed over pieces: a host that was up for twelve times five minutes
 * had its hour, which asks more of the agent than one hour in one piece.
 * @param opening Where the window of a certificate begins.
 */
export function lapsesOf(
  history: LineageHistory,
  world: { readonly server: Intervals; readonly span: Interval; readonly opening: (signing: Signing) => number },
): readonly Lapse[] {
  const signed = new Map(history.signings.map((signing) => [signing.fingerprint, signing]));
  const together = intersection(history.able, world.server);
  return history.placings.flatMap(({ fingerprint }, index): readonly Lapse[] => {
    const signing = signed.get(fingerprint);
    if (signing === undefined) throw new Error(`${history.lineage} carries ${fingerprint}, which nobody signed`);
    const { notAfter } = signing;
    const replacedAt = history.placings[index + 1]?.at ?? null;
    if (notAfter >= world.span.to || (replacedAt !== null && replacedAt <= notAfter)) return [];
    const opened = world.opening(signing);
    const { host, profile, lineage } = history;
    const length = lengthWithin(together, { from: opened, to: notAfter });
    return [{ host, profile, lineage, opened, notAfter, replacedAt, together: length }];
  });
}

/** The lapses that must not be. */
export const broken = (lapses: readonly Lapse[]): readonly Lapse[] =>
  lapses.filter(({ together }) => together >= longEnough);

/** Where RFC 9773's window begins by the requirement: half life up to 7 days, two thirds, DevIDs 30 days before the end. */
export function windowStart({ profile, notBefore, notAfter }: Signing): number {
  const lifetime = notAfter - notBefore;
  if (profile === 'devid') return notAfter - 30 * day;
  return notBefore + (lifetime <= 7 * day ? lifetime / 2 : (lifetime * 2) / 3);
}

/** Whether a certificate is outside the ceiling: its predecessor is in its last tenth, or past it, or not there. */
export const isExcepted = (previous: Signing | undefined, at: number): boolean =>
  previous === undefined || at >= previous.notAfter - (previous.notAfter - previous.notBefore) / 10;

export type CeilingVerdict = {
  /** Most renewals under the ceiling within one hour. */
  readonly most: number;
  /** Hours in which the ceiling was reached. */
  readonly full: number;
  readonly exceptions: number;
  /** Instants at which more were issued within the hour before than the ceiling allows. */
  readonly exceeded: readonly { readonly at: number; readonly count: number; readonly ceiling: number }[];
  /** Renewals that the service counted as exceptions and are none, or the other way round. */
  readonly miscounted: readonly Signing[];
};

/** Counts the renewals of every rolling hour. */
export function judgeCeiling(histories: readonly LineageHistory[], ceilingAt: (at: number) => number): CeilingVerdict {
  const renewals = histories
    .flatMap(({ signings }) => signings.slice(1).map((signing, i) => ({ signing, previous: signings[i]! })))
    .toSorted((a, b) => a.signing.at - b.signing.at);
  const isOutside = ({ signing, previous }: (typeof renewals)[number]): boolean => isExcepted(previous, signing.at);
  const inside = renewals.filter((renewal) => !isOutside(renewal)).map(({ signing }) => signing.at);
  const exceeded = [];
  let [first, most, full] = [0, 0, 0];
  for (const [index, at] of inside.entries()) {
    while (inside[first]! <= at - hour) first += 1;
    const [count, ceiling] = [index - first + 1, ceilingAt(at)];
    most = Math.max(most, count);
    if (count === ceiling) full += 1;
    if (count > ceiling) exceeded.push({ at, count, ceiling });
  }
  const miscounted = renewals
    .filter((renewal) => renewal.signing.said?.isOutsideCeiling !== isOutside(renewal))
    .map(({ signing }) => signing);
  return { most, full, exceptions: renewals.length - inside.length, exceeded, miscounted };
}

/** Renewals after an expiry that the service does not call so, or the other way round. */
export const miscalledRecoveries = (histories: readonly LineageHistory[]): readonly Signing[] =>
  histories.flatMap(({ signings }) =>
    signings.slice(1).filter((signing, i) => signing.said?.isRecovery !== signing.at > signings[i]!.notAfter),
  );

/** Requests that were answered with more than one certificate. */
export function answeredTwice(histories: readonly LineageHistory[]): readonly string[] {
  const seen = new Set<string>();
  return histories
    .flatMap(({ signings }) => signings.map(({ askedBy }) => askedBy))
    .filter((request) => seen.size === seen.add(request).size);
}
