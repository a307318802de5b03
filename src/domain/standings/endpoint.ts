// How an endpoint stands, from what a probe saw, what the inventory has, and the clock. Pure; what each finding means for a
// person is in docs/runbooks/endpoint-wrong.md.
import type { CertificateRecord } from '../certificate.ts';
import { type Endpoint, type EndpointSeen, type ServedExpectation, addressOf } from '../endpoint.ts';
import type { LineageFacts } from '../lineage.ts';
import { levelsFor, type WarningPolicy } from '../warning-policy.ts';
import type { Condition, Standing, WarningLevel } from '../warning.ts';
import { utcMinute } from '../words.ts';
import { wireTime } from '../wire.ts';

/** The conditions of endpoints; a look for one of them looks for all. */
export const endpointConditions = [
  'endpointUnreachable',
  'servedDiffers',
  'servedEnding',
  'endpointChain',
  'clientNotAsked',
  'clientNotRefused',
  'spireBundle',
] as const satisfies readonly Condition[];

export type EndpointCondition = (typeof endpointConditions)[number];

export type EndpointFinding = {
  readonly condition: EndpointCondition;
  readonly level: WarningLevel;
  readonly detail: string;
};

/** What the inventory says of the certificate that was served. */
export type ServedFacts = {
  readonly sha256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Null when it is of nobody. */
  readonly record: CertificateRecord | null;
  /** Whose lineage it is; null for one without lineage. */
  readonly owner: LineageFacts | null;
  /** The lineages that are expected there; null when nothing is expected. */
  readonly expected: readonly LineageFacts[] | null;
};

export type EndpointFacts = {
  readonly endpoint: Endpoint;
  readonly seen: EndpointSeen;
  /** Null where no certificate was seen that can be read. */
  readonly served: ServedFacts | null;
  /** Why clients cannot verify it, each with the client's name. */
  readonly chainFaults: readonly { readonly client: string; readonly isForAll: boolean; readonly detail: string }[];
  readonly policy: Pick<WarningPolicy, 'expiry' | 'spireBundle'>;
  readonly now: Date;
};

/** Everything that is not well. */
export function endpointFindings(facts: EndpointFacts): readonly EndpointFinding[] {
  const { seen, endpoint } = facts;
  if (!seen.reached) {
    return [finding('endpointUnreachable', seen.isOtherProtocol ? 'critical' : 'warning', seen.detail)];
  }
  return [
    ...servedFindings(facts),
    ...endingFindings(facts),
    ...chainFindings(facts),
    ...clientFindings(endpoint, seen),
    ...bundleFindings(facts, seen),
  ];
}

const finding = (condition: EndpointCondition, level: WarningLevel, detail: string): EndpointFinding => ({
  ...{ condition, level, detail },
});

/** A new certificate has so long to be served, as it has to be confirmed. Seconds. */
const servedWithinSeconds = 3600;

/** What ought to be served, against what is. */
function servedFindings({ endpoint, served, now }: EndpointFacts): readonly EndpointFinding[] {
  if (served === null || endpoint.expects === null) return [];
  const differs = (level: WarningLevel, detail: string): readonly EndpointFinding[] => [
    finding('servedDiffers', level, detail),
  ];
  const { record, owner, expected, sha256 } = served;
  if (record === null) return differs('critical', `serves ${sha256}, which is not of this service`);
  if (record.status.kind === 'revoked') return differs('critical', `serves ${sha256}, which is revoked`);
  const place = expected?.find(({ id }) => id === owner?.id);
  if (expected !== null && expected.length === 0) {
    return differs('warning', `${wantedText(endpoint.expects)} is nowhere in the inventory`);
  }
  if (expected !== null && place === undefined) {
    const whose = owner === null ? record.commonName : placeText(owner);
    return differs('critical', `serves the certificate of ${whose}, not of ${wantedText(endpoint.expects)}`);
  }
  return owner === null ? [] : olderFindings(served, owner, now);
}

const wantedText = (expects: ServedExpectation): string =>
  expects.kind === 'managed' ? 'any that is managed' : placeText({ ...expects, place: expects.place ?? '' });

const placeText = ({ hostName, profile, place }: Pick<LineageFacts, 'hostName' | 'profile' | 'place'>): string =>
  `${hostName}, ${profile}${place === '' ? '' : ` ${place}`}`;

