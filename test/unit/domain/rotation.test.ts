// The small decisions of rotation: when a host calls again, what is to come, who is pulled when, and what a report changes.
import { describe, expect, test } from '@jest/globals';
import { callAgainSeconds } from '../../../src/domain/call-again.ts';
import { forecast } from '../../../src/domain/forecast.ts';
import { lineageReports, reportEvents, unmanagedOf } from '../../../src/domain/host-report.ts';
import type { HostReportBody, TargetReport } from '../../../src/domain/lineage-wire.ts';
import { pullBatches } from '../../../src/domain/renewal-pull.ts';
import { scopeFilter } from '../../../src/domain/rotation-scope.ts';

const day = 86_400;
const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const text = (seconds: number): string => `${at(seconds).toISOString().slice(0, 19)}Z`;

describe('a host calls again', () => {
  test.each([
    [[90 * day], 0, 2160],
    [[90 * day], 0.999, 3599],
    [[90 * day, 2 * 3600], 0.5, 450],
    [[60], 0, 60],
    [[60], 0.5, 80],
    [[], 0.5, 300],
  ])('with lifetimes of %j s and roll %d after %i s', (lifetimes, roll, seconds) => {
    expect(callAgainSeconds(lifetimes, roll)).toBe(seconds);
  });
  test('never sooner than a minute nor later than an hour', () => {
    for (const lifetime of [1, 600, 3600, day, 400 * day])
      for (const roll of [0, 0.3, 0.999_999]) {
        const seconds = callAgainSeconds([lifetime], roll);
        expect(seconds >= 60 && seconds <= 3600).toBe(true);
      }
  });
});

describe('a forecast', () => {
  const horizon = { now: at(0), days: 90, perHour: 5 };
  const total = (days: readonly { readonly renewals: number }[]): number =>
    days.reduce((sum, { renewals }) => sum + renewals, 0);

  test('counts what is overdue for today, and what is due for its day', () => {
    const groups = [
      { profile: 'devid', at: at(-3 * day), lifetimeSeconds: 365 * day, count: 2 },
      { profile: 'devid', at: at(3600), lifetimeSeconds: 365 * day, count: 1 },
      { profile: 'nginx-vhost', at: at(5 * day), lifetimeSeconds: 365 * day, count: 4 },
    ];
    expect(forecast(groups, horizon).days).toEqual([
      { day: '2026-01-01', profile: 'devid', renewals: 3 },
      { day: '2026-01-06', profile: 'nginx-vhost', renewals: 4 },
    ]);
  });
  test('lets a certificate of 24 hours come back in the middle of each of its windows: every 15 hours', () => {
    const groups = [{ profile: 'keylime-agent', at: at(0), lifetimeSeconds: day, count: 1 }];
    expect(total(forecast(groups, { ...horizon, days: 30 }).days)).toBe(Math.ceil((30 * day) / (15 * 3600)));
  });
  test('lets a DevID of 90 days come back after 67.5 days', () => {
    const groups = [{ profile: 'devid', at: at(0), lifetimeSeconds: 90 * day, count: 1 }];
    expect(forecast(groups, horizon).days.map((one) => one.day)).toEqual(['2026-01-01', '2026-03-09']);
  });
  test('names the hours that have more than the ceiling admits', () => {
    const due = (seconds: number, count: number) => ({
      ...{ profile: 'devid', at: at(seconds), lifetimeSeconds: 365 * day, count },
    });
    expect(forecast([due(0, 5), due(7200, 4), due(7300, 2)], horizon).overCeiling).toEqual([
      { hour: at(7200), renewals: 6 },
    ]);
  });
  test('of lifetimes of seconds ends', () => {
    const groups = [{ profile: 'x', at: at(0), lifetimeSeconds: 1, count: 1 }];
    expect(total(forecast(groups, { ...horizon, days: 1 }).days)).toBe(1440);
  });
});

test('a pull goes batch by batch, the nearest expiry first', () => {
  const lineages = [3, 1, 2].map((days) => ({ lineageId: `in ${days} d`, notAfter: at(days * day) }));
  expect(pullBatches(lineages, { batchSize: 2, batchSeconds: 60 }, at(5))).toEqual([
    { at: at(5), lineageIds: ['in 1 d', 'in 2 d'] },
    { at: at(65), lineageIds: ['in 3 d'] },
  ]);
  expect(pullBatches([], { batchSize: 2, batchSeconds: 60 }, at(5))).toEqual([]);
});

describe('a scope of TPMs', () => {
  const range = (firmware: object) => scopeFilter({ tpm: { manufacturer: '49465800', ...firmware } });
  test('has both bounds in it; what is left out is the lowest or the highest', () => {
    expect(range({ firmwareFrom: '7.61', firmwareTo: '7.62' })).toMatchObject({
      value: { firmware: { from: 0x0007_003d_0000_0000n, to: 0x0007_003e_ffff_ffffn } },
    });
    expect(range({ firmwareFrom: '7.61' })).toMatchObject({ value: { firmware: { to: 0xffff_ffff_ffff_ffffn } } });
    expect(range({ firmwareTo: '7.61' })).toMatchObject({ value: { firmware: { from: 0n } } });
    expect(range({})).toMatchObject({ value: { firmware: null, manufacturer: '49465800' } });
  });
  test.each([
    [{ firmwareFrom: '7.99999' }, 'scope.tpm.firmwareFrom'],
    [{ firmwareTo: '07.1' }, 'scope.tpm.firmwareTo'],
    [{ firmwareFrom: '8.0', firmwareTo: '7.61' }, 'scope.tpm.firmwareTo'],
  ])('refuses %j', (firmware, field) => {
    expect(range(firmware)).toMatchObject({ ok: false, error: { reason: 'malformedFirmwareRange', field } });
  });
});

