// Facts of a small service in which everything occurs once, for tests of what monitoring reads of it.
import type { HostFacts } from '../../../src/domain/lineage-wire.ts';
import type { LevelCounts, MetricFacts } from '../../../src/domain/metric-facts.ts';
import { countProcess, type ProcessMetrics } from '../../../src/metrics/process-metrics.ts';
import type { ScrapePorts } from '../../../src/metrics/scrape.ts';

export const now = new Date('2026-11-26T12:00:00Z');
export const ago = (seconds: number): Date => new Date(now.getTime() - seconds * 1000);
const ahead = (seconds: number): Date => ago(-seconds);
const day = 86_400;

export const saying = (over: Partial<HostFacts> = {}): HostFacts => ({
  tpm: { present: true, inLockout: false, lockoutCounter: 2, maxAuthFail: 32 },
  diskEncryption: 'luks',
  clevisBound: null,
  spireAgent: { installed: true, healthy: true },
  keylimeAgent: { installed: false, listening: null },
  ...over,
});

export const levels = (profile: string, over: Partial<LevelCounts> = {}): LevelCounts => ({
  ...{ profile, ok: 0, warning: 0, critical: 0, ended: 0, missing: 0 },
  ...over,
});

const issuer = { domain: 'estate', isActive: true, isUnavailable: false, crlNextUpdate: null };

export const facts = (over: Partial<MetricFacts> = {}): MetricFacts => ({
  lineages: [{ ...levels('devid', { ok: 1, missing: 1 }), due: 1, failing: 1 }],
  alone: [levels('nginx-vhost', { ended: 1 })],
  ends: [
    { lineageId: 'l2', profile: 'devid', place: '', host: 'gate.example.org', notAfter: null },
    { lineageId: 'l1', profile: 'devid', place: '', host: 'tower.example.org', notAfter: ahead(60 * day) },
    { lineageId: null, profile: 'nginx-vhost', place: '', host: 'www.example.org', notAfter: ago(day) },
  ],
  renewals: [{ profile: 'devid', lastAttemptAt: ago(60), lastSuccessAt: ago(day) }],
  issuers: [
    { ...issuer, id: 'r', key: 'aa', role: 'root', notAfter: ahead(5000 * day) },
    { ...issuer, id: 'i', key: 'bb', role: 'issuing', notAfter: ahead(900 * day), crlNextUpdate: ahead(2 * day) },
  ],
  queues: { renewalsWaiting: 1, intentsOpen: 0, enrollmentsPending: 2, alarmsWaiting: 1, oldestAlarmAt: ago(30) },
  channels: [
    {
      ...{ channel: 'ops', turnedAt: ago(20), deliveredAt: ago(600), isFailing: false },
      ...{ crossingsWaiting: 1, deliveriesWaiting: 2, oldestDeliveryAt: ago(90) },
    },
  ],
  warnings: [{ condition: 'expiry', level: 'critical', count: 1 }],
  devices: [{ state: 'active', count: 2 }],
  tpms: [{ manufacturer: '49465800', devices: 2 }],
  hostsSeen: [{ hostName: 'tower.example.org', lastSeenAt: ago(300) }],
  hostFacts: [
    { facts: saying(), hosts: 1 },
    { facts: null, hosts: 1 },
  ],
  factsOfHosts: [{ hostName: 'tower.example.org', facts: saying() }],
  probes: [{ endpoint: 'registrar', lookedAt: ago(10), isReachable: true, findings: 0, notAfter: ahead(day) }],
  keylime: { statuses: [{ status: 'passing', agents: 1 }], held: 0, spokenOf: 1, lastLookAt: ago(60) },
  attestations: [{ hostName: 'tower.example.org', isPassing: true, lastSuccessAt: ago(60) }],
  ...over,
});

/** A process whose clock the test moves. */
export function startedProcess(clock: { seconds: number } = { seconds: 0 }): ProcessMetrics {
  return countProcess({
    ...{ version: '0.1.0', nodeVersion: '20.19.0', startedAt: ago(3600), now: () => now },
    elapsed: () => clock.seconds,
    usage: () => ({ residentBytes: 1e8, cpuSeconds: 12.5 }),
    profiles: ['devid'],
  });
}

/** Everything that a process can count, once. */
export function busyProcess(): ProcessMetrics {
  const clock = { seconds: 0 };
  const metrics = startedProcess(clock);
  const ended = metrics.watchIssuance('devid');
  clock.seconds += 0.02;
  ended('issued');
  metrics.countRenewal('devid', 'waiting');
  metrics.countRequest({ method: 'GET', route: '/healthz', status: 200, reason: null, milliseconds: 3 });
  metrics.countRequest({
    method: 'GET',
    route: '/metrics',
    status: 401,
    reason: 'credentialsMissing',
    milliseconds: 1,
  });
  metrics.announceJob('crl', 60);
  metrics.countJob('crl', 'succeeded');
  return metrics;
}

export const scrapePorts = (over: Partial<ScrapePorts> = {}): ScrapePorts => ({
  now: () => now,
  elapsed: () => 0,
  processText: () => busyProcess().text(),
  gather: async () => facts(),
  isDatabaseUp: async () => true,
  after: () => () => undefined,
  onFailure: () => undefined,
  issuerName: (id) => (id === 'i' ? 'Book of Omens' : 'Eye of Thundera'),
  profiles: ['devid'],
  channels: ['ops', 'mail'],
  ...over,
});

/** Value of each series of a text. */
export const seriesOf = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
  );