/** Renewed, and never taken into use by the program. */
function olderFindings(served: ServedFacts, { newest }: LineageFacts, now: Date): readonly EndpointFinding[] {
  if (newest === null || newest.fingerprint === served.sha256) return [];
  const since = (now.getTime() - newest.issuedAt.getTime()) / 1000;
  if (newest.installedAt === null && since < servedWithinSeconds) return [];
  if (newest.installedAt !== null && now.getTime() - newest.installedAt.getTime() < reloadMilliseconds) return [];
  const left = served.notAfter.getTime() - now.getTime();
  const isNear = left * 10 < served.notAfter.getTime() - served.notBefore.getTime();
  const how = newest.installedAt === null ? 'issued' : 'put in place';
  const detail = `serves an older certificate, until ${utcMinute(served.notAfter)}: the next one was ${how} and not reloaded`;
  return [finding('servedDiffers', isNear ? 'critical' : 'warning', detail)];
}

/** A program may take so long to reload. */
const reloadMilliseconds = 120_000;

/** The certificate that a lineage has in use is warned of as such; any other one is nobody's but this endpoint's. */
function endingFindings({ served, policy, now }: EndpointFacts): readonly EndpointFinding[] {
  if (served === null) return [];
  const { owner, sha256, notBefore, notAfter, record } = served;
  if (owner !== null && (owner.inUse ?? owner.newest)?.fingerprint === sha256) return [];
  const lifetime = (notAfter.getTime() - notBefore.getTime()) / 1000;
  const levels = levelsFor(policy.expiry, { profile: record?.profile ?? '', lifetime });
  const level = levelBefore(notAfter, levels, now);
  const verb = now > notAfter ? 'ended' : 'ends';
  return level === null ? [] : [finding('servedEnding', level, `what it serves ${verb} at ${utcMinute(notAfter)}`)];
}

function levelBefore(
  end: Date,
  { warning, critical }: { readonly warning: number; readonly critical: number },
  now: Date,
): WarningLevel | null {
  const left = (end.getTime() - now.getTime()) / 1000;
  if (left <= critical) return 'critical';
  return left <= warning ? 'warning' : null;
}

/** One finding with every client in it: a warning has one condition and one subject. */
function chainFindings({ chainFaults }: EndpointFacts): readonly EndpointFinding[] {
  if (chainFaults.length === 0) return [];
  const isForAll = chainFaults.some((fault) => fault.isForAll);
  const detail = chainFaults.map((fault) => `${fault.client}: ${fault.detail}`).join('; ');
  return [finding('endpointChain', isForAll ? 'critical' : 'warning', detail)];
}

function clientFindings(
  { clientAuth }: Endpoint,
  seen: Extract<EndpointSeen, { readonly reached: true }>,
): readonly EndpointFinding[] {
  const findings: EndpointFinding[] = [];
  const { isClientAsked, withoutCertificate, withCertificate, wrongClients } = seen;
  if (clientAuth !== 'none' && !isClientAsked) {
    findings.push(finding('clientNotAsked', 'critical', 'asks for no client certificate'));
  } else if (clientAuth === 'demanded' && withoutCertificate.kind === 'taken') {
    const detail = `takes a client without a certificate: ${withoutCertificate.detail}`;
    findings.push(finding('clientNotAsked', 'critical', detail));
  }
  const taken = wrongClients.filter(({ reception }) => reception.kind === 'taken');
  if (taken.length > 0) {
    const detail = taken.map(({ what, reception }) => `${what}: ${reception.detail}`).join('; ');
    findings.push(finding('clientNotRefused', 'critical', `takes a client certificate that it must refuse: ${detail}`));
  }
  if (withCertificate !== null && withCertificate.kind !== 'taken') {
    const detail = `does not take the client certificate that it should: ${withCertificate.detail}`;
    findings.push(finding('endpointUnreachable', 'warning', detail));
  }
  return findings;
}

function bundleFindings(
  { policy, now }: EndpointFacts,
  { bundle }: Extract<EndpointSeen, { readonly reached: true }>,
): readonly EndpointFinding[] {
  if (bundle === null) return [];
  if (!bundle.ok) return [finding('spireBundle', 'warning', `no bundle can be read: ${bundle.detail}`)];
  const last = new Date(Math.max(...bundle.authorities.map(({ notAfter }) => notAfter.getTime())));
  const level = levelBefore(last, policy.spireBundle, now);
  const detail = `its last authority ends at ${utcMinute(last)}`;
  return level === null ? [] : [finding('spireBundle', level, detail)];
}