describe('a report', () => {
  const target = (over: Partial<TargetReport> = {}): TargetReport => ({
    ...{ name: 'devid', profile: 'devid', place: '', lineage: 'l1', certificate: null, state: 'inUse' },
    ...{ error: null, failures: 0, hasSpireAgent: false },
    ...over,
  });
  const report = (targets: readonly TargetReport[], over: Partial<HostReportBody> = {}): HostReportBody => ({
    ...{ agentVersion: '1', at: text(0), targets, unmanaged: [], findings: [], trustGeneration: 0 },
    ...over,
  });
  const names = (before: HostReportBody | null, after: HostReportBody): readonly string[] =>
    reportEvents(before, after).map(({ event }) => event);
  const error = { at: text(-60), phase: 'hook', reason: 'validateFailed', detail: 'nginx -t' } as const;

  test.each<[string, Partial<TargetReport> | null, Partial<TargetReport>, readonly string[]]>([
    ['that is well says nothing', null, {}, []],
    ['that begins with a failure tells it', null, { state: 'failed', error }, ['target.failed']],
    ['of the same failure says nothing', { state: 'failed', error }, { state: 'failed', error }, []],
    [
      'of a failure that became a roll-back tells it',
      { state: 'failed' },
      { state: 'rolledBack' },
      ['target.rolledBack'],
    ],
    ['of something blocked tells it', {}, { state: 'blocked' }, ['target.blocked']],
    ['of an end of trouble tells it', { state: 'rolledBack', error }, {}, ['target.wellAgain']],
    ['of an error that is tried again says nothing', {}, { error }, []],
  ])('%s', (_what, before, after, events) => {
    expect(names(before === null ? null : report([target(before)]), report([target(after)]))).toEqual(events);
  });
  test('tells a critical finding once', () => {
    const finding = { check: 'clock', level: 'critical', detail: 'an hour off', fix: null } as const;
    const first = report([], { findings: [finding, { ...finding, check: 'disk', level: 'warning' }] });
    expect(names(null, first)).toEqual(['host.finding']);
    expect(names(first, first)).toEqual([]);
  });
  test('has the instants of its errors by our clock, however wrong the clock of the host is, and none in the future', () => {
    const of = (errorAt: string, reportedAt: string): string | undefined =>
      lineageReports(report([target({ error: { ...error, at: errorAt } })], { at: reportedAt }), at(1000))[0]?.error
        ?.at;
    expect(of('1970-01-01T00:00:00Z', '1970-01-01T00:01:00Z')).toBe(text(940));
    expect(of('2050-01-01T00:00:00Z', '2049-01-01T00:00:00Z')).toBe(text(1000));
    expect(of('2026-99-99T00:00:00Z', text(0))).toBe(text(1000));
    expect(of('0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z')).toBe('2016-01-04T00:16:40Z');
  });
  test('of a failure without a reason has one all the same', () => {
    const [one] = lineageReports(report([target({ state: 'failed' })]), at(5));
    expect(one).toMatchObject({ error: { reason: 'unexplained' }, failures: 1 });
  });
  test('of a host that waits for its attestation leaves the lineage as it was', () => {
    const held = { ...error, phase: 'request', reason: 'attestationFailing' } as const;
    const [one] = lineageReports(report([target({ state: 'blocked', error: held, failures: 3 })]), at(5));
    expect(one).toMatchObject({ error: null, failures: 0 });
  });
  test('leaves out targets without a lineage, and takes the last of two with the same', () => {
    const targets = [target({ lineage: null }), target({ failures: 1, error }), target({ failures: 2, error })];
    expect(lineageReports(report(targets), at(0))).toMatchObject([{ lineageId: 'l1', failures: 2 }]);
  });
  test('takes no unmanaged certificate whose dates are none', () => {
    const found = (notAfter: string) => ({
      ...{ path: '/etc/x.crt', sha256: 'aa', subject: 'x', issuer: 'y', notBefore: text(0), notAfter, fault: null },
    });
    expect(unmanagedOf(report([], { unmanaged: [found('2026-02-99T00:00:00Z')] }))).toEqual([]);
    expect(unmanagedOf(report([], { unmanaged: [found('0000-02-01T00:00:00Z')] }))).toEqual([]);
    const leap = unmanagedOf(report([], { unmanaged: [found('2026-02-30T00:00:00Z')] }));
    expect(leap).toEqual([found('2026-03-02T00:00:00Z')]);
    expect(unmanagedOf(report([], { unmanaged: [found(text(1)), found(text(2))] }))).toEqual([found(text(2))]);
  });
});
