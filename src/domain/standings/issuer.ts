// CAs that are not well: that end before what they should sign, whose CRL is not renewed, that cannot issue, and profiles
// that were stopped. Pure.
import { describeSeconds } from '../expiry.ts';
import type { TrustDomain } from '../profile.ts';
import type { Standing } from '../warning.ts';
import { instantsBefore, levelAt, type WarningPolicy } from '../warning-policy.ts';
import { wireTime } from '../wire.ts';
import type { PathEnd } from './lineage-subject.ts';
import { counted, utcDay, utcMinute } from '../words.ts';

/** A CA certificate of the inventory. */
export type IssuerSubject = {
  readonly id: string;
  readonly domain: TrustDomain;
  readonly role: 'root' | 'intermediate' | 'issuing';
  /** Its common name. */
  readonly name: string;
  readonly parentId: string | null;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isActive: boolean;
};

/** The cause of everything that comes of an issuer. */
const issuerCause = (id: string): string => `issuer:${id}`;

/** An issuer and what stands above it, up to the root. */
function pathOf(issuer: IssuerSubject, all: readonly IssuerSubject[]): readonly IssuerSubject[] {
  const path = [issuer];
  for (let at: IssuerSubject | undefined = issuer; at !== undefined && path.length <= all.length; ) {
    const { parentId }: IssuerSubject = at;
    at = all.find(({ id }) => id === parentId);
    if (at !== undefined) path.push(at);
  }
  return path;
}

/** By issuer, the certificate of its path that ends first. */
export const pathEnds = (issuers: readonly IssuerSubject[]): ReadonlyMap<string, PathEnd> =>
  new Map(
    issuers.map((issuer) => {
      const [first = issuer] = pathOf(issuer, issuers).toSorted((a, b) => a.notAfter.getTime() - b.notAfter.getTime());
      return [issuer.id, { at: first.notAfter, issuerId: first.id, name: first.name }];
    }),
  );

/** The longest certificates of a domain. */
export type LongestProfile = { readonly profile: string; readonly lifetimeSeconds: number };

/** CAs that are in use and end: the levels count from the last day on which a longest certificate is whole. */
export const issuersEnding = (
  issuers: readonly IssuerSubject[],
  now: Date,
  terms: {
    readonly policy: Pick<WarningPolicy, 'issuerEnding'>;
    readonly longest: ReadonlyMap<TrustDomain, LongestProfile>;
  },
): readonly Standing[] =>
  [...inUse(issuers)].flatMap((issuer): readonly Standing[] => {
    const longest = terms.longest.get(issuer.domain);
    const whole = new Date(issuer.notAfter.getTime() - (longest?.lifetimeSeconds ?? 0) * 1000);
    const level = levelAt(instantsBefore(whole, terms.policy.issuerEnding), now);
    if (level === null) return [];
    const { id, name, domain, role, notAfter } = issuer;
    const what = longest === undefined ? '' : wholeText(longest, whole, now);
    return [
      {
        ...{ condition: 'issuerEnding', subject: `issuer:${id}`, level, cause: issuerCause(id) },
        reason: `${name} (${role}, ${domain}) ${notAfter < now ? 'ended' : 'ends'} ${utcDay(notAfter)}${what}`,
        ...{ deviceId: null, lineageId: null },
        facts: { name, issuer: id, domain, role, notAfter: wireTime(notAfter), wholeUntil: wireTime(whole) },
      },
    ];
  });

/** Issuance refuses what would outlive its issuer: from the last whole day on nothing of that length is renewed. */
function wholeText({ profile, lifetimeSeconds }: LongestProfile, whole: Date, now: Date): string {
  const from = whole < now ? `since ${utcDay(whole)}` : `from ${utcDay(whole)} on`;
  return `; ${from} it signs no ${profile} certificates of ${describeSeconds(lifetimeSeconds)}: they would outlive it`;
}

/** The active issuing CAs, and what stands above them. */
function inUse(issuers: readonly IssuerSubject[]): ReadonlySet<IssuerSubject> {
  const active = issuers.filter(({ role, isActive }) => role === 'issuing' && isActive);
  return new Set(active.flatMap((issuer) => pathOf(issuer, issuers)));
}

