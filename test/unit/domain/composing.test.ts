// What of the waiting crossings is told, in how many messages and by which words.
import { describe, expect, test } from '@jest/globals';
import { compose, type WaitingCrossing, type Waiting } from '../../../src/domain/composing.ts';
import type { WarningRecord } from '../../../src/domain/warning.ts';

const now = new Date('2027-01-01T12:00:00Z');
const ago = (seconds: number): Date => new Date(now.getTime() - seconds * 1000);

const warning = (id: string, over: Partial<WarningRecord> = {}): WarningRecord => ({
  ...{ id, condition: 'renewalMissed', subject: id, level: 'warning', cause: id, reason: 'due since 2 h' },
  ...{ deviceId: null, lineageId: null, facts: { name: id }, openedAt: ago(60), levelAt: ago(60), wellSince: null },
  ...{ closedAt: null, acknowledged: null, snoozed: null, note: null },
  ...over,
});

const crossing = (of: WarningRecord, over: Partial<WaitingCrossing> = {}): WaitingCrossing => ({
  ...{ kind: of.level, at: ago(30), warning: of, others: 'none' },
  ...over,
});

const composed = (crossings: readonly WaitingCrossing[], over: Partial<Waiting> = {}) =>
  compose({ crossings, recent: [], unconcluded: 0, ...over }, { now, url: null });

const titles = (...args: Parameters<typeof composed>): readonly string[] =>
  composed(...args).messages.map(({ text }) => text.title);

