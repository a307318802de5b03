// What this process counts while it works, in a registry of its own: issuance, renewals, requests and jobs. Nothing here
// reads the database, and nothing that it counts can fail what it counts.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { latencyBuckets, type ProcessMetric, processMetrics } from './catalogue.ts';

/** What it needs of the process; `elapsed` is a monotonic clock in seconds. */
type ProcessPorts = {
  readonly version: string;
  readonly nodeVersion: string;
  readonly startedAt: Date;
  readonly now: () => Date;
  readonly elapsed: () => number;
  readonly usage: () => { readonly residentBytes: number; readonly cpuSeconds: number };
  /** Profiles that are known at the start: their counters begin at 0, so that the first increase is seen as one. */
  readonly profiles: readonly string[];
};

type IssuanceResult = 'issued' | 'repeated' | 'refused' | 'failed';
type RenewalResult = 'issued' | 'waiting' | 'refused' | 'failed';

/** An answered request. `route` is the path of the contract; null where no route has the path. */
type AnsweredRequest = {
  readonly method: string;
  readonly route: string | null;
  readonly status: number;
  readonly reason: string | null;
  readonly milliseconds: number;
};

export type ProcessMetrics = ReturnType<typeof countProcess>;

const issuanceResults: readonly IssuanceResult[] = ['issued', 'repeated', 'refused', 'failed'];
const renewalResults: readonly RenewalResult[] = ['issued', 'waiting', 'refused', 'failed'];

/** The counters of one process. */
export function countProcess(ports: ProcessPorts) {
  const registry = new Registry();
  const counters = makeCounters(registry);
  fillStart(counters, ports);
  return {
    /** Begins to measure an issuance; the function that it gives is told how it ended. */
    watchIssuance: (profile: string): ((result: IssuanceResult) => void) => {
      const begun = ports.elapsed();
      return (result) => {
        counters.issuances.inc({ profile, result });
        if (result === 'issued') counters.issuanceSeconds.observe({ profile }, ports.elapsed() - begun);
      };
    },
    countRenewal: (profile: string, result: RenewalResult): void => counters.renewals.inc({ profile, result }),
    countRequest: (answered: AnsweredRequest): void => {
      const { route, method, status, reason, milliseconds } = answered;
      // What no route has is the caller's choice of words: it makes one series, whatever it says.
      const place = route === null ? { route: 'none', method: 'any' } : { route, method };
      counters.requests.inc({ ...place, status: `${Math.floor(status / 100)}xx` });
      if (reason !== null) counters.refusals.inc({ reason });
      counters.requestSeconds.observe(milliseconds / 1000);
    },
    announceJob: (job: string, everySeconds: number): void => {
      counters.jobIntervals.set({ job_name: job }, everySeconds);
      for (const result of ['succeeded', 'failed']) counters.jobs.inc({ job_name: job, result }, 0);
    },
    countJob: (job: string, result: 'succeeded' | 'failed'): void => {
      counters.jobs.inc({ job_name: job, result });
      if (result === 'succeeded') counters.jobSuccess.set({ job_name: job }, ports.now().getTime() / 1000);
    },
    text: (): Promise<string> => {
      const { residentBytes, cpuSeconds } = ports.usage();
      counters.memory.set(residentBytes);
      counters.cpu.reset();
      counters.cpu.inc(cpuSeconds);
      return registry.metrics();
    },
  };
}

function makeCounters(registry: Registry) {
  const registers = [registry];
  const as = (name: ProcessMetric) => {
    const { help, labels } = processMetrics[name];
    return { name, help, labelNames: [...labels], registers };
  };
  const timed = (name: ProcessMetric) => new Histogram({ ...as(name), buckets: [...latencyBuckets] });
  return {
    memory: new Gauge(as('process_resident_memory_bytes')),
    cpu: new Counter(as('process_cpu_seconds_total')),
    issuances: new Counter(as('omens_issuances_total')),
    issuanceSeconds: timed('omens_issuance_duration_seconds'),
    renewals: new Counter(as('omens_renewals_total')),
    requests: new Counter(as('omens_http_requests_total')),
    refusals: new Counter(as('omens_http_refusals_total')),
    requestSeconds: timed('omens_http_request_duration_seconds'),
    jobs: new Counter(as('omens_job_runs_total')),
    jobSuccess: new Gauge(as('omens_job_last_success_timestamp_seconds')),
    jobIntervals: new Gauge(as('omens_job_interval_seconds')),
    build: new Gauge(as('omens_build_info')),
    started: new Gauge(as('process_start_time_seconds')),
  };
}

function fillStart(counters: ReturnType<typeof makeCounters>, ports: ProcessPorts): void {
  counters.build.set({ version: ports.version, node: ports.nodeVersion }, 1);
  counters.started.set(ports.startedAt.getTime() / 1000);
  for (const profile of ports.profiles) {
    for (const result of issuanceResults) counters.issuances.inc({ profile, result }, 0);
    for (const result of renewalResults) counters.renewals.inc({ profile, result }, 0);
  }
}
