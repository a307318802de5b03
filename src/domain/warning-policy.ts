// When a person is warned: the values of policies/warnings.yaml, and what they mean for one certificate. Pure.
import { renewalWindow } from './renewal.ts';
import type { WarningLevel } from './warning.ts';

/** Seconds before an end, or after a duty, at which each level begins. */
export type LevelSeconds = { readonly warning: number; readonly critical: number };

/** Levels for lifetimes from a length up to a length, both included; null: however long. */
export type LifetimeRule = LevelSeconds & {
  readonly lifetimeFromSeconds: number;
  readonly lifetimeUpToSeconds: number | null;
};

/**
 * Levels by lifetime: a share of it, or what the first absolute rule says that covers it; a profile may have its own.
 */
export type LifetimeLevels = {
  /** Parts of the lifetime, in (0, 1). */
  readonly relative: LevelSeconds;
  /** The shorter lifetimes first. */
  readonly absolute: readonly LifetimeRule[];
  readonly profiles: ReadonlyMap<string, LevelSeconds>;
};

export type WarningPolicy = {
  /** SHA-256 of the file, lower-case hex: stored levels are computed anew when it changes. */
  readonly digest: string;
  /** Before the end of a certificate. */
  readonly expiry: LifetimeLevels;
  /** Since the last success, but never before the renewal was due and a grace has passed (`missedInstants`). */
  readonly renewalMissed: LifetimeLevels & { readonly graceSeconds: number; readonly graceShare: number };
  /** Failures in a row of one lineage. */
  readonly renewalFailing: { readonly warning: number; readonly critical: number };
  /** Since its issuance. */
  readonly notConfirmed: LifetimeLevels;
  /** Since the last call, by the shortest lifetime on the host. */
  readonly hostNotSeen: LifetimeLevels;
  /** Before the end of a CA certificate, and before the last day on which it can sign a certificate of its profiles whole. */
  readonly issuerEnding: LevelSeconds;
  /** Before nextUpdate of a CRL. */
  readonly crl: LevelSeconds;
  readonly endorsementCertificate: LevelSeconds;
  /** Before the end of the bundle of SPIRE. */
  readonly spireBundle: LevelSeconds;
  /** After the publication of a trust bundle that a host does not have. */
  readonly trustOutdated: LevelSeconds;
  readonly unusualIssuance: { readonly perHour: number; readonly newNames: boolean };
  /** After which an unacknowledged critical warning is told again, and how often at most. */
  readonly escalation: { readonly afterSeconds: number; readonly times: number };
};

type Certificate = { readonly profile: string; readonly notBefore: Date; readonly notAfter: Date };

/** The levels that hold for a lifetime, in seconds. */
export function levelsFor(
  levels: LifetimeLevels,
  { profile, lifetime }: { profile: string; lifetime: number },
): LevelSeconds {
  const own = levels.profiles.get(profile);
  if (own !== undefined) return own;
  const rule = levels.absolute.find(
    ({ lifetimeFromSeconds, lifetimeUpToSeconds }) =>
      lifetimeFromSeconds <= lifetime && lifetime <= (lifetimeUpToSeconds ?? Infinity),
  );
  const relative = { warning: lifetime * levels.relative.warning, critical: lifetime * levels.relative.critical };
  return rule ?? relative;
}

/**
 * The instants at which the end of a certificate becomes a warning and critical. For one that renews by itself neither lies
 * before the end of its renewal window: until then all is well, whatever the policy says.
 */
export function expiryInstants(
  policy: Pick<WarningPolicy, 'expiry'>,
  certificate: Certificate & { readonly renewsItself: boolean },
): { readonly warningAt: Date; readonly criticalAt: Date } {
  const { profile, notBefore, notAfter, renewsItself } = certificate;
  const lifetime = (notAfter.getTime() - notBefore.getTime()) / 1000;
  const { warning, critical } = levelsFor(policy.expiry, { profile, lifetime });
  const at = (seconds: number): Date => {
    const instant = notAfter.getTime() - seconds * 1000;
    return new Date(renewsItself ? Math.max(instant, renewalWindow(certificate).end.getTime()) : instant);
  };
  return { warningAt: at(warning), criticalAt: at(critical) };
}

/** The longer of the grace and its share of the lifetime, in seconds. */
const graceOf = ({ graceSeconds, graceShare }: WarningPolicy['renewalMissed'], lifetime: number): number =>
  Math.max(graceSeconds, graceShare * lifetime);

/**
 * The instants at which a renewal that did not happen becomes a warning and critical: so long after the last success, but
 * not before it was due and its grace is over; the second no sooner after that than the two are apart.
 * @param dueAt When the host was to renew, after any blackout.
 */
export function missedInstants(
  policy: Pick<WarningPolicy, 'renewalMissed'>,
  { dueAt, succeededAt, ...certificate }: Certificate & { readonly dueAt: Date; readonly succeededAt: Date },
): { readonly warningAt: Date; readonly criticalAt: Date } {
  const { profile, notBefore, notAfter } = certificate;
  const lifetime = (notAfter.getTime() - notBefore.getTime()) / 1000;
  const { warning, critical } = levelsFor(policy.renewalMissed, { profile, lifetime });
  const due = dueAt.getTime() + graceOf(policy.renewalMissed, lifetime) * 1000;
  const at = (since: number, apart: number): Date =>
    new Date(Math.max(succeededAt.getTime() + since * 1000, due + apart * 1000));
  return { warningAt: at(warning, 0), criticalAt: at(critical, critical - warning) };
}

/** The level that has begun at an instant; null while all is well. */
export const levelAt = (
  { warningAt, criticalAt }: { readonly warningAt: Date; readonly criticalAt: Date },
  now: Date,
): WarningLevel | null => (now >= criticalAt ? 'critical' : now >= warningAt ? 'warning' : null);

/** The instants of levels that begin so long before an end. */
export const instantsBefore = (
  end: Date,
  { warning, critical }: LevelSeconds,
): { warningAt: Date; criticalAt: Date } => ({
  warningAt: new Date(end.getTime() - warning * 1000),
  criticalAt: new Date(end.getTime() - critical * 1000),
});

/** The instants of levels that begin so long after a duty. */
export const instantsAfter = (
  duty: Date,
  { warning, critical }: LevelSeconds,
): { warningAt: Date; criticalAt: Date } => ({
  warningAt: new Date(duty.getTime() + warning * 1000),
  criticalAt: new Date(duty.getTime() + critical * 1000),
});

/** The longest life of a certificate that anybody counts with, for levels that only grow with it. Seconds. */
const longestLifetime = 10 * 365 * 86_400;

/** No warning of these begins longer before an end than this, in seconds. */
export function longestWarning({ relative, absolute, profiles }: LifetimeLevels): number {
  const last = absolute.at(-1);
  const share = relative.warning * (last?.lifetimeUpToSeconds === null ? last.lifetimeFromSeconds : longestLifetime);
  return Math.max(
    share,
    ...absolute.map(({ warning }) => warning),
    ...[...profiles.values()].map(({ warning }) => warning),
  );
}

/** No warning of these begins sooner after a duty than this, for such lifetimes, in seconds. */
export const shortestWarning = (
  { relative, absolute, profiles }: LifetimeLevels,
  lifetimes: readonly number[],
): number =>
  Math.min(
    ...lifetimes.map((lifetime) => relative.warning * lifetime),
    ...absolute.map(({ warning }) => warning),
    ...[...profiles.values()].map(({ warning }) => warning),
  );