describe('a message', () => {
  test('of one warning says whom it is about, and why', () => {
    expect(composed([crossing(warning('web-1', { level: 'critical' }))]).messages).toMatchObject([
      {
        ...{ kind: 'warning', cause: 'web-1', crossings: [{ warningId: 'web-1', kind: 'critical' }] },
        text: {
          ...{ level: 'critical', title: 'critical: web-1: due since 2 h', total: 1, at: '2027-01-01T12:00:00Z' },
          items: [{ warning: 'web-1', condition: 'renewalMissed', since: '2027-01-01T11:59:00Z' }],
        },
      },
    ]);
  });

  test('of one cause tells them all, the worst first', () => {
    const cause = 'host:1';
    const [message, ...more] = composed([
      crossing(warning('b', { cause })),
      crossing(warning('a', { cause, level: 'critical' })),
      crossing(warning('c', { cause, condition: 'expiry' }), { at: now }),
    ]).messages;
    expect(more).toEqual([]);
    expect(message?.text).toMatchObject({
      title: 'critical: 3 times a renewal was due and did not happen; a certificate ends soon, or has ended: a, b, c',
      items: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
    });
  });

  test('has a title of one line without control characters, and at most fifty items', () => {
    const cause = 'one';
    const many = Array.from({ length: 70 }, (_, i) => crossing(warning(`host-${i}\n\u001b[2J`, { cause })));
    const [message] = composed(many).messages;
    expect(message?.text.title.length).toBeLessThanOrEqual(120);
    expect(message?.text.title).toMatch(
      /^warning: 70 times a renewal was due and did not happen: host-0 \[2J, [ -~]*$/,
    );
    expect([message?.text.items.length, message?.text.total, message?.crossings.length]).toEqual([50, 70, 70]);
  });

  test('names the first fault of every host before the second of any', () => {
    const of = (id: string, deviceId: string) => warning(id, { cause: 'one', level: 'critical', deviceId });
    const loud = Array.from({ length: 60 }, (_, at) => of(`loud-${at}`, 'device-1'));
    const quiet = { ...of('quiet', 'device-2'), openedAt: now };
    const [message] = composed([...loud, quiet].map((one) => crossing(one))).messages;
    const names = message?.text.items.map(({ name }) => name) ?? [];
    expect([names[0], names[1], names.length, message?.text.total]).toEqual(['loud-0', 'quiet', 50, 61]);
  });

  test('of an end, an escalation and a reminder says so', () => {
    const critical = warning('a', { level: 'critical' });
    expect(titles([crossing({ ...critical, closedAt: now }, { kind: 'wellAgain', others: 'told' })])).toEqual([
      'well again: a, that was: due since 2 h',
    ]);
    expect(titles([crossing(critical, { kind: 'escalation:1' })])).toEqual([
      'still critical, and nobody has acknowledged it: a: due since 2 h',
    ]);
    expect(titles([crossing(critical, { kind: 'reminder:1' })])).toEqual([
      'no longer snoozed, critical: a: due since 2 h',
    ]);
  });
});

describe('a crossing', () => {
  test('waits a while for others of its cause, and no longer', () => {
    expect(titles([crossing(warning('a'), { at: ago(14) })])).toEqual([]);
    expect(titles([crossing(warning('a'), { at: ago(15) })])).toHaveLength(1);
  });

  test('waits when its cause was told less than five minutes before', () => {
    const recent = (seconds: number) => [{ kind: 'warning' as const, cause: 'a', createdAt: ago(seconds) }];
    expect(titles([crossing(warning('a'))], { recent: recent(299) })).toEqual([]);
    expect(titles([crossing(warning('a'))], { recent: recent(300) })).toHaveLength(1);
    expect(titles([crossing(warning('a'))], { recent: [{ ...recent(9)[0]!, kind: 'wellAgain' }] })).toHaveLength(1);
  });

  test('waits while its warning is well, and while it is put off', () => {
    const snoozed = (until: Date) => warning('a', { snoozed: { until, by: 'ann' } });
    for (const one of [warning('a', { wellSince: ago(1) }), snoozed(new Date(now.getTime() + 1))])
      expect(composed([crossing(one)])).toEqual({ moot: [], messages: [] });
    expect(titles([crossing(snoozed(now))])).toHaveLength(1);
  });

  test('is moot when its warning is over, or a higher level tells it', () => {
    const over = crossing(warning('a', { closedAt: now }));
    const lower = crossing(warning('b', { level: 'critical' }), { kind: 'warning' });
    const higher = crossing(lower.warning);
    const { moot, messages } = composed([over, lower, higher]);
    expect(moot).toEqual([
      { warningId: 'a', kind: 'warning' },
      { warningId: 'b', kind: 'warning' },
    ]);
    expect(messages.map(({ crossings }) => crossings)).toEqual([[{ warningId: 'b', kind: 'critical' }]]);
  });

  test('of an escalation or a reminder is moot when somebody acknowledged it; that of a level is not', () => {
    const one = warning('a', { level: 'critical', acknowledged: { at: now, by: 'ann' } });
    const kinds = ['escalation:1', 'reminder:2', 'critical'];
    const { moot, messages } = composed(kinds.map((kind) => crossing(one, { kind })));
    expect([moot.map(({ kind }) => kind), messages.length]).toEqual([['escalation:1', 'reminder:2'], 1]);
  });

  test('of an end waits until it is known whether the trouble was told, and is moot when it was not', () => {
    const end = (others: WaitingCrossing['others']) =>
      composed([crossing(warning('a', { closedAt: now }), { kind: 'wellAgain', others })]);
    expect(end('open')).toEqual({ moot: [], messages: [] });
    expect(end('untold').moot).toHaveLength(1);
    expect(end('told').messages).toHaveLength(1);
  });
});

describe('many causes at once', () => {
  const many = (count: number): readonly WaitingCrossing[] =>
    Array.from({ length: count }, (_, i) => crossing(warning(`w${i}`, i === 9 ? { level: 'critical' } : {})));

  test('have five messages, the worst first, and one for the rest', () => {
    const { messages } = composed(many(12));
    expect(messages.map(({ cause }) => cause)).toEqual(['w9', 'w0', 'w1', 'w10', 'w11', 'several']);
    expect(messages.at(-1)?.text.total).toBe(7);
    expect(messages.flatMap(({ crossings }) => crossings)).toHaveLength(12);
  });

  test('that come soon after five others go together, and the next ones wait', () => {
    const recent = ['a', 'b', 'c', 'd', 'e'].map((cause) => ({ kind: 'warning' as const, cause, createdAt: ago(60) }));
    expect(composed(many(3), { recent }).messages.map(({ cause }) => cause)).toEqual(['several']);
    const full = [...recent, { ...recent[0]!, cause: 'several' }];
    expect(composed(many(3), { recent: full }).messages).toEqual([]);
  });

  test('stay crossings while the channel takes nothing', () => {
    const over = crossing(warning('over', { closedAt: now }));
    const { messages, moot } = composed([...many(3), over], { unconcluded: 20 });
    expect([messages.length, moot.length]).toEqual([0, 1]);
  });
});