/** What is stored of the last look. */
export type ProbeRecord = {
  readonly endpoint: string;
  readonly lookedAt: Date;
  readonly reachableAt: Date | null;
  /** Null where it answered the last time. */
  readonly unreachableSince: Date | null;
  readonly findings: readonly EndpointFinding[];
  readonly servedSha256: string | null;
  readonly servedNotAfter: Date | null;
};

/** The next record. What was found before stands while nobody answers: that it is well again has to be seen. */
export function nextRecord(
  before: ProbeRecord | null,
  { endpoint, seen, served, now }: EndpointFacts,
  findings: readonly EndpointFinding[],
): ProbeRecord {
  const base = { endpoint: endpoint.name, lookedAt: now };
  if (seen.reached) {
    const what = { servedSha256: served?.sha256 ?? null, servedNotAfter: served?.notAfter ?? null };
    return { ...base, reachableAt: now, unreachableSince: null, findings, ...what };
  }
  const kept = (before?.findings ?? []).filter(({ condition }) => condition !== 'endpointUnreachable');
  return {
    ...base,
    reachableAt: before?.reachableAt ?? null,
    unreachableSince: before?.unreachableSince ?? now,
    findings: [...findings, ...kept],
    servedSha256: before?.servedSha256 ?? null,
    servedNotAfter: before?.servedNotAfter ?? null,
  };
}

/** Nobody answered for so long: it is out of service, and no restart. Seconds. */
const outageSeconds = 3600;

/** Standings of an endpoint's last record. That it does not answer is told when it did not at two looks. */
export function endpointStandings(
  endpoint: Endpoint,
  record: ProbeRecord,
  device: { readonly id: string; readonly lineageId: string | null } | null,
): readonly Standing[] {
  const { unreachableSince, lookedAt, servedSha256, servedNotAfter } = record;
  const address = addressOf(endpoint);
  return record.findings.flatMap(({ condition, level, detail }): readonly Standing[] => {
    const isAway = condition === 'endpointUnreachable' && unreachableSince !== null;
    if (isAway && lookedAt <= unreachableSince && level === 'warning') return [];
    const awaySeconds = isAway ? (lookedAt.getTime() - unreachableSince.getTime()) / 1000 : 0;
    return [
      {
        condition,
        subject: `endpoint:${endpoint.name}`,
        level: awaySeconds >= outageSeconds ? 'critical' : level,
        cause: condition === 'endpointUnreachable' ? 'condition:endpointUnreachable' : `endpoint:${endpoint.name}`,
        reason: `${address} ${isAway && level === 'warning' ? `does not answer: ${detail}` : detail}`,
        deviceId: device?.id ?? null,
        lineageId: device?.lineageId ?? null,
        facts: {
          name: endpoint.name,
          address,
          kind: endpoint.kind,
          ...(servedSha256 === null ? {} : { certificate: servedSha256 }),
          ...(servedNotAfter === null ? {} : { notAfter: wireTime(servedNotAfter) }),
        },
      },
    ];
  });
}

/** What to tell the lineage of a certificate that was served: confirmed, in use after all though older, or nothing new. */
export function confirmationOf(
  { endpoint, served }: Pick<EndpointFacts, 'endpoint' | 'served'>,
  { seenAt }: { readonly seenAt: Date },
): string | null {
  if (endpoint.expects?.kind !== 'lineage' || served?.record?.status.kind !== 'good') return null;
  const { owner, expected, sha256 } = served;
  if (owner?.newest == null || expected?.every(({ id }) => id !== owner.id) !== false) return null;
  const { newest, inUse, hasSpireAgent } = owner;
  if (newest.fingerprint === sha256) {
    if (hasSpireAgent) return newest.installedAt === null ? sha256 : null;
    return newest.confirmed === null || newest.confirmed.by === 'host' ? sha256 : null;
  }
  if (inUse?.fingerprint === sha256 || newest.confirmed === null) return null;
  // What was confirmed while we looked may have been reloaded since.
  const isSettled = seenAt.getTime() - newest.confirmed.at.getTime() > reloadMilliseconds;
  return isSettled ? sha256 : null;
}
