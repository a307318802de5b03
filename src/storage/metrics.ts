// What one look of monitoring asks of the database: a few statements, one after another on one connection, none of which
// walks history.
import type { HostFacts } from '../domain/lineage-wire.ts';
import { givenUpAfterSeconds } from '../domain/expiry.ts';
import type {
  AttestationFacts,
  ChannelFacts,
  IssuerFacts,
  KeylimeFacts,
  LevelCounts,
  LineageCounts,
  MetricFacts,
  MetricLimits,
  ProbeFacts,
  QueueFacts,
  RenewalTimes,
  ServingEnd,
} from '../domain/metric-facts.ts';
import type { Database, RawRow, Session } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

const levels = (row: RawRow): LevelCounts => ({
  profile: text(row, 'profile'),
  ok: number(row, 'ok'),
  warning: number(row, 'warning'),
  critical: number(row, 'critical'),
  ended: number(row, 'ended'),
  missing: number(row, 'missing'),
});

const patience = statement<[], null>('metric_patience.sql', () => null);
const lineages = statement<[Date], LineageCounts>('metric_lineages.sql', (row) => ({
  ...levels(row),
  due: number(row, 'due'),
  failing: number(row, 'failing'),
}));
const alone = statement<[Date, Date], LevelCounts>('metric_alone.sql', levels);
const endOf = (row: RawRow): ServingEnd => ({
  lineageId: textOrNull(row, 'lineage_id'),
  profile: text(row, 'profile'),
  place: text(row, 'place'),
  host: text(row, 'host'),
  notAfter: instantOrNull(row, 'not_after'),
});
const ends = statement<[number, Date], ServingEnd>('metric_ends.sql', endOf);
const missing = statement<[number], ServingEnd>('metric_missing.sql', endOf);
const renewals = statement<[Date], RenewalTimes>('metric_renewals.sql', (row) => ({
  profile: text(row, 'profile'),
  lastAttemptAt: instantOrNull(row, 'last_attempt_at'),
  lastSuccessAt: instantOrNull(row, 'last_success_at'),
}));
const issuers = statement<[], IssuerFacts>('metric_issuers.sql', (row) => ({
  id: text(row, 'id'),
  key: text(row, 'subject_key_identifier'),
  domain: text(row, 'trust_domain'),
  role: text(row, 'role'),
  isActive: boolean(row, 'is_active'),
  notAfter: instant(row, 'not_after'),
  isUnavailable: boolean(row, 'is_unavailable'),
  crlNextUpdate: instantOrNull(row, 'crl_next_update'),
}));
const queues = statement<[Date], QueueFacts>('metric_queues.sql', (row) => ({
  renewalsWaiting: number(row, 'renewals_waiting'),
  intentsOpen: number(row, 'intents_open'),
  enrollmentsPending: number(row, 'enrollments_pending'),
  alarmsWaiting: number(row, 'alarms_waiting'),
  oldestAlarmAt: instantOrNull(row, 'oldest_alarm_at'),
}));
const channels = statement<[], ChannelFacts>('metric_channels.sql', (row) => ({
  channel: text(row, 'channel'),
  turnedAt: instantOrNull(row, 'turned_at'),
  deliveredAt: instantOrNull(row, 'delivered_at'),
  isFailing: boolean(row, 'is_failing'),
  crossingsWaiting: number(row, 'crossings_waiting'),
  deliveriesWaiting: number(row, 'deliveries_waiting'),
  oldestDeliveryAt: instantOrNull(row, 'oldest_delivery_at'),
}));
const warnings = statement<[], MetricFacts['warnings'][number]>('metric_warnings.sql', (row) => ({
  condition: text(row, 'condition'),
  level: text(row, 'level'),
  count: number(row, 'count'),
}));
const devices = statement<[], MetricFacts['devices'][number]>('metric_devices.sql', (row) => ({
  state: text(row, 'state'),
  count: number(row, 'count'),
}));
const tpms = statement<[], MetricFacts['tpms'][number]>('metric_tpms.sql', (row) => ({
  manufacturer: textOrNull(row, 'manufacturer'),
  devices: number(row, 'devices'),
}));
const hostsSeen = statement<[number], MetricFacts['hostsSeen'][number]>('metric_hosts_seen.sql', (row) => ({
  hostName: text(row, 'host_name'),
  lastSeenAt: instant(row, 'last_seen_at'),
}));
// Facts were checked by the contract before they were written.
const hostFacts = statement<[], MetricFacts['hostFacts'][number]>('metric_host_facts.sql', (row) => ({
  facts: row['facts'] as HostFacts | null,
  hosts: number(row, 'hosts'),
}));
const factsOfHosts = statement<[number], MetricFacts['factsOfHosts'][number]>('metric_facts_of_hosts.sql', (row) => ({
  hostName: text(row, 'host_name'),
  facts: row['facts'] as HostFacts,
}));
const probes = statement<[number], ProbeFacts>('metric_probes.sql', (row) => ({
  endpoint: text(row, 'endpoint'),
  lookedAt: instant(row, 'looked_at'),
  isReachable: boolean(row, 'is_reachable'),
  findings: number(row, 'findings'),
  notAfter: instantOrNull(row, 'served_not_after'),
}));
const keylime = statement<[], KeylimeRow>('metric_keylime.sql', (row) => ({
  status: text(row, 'status'),
  agents: number(row, 'agents'),
  held: number(row, 'held'),
  spokenOf: number(row, 'spoken_of'),
  lastLookAt: instant(row, 'last_look_at'),
}));
const attestations = statement<[number], AttestationFacts>('metric_attestations.sql', (row) => ({
  hostName: text(row, 'host_name'),
  isPassing: boolean(row, 'is_passing'),
  lastSuccessAt: instantOrNull(row, 'last_successful_attestation'),
}));

