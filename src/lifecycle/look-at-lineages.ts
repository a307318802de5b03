// The look at renewals: hosts that do not call, lineages that are not renewed, not confirmed or near their end, and
// certificates that belong to nobody and end. It reads those that may not be well, never the whole fleet.
import type { Blackout } from '../domain/blackout.ts';
import { givenUpAfterSeconds } from '../domain/expiry.ts';
import { type AloneSubject, aloneExpiry } from '../domain/standings/alone.ts';
import { hostNotSeen, type HostSubject } from '../domain/standings/host.ts';
import { type IssuerSubject, type IssuerWork, pathEnds, unavailableBecause } from '../domain/standings/issuer.ts';
import { lookAtLineage } from '../domain/standings/lineage.ts';
import type { LineageSubject, LineageTerms } from '../domain/standings/lineage-subject.ts';
import type { LookChange } from '../domain/look.ts';
import type { Condition, Standing } from '../domain/warning.ts';
import { shortestWarning } from '../domain/warning-policy.ts';
import { before, type Looking, type LookPorts, record } from './look.ts';

type Patience = { readonly absentSeconds: number; readonly patientSeconds: number };

export type LineageLookPorts = LookPorts & {
  readonly lineagesToLookAt: (now: Date, dueBefore: Date) => Promise<readonly string[]>;
  readonly lineagesLookedAt: (ids: readonly string[]) => Promise<readonly LineageSubject[]>;
  readonly hostsToLookAt: (silentSince: Date) => Promise<readonly HostSubject[]>;
  readonly aloneToLookAt: (now: Date, givenUpBefore: Date) => Promise<readonly AloneSubject[]>;
  readonly turnLooks: (now: Date, patience: Patience) => Promise<boolean>;
  readonly issuers: () => readonly IssuerSubject[];
  readonly issuersAtWork: (now: Date) => Promise<readonly IssuerWork[]>;
  readonly signerOf: (profile: string) => string | null;
  readonly blackouts: readonly Blackout[];
  /** Of the profiles that there are, in seconds. */
  readonly lifetimes: readonly number[];
};

/**
 * A host that found no server waits half an hour at most before it tries again, and calls once an hour else: after an
 * absence of the servers nobody is judged before every host has had the time.
 */
const patience: Patience = { absentSeconds: 600, patientSeconds: 4500 };

const conditions: readonly Condition[] = ['expiry', 'renewalMissed', 'renewalFailing', 'notConfirmed', 'hostNotSeen'];

const batch = 500;

/** Looks once. After an absence of the servers only what belongs to no host is told, and everything else stays as it was. */
export const lookAtLineages =
  (ports: LineageLookPorts): Looking =>
  async (now) => {
    const isPatient = await ports.turnLooks(now, patience);
    const ids = await ports.lineagesToLookAt(now, before(now, ports.policy.renewalMissed.graceSeconds));
    const alone = await ports.aloneToLookAt(now, before(now, givenUpAfterSeconds));
    const ofNobody = alone.flatMap((one) => aloneExpiry(one, now, ports));
    if (!isPatient) return lookAtAll(ports, { now, ids, ofNobody });
    const undecided = ids.map((id) => `lineage:${id}`);
    return record(ports, now, { conditions: ['expiry'], standings: ofNobody, undecided });
  };

async function lookAtAll(
  ports: LineageLookPorts,
  {
    now,
    ids,
    ofNobody,
  }: { readonly now: Date; readonly ids: readonly string[]; readonly ofNobody: readonly Standing[] },
): Promise<readonly LookChange[]> {
  const silentSince = before(now, shortestWarning(ports.policy.hostNotSeen, ports.lifetimes));
  const silent = (await ports.hostsToLookAt(silentSince)).flatMap((host) => hostNotSeen(host, now, ports));
  const terms = await termsAt(ports, now);
  const standings: Standing[] = [...silent, ...ofNobody];
  const undecided: string[] = [];
  for (let from = 0; from < ids.length; from += batch) {
    for (const subject of await ports.lineagesLookedAt(ids.slice(from, from + batch))) {
      const look = lookAtLineage(subject, now, terms);
      standings.push(...look.standings);
      if (look.isUndecided) undecided.push(`lineage:${subject.id}`);
    }
  }
  return record(ports, now, { conditions, standings, undecided });
}

async function termsAt(ports: LineageLookPorts, now: Date): Promise<LineageTerms> {
  const work = await ports.issuersAtWork(now);
  const unavailable = work.filter((one) => unavailableBecause(one, now) !== null).map(({ issuer }) => issuer.id);
  const { policy, blackouts, signerOf } = ports;
  return { policy, blackouts, signerOf, pathEnds: pathEnds(ports.issuers()), unavailable: new Set(unavailable) };
}
