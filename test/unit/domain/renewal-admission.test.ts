import { describe, expect, test } from '@jest/globals';
import { type Blackout, blackoutAt } from '../../../src/domain/blackout.ts';
import { drawRenewal, renewalWindow, renewAt } from '../../../src/domain/renewal.ts';
import { type AdmissionFacts, admitRenewal, type RenewalLimits } from '../../../src/domain/renewal-admission.ts';

const start = Date.UTC(2026, 0, 1);
const day = (days: number): Date => new Date(start + days * 86_400_000);
const minutes = (count: number): Date => new Date(day(70).getTime() + count * 60_000);
const none = { count: 0, earliest: null };

/** A certificate of 100 days from day 0 on; nobody else asks. */
const facts = (over: Partial<AdmissionFacts> = {}): AdmissionFacts => ({
  newest: { notBefore: day(0), notAfter: day(100), isRevoked: false },
  ...{ underCeiling: none, ofLineage: none, nearerWaiting: 0 },
  ...over,
});
const limits = (over: Partial<RenewalLimits> = {}): RenewalLimits => ({
  ...{ perHour: 10, perLineagePerHour: 6, blackouts: [] },
  ...over,
});
const full = { count: 10, earliest: minutes(-55) };
const inside = { kind: 'admit', isOutsideCeiling: false, isRecovery: false };
const outside = { kind: 'admit', isOutsideCeiling: true, isRecovery: false };
const recovery = { kind: 'admit', isOutsideCeiling: true, isRecovery: true };
const night: Blackout = { kind: 'daily', fromMinute: 22 * 60, toMinute: 5 * 60 };

describe('a host that asks', () => {
  test.each<[string, AdmissionFacts, RenewalLimits, Date, object]>([
    [
      'is admitted while there is room',
      facts({ underCeiling: { count: 9, earliest: minutes(-5) } }),
      limits(),
      minutes(0),
      inside,
    ],
    ['is admitted before its window, under the ceiling', facts(), limits(), day(1), inside],
    [
      'waits until the oldest is an hour old when there is none',
      facts({ underCeiling: full }),
      limits(),
      minutes(0),
      { kind: 'wait', because: 'ceiling', retryAfterSeconds: 300 },
    ],
    [
      'never waits so long that it is no longer waited for',
      facts({ underCeiling: { count: 10, earliest: minutes(0) } }),
      limits(),
      minutes(0),
      { kind: 'wait', because: 'ceiling', retryAfterSeconds: 600 },
    ],
    [
      'lets those that end sooner go first',
      facts({ underCeiling: { count: 8, earliest: minutes(-5) }, nearerWaiting: 2 }),
      limits(),
      minutes(0),
      { kind: 'wait', because: 'ceiling', retryAfterSeconds: 60 },
    ],
    [
      'takes the room that those leave',
      facts({ underCeiling: { count: 8, earliest: minutes(-5) }, nearerWaiting: 1 }),
      limits(),
      minutes(0),
      inside,
    ],
    ['waits for nobody in the last tenth', facts({ underCeiling: full, nearerWaiting: 5 }), limits(), day(90), outside],
    [
      'is bound just before the last tenth',
      facts({ underCeiling: { count: 10, earliest: day(89.99) } }),
      limits(),
      day(89.999),
      { kind: 'wait', because: 'ceiling', retryAfterSeconds: 600 },
    ],
    ['waits for nobody when its certificate has ended', facts({ underCeiling: full }), limits(), day(300), recovery],
    ['waits for nobody when it has none', facts({ newest: null, underCeiling: full }), limits(), minutes(0), recovery],
    [
      'waits for nobody when it was revoked',
      facts({ newest: { ...facts().newest!, isRevoked: true }, underCeiling: full }),
      limits(),
      minutes(0),
      outside,
    ],
    [
      'waits until a blackout ends',
      facts(),
      limits({ blackouts: [night] }),
      minutes(0),
      { kind: 'wait', because: 'blackout', retryAfterSeconds: 5 * 3600 },
    ],
    ['waits for no blackout in the last tenth', facts(), limits({ blackouts: [night] }), day(95), outside],
    [
      'is bound by its own rate even when it has none',
      facts({ newest: null, ofLineage: { count: 6, earliest: minutes(-30) } }),
      limits(),
      minutes(0),
      { kind: 'wait', because: 'lineageRate', retryAfterSeconds: 1800 },
    ],
  ])('%s', (_what, given, bounds, now, expected) => {
    expect(admitRenewal(given, bounds, now)).toEqual(expected);
  });

  test('in a blackout beyond its last tenth waits until that only', () => {
    const span: Blackout = { kind: 'span', from: day(60), to: day(99) };
    expect(admitRenewal(facts(), limits({ blackouts: [span] }), day(89))).toMatchObject({ retryAfterSeconds: 86_400 });
  });
});

describe('a blackout', () => {
  test('over midnight holds on both sides of it, its end not part of it', () => {
    const night1 = { from: new Date(Date.UTC(2026, 0, 1, 22)), to: new Date(Date.UTC(2026, 0, 2, 5)) };
    expect(blackoutAt([night], new Date(Date.UTC(2026, 0, 1, 22)))).toEqual(night1);
    expect(blackoutAt([night], new Date(Date.UTC(2026, 0, 2, 4, 59)))).toEqual(night1);
    expect(blackoutAt([night], new Date(Date.UTC(2026, 0, 2, 5)))).toBeNull();
    expect(blackoutAt([night], new Date(Date.UTC(2026, 0, 1, 21, 59)))).toBeNull();
  });

  test('is joined with those that touch it', () => {
    const spans: readonly Blackout[] = [
      { kind: 'span', from: day(1), to: day(2) },
      { kind: 'span', from: day(2), to: day(3) },
      { kind: 'span', from: day(0.5), to: day(1.2) },
    ];
    expect(blackoutAt(spans, day(1.5))).toEqual({ from: day(0.5), to: day(3) });
  });

  test('that never ends is bounded all the same', () => {
    const always: readonly Blackout[] = [
      { kind: 'daily', fromMinute: 0, toMinute: 720 },
      { kind: 'daily', fromMinute: 720, toMinute: 0 },
    ];
    expect(blackoutAt(always, day(3))).not.toBeNull();
  });
});

describe('the instant of a renewal', () => {
  const certificate = { profile: 'nginx-vhost', notBefore: day(0), notAfter: day(90), fingerprint: '8'.repeat(64) };
  const drawn = renewAt(certificate);
  const window = renewalWindow(certificate);
  const around = (before: number, behind: number): Blackout => ({
    kind: 'span',
    from: new Date(drawn.getTime() - before * 86_400_000),
    to: new Date(drawn.getTime() + behind * 86_400_000),
  });

  test('stays where no blackout lies', () => {
    expect(drawRenewal([])(certificate)).toEqual(drawn);
  });

  test('moves behind a blackout, or before it when that would leave the window', () => {
    expect(drawRenewal([around(1, 1)])(certificate)).toEqual(new Date(drawn.getTime() + 86_400_000));
    const earlier = drawRenewal([around(1, 40)])(certificate);
    expect(earlier).toEqual(new Date(drawn.getTime() - 86_400_000 - 1000));
    expect(earlier >= window.start).toBe(true);
  });

  test('stays when the blackout is larger than the window', () => {
    expect(drawRenewal([around(60, 60)])(certificate)).toEqual(drawn);
  });
});
