// The judge of the simulation judged: it must find what is wrong, or a green simulation says nothing.
import { describe, expect, test } from '@jest/globals';
import { agenda } from './agenda.ts';
import { contains, difference, intersection, lengthWithin, union } from './intervals.ts';
import {
  answeredTwice,
  broken,
  judgeCeiling,
  lapsesOf,
  type LineageHistory,
  miscalledRecoveries,
  type Signing,
  windowStart,
} from './oracle.ts';
import { day, hour, minute } from './schedule.ts';

const signing = (at: number, over: Partial<Signing> = {}): Signing => ({
  ...{ at, lineage: 'one', profile: 'nginx-vhost', fingerprint: `c${at}`, notBefore: at, notAfter: at + day },
  ...{ renewAt: at + day / 2, askedBy: `request ${at}`, said: { isOutsideCeiling: false, isRecovery: false } },
  ...over,
});

const history = (signings: readonly Signing[], over: Partial<LineageHistory> = {}): LineageHistory => ({
  ...{ lineage: 'one', host: 'host-1', profile: 'nginx-vhost', signings, able: [{ from: 0, to: 10 * day }] },
  placings: signings.map(({ at, lineage, fingerprint }) => ({ at, lineage, fingerprint })),
  ...over,
});

const world = {
  server: [{ from: 0, to: 10 * day }],
  span: { from: 0, to: 2 * day },
  opening: (one: Signing) => one.renewAt,
};

describe('the oracle', () => {
  test('finds a lapse that nothing excuses', () => {
    const found = lapsesOf(history([signing(0), signing(day + hour)]), world);
    expect(broken(found)).toMatchObject([
      { opened: day / 2, notAfter: day, replacedAt: day + hour, together: day / 2 },
    ]);
  });

  test('finds a certificate that was never replaced', () => {
    expect(broken(lapsesOf(history([signing(0)]), world))).toMatchObject([{ replacedAt: null }]);
  });

  test('adds up the pieces of the time together', () => {
    const pieces = Array.from({ length: 12 }, (_, i) => ({ from: 13 * hour + i * 30 * minute, to: 0 }));
    const able = pieces.map(({ from }) => ({ from, to: from + 5 * minute }));
    expect(broken(lapsesOf(history([signing(0)], { able }), world))).toHaveLength(1);
    expect(broken(lapsesOf(history([signing(0)], { able: able.slice(1) }), world))).toEqual([]);
  });

  test('excuses a lapse when the server was down', () => {
    const server = [{ from: 0, to: day / 2 + 59 * minute }];
    const found = lapsesOf(history([signing(0), signing(day + hour)]), { ...world, server });
    expect(found).toMatchObject([{ together: 59 * minute }]);
    expect(broken(found)).toEqual([]);
  });

  test('counts a rolling hour, not that of the clock', () => {
    const at = [30, 40, 70, 80, 100].map((minutes) => 12 * hour + minutes * minute);
    const histories = at.map((instant, i) => history([signing(i), signing(instant)]));
    expect(judgeCeiling(histories, () => 4)).toMatchObject({ most: 4, full: 1, exceeded: [], miscounted: [] });
    expect(judgeCeiling(histories, () => 3).exceeded).toEqual([{ at: at[3], count: 4, ceiling: 3 }]);
  });

  test('leaves the last tenth out of the ceiling, and wants it counted', () => {
    const late = signing(22 * hour);
    const said = { isOutsideCeiling: true, isRecovery: false };
    expect(judgeCeiling([history([signing(0), late])], () => 0)).toMatchObject({ exceptions: 1, miscounted: [late] });
    expect(judgeCeiling([history([signing(0), { ...late, said }])], () => 0).miscounted).toEqual([]);
    expect(judgeCeiling([history([signing(0), signing(15 * hour, { said })])], () => 9).miscounted).toHaveLength(1);
  });

  test('wants each recovery called so, and no other', () => {
    expect(miscalledRecoveries([history([signing(0), signing(2 * day)])])).toHaveLength(1);
    const said = { isOutsideCeiling: false, isRecovery: true };
    expect(miscalledRecoveries([history([signing(0), signing(2 * day, { said })])])).toEqual([]);
    expect(miscalledRecoveries([history([signing(0), signing(day / 2, { said })])])).toHaveLength(1);
  });

  test('finds two certificates for one request', () => {
    const twice = [signing(0, { askedBy: 'a' }), signing(1, { askedBy: 'b' }), signing(2, { askedBy: 'a' })];
    expect(answeredTwice([history(twice)])).toEqual(['a']);
  });

  test('knows the windows of the requirement', () => {
    expect(windowStart(signing(0, { notAfter: 7 * day }))).toBe(3.5 * day);
    expect(windowStart(signing(0, { notAfter: 30 * day }))).toBe(20 * day);
    expect(windowStart(signing(0, { profile: 'devid', notAfter: 90 * day }))).toBe(60 * day);
  });
});

describe('intervals', () => {
  const some = [
    { from: 0, to: 10 },
    { from: 20, to: 30 },
  ];

  test('are cut, joined and measured', () => {
    expect(intersection(some, [{ from: 5, to: 25 }])).toEqual([
      { from: 5, to: 10 },
      { from: 20, to: 25 },
    ]);
    expect(difference({ from: 0, to: 40 }, some)).toEqual([
      { from: 10, to: 20 },
      { from: 30, to: 40 },
    ]);
    expect(union([some[1]!, { from: 8, to: 20 }, some[0]!])).toEqual([{ from: 0, to: 30 }]);
    expect(lengthWithin(some, { from: 5, to: 21 })).toBe(6);
    expect([9, 10, 19, 20].map((at) => contains(some, at))).toEqual([true, false, false, true]);
  });
});

describe('the agenda', () => {
  test('gives events by time, and those of one instant in their order', () => {
    const events = agenda<string>();
    for (const [at, event] of [
      [3, 'd'],
      [1, 'a'],
      [2, 'b'],
      [2, 'c'],
      [9, 'e'],
    ] as const)
      events.put(at, event);
    expect(events.peek()).toBe(1);
    expect(Array.from({ length: 6 }, () => events.next()?.event ?? null)).toEqual(['a', 'b', 'c', 'd', 'e', null]);
  });
});
