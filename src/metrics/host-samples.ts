// Hosts as samples: whether they call, what they say of themselves, and whether Keylime attests them. Pure.
import { hostFactNames, hostFactValues } from '../domain/host-facts.ts';
import type { HostFacts } from '../domain/lineage-wire.ts';
import type { MetricFacts, MetricLimits } from '../domain/metric-facts.ts';
import { tpmVendorName } from '../domain/tpm-vendors.ts';
import { type Sample, sample, timestamp } from './sample.ts';

const states = ['active', 'suspended', 'retired'] as const;
const mostVendors = 30;
const attestationStates = ['passing', 'failing', 'starting', 'unknown'] as const;

/** Devices and their TPMs, and who is silent for how long. */
export function deviceSamples({ devices, tpms, hostsSeen }: MetricFacts, limits: MetricLimits): readonly Sample[] {
  const countOf = (state: string): number => devices.find((one) => one.state === state)?.count ?? 0;
  const metric = 'omens_host_last_seen_timestamp_seconds';
  const shown = hostsSeen.slice(0, limits.series);
  return [
    ...states.map((state) => sample('omens_devices', countOf(state), { state })),
    ...most(
      tpms.map(({ manufacturer, devices: count }) => ({ name: tpmVendorName(manufacturer) ?? 'unknown', count })),
      mostVendors,
    ).map(({ name, count }) => sample('omens_tpms', count, { vendor: name })),
    ...shown.map(({ hostName, lastSeenAt }) => sample(metric, timestamp(lastSeenAt), { host: hostName })),
    sample('omens_series_left_out', Math.max(0, countOf('active') - shown.length), { metric }),
  ];
}

type Named = { readonly name: string; readonly count: number };

/** One of each name, the most frequent first; what is beyond `limit` is `other`. */
function most(counts: readonly Named[], limit: number): readonly Named[] {
  const sums = new Map<string, number>();
  for (const { name, count } of counts) sums.set(name, (sums.get(name) ?? 0) + count);
  const ordered = [...sums].map(([name, count]) => ({ name, count })).toSorted((a, b) => b.count - a.count);
  if (ordered.length <= limit) return ordered;
  const kept = ordered.filter(({ name }) => name !== 'other').slice(0, limit - 1);
  const sum = (of: readonly Named[]): number => of.reduce((total, { count }) => total + count, 0);
  return [...kept, { name: 'other', count: sum(ordered) - sum(kept) }];
}

/** What agents say: of all hosts how many, of some each. */
export function factSamples({ hostFacts, factsOfHosts }: MetricFacts, limits: MetricLimits): readonly Sample[] {
  const shown = factsOfHosts.slice(0, limits.hostsWithFacts);
  const speaking = hostFacts.reduce((total, { facts, hosts }) => total + (facts === null ? 0 : hosts), 0);
  return [
    ...hostFactNames.flatMap((fact) =>
      (['yes', 'no', 'unknown'] as const).map((value) =>
        sample('omens_hosts_fact', hostsWith(hostFacts, fact, value), { fact, value }),
      ),
    ),
    ...shown.flatMap(({ hostName, facts }) => factsOfHost(hostName, facts)),
    sample('omens_series_left_out', Math.max(0, speaking - shown.length), { metric: 'omens_host_fact' }),
  ];
}

function hostsWith(
  counts: MetricFacts['hostFacts'],
  fact: (typeof hostFactNames)[number],
  value: 'yes' | 'no' | 'unknown',
): number {
  return counts.reduce((total, { facts, hosts }) => {
    const said = facts === null ? null : hostFactValues(facts)[fact];
    const word = said === null ? 'unknown' : said ? 'yes' : 'no';
    return word === value ? total + hosts : total;
  }, 0);
}

function factsOfHost(host: string, facts: HostFacts): readonly Sample[] {
  const values = hostFactValues(facts);
  const { lockoutCounter } = facts.tpm;
  return [
    ...hostFactNames.flatMap((fact) => {
      const value = values[fact];
      return value === null ? [] : [sample('omens_host_fact', Number(value), { host, fact })];
    }),
    ...(lockoutCounter === null ? [] : [sample('omens_host_tpm_failed_authorizations', lockoutCounter, { host })]),
  ];
}

const agentsAt = ({ statuses }: MetricFacts['keylime'], status: string): number =>
  statuses.find((one) => one.status === status)?.agents ?? 0;

/** What Keylime says of its agents. */
export function keylimeSamples({ keylime, attestations }: MetricFacts, limits: MetricLimits): readonly Sample[] {
  const shown = attestations.slice(0, limits.series);
  return [
    ...attestationStates.map((status) => sample('omens_keylime_agents', agentsAt(keylime, status), { status })),
    sample('omens_keylime_agents_held', keylime.held),
    sample('omens_keylime_last_look_timestamp_seconds', timestamp(keylime.lastLookAt)),
    ...shown.flatMap(({ hostName: host, isPassing, lastSuccessAt }) => [
      sample('omens_attestation_passing', Number(isPassing), { host }),
      sample('omens_attestation_last_success_timestamp_seconds', timestamp(lastSuccessAt), { host }),
    ]),
    sample('omens_series_left_out', Math.max(0, keylime.spokenOf - shown.length), {
      metric: 'omens_attestation_passing',
    }),
  ];
}
