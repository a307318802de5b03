// What waits, what is open, and what probes saw, as samples. Pure.
import type { MetricFacts } from '../domain/metric-facts.ts';
import { conditions } from '../domain/warning.ts';
import { age, type Sample, sample, timestamp } from './sample.ts';

/** Depths of what waits in the database, and ages. */
export function queueSamples({ queues }: MetricFacts, now: Date): readonly Sample[] {
  return [
    sample('omens_renewals_waiting', queues.renewalsWaiting),
    sample('omens_intents_open', queues.intentsOpen),
    sample('omens_enrollments_pending', queues.enrollmentsPending),
    sample('omens_alarms_waiting', queues.alarmsWaiting),
    sample('omens_alarm_oldest_age_seconds', age(queues.oldestAlarmAt, now)),
  ];
}

/** A channel that never had its turn shows 0: silence must not look like health. */
export function channelSamples({ channels }: MetricFacts, names: readonly string[], now: Date): readonly Sample[] {
  const known = new Map(channels.map((one) => [one.channel, one]));
  return [...new Set([...names, ...known.keys()])].flatMap((channel) => {
    const one = known.get(channel);
    const labels = { channel };
    return [
      sample('omens_channel_last_turn_timestamp_seconds', timestamp(one?.turnedAt ?? null), labels),
      sample('omens_channel_last_delivery_timestamp_seconds', timestamp(one?.deliveredAt ?? null), labels),
      sample('omens_channel_failing', Number(one?.isFailing ?? false), labels),
      sample('omens_crossings_waiting', one?.crossingsWaiting ?? 0, labels),
      sample('omens_deliveries_waiting', one?.deliveriesWaiting ?? 0, labels),
      sample('omens_delivery_oldest_age_seconds', age(one?.oldestDeliveryAt ?? null, now), labels),
    ];
  });
}

/** Every condition at both levels, 0 included. */
export function warningSamples({ warnings }: MetricFacts): readonly Sample[] {
  const count = (condition: string, level: string): number =>
    warnings.find((one) => one.condition === condition && one.level === level)?.count ?? 0;
  return Object.keys(conditions).flatMap((condition) =>
    ['warning', 'critical'].map((level) =>
      sample('omens_warnings_open', count(condition, level), { condition, level }),
    ),
  );
}

/** Endpoints as they were seen the last time. */
export function probeSamples({ probes }: MetricFacts): readonly Sample[] {
  return probes.flatMap(({ endpoint, isReachable, lookedAt, findings, notAfter }) => [
    sample('omens_probe_up', Number(isReachable), { endpoint }),
    sample('omens_probe_last_look_timestamp_seconds', timestamp(lookedAt), { endpoint }),
    sample('omens_probe_findings', findings, { endpoint }),
    ...(notAfter === null
      ? []
      : [sample('omens_probe_not_after_timestamp_seconds', timestamp(notAfter), { endpoint })]),
  ]);
}
