// What monitoring reads: every metric of the catalogue, complete where it must be, bounded where it can grow, and there
// without the database.
import { describe, expect, test } from '@jest/globals';
import { databaseMetrics, processMetrics } from '../../../src/metrics/catalogue.ts';
import { ordinaryLimits, scrapeMetrics } from '../../../src/metrics/scrape.ts';
import { ago, busyProcess, facts, levels, now, saying, scrapePorts, seriesOf, startedProcess } from './scene.ts';

const scraped = async (over: Parameters<typeof scrapePorts>[0] = {}): Promise<ReadonlyMap<string, number>> =>
  seriesOf(await scrapeMetrics(scrapePorts(over))());

const gathered = (over: Parameters<typeof facts>[0]) => scraped({ gather: async () => facts(over) });

const namesIn = (series: ReadonlyMap<string, number>, name: string): readonly string[] =>
  [...series.keys()].filter((one) => one.startsWith(`${name}{`));

describe('a scrape', () => {
  test('has every metric of the catalogue, and no other', async () => {
    const text = await scrapeMetrics(scrapePorts())();
    const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
    const known = Object.entries({ ...processMetrics, ...databaseMetrics }).map(
      ([name, { kind }]) => `${name} ${kind}`,
    );
    expect(told.toSorted()).toEqual(known.toSorted());
    for (const name of Object.keys({ ...processMetrics, ...databaseMetrics })) {
      expect({ name, hasSeries: new RegExp(`^${name}(?:_count)?[ {]`, 'm').test(text) }).toEqual({
        name,
        hasSeries: true,
      });
    }
  });

  test('without a database says so, and has what the process counted', async () => {
    const failures: unknown[] = [];
    const series = await scraped({
      gather: () => Promise.reject(new Error('connect ECONNREFUSED')),
      isDatabaseUp: () => Promise.reject(new Error('connect ECONNREFUSED')),
      onFailure: (error) => failures.push(error),
    });
    expect(series.get('omens_database_up')).toBe(0);
    expect(series.get('omens_scrape_complete')).toBe(0);
    expect(series.get('process_resident_memory_bytes')).toBe(1e8);
    expect([...series.keys()].some((name) => name.startsWith('omens_certificates{'))).toBe(false);
    expect(failures).toHaveLength(1);
  });

  test('waits five seconds for a database that is slow, and says that it is up', async () => {
    const waits: number[] = [];
    const series = await scraped({
      gather: () => new Promise(() => undefined),
      after: (milliseconds, fn) => {
        waits.push(milliseconds);
        if (milliseconds === 5000) fn();
        return () => undefined;
      },
    });
    expect(waits).toEqual([5000, 1000]);
    expect([series.get('omens_database_up'), series.get('omens_scrape_complete')]).toEqual([1, 0]);
  });

  test('shares its look with others at the same time, and the next one looks again', async () => {
    let looks = 0;
    const scrape = scrapeMetrics(
      scrapePorts({
        gather: async () => {
          looks += 1;
          return facts();
        },
      }),
    );
    await Promise.all([scrape(), scrape(), scrape()]);
    expect(looks).toBe(1);
    await scrape();
    expect(looks).toBe(2);
  });
});

