// What monitoring reads, as the server offers it: the counters of this process and the look at the database. Part of the
// composition root: nothing is decided here.
import { readFileSync } from 'node:fs';
import type { Authorities } from './authorities.ts';
import type { MetricsServices } from './http/services.ts';
import type { Job } from './lifecycle/scheduler.ts';
import type { Logger } from './log.ts';
import { countProcess, type ProcessMetrics } from './metrics/process-metrics.ts';
import { scrapeMetrics } from './metrics/scrape.ts';
import { messageOf } from './domain/thrown.ts';
import type { RenewalResult } from './lifecycle/renew.ts';
import type { Policies } from './policies.ts';
import { metricsIn } from './storage/metrics.ts';
import type { Database } from './storage/pool.ts';
import { subjectCommonName } from './x509/certificate.ts';

/** What this process counts, and where it is told. */
export type Metrics = Omit<ProcessMetrics, 'countRenewal'> & {
  readonly countRenewal: (profile: string | null, result: RenewalResult) => void;
};

const elapsed = (): number => performance.now() / 1000;

/** Begins to count. */
export function openMetrics(now: () => Date, policies: Pick<Policies, 'profiles'>): Metrics {
  const process = countProcess({
    version: ownVersion(),
    nodeVersion: globalThis.process.versions.node,
    startedAt: now(),
    now,
    elapsed,
    usage: processUsage,
    profiles: [...policies.profiles.keys()],
  });
  return { ...process, countRenewal: (profile, result) => process.countRenewal(profile ?? 'none', result) };
}

/** Of the package that this file belongs to, built or not. */
function ownVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { readonly version: string }).version;
    } catch {
      continue; // The other place.
    }
  }
  return 'unknown';
}

function processUsage(): { readonly residentBytes: number; readonly cpuSeconds: number } {
  const { user, system } = process.cpuUsage();
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 };
}

/** The jobs as they were, each run counted. */
export function watchedJobs(jobs: readonly Job[], metrics: Metrics): readonly Job[] {
  return jobs.map((job) => {
    metrics.announceJob(job.name, job.everySeconds);
    return {
      ...job,
      run: async () => {
        try {
          await job.run();
          metrics.countJob(job.name, 'succeeded');
        } catch (error) {
          metrics.countJob(job.name, 'failed');
          throw error;
        }
      },
    };
  });
}

type MetricsParts = {
  readonly db: Database;
  readonly log: Logger;
  readonly authorities: Pick<Authorities, 'rows'>;
  readonly policies: Pick<Policies, 'profiles'>;
  readonly channels: readonly { readonly name: string }[];
  readonly metrics: Metrics;
  readonly now: () => Date;
};

/** The operation. */
export function metricsServices(parts: MetricsParts): MetricsServices {
  const { db, log, authorities, policies, channels, metrics, now } = parts;
  const names = new Map(authorities.rows.map((row) => [row.id, subjectCommonName(row.der) ?? '']));
  return {
    metricsText: scrapeMetrics({
      ...{ now, elapsed, processText: metrics.text },
      gather: metricsIn(db).gatherMetrics,
      isDatabaseUp: () => db.query('select 1').then(() => true),
      after: (milliseconds, fn) => {
        const timer = setTimeout(fn, milliseconds);
        return () => clearTimeout(timer);
      },
      onFailure: (error) => log.warn('metrics.incomplete', { error: messageOf(error) }),
      issuerName: (id) => names.get(id) ?? id,
      profiles: [...policies.profiles.keys()],
      channels: channels.map(({ name }) => name),
    }),
  };
}