/** A CRL that should have been renewed; without one nobody knows what is revoked. */
export function crlOverdue(
  issuer: IssuerSubject & { readonly nextUpdate: Date | null },
  now: Date,
  { policy }: { readonly policy: Pick<WarningPolicy, 'crl'> },
): readonly Standing[] {
  const { id, name, nextUpdate } = issuer;
  const level = nextUpdate === null ? 'critical' : levelAt(instantsBefore(nextUpdate, policy.crl), now);
  if (level === null) return [];
  const text =
    nextUpdate === null
      ? 'has no CRL'
      : `its CRL ${nextUpdate < now ? 'ended' : 'ends'} ${utcMinute(nextUpdate)} and is not renewed: see crl.refused and job.failed in the log`;
  return [
    {
      ...{ condition: 'crlOverdue', subject: `issuer:${id}`, level, cause: issuerCause(id) },
      reason: `${name}: ${text}`,
      ...{ deviceId: null, lineageId: null },
      facts: { name, issuer: id, nextUpdate: nextUpdate === null ? null : wireTime(nextUpdate) },
    },
  ];
}

/** What an issuer did lately, and what waits for it. */
export type IssuerWork = {
  readonly issuer: IssuerSubject;
  /** Signatures that were asked for and never came, since the last certificate; and the first of them. */
  readonly unsigned: number;
  readonly unsignedSince: Date | null;
  /** The first end among the certificates of its domain that serve, after now. */
  readonly firstNotAfter: Date | null;
};

/** One that is missing may be a crash; so many in a row are the issuer. */
const unsignedTold = 3;

/** Why an issuer cannot issue; null when it can, as far as anybody knows. */
export function unavailableBecause({ issuer, unsigned, unsignedSince }: IssuerWork, now: Date): string | null {
  if (issuer.notAfter <= now) return `its certificate ended ${utcMinute(issuer.notAfter)}`;
  if (issuer.notBefore > now) return `its certificate begins ${utcMinute(issuer.notBefore)}`;
  if (unsigned < unsignedTold || unsignedSince === null) return null;
  return `${counted(unsigned, 'signature')} asked for since ${utcMinute(unsignedSince)}, and none came: is its key reachable?`;
}

/** An issuer that cannot issue: critical, with the time that is left until the first certificate ends for it. */
export function issuerUnavailable(work: IssuerWork, now: Date): readonly Standing[] {
  const because = unavailableBecause(work, now);
  if (because === null) return [];
  const { issuer, firstNotAfter } = work;
  const { id, name, domain } = issuer;
  const first =
    firstNotAfter === null
      ? 'no certificate of it ends'
      : `first expiry ${utcMinute(firstNotAfter)}, in ${describeSeconds(hoursLeft(firstNotAfter, now))}`;
  return [
    {
      ...{ condition: 'issuerUnavailable', subject: `issuer:${id}`, level: 'critical', cause: issuerCause(id) },
      reason: `${name} cannot issue: ${because}; ${first}`,
      ...{ deviceId: null, lineageId: null },
      facts: {
        ...{ name, issuer: id, domain },
        ...(firstNotAfter === null ? {} : { notAfter: wireTime(firstNotAfter) }),
      },
    },
  ];
}

/** Whole hours while there are some, so that the text changes once an hour. Seconds. */
function hoursLeft(end: Date, now: Date): number {
  const left = (end.getTime() - now.getTime()) / 1000;
  return left < 3600 ? Math.ceil(left / 60) * 60 : Math.floor(left / 3600) * 3600;
}

export type StoppedProfile = { readonly profile: string; readonly reason: string; readonly stoppedAt: Date };

/** A profile that issues nothing, since two readers disagreed about one of its certificates. */
export const profileStopped = ({ profile, reason, stoppedAt }: StoppedProfile): readonly Standing[] => [
  {
    ...{ condition: 'profileStopped', subject: `profile:${profile}`, level: 'critical' },
    cause: 'condition:profileStopped',
    reason: `${profile} issues nothing since ${utcMinute(stoppedAt)}: ${reason}`,
    ...{ deviceId: null, lineageId: null },
    facts: { name: profile, profile, stoppedAt: wireTime(stoppedAt) },
  },
];