type KeylimeRow = Omit<KeylimeFacts, 'statuses' | 'lastLookAt'> & {
  readonly status: string;
  readonly agents: number;
  readonly lastLookAt: Date;
};

const noQueues: QueueFacts = {
  ...{ renewalsWaiting: 0, intentsOpen: 0, enrollmentsPending: 0, alarmsWaiting: 0, oldestAlarmAt: null },
};

/** What monitoring asks, over one database. */
export const metricsIn = (db: Database) => ({
  gatherMetrics: (now: Date, limits: MetricLimits): Promise<MetricFacts> =>
    db.transaction(async (tx) => {
      await patience(tx, []);
      return { ...(await certificateFacts(tx, now, limits)), ...(await otherFacts(tx, now, limits)) };
    }),
});

async function certificateFacts(tx: Session, now: Date, { series }: MetricLimits) {
  const givenUpBefore = new Date(now.getTime() - givenUpAfterSeconds * 1000);
  const counts = await lineages(tx, [now]);
  const nothing = counts.some((one) => one.missing > 0) ? await missing(tx, [series]) : [];
  return {
    lineages: counts,
    alone: await alone(tx, [now, givenUpBefore]),
    ends: [...nothing, ...(await ends(tx, [series, givenUpBefore]))],
    renewals: await renewals(tx, [now]),
    issuers: await issuers(tx, []),
  };
}

async function otherFacts(tx: Session, now: Date, { series, hostsWithFacts, endpoints }: MetricLimits) {
  return {
    queues: (await queues(tx, [now]))[0] ?? noQueues,
    channels: await channels(tx, []),
    warnings: await warnings(tx, []),
    devices: await devices(tx, []),
    tpms: await tpms(tx, []),
    hostsSeen: await hostsSeen(tx, [series]),
    hostFacts: await hostFacts(tx, []),
    factsOfHosts: await factsOfHosts(tx, [hostsWithFacts]),
    probes: await probes(tx, [endpoints]),
    keylime: keylimeOf(await keylime(tx, [])),
    attestations: await attestations(tx, [series]),
  };
}

function keylimeOf(rows: readonly KeylimeRow[]): KeylimeFacts {
  const sum = (of: (row: KeylimeRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const looks = rows.map(({ lastLookAt }) => lastLookAt.getTime());
  return {
    statuses: rows.map(({ status, agents }) => ({ status, agents })),
    held: sum(({ held }) => held),
    spokenOf: sum(({ spokenOf }) => spokenOf),
    lastLookAt: looks.length === 0 ? null : new Date(Math.max(...looks)),
  };
}
