// A value of a metric, and how samples become the text that monitoring reads: a registry that lives for one scrape, so that
// no series outlives what it was about.
import { Gauge, Registry } from 'prom-client';
import { type DatabaseMetric, databaseMetrics } from './catalogue.ts';

export type Sample = {
  readonly metric: DatabaseMetric;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

/** A sample; labels are those of the catalogue, in any order. */
export const sample = (
  metric: DatabaseMetric,
  value: number,
  labels: Readonly<Record<string, string>> = {},
): Sample => ({ metric, labels, value });

/** Seconds of an instant; 0 for none. */
export const timestamp = (at: Date | null): number => (at === null ? 0 : at.getTime() / 1000);

/** Seconds between two instants, never negative; 0 without a first one. */
export const age = (from: Date | null, now: Date): number =>
  from === null ? 0 : Math.max(0, (now.getTime() - from.getTime()) / 1000);

/** Text exposition format 0.0.4. A metric without a sample is not in it. */
export function samplesText(samples: readonly Sample[]): Promise<string> {
  const registry = new Registry();
  const gauges = new Map<DatabaseMetric, Gauge>();
  for (const { metric, labels, value } of samples) {
    const gauge = gauges.get(metric) ?? gaugeOf(metric, registry);
    gauges.set(metric, gauge);
    gauge.set(labels, value);
  }
  return registry.metrics();
}

function gaugeOf(name: DatabaseMetric, registry: Registry): Gauge {
  const { help, labels } = databaseMetrics[name];
  return new Gauge({ name, help, labelNames: [...labels], registers: [registry] });
}
