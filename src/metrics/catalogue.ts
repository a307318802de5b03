// Every metric of the service: what it measures, under which labels, and how many series it can have at most. The only list
// of them; docs/metrics.md shows it, and rules and dashboard may name nothing else.

export type MetricDefinition = {
  readonly kind: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** How many series there are at most, for people. */
  readonly bound: string;
};

/** Seconds; a renewal takes some ten milliseconds, a TPM behind it some seconds. */
export const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const gauge = (help: string, bound: string, ...labels: readonly string[]): MetricDefinition => ({
  ...{ kind: 'gauge', help, bound, labels },
});
const counter = (help: string, bound: string, ...labels: readonly string[]): MetricDefinition => ({
  ...{ kind: 'counter', help, bound, labels },
});
const histogram = (help: string, bound: string, ...labels: readonly string[]): MetricDefinition => ({
  ...{ kind: 'histogram', help, bound, labels },
});

/** Counted by this process since it began. */
export const processMetrics = {
  omens_build_info: gauge('1; which version runs on which Node.', '1', 'version', 'node'),
  process_start_time_seconds: gauge('When this process began.', '1'),
  process_resident_memory_bytes: gauge('Memory of this process that is in RAM.', '1'),
  process_cpu_seconds_total: counter('Time that this process computed.', '1'),
  omens_issuances_total: counter(
    'Requests that reached issuance: issued, repeated (the same answer again), refused, failed.',
    '4 a profile',
    ...['profile', 'result'],
  ),
  omens_issuance_duration_seconds: histogram(
    'From an authorized request to a recorded certificate, of those that were issued.',
    `${latencyBuckets.length + 3} a profile`,
    'profile',
  ),
  omens_renewals_total: counter(
    'Requests for renewal: issued, waiting (for the ceiling or another request), refused, failed.',
    '4 a profile',
    ...['profile', 'result'],
  ),
  omens_http_requests_total: counter(
    'Requests by route of the contract (none: no route has the path) and class of the status.',
    '5 an operation of openapi.yaml',
    ...['route', 'method', 'status'],
  ),
  omens_http_refusals_total: counter('Problem documents by their reason.', '1 a reason of the problem table', 'reason'),
  omens_http_request_duration_seconds: histogram(
    'From the whole request to its answer.',
    `${latencyBuckets.length + 3}`,
  ),
  omens_job_runs_total: counter('Runs of a job: succeeded, failed.', '2 a job', 'job_name', 'result'),
  omens_job_last_success_timestamp_seconds: gauge('When a job last succeeded in this process.', '1 a job', 'job_name'),
  omens_job_interval_seconds: gauge('After how long a job runs again.', '1 a job', 'job_name'),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** Asked of the database at each scrape: the same whichever server is scraped, and after a restart. */
export const databaseMetrics = {
  omens_database_up: gauge('Whether the database answers: 1 or 0.', '1'),
  omens_scrape_complete: gauge('Whether the values from the database are in this scrape: 1 or 0.', '1'),
  omens_scrape_duration_seconds: gauge('How long the database was asked for this scrape.', '1'),
  omens_series_left_out: gauge(
    'Series of a metric that are not shown, since it has more than its bound.',
    '1 a bounded metric',
    'metric',
  ),
  omens_certificate_not_after_timestamp_seconds: gauge(
    'End of the certificate that serves a lineage; 0 where a lineage has none. Without lineage: host is the common name.',
    '2000, the nearest ends first',
    ...['profile', 'host', 'place', 'lineage'],
  ),
  omens_certificates: gauge(
    'Lineages and certificates without lineage by level: ok, warning, critical, ended, missing. Complete.',
    '5 a profile',
    ...['profile', 'level'],
  ),
  omens_renewals_due: gauge('Lineages whose renewal is due.', '1 a profile', 'profile'),
  omens_lineages_failing: gauge('Lineages whose last attempt failed.', '1 a profile', 'profile'),
  omens_renewal_last_attempt_timestamp_seconds: gauge(
    'When a host last asked for a certificate of this profile, looking back a day; else as the last success.',
    ...['1 a profile', 'profile'],
  ),
  omens_renewal_last_success_timestamp_seconds: gauge(
    'When a host last got a certificate of this profile.',
    ...['1 a profile', 'profile'],
  ),
  omens_renewals_waiting: gauge('Lineages that the ceiling told to wait within the last hour.', '1'),
  omens_intents_open: gauge('Certificates that are being signed, or were when a server died.', '1'),
  omens_enrollments_pending: gauge('Hosts that wait for an approval.', '1'),
  omens_alarms_waiting: gauge('Alarms of the outbox that no message tells yet, up to 10000.', '1'),
  omens_alarm_oldest_age_seconds: gauge('Age of the oldest of them; 0 without any.', '1'),
  omens_crossings_waiting: gauge('Crossings that no message tells yet.', '1 a channel', 'channel'),
  omens_deliveries_waiting: gauge('Messages that wait for their channel.', '1 a channel', 'channel'),
  omens_delivery_oldest_age_seconds: gauge('Age of the oldest of them; 0 without any.', '1 a channel', 'channel'),
  omens_channel_last_turn_timestamp_seconds: gauge(
    'When the notifier last looked after a channel and left nothing that it could have done: the dead man of the notifier.',
    ...['1 a channel', 'channel'],
  ),
  omens_channel_last_delivery_timestamp_seconds: gauge(
    'When a channel last took a message; 0 for never.',
    ...['1 a channel', 'channel'],
  ),
  omens_channel_failing: gauge('Whether a channel takes nothing: 1 or 0.', '1 a channel', 'channel'),
  omens_warnings_open: gauge('Open warnings. Complete.', '2 a condition', 'condition', 'level'),
  omens_issuer_up: gauge(
    'Whether an active CA can issue: its certificate is good, and no warning says otherwise.',
    ...['1 an active CA', 'issuer', 'key', 'domain'],
  ),
  omens_issuer_not_after_timestamp_seconds: gauge(
    'End of a CA certificate, roots included.',
    ...['1 a CA', 'issuer', 'key', 'domain', 'role'],
  ),
  omens_crl_next_update_timestamp_seconds: gauge(
    'When the newest CRL of an issuing CA ends; 0 where there is none.',
    ...['1 an issuing CA', 'issuer', 'key', 'domain'],
  ),
  omens_devices: gauge('Devices by state.', '3', 'state'),
  omens_tpms: gauge('Active devices by the maker of their TPM, the most frequent first.', '30', 'vendor'),
  omens_host_last_seen_timestamp_seconds: gauge(
    'When an active host last called.',
    ...['2000, the longest silent first', 'host'],
  ),
  omens_hosts_fact: gauge(
    'Active hosts by what their agents say: yes, no, unknown. Complete.',
    ...['3 a fact', 'fact', 'value'],
  ),
  omens_host_fact: gauge(
    'What the agent of a host says: 1 or 0, and no series for what it cannot tell.',
    ...['8 a host of 200, those with trouble first', 'host', 'fact'],
  ),
  omens_host_tpm_failed_authorizations: gauge(
    'Wrong passwords that the TPM of a host counts.',
    ...['200, those with trouble first', 'host'],
  ),
  omens_probe_up: gauge('Whether an endpoint answered at the last look: 1 or 0.', '500', 'endpoint'),
  omens_probe_last_look_timestamp_seconds: gauge('When an endpoint was last looked at.', '500', 'endpoint'),
  omens_probe_findings: gauge('What was wrong at an endpoint at the last look.', '500', 'endpoint'),
  omens_probe_not_after_timestamp_seconds: gauge('End of the certificate that an endpoint serves.', '500', 'endpoint'),
  omens_keylime_agents: gauge(
    'Agents that Keylime knows: passing, failing, starting, unknown (the verifier does not speak of them). Complete.',
    ...['4', 'status'],
  ),
  omens_keylime_agents_held: gauge('Agents whose hosts get no renewal while their attestation fails.', '1'),
  omens_keylime_last_look_timestamp_seconds: gauge('When Keylime was last asked; 0 for never.', '1'),
  omens_attestation_passing: gauge(
    'Whether Keylime attests a host of which its verifier speaks: 1 or 0.',
    ...['2000, the failing first', 'host'],
  ),
  omens_attestation_last_success_timestamp_seconds: gauge(
    'When Keylime last attested a host; 0 for never.',
    ...['2000, the failing first', 'host'],
  ),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type ProcessMetric = keyof typeof processMetrics;
export type DatabaseMetric = keyof typeof databaseMetrics;