describe('certificates', () => {
  test('have a count at each level of each profile, known or configured, 0 included', async () => {
    const series = await gathered({
      lineages: [{ ...levels('devid', { ok: 2, ended: 1 }), due: 0, failing: 0 }],
      alone: [levels('devid', { ok: 1 }), levels('nginx-vhost', { critical: 4 })],
    });
    const of = (profile: string) =>
      ['ok', 'warning', 'critical', 'ended', 'missing'].map((level) =>
        series.get(`omens_certificates{profile="${profile}",level="${level}"}`),
      );
    expect(of('devid')).toEqual([3, 0, 0, 1, 0]);
    expect(of('nginx-vhost')).toEqual([0, 0, 4, 0, 0]);
  });

  test('that have ended or are missing still have a series', async () => {
    const series = await scraped();
    const name = 'omens_certificate_not_after_timestamp_seconds';
    expect(series.get(`${name}{profile="devid",host="gate.example.org",place="",lineage="l2"}`)).toBe(0);
    expect(series.get(`${name}{profile="nginx-vhost",host="www.example.org",place="",lineage=""}`)).toBe(
      ago(86_400).getTime() / 1000,
    );
  });

  test('have one series for a name, that of the nearest end', async () => {
    const alone = { lineageId: null, profile: 'nginx-vhost', place: '', host: 'www.example.org' };
    const series = await gathered({ ends: [ago(-50), ago(-20), ago(-90)].map((notAfter) => ({ ...alone, notAfter })) });
    const [only, ...more] = namesIn(series, 'omens_certificate_not_after_timestamp_seconds');
    expect(more).toEqual([]);
    expect(series.get(only!)).toBe(ago(-20).getTime() / 1000);
  });

  test('are cut at the bound, the nearest ends kept and the rest counted', async () => {
    const many = Array.from({ length: ordinaryLimits.series + 5 }, (_, at) => ({
      ...{ lineageId: `l${at}`, profile: 'devid', place: '', host: `h${at}`, notAfter: ago(-at) },
    }));
    const series = await gathered({
      ends: many.toReversed(),
      lineages: [{ ...levels('devid', { ok: many.length }), due: 0, failing: 0 }],
      alone: [],
    });
    const name = 'omens_certificate_not_after_timestamp_seconds';
    expect(namesIn(series, name)).toHaveLength(ordinaryLimits.series);
    expect(series.has(`${name}{profile="devid",host="h0",place="",lineage="l0"}`)).toBe(true);
    expect(series.has(`${name}{profile="devid",host="h2004",place="",lineage="l2004"}`)).toBe(false);
    expect(series.get(`omens_series_left_out{metric="${name}"}`)).toBe(5);
  });

  test('cannot put lines of their own into the text by their names', async () => {
    const host = 'a"} 1\nomens_database_up 0 # \\';
    const text = await scrapeMetrics(
      scrapePorts({
        gather: async () => facts({ ends: [{ lineageId: null, profile: 'p', place: '', host, notAfter: now }] }),
      }),
    )();
    expect(text.match(/^omens_database_up/gm)).toHaveLength(1);
    expect(text).toContain('host="a\\"} 1\\nomens_database_up 0 # \\\\"');
  });
});

describe('issuers', () => {
  test('are up while their certificate is good and nothing is known against them', async () => {
    const one = { ...facts().issuers[1]!, key: 'k' };
    const up = async (over: Partial<typeof one>) =>
      (await gathered({ issuers: [{ ...one, ...over }] })).get(
        'omens_issuer_up{issuer="Book of Omens",key="k",domain="estate"}',
      );
    expect(await up({})).toBe(1);
    expect(await up({ isUnavailable: true })).toBe(0);
    expect(await up({ notAfter: ago(1) })).toBe(0);
    expect(await up({ isActive: false })).toBeUndefined();
  });

  test('without a CRL show 0, and roots have none', async () => {
    const series = await gathered({ issuers: facts().issuers.map((one) => ({ ...one, crlNextUpdate: null })) });
    expect(namesIn(series, 'omens_crl_next_update_timestamp_seconds')).toHaveLength(1);
    expect(series.get('omens_crl_next_update_timestamp_seconds{issuer="Book of Omens",key="bb",domain="estate"}')).toBe(
      0,
    );
  });
});

describe('what waits and what is open', () => {
  test('has a value for a channel that never had its turn', async () => {
    const series = await scraped();
    expect(series.get('omens_channel_last_turn_timestamp_seconds{channel="mail"}')).toBe(0);
    expect(series.get('omens_channel_last_turn_timestamp_seconds{channel="ops"}')).toBe(ago(20).getTime() / 1000);
    expect(series.get('omens_delivery_oldest_age_seconds{channel="ops"}')).toBe(90);
  });

  test('has every condition at both levels', async () => {
    const series = await scraped();
    expect(series.get('omens_warnings_open{condition="expiry",level="critical"}')).toBe(1);
    expect(series.get('omens_warnings_open{condition="crlOverdue",level="warning"}')).toBe(0);
  });

  test('has an attempt no older than the success', async () => {
    const series = await gathered({ renewals: [{ profile: 'devid', lastAttemptAt: null, lastSuccessAt: ago(5) }] });
    expect(series.get('omens_renewal_last_attempt_timestamp_seconds{profile="devid"}')).toBe(ago(5).getTime() / 1000);
  });
});

