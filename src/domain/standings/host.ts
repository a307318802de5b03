// Hosts that are not well: which do not call, what they found on themselves, which have old trust anchors, and whose EK
// certificate ends. Pure.
import { oneLine } from '../printable.ts';
import type { FindingResource } from '../lineage-wire.ts';
import type { Standing, WarningLevel } from '../warning.ts';
import { instantsAfter, instantsBefore, levelAt, levelsFor, type WarningPolicy } from '../warning-policy.ts';
import { wireTime } from '../wire.ts';
import { utcDay, utcMinute } from '../words.ts';

/** When a host called last, and by what its silence is measured. */
export type HostPresence = {
  readonly lastSeenAt: Date;
  /** Of its certificates, in seconds; null while it has none, so that nobody waits for it. */
  readonly shortestLifetime: number | null;
  /** When the first of its certificates that serve is critical; null for none. */
  readonly firstCriticalAt: Date | null;
};

export type HostSubject = HostPresence & {
  readonly deviceId: string;
  readonly hostName: string;
  /** Certificates that serve there, and the end of the first. */
  readonly serving: number;
  readonly firstNotAfter: Date | null;
};

/** The cause of everything that comes of a host's silence. */
export const hostCause = (deviceId: string): string => `host:${deviceId}`;

/**
 * How long a host has been silent: by its shortest lifetime, and critical as soon as a certificate of it is, since nobody
 * is there to renew that. Null while it calls.
 */
export function hostSilence(
  policy: Pick<WarningPolicy, 'hostNotSeen'>,
  { lastSeenAt, shortestLifetime, firstCriticalAt }: HostPresence,
  now: Date,
): WarningLevel | null {
  if (shortestLifetime === null) return null;
  const levels = levelsFor(policy.hostNotSeen, { profile: '', lifetime: shortestLifetime });
  const level = levelAt(instantsAfter(lastSeenAt, levels), now);
  return level === 'warning' && firstCriticalAt !== null && now >= firstCriticalAt ? 'critical' : level;
}

/** A host that does not call. */
export function hostNotSeen(
  host: HostSubject,
  now: Date,
  { policy }: { readonly policy: Pick<WarningPolicy, 'hostNotSeen'> },
): readonly Standing[] {
  const level = hostSilence(policy, host, now);
  if (level === null) return [];
  const { deviceId, hostName, lastSeenAt, firstNotAfter, serving } = host;
  const ends = firstNotAfter === null ? '' : `; ${endsText(serving, firstNotAfter, now)}`;
  return [
    {
      ...{ condition: 'hostNotSeen', subject: `device:${deviceId}`, level, cause: hostCause(deviceId) },
      reason: `has not called since ${utcMinute(lastSeenAt)}${ends}`,
      ...{ deviceId, lineageId: null },
      facts: {
        ...{ name: hostName, hostName, lastSeenAt: wireTime(lastSeenAt), certificates: serving },
        ...(firstNotAfter === null ? {} : { notAfter: wireTime(firstNotAfter) }),
      },
    },
  ];
}

function endsText(serving: number, first: Date, now: Date): string {
  const verb = first < now ? 'ended' : 'ends';
  if (serving === 1) return `its certificate ${verb} ${utcMinute(first)}`;
  return `the first of its ${serving} certificates ${verb} ${utcMinute(first)}`;
}

export type HostFindings = {
  readonly deviceId: string;
  readonly hostName: string;
  readonly reportedAt: Date;
  readonly findings: readonly FindingResource[];
};

/** What a host found wrong on itself, as its last report says: one standing a check, in the words of the host. */
export const hostFindings = (host: HostFindings): readonly Standing[] =>
  host.findings.flatMap(({ check, level, detail, fix }): readonly Standing[] => {
    if (level !== 'warning' && level !== 'critical') return [];
    const { deviceId, hostName, reportedAt } = host;
    return [
      {
        ...{ condition: 'hostFinding', subject: `device:${deviceId}:${check}`, level, cause: `finding:${check}` },
        reason: oneLine(`${check}: ${detail}${fix === null ? '' : `; ${fix}`}`),
        ...{ deviceId, lineageId: null },
        facts: { name: hostName, hostName, check, detail, fix, reportedAt: wireTime(reportedAt) },
      },
    ];
  });

export type HostTrust = {
  readonly deviceId: string;
  readonly hostName: string;
  readonly generation: number;
  /** The first bundle that it does not have, and the newest. */
  readonly missing: { readonly generation: number; readonly publishedAt: Date };
  readonly newest: number;
};

/** A host that calls and still has old trust anchors. */
export function trustOutdated(
  host: HostTrust,
  now: Date,
  { policy }: { readonly policy: Pick<WarningPolicy, 'trustOutdated'> },
): readonly Standing[] {
  const { deviceId, hostName, generation, missing, newest } = host;
  const level = levelAt(instantsAfter(missing.publishedAt, policy.trustOutdated), now);
  if (level === null) return [];
  const has = generation === 0 ? 'no trust bundle' : `trust generation ${generation}`;
  return [
    {
      ...{ condition: 'trustOutdated', subject: `device:${deviceId}`, level, cause: `trust:${missing.generation}` },
      reason: `has ${has}; generation ${missing.generation} was published ${utcMinute(missing.publishedAt)}`,
      ...{ deviceId, lineageId: null },
      facts: { name: hostName, hostName, trustGeneration: generation, newestGeneration: newest },
    },
  ];
}

export type HostEndorsement = {
  readonly deviceId: string;
  readonly hostName: string;
  readonly fingerprint: string;
  /** The latest end among the EK certificates of its TPM. */
  readonly notAfter: Date;
};

/** A TPM whose EK certificates end: its host could not come back after it lost its keys. */
export function endorsementEnding(
  host: HostEndorsement,
  now: Date,
  { policy }: { readonly policy: Pick<WarningPolicy, 'endorsementCertificate'> },
): readonly Standing[] {
  const { deviceId, hostName, fingerprint, notAfter } = host;
  const level = levelAt(instantsBefore(notAfter, policy.endorsementCertificate), now);
  if (level === null) return [];
  const verb = notAfter < now ? 'ended' : 'ends';
  return [
    {
      ...{ condition: 'endorsementCertificateEnding', subject: `device:${deviceId}`, level },
      cause: 'condition:endorsementCertificateEnding',
      reason: `the EK certificate of its TPM ${verb} ${utcDay(notAfter)}: without it the host cannot enroll again`,
      ...{ deviceId, lineageId: null },
      facts: { name: hostName, hostName, endorsementKey: fingerprint, notAfter: wireTime(notAfter) },
    },
  ];
}
