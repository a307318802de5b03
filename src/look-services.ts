// The looks for what is not well, as jobs of the server. Part of the composition root: nothing is decided here.
import type { Authorities } from './authorities.ts';
import type { Config } from './config.ts';
import type { LookChange } from './domain/look.ts';
import type { Channel } from './domain/message.ts';
import type { TrustDomain } from './domain/profile.ts';
import type { IssuerSubject, IssuerWork, LongestProfile } from './domain/standings/issuer.ts';
import type { Looking } from './lifecycle/look.ts';
import { lookAtHosts, lookAtTrust } from './lifecycle/look-at-hosts.ts';
import { lookAtIssuance, lookAtIssuers } from './lifecycle/look-at-issuers.ts';
import { lookAtLineages } from './lifecycle/look-at-lineages.ts';
import type { Job } from './lifecycle/scheduler.ts';
import type { Logger } from './log.ts';
import type { Policies } from './policies.ts';
import { issuanceStandingsIn } from './storage/issuance-standings.ts';
import { issuersIn } from './storage/issuers.ts';
import type { Database } from './storage/pool.ts';
import { standingsIn } from './storage/standings.ts';
import { warningStore } from './storage/warnings.ts';
import { subjectCommonName } from './x509/certificate.ts';

export type LookParts = {
  readonly config: Pick<Config, 'renewals'>;
  readonly db: Database;
  readonly policies: Pick<Policies, 'profiles' | 'warnings'>;
  readonly authorities: Pick<Authorities, 'rows' | 'active'>;
  readonly channels: readonly Channel[];
  readonly log: Logger;
  readonly now: () => Date;
};

/** The looks. Several servers may look: what they find is recorded under one lock, and the same twice is once. */
export function lookJobs(parts: LookParts): readonly Job[] {
  const { log, now } = parts;
  const ports = lookPorts(parts);
  const job = (name: string, everySeconds: number, look: Looking): Job => ({
    ...{ name, everySeconds },
    run: async () => {
      for (const change of await look(now())) tell(log, change);
    },
  });
  return [
    job('lookAtLineages', 60, lookAtLineages(ports)),
    job('lookAtIssuers', 60, lookAtIssuers(ports)),
    job('lookAtIssuance', 60, lookAtIssuance(ports)),
    job('lookAtHosts', 120, lookAtHosts(ports)),
    job('lookAtTrust', 300, lookAtTrust(ports)),
  ];
}

function tell(log: Logger, { change, ...fields }: LookChange): void {
  (change === 'closed' ? log.info : log.warn)(`warning.${change}`, fields);
}

/** Everything that the looks ask for, over one database and the issuers that were opened. */
function lookPorts({ config, db, policies, authorities, channels }: Omit<LookParts, 'log' | 'now'>) {
  const profiles = [...policies.profiles.values()];
  const issuers = authorities.rows.map(subjectOf);
  const issuance = issuanceStandingsIn(db);
  return {
    ...{ ...standingsIn(db), ...issuance, ...warningStore(db), channels, policy: policies.warnings },
    blackouts: config.renewals.blackouts,
    lifetimes: profiles.map(({ lifetimeSeconds }) => lifetimeSeconds),
    profileDigests: profiles.map(({ digest }) => digest),
    longest: longestOf(profiles),
    issuers: () => issuers,
    newestCrl: issuersIn(db).newestCrl,
    issuersAtWork: async (now: Date): Promise<readonly IssuerWork[]> =>
      (await issuance.issuerWork(now)).flatMap(({ issuerId, ...work }) => {
        const issuer = issuers.find(({ id }) => id === issuerId);
        return issuer === undefined ? [] : [{ issuer, ...work }];
      }),
    signerOf: (profile: string): string | null => {
      const domain = policies.profiles.get(profile)?.domain;
      return domain === undefined ? null : (authorities.active.get(domain)?.id ?? null);
    },
  };
}

function subjectOf({ der, subjectKeyIdentifier, ...row }: Authorities['rows'][number]): IssuerSubject {
  return { ...row, name: subjectCommonName(der) ?? `the CA with key ${subjectKeyIdentifier}` };
}

function longestOf(
  profiles: readonly { readonly name: string; readonly domain: TrustDomain; readonly lifetimeSeconds: number }[],
): ReadonlyMap<TrustDomain, LongestProfile> {
  const longest = new Map<TrustDomain, LongestProfile>();
  for (const { name, domain, lifetimeSeconds } of profiles)
    if (lifetimeSeconds > (longest.get(domain)?.lifetimeSeconds ?? 0))
      longest.set(domain, { profile: name, lifetimeSeconds });
  return longest;
}
