// The looks at the service itself: CAs, their CRLs and profiles; what waits for a person; and what is unusual among the
// certificates of the last hours.
import { approvalLifetimeSeconds } from '../domain/enrollment.ts';
import type { TrustDomain } from '../domain/profile.ts';
import {
  campaignStopped,
  enrollmentPending,
  type IssuanceSubject,
  type PendingSubject,
  type RefusedRequests,
  type StoppedCampaign,
  unusualForSeconds,
  unusualIssuance,
} from '../domain/standings/issuance.ts';
import {
  crlOverdue,
  type IssuerSubject,
  type IssuerWork,
  issuersEnding,
  issuerUnavailable,
  type LongestProfile,
  profileStopped,
  type StoppedProfile,
} from '../domain/standings/issuer.ts';
import { before, type Looking, type LookPorts, record } from './look.ts';

export type IssuerLookPorts = LookPorts & {
  readonly issuers: () => readonly IssuerSubject[];
  readonly issuersAtWork: (now: Date) => Promise<readonly IssuerWork[]>;
  readonly newestCrl: (issuerId: string) => Promise<{ readonly nextUpdate: Date } | null>;
  readonly stoppedProfiles: (digests: readonly string[]) => Promise<readonly StoppedProfile[]>;
  readonly enrollmentsPending: (provedAfter: Date) => Promise<readonly PendingSubject[]>;
  readonly campaignsStopped: (stoppedAfter: Date) => Promise<readonly StoppedCampaign[]>;
  /** Digests of the profiles as they are, and the longest of each domain. */
  readonly profileDigests: readonly string[];
  readonly longest: ReadonlyMap<TrustDomain, LongestProfile>;
};

/** A campaign that stopped so long ago is no news any more. Seconds. */
const campaignToldSeconds = 7 * 86_400;

/** Looks once at issuers and at what waits. */
export const lookAtIssuers =
  (ports: IssuerLookPorts): Looking =>
  async (now) => {
    const issuers = ports.issuers();
    const signing = issuers.filter(({ role, isActive }) => role === 'issuing' && isActive);
    const crls = await Promise.all(
      signing.map(async (issuer) => ({
        ...issuer,
        nextUpdate: (await ports.newestCrl(issuer.id))?.nextUpdate ?? null,
      })),
    );
    const work = await ports.issuersAtWork(now);
    const stopped = await ports.stoppedProfiles(ports.profileDigests);
    const pending = await ports.enrollmentsPending(before(now, approvalLifetimeSeconds));
    const campaigns = await ports.campaignsStopped(before(now, campaignToldSeconds));
    return record(ports, now, {
      conditions: [
        ...(['issuerEnding', 'crlOverdue', 'issuerUnavailable', 'profileStopped'] as const),
        ...(['enrollmentPending', 'campaignStopped'] as const),
      ],
      standings: [
        ...issuersEnding(issuers, now, ports),
        ...crls.flatMap((issuer) => crlOverdue(issuer, now, ports)),
        ...work.flatMap((one) => issuerUnavailable(one, now)),
        ...stopped.flatMap(profileStopped),
        ...pending.map(enrollmentPending),
        ...campaigns.map(campaignStopped),
      ],
    });
  };

export type IssuanceLookPorts = LookPorts & {
  readonly issuancesOfHour: (now: Date, most: number) => Promise<number>;
  readonly newNames: (since: Date) => Promise<IssuanceSubject['newNames']>;
  readonly refusedRequests: (since: Date) => Promise<readonly RefusedRequests[]>;
};

/** Looks once at what was issued and refused lately. */
export const lookAtIssuance =
  (ports: IssuanceLookPorts): Looking =>
  async (now) => {
    const since = before(now, unusualForSeconds);
    const { perHour, newNames } = ports.policy.unusualIssuance;
    const seen = {
      lastHour: await ports.issuancesOfHour(now, perHour * 10 + 1),
      newNames: newNames ? await ports.newNames(since) : [],
      refused: await ports.refusedRequests(since),
    };
    return record(ports, now, { conditions: ['unusualIssuance'], standings: unusualIssuance(seen, ports) });
  };
