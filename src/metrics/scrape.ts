// One scrape: what this process counted, and what the database says within a few seconds. A database that does not answer
// is a value, not a failure; scrapes at the same time share one look.
import type { MetricFacts, MetricLimits } from '../domain/metric-facts.ts';
import { certificateSamples, endSamples, issuerSamples, renewalSamples } from './certificate-samples.ts';
import { deviceSamples, factSamples, keylimeSamples } from './host-samples.ts';
import { type Sample, sample, samplesText } from './sample.ts';
import { channelSamples, probeSamples, queueSamples, warningSamples } from './service-samples.ts';

export type ScrapePorts = {
  readonly now: () => Date;
  /** Monotonic, in seconds. */
  readonly elapsed: () => number;
  /** Text of what this process counted. */
  readonly processText: () => Promise<string>;
  readonly gather: (now: Date, limits: MetricLimits) => Promise<MetricFacts>;
  readonly isDatabaseUp: () => Promise<boolean>;
  /** Calls `fn` after so many milliseconds; the returned function prevents it. */
  readonly after: (milliseconds: number, fn: () => void) => () => void;
  readonly onFailure: (error: unknown) => void;
  /** Common name of a CA. */
  readonly issuerName: (issuerId: string) => string;
  /** Names of the profiles and channels that are configured: what never happened has a value too. */
  readonly profiles: readonly string[];
  readonly channels: readonly string[];
};

/** Series of one metric, at most. */
export const ordinaryLimits: MetricLimits = { series: 2000, hostsWithFacts: 200, endpoints: 500 };

const patienceMilliseconds = 5000;

/** The text of all metrics; never rejects for the database's sake. */
export function scrapeMetrics(ports: ScrapePorts): () => Promise<string> {
  let underWay: Promise<readonly Sample[]> | null = null;
  const look = (): Promise<readonly Sample[]> => {
    underWay ??= lookAround(ports).finally(() => {
      underWay = null;
    });
    return underWay;
  };
  return async () => {
    const looked = await within(ports, patienceMilliseconds, look());
    const samples = looked ?? (await nothingSeen(ports));
    return `${await ports.processText()}\n${await samplesText(samples)}`;
  };
}

/** Null when it failed or did not come in time. */
function within<T>(ports: Pick<ScrapePorts, 'after'>, milliseconds: number, work: Promise<T>): Promise<T | null> {
  return new Promise((resolve) => {
    const prevent = ports.after(milliseconds, () => resolve(null));
    const done = (value: T | null): void => {
      prevent();
      resolve(value);
    };
    work.then(done, () => done(null));
  });
}

async function lookAround(ports: ScrapePorts): Promise<readonly Sample[]> {
  const [now, begun] = [ports.now(), ports.elapsed()];
  try {
    const facts = await ports.gather(now, ordinaryLimits);
    return [
      ...about({ isUp: true, isComplete: true, seconds: ports.elapsed() - begun }),
      ...samplesOf(facts, now, { ...ports, limits: ordinaryLimits }),
    ];
  } catch (error) {
    ports.onFailure(error);
    throw error;
  }
}

async function nothingSeen(ports: ScrapePorts): Promise<readonly Sample[]> {
  const isUp = (await within(ports, 1000, ports.isDatabaseUp())) ?? false;
  return about({ isUp, isComplete: false, seconds: null });
}

const about = (look: { readonly isUp: boolean; readonly isComplete: boolean; readonly seconds: number | null }) => [
  sample('omens_database_up', Number(look.isUp)),
  sample('omens_scrape_complete', Number(look.isComplete)),
  ...(look.seconds === null ? [] : [sample('omens_scrape_duration_seconds', look.seconds)]),
];

type Naming = Pick<ScrapePorts, 'issuerName' | 'profiles' | 'channels'> & { readonly limits: MetricLimits };

/** Every sample of one look. */
const samplesOf = (facts: MetricFacts, now: Date, naming: Naming): readonly Sample[] => [
  ...certificateSamples(facts, naming.profiles),
  ...endSamples(facts, naming.limits.series),
  ...renewalSamples(facts),
  ...issuerSamples(facts, { now, nameOf: naming.issuerName }),
  ...queueSamples(facts, now),
  ...channelSamples(facts, naming.channels, now),
  ...warningSamples(facts),
  ...deviceSamples(facts, naming.limits),
  ...factSamples(facts, naming.limits),
  ...probeSamples(facts),
  ...keylimeSamples(facts, naming.limits),
];
