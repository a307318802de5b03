// When a digest is due by the clock on the wall, and what it says.
import { describe, expect, test } from '@jest/globals';
import { digestDay, digestText } from '../../../src/domain/digest.ts';
import type { WarningRecord } from '../../../src/domain/warning.ts';

const berlin = { digestAt: '08:00', timeZone: 'Europe/Berlin' };

describe('the digest of a day', () => {
  test.each([
    ['2027-01-02T06:59:59Z', null],
    ['2027-01-02T07:00:00Z', '2027-01-02'],
    ['2027-01-02T19:00:00Z', '2027-01-02'],
    ['2027-01-02T19:01:00Z', null],
    ['2027-07-02T06:00:00Z', '2027-07-02'],
    // The day on which the clock goes forward, and the one on which it goes back.
    ['2027-03-28T06:00:00Z', '2027-03-28'],
    ['2027-10-31T06:30:00Z', null],
    ['2027-10-31T07:00:00Z', '2027-10-31'],
  ])('in Berlin at %s is %s', (at, day) => {
    expect(digestDay(new Date(at), berlin)).toBe(day);
  });

  test('late in the evening is still due after midnight, and is that of the day before', () => {
    const late = { digestAt: '23:30', timeZone: 'UTC' };
    expect(digestDay(new Date('2027-01-01T23:30:00Z'), late)).toBe('2027-01-01');
    expect(digestDay(new Date('2027-01-02T03:00:00Z'), late)).toBe('2027-01-01');
  });

  test('at an hour that a day does not have is due in the next one', () => {
    const gap = { digestAt: '02:30', timeZone: 'Europe/Berlin' };
    expect(digestDay(new Date('2027-03-28T00:59:00Z'), gap)).toBeNull();
    expect(digestDay(new Date('2027-03-28T01:00:00Z'), gap)).toBe('2027-03-28');
  });
});

describe('a digest', () => {
  const now = new Date('2027-01-01T08:00:00Z');
  const warning = (over: Partial<WarningRecord>): WarningRecord => ({
    ...{ id: 'w', condition: 'expiry', subject: 's', level: 'warning', cause: 'c', reason: 'r', facts: { name: 'n' } },
    ...{ deviceId: null, lineageId: null, openedAt: now, levelAt: now, wellSince: null, closedAt: null },
    ...{ acknowledged: null, snoozed: null, note: null },
    ...over,
  });
  const about = { day: '2027-01-01', now, url: null };

  test('has nothing to say when all is well', () => {
    expect(digestText({ open: [], waiting: [] }, about)).toBeNull();
  });

  test('counts what is open, what ends soon, who was not seen, and what was not delivered', () => {
    const open = [
      warning({ level: 'critical', facts: { name: 'a', notAfter: '2027-01-08T08:00:00Z' } }),
      warning({ facts: { name: 'b', notAfter: '2027-01-08T08:00:01Z' } }),
      warning({ condition: 'hostNotSeen' }),
    ];
    expect(digestText({ open, waiting: [{ channel: 'mail', count: 12, oldest: now }] }, about)).toMatchObject({
      ...{ kind: 'digest', level: 'critical', total: 4 },
      title:
        'digest of 2027-01-01: 1 critical, 2 warnings, 1 ends within a week, 1 host not seen, 12 messages not delivered',
      items: [{ name: 'mail', reason: '12 messages wait for this channel' }, { name: 'a' }, { name: 'b' }, {}],
    });
  });
});
