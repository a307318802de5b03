// Every page of the shell made from what strangers wrote: nothing of it becomes markup, and nothing that matters is left out.
import { describe, expect, test } from '@jest/globals';
import { timelineOf, issuedOf } from '../../../src/domain/overview.ts';
import type { CampaignResource, FleetResource } from '../../../src/domain/rotation-wire.ts';
import type { WarningResource } from '../../../src/domain/warning-wire.ts';
import { auditPage } from '../../../src/web/audit-page.ts';
import { type Html, textOf } from '../../../src/web/html.ts';
import { documentText, type Frame } from '../../../src/web/layout.ts';
import { loginPage } from '../../../src/web/login-page.ts';
import { overviewPage, type OverviewView } from '../../../src/web/overview-page.ts';
import { problemPage } from '../../../src/web/problem-page.ts';
import { campaignPage, rotationPage } from '../../../src/web/rotation-page.ts';
import { distanceText } from '../../../src/web/time.ts';
import { timeline } from '../../../src/web/timeline.ts';
import { warningPage, warningsPage } from '../../../src/web/warnings-page.ts';

const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`;
const now = new Date('2026-11-26T13:00:00Z');
const at = '2026-11-26T10:00:00Z';
const id = '44444444-4444-4444-8444-444444444444';
const frame: Frame = { operator: { name: hostile, role: 'admin' }, csrf: 'the-secret-of-the-session', now };
const viewer: Frame = { ...frame, operator: { name: 'vic', role: 'viewer' } };

const warning: WarningResource = {
  ...{ id, condition: 'renewalFailing', subject: `lineage:${hostile}`, level: 'critical', reason: hostile },
  facts: {
    ...{ name: hostile, hostName: hostile, profile: hostile, place: hostile, certificate: hostile, notAfter: hostile },
    ...{ lastError: { at, phase: hostile, reason: hostile, detail: hostile }, failures: 3, [hostile]: { a: hostile } },
  },
  ...{ device: id, lineage: id, openedAt: at, levelAt: at, closedAt: null },
  ...{ acknowledgedAt: null, acknowledgedBy: null, snoozedUntil: null, snoozedBy: null, note: hostile },
  told: [{ channel: hostile, kind: hostile, at, deliveredAt: null }],
};

const counts = { total: 3, waiting: 1, released: 1, confirmed: 0, failed: 1 };
const campaign: CampaignResource = {
  ...{ id, name: hostile, state: 'stopped', stopReason: hostile, scope: { profile: hostile }, because: hostile },
  ...{ pilots: [hostile], waveSize: 1, maxInFlight: {}, serviceClasses: {}, errorBudget: { percent: 5 } },
  ...{ confirmWithinSeconds: 60, createdBy: hostile, createdAt: at, changedAt: at, members: counts },
  waves: [{ wave: 0, ...counts, hosts: [hostile] }],
  failures: [{ lineage: id, hostName: hostile, profile: hostile, place: hostile, error: hostile, at }],
};

const none = { empty: 0, current: 0, windowOpen: 0, inProgress: 0, issued: 0 };
const states = { ...none, current: 2, installed: 0, failed: 1, late: 0, blocked: 0 };
const fleet: FleetResource = {
  ...{ generatedAt: at, states, profiles: [{ profile: hostile, states }] },
  late: [
    { lineage: id, device: id, hostName: hostile, profile: hostile, place: hostile, notAfter: at, reason: hostile },
  ],
  ceiling: { perHour: 600, usedInLastHour: 1, outsideInLastDay: 0, waiting: 0 },
  blackouts: [{ kind: 'daily', from: hostile, to: hostile, active: true }],
  campaigns: [campaign],
};

const forecast = {
  ...{ generatedAt: at, days: 90, perHour: 600, total: 1, overCeiling: [{ hour: at, renewals: 700 }] },
  items: [{ day: hostile, profile: hostile, renewals: 1 }],
};

const quiet: OverviewView = {
  ...{ warnings: [], hasMoreWarnings: false, pending: [], channels: [], stopped: [], isIssuerReady: true },
  fleet: { ...fleet, profiles: [], campaigns: [] },
  timeline: timelineOf([], { now, ended: 0 }),
  issued: issuedOf([], now),
};

const overview: OverviewView = {
  ...quiet,
  warnings: [warning],
  pending: [
    {
      ...{ id, state: 'pending', version: 1, hostName: hostile, ekFingerprint: hostile, profiles: [], dnsNames: [] },
      ...{
        tpm: { manufacturer: null, model: null, version: null },
        ipAddresses: [],
        warnings: [hostile],
        lapsesAt: at,
      },
    },
  ],
  channels: [
    {
      ...{ name: hostile, kind: 'smtp', destination: hostile, level: 'warning', digest: true, escalation: true },
      ...{ waiting: 1, oldestWaiting: at, lastDeliveredAt: null, failingSince: at, lastError: hostile },
    },
  ],
  fleet,
  stopped: [campaign],
};

const pages: readonly (readonly [string, Html])[] = [
  ['overview', overviewPage(overview, frame)],
  [
    'warnings',
    warningsPage(
      { state: 'open', level: hostile, condition: hostile, device: hostile, warnings: [warning], next: hostile },
      frame,
    ),
  ],
  ['warning', warningPage(warning, frame)],
  ['rotation', rotationPage({ fleet, forecast, campaigns: [campaign], next: hostile }, frame)],
  ['campaign', campaignPage(campaign, frame)],
  [
    'audit',
    auditPage(
      {
        ...{ event: hostile, principal: hostile, device: hostile, next: hostile },
        lines: [
          {
            id: '1',
            at,
            event: hostile,
            principal: hostile,
            facts: { [hostile]: hostile, device: hostile, n: [hostile] },
          },
        ],
      },
      frame,
    ),
  ],
  ['login', loginPage({ next: hostile, message: hostile, mayBeSignedIn: true })],
  [
    'problem',
    problemPage({
      ...{ status: 409, title: hostile, detail: hostile, requestId: hostile, retryAfterSeconds: 3 },
      denials: [
        { detail: hostile, accepted: hostile },
        { detail: hostile, accepted: null },
      ],
    }),
  ],
];

describe('text of strangers', () => {
  test.each(pages)('is only text on the page of %s', (title, body) => {
    const assets = { css: '/assets/x.css', icon: '/assets/x.svg' };
    const text = documentText({ title: hostile, section: '/', body, frame, notice: 'snoozed', assets });
    expect(text).not.toMatch(/<script|<img src=x|onerror='/);
    expect(text).toContain('&lt;script&gt;');
    expect({ title, tags: text.match(/<main/g)?.length }).toEqual({ title, tags: 1 });
  });
});

describe('the overview', () => {
  test('says that all is well when it is', () => {
    const text = textOf(overviewPage(quiet, viewer));
    expect(text).toContain('All is well');
    expect(text).toContain('No certificate in use ends within 90 days');
    expect(textOf(overviewPage(overview, viewer))).not.toContain('All is well');
  });

  test('does not ask for what somebody has taken or snoozed', () => {
    const taken = { ...warning, acknowledgedAt: at, acknowledgedBy: `operator:ann:${id}` };
    const later = { ...warning, snoozedUntil: '2026-12-01T00:00:00Z', snoozedBy: 'operator:ann' };
    const text = textOf(overviewPage({ ...quiet, warnings: [taken, later] }, viewer));
    expect(text).toContain('All is well');
    expect(text).toContain('2 acknowledged or snoozed');
  });
});

describe('a warning', () => {
  test('has forms for an admin while it is open, and for nobody else', () => {
    expect(textOf(warningPage(warning, frame))).toContain(`action="/warnings/${id}/snooze"`);
    expect(textOf(warningPage(warning, frame))).toContain('the-secret-of-the-session');
    expect(textOf(warningPage(warning, viewer))).not.toContain('<form');
    expect(textOf(warningPage({ ...warning, closedAt: at }, frame))).not.toContain('<form');
  });
});

describe('the timeline', () => {
  const days = timelineOf(
    [
      { daysFromToday: 0, level: 'critical', count: 1 },
      { daysFromToday: 0, level: 'ok', count: 9 },
      { daysFromToday: 89, level: 'warning', count: 4 },
    ],
    { now, ended: 2 },
  );

  test('has a bar for each day that has one, every number in its table, and a level by pattern too', () => {
    expect(days.days).toHaveLength(91);
    expect(days.days[0]).toEqual({ day: '2026-11-26', ok: 9, warning: 0, critical: 1 });
    const text = textOf(timeline(days));
    expect(text).toContain('<title>26 Nov: 1 critical, 9 ok</title>');
    expect(text).toMatch(/<th scope="row">2027-02-23<\/th><td class="number">0<\/td><td class="number">4<\/td>/);
    expect(text).toContain('url(#wide-critical)');
    expect(text).toContain('2 certificates in use have ended already');
  });

  test('has no number that is none', () => {
    expect(textOf(timeline(days))).not.toMatch(/NaN|Infinity|undefined/);
    expect(textOf(overviewPage(quiet, viewer))).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('what was issued', () => {
  test('falls into the last 24 hours and the last 30 days', () => {
    const hour = (ago: number): Date => new Date(Math.floor(now.getTime() / 3_600_000) * 3_600_000 - ago * 3_600_000);
    const { hours, days } = issuedOf(
      [
        { hour: hour(0), count: 1 },
        { hour: hour(23), count: 2 },
        { hour: hour(24), count: 4 },
        { hour: hour(29 * 24), count: 8 },
      ],
      now,
    );
    expect(hours.map(({ issued }) => issued)).toEqual([2, ...Array<number>(22).fill(0), 1]);
    expect(days).toHaveLength(30);
    expect(days.reduce((sum, { issued }) => sum + issued, 0)).toBe(15);
  });
});

test.each([
  [at, '3 h ago'],
  ['2026-11-26T13:00:30Z', 'now'],
  ['2026-11-29T15:30:00Z', 'in 3 d 2 h'],
  ['no time', ''],
])('%s is %s', (instant, words) => {
  expect(distanceText(instant, now)).toBe(words);
});