describe('hosts', () => {
  test('are counted by what they say: yes, no, and unknown where they say nothing', async () => {
    const series = await gathered({
      hostFacts: [
        { facts: saying(), hosts: 3 },
        { facts: saying({ diskEncryption: 'none' }), hosts: 2 },
        { facts: saying({ diskEncryption: 'unknown' }), hosts: 1 },
        { facts: null, hosts: 4 },
      ],
    });
    const count = (value: string) => series.get(`omens_hosts_fact{fact="disk_encrypted",value="${value}"}`);
    expect([count('yes'), count('no'), count('unknown')]).toEqual([3, 2, 5]);
    expect(series.get('omens_series_left_out{metric="omens_host_fact"}')).toBe(5);
  });

  test('have no series for what they cannot tell', async () => {
    const series = await scraped();
    const fact = (name: string) => series.get(`omens_host_fact{host="tower.example.org",fact="${name}"}`);
    expect([fact('tpm_present'), fact('tpm_in_lockout'), fact('clevis_bound')]).toEqual([1, 0, undefined]);
    expect(series.get('omens_host_tpm_failed_authorizations{host="tower.example.org"}')).toBe(2);
  });

  test('of more makers than are shown are others', async () => {
    const tpms = Array.from({ length: 40 }, (_, at) => ({ manufacturer: `maker ${at}`, devices: 100 - at }));
    const series = await gathered({ tpms });
    expect(namesIn(series, 'omens_tpms')).toHaveLength(30);
    const rest = tpms.slice(29).reduce((total, { devices }) => total + devices, 0);
    expect(series.get('omens_tpms{vendor="other"}')).toBe(rest);
  });

  test('have TPMs whose makers are called as the operator page calls them', async () => {
    const tpms = ['49465800', 'id:494E5443', '00000000', null].map((manufacturer) => ({ manufacturer, devices: 1 }));
    const series = await gathered({ tpms });
    expect(namesIn(series, 'omens_tpms')).toEqual(
      ['Infineon', 'Intel', '00000000', 'unknown'].map((name) => `omens_tpms{vendor="${name}"}`),
    );
  });
});

describe('what a process counts', () => {
  test('begins at 0 for what is known, so that the first increase is seen', async () => {
    const series = seriesOf(await startedProcess().text());
    expect(series.get('omens_issuances_total{profile="devid",result="failed"}')).toBe(0);
    expect(series.get('omens_renewals_total{profile="devid",result="refused"}')).toBe(0);
  });

  test('has durations of what was issued alone', async () => {
    const clock = { seconds: 5 };
    const metrics = startedProcess(clock);
    const [first, second] = [metrics.watchIssuance('devid'), metrics.watchIssuance('devid')];
    clock.seconds = 5.02;
    first('issued');
    second('refused');
    const series = seriesOf(await metrics.text());
    expect(series.get('omens_issuance_duration_seconds_count{profile="devid"}')).toBe(1);
    expect(series.get('omens_issuance_duration_seconds_bucket{le="0.025",profile="devid"}')).toBe(1);
    expect(series.get('omens_issuances_total{profile="devid",result="refused"}')).toBe(1);
  });

  test('has one series for all requests that no route has, whatever they ask for', async () => {
    const metrics = startedProcess();
    for (const method of ['GET', 'PROPFIND', 'TRACE'])
      metrics.countRequest({ method, route: null, status: 404, reason: 'notFound', milliseconds: 1 });
    const series = seriesOf(await metrics.text());
    expect(namesIn(series, 'omens_http_requests_total')).toEqual([
      'omens_http_requests_total{route="none",method="any",status="4xx"}',
    ]);
    expect(series.get('omens_http_refusals_total{reason="notFound"}')).toBe(3);
  });

  test('has the processor time as it is now, however often it is asked', async () => {
    const metrics = busyProcess();
    await metrics.text();
    expect(seriesOf(await metrics.text()).get('process_cpu_seconds_total')).toBe(12.5);
  });
});
