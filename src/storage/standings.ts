// What looks gather of lineages and hosts: candidates by index, then their facts. What is not well is decided in
// domain/standings/.
import type { FindingResource } from '../domain/lineage-wire.ts';
import type { HostEndorsement, HostFindings, HostPresence, HostSubject, HostTrust } from '../domain/standings/host.ts';
import type { AloneSubject, SharedSubject, UnmanagedSubject } from '../domain/standings/alone.ts';
import type { LineageSubject } from '../domain/standings/lineage-subject.ts';
import { factsFromRow } from './lineages.ts';
import type { Database, RawRow } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

const candidates = statement<[Date, Date], string>('lineages_to_look_at.sql', (row) => text(row, 'id'));
const lineages = statement<[readonly string[]], LineageSubject>('lineages_looked_at.sql', (row) => ({
  ...factsFromRow(row),
  newestIssuer: textOrNull(row, 'newest_issuer'),
  inUseIssuer: textOrNull(row, 'used_issuer'),
  newestRevokedAt: instantOrNull(row, 'newest_revoked_at'),
  host: presenceFromRow(row),
}));
const hosts = statement<[Date], HostSubject>('hosts_to_look_at.sql', (row) => ({
  ...hostFromRow(row),
  ...presenceFromRow(row),
  serving: number(row, 'serving'),
  firstNotAfter: instantOrNull(row, 'first_not_after'),
}));
const findings = statement<[], HostFindings>('hosts_with_findings.sql', (row) => ({
  ...hostFromRow(row),
  reportedAt: instant(row, 'reported_at'),
  // Checked by the contract when the host reported it.
  findings: row['findings'] as readonly FindingResource[],
}));
const oldTrust = statement<[Date], HostTrust & { readonly lastSeenAt: Date }>('hosts_with_old_trust.sql', (row) => ({
  ...hostFromRow(row),
  lastSeenAt: instant(row, 'last_seen_at'),
  generation: number(row, 'generation'),
  missing: { generation: number(row, 'missing_generation'), publishedAt: instant(row, 'missing_published_at') },
  newest: number(row, 'newest'),
}));
const endorsements = statement<[Date], HostEndorsement>('endorsements_ending.sql', (row) => ({
  ...hostFromRow(row),
  fingerprint: text(row, 'fingerprint'),
  notAfter: instant(row, 'not_after'),
}));
const unmanaged = statement<[Date, Date], UnmanagedSubject>('unmanaged_to_look_at.sql', (row) => ({
  ...hostFromRow(row),
  path: text(row, 'path'),
  fingerprint: text(row, 'fingerprint'),
  subject: text(row, 'subject'),
  notBefore: instant(row, 'not_before'),
  notAfter: instant(row, 'not_after'),
  fault: textOrNull(row, 'fault'),
}));
const shared = statement<[Date], SharedSubject>('certificates_on_two_hosts.sql', (row) => ({
  fingerprint: text(row, 'fingerprint'),
  subject: text(row, 'subject'),
  owner:
    textOrNull(row, 'owner_id') === null
      ? null
      : { deviceId: text(row, 'owner_id'), hostName: text(row, 'owner_name') },
  // Made by the statement.
  places: row['places'] as SharedSubject['places'],
}));
const alone = statement<[Date, Date], AloneSubject>('alone_to_look_at.sql', (row) => ({
  fingerprint: text(row, 'fingerprint'),
  profile: text(row, 'profile'),
  commonName: text(row, 'subject_common_name'),
  principal: text(row, 'principal'),
  notBefore: instant(row, 'not_before'),
  notAfter: instant(row, 'not_after'),
}));
const turn = statement<[Date, number, number], boolean>('turn_looks.sql', (row) => boolean(row, 'is_patient'));

const hostFromRow = (row: RawRow) => ({ deviceId: text(row, 'device_id'), hostName: text(row, 'host_name') });

const presenceFromRow = (row: RawRow): HostPresence => ({
  lastSeenAt: instant(row, 'last_seen_at'),
  shortestLifetime: row['shortest_lifetime'] === null ? null : number(row, 'shortest_lifetime'),
  firstCriticalAt: instantOrNull(row, 'first_critical_at'),
});

/** What looks read of lineages and hosts in a database, as lifecycle/look-at-*.ts need it. */
export const standingsIn = (db: Database) => ({
  /** Ids of those that may not be well: at `now`, and due before `dueBefore`. */
  lineagesToLookAt: (now: Date, dueBefore: Date): Promise<readonly string[]> => candidates(db, [now, dueBefore]),
  lineagesLookedAt: (ids: readonly string[]): Promise<readonly LineageSubject[]> => lineages(db, [ids]),
  hostsToLookAt: (silentSince: Date): Promise<readonly HostSubject[]> => hosts(db, [silentSince]),
  hostsWithFindings: (): Promise<readonly HostFindings[]> => findings(db, []),
  /** That lack a bundle which was published before `publishedBefore`. */
  hostsWithOldTrust: (publishedBefore: Date): Promise<readonly (HostTrust & { readonly lastSeenAt: Date })[]> =>
    oldTrust(db, [publishedBefore]),
  endorsementsEnding: (endingBy: Date): Promise<readonly HostEndorsement[]> => endorsements(db, [endingBy]),
  /** That end by `endingBy` and not before `givenUpBefore`, or have a fault. */
  unmanagedToLookAt: (endingBy: Date, givenUpBefore: Date): Promise<readonly UnmanagedSubject[]> =>
    unmanaged(db, [endingBy, givenUpBefore]),
  certificatesOnTwoHosts: (endingAfter: Date): Promise<readonly SharedSubject[]> => shared(db, [endingAfter]),
  aloneToLookAt: (now: Date, givenUpBefore: Date): Promise<readonly AloneSubject[]> => alone(db, [now, givenUpBefore]),
  /** Whether hosts still have time to call, after an absence of the servers of more than `absentSeconds`. */
  turnLooks: async (now: Date, patience: { absentSeconds: number; patientSeconds: number }): Promise<boolean> =>
    (await turn(db, [now, patience.absentSeconds, patience.patientSeconds]))[0] ?? false,
});
