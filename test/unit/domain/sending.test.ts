// What becomes of a delivery that is due, and when a failed one is repeated.
import { describe, expect, test } from '@jest/globals';
import type { SendOutcome } from '../../../src/domain/message.ts';
import { attemptEnd, decideDue, type DueDelivery } from '../../../src/domain/sending.ts';
import type { WarningRecord } from '../../../src/domain/warning.ts';

const now = new Date('2027-01-01T12:00:00Z');
const after = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

const failed = (over: object = {}): SendOutcome => ({
  ...{ accepted: false, detail: 'no', isPermanent: false, isUnsure: false, retryAfterSeconds: null },
  ...over,
});

describe('an attempt that failed', () => {
  const end = (outcome: SendOutcome, earlier: number, roll = 0, failingSince: Date | null = null) =>
    attemptEnd(outcome, { earlier, failingSince, now, roll });

  test.each([
    [0, 30],
    [1, 60],
    [5, 960],
    [7, 3600],
    [1000, 3600],
  ])('after %s others is repeated in %s seconds', (earlier, seconds) => {
    expect(end(failed(), earlier)).toMatchObject({ outcome: 'failed', dueAt: after(seconds) });
  });

  test('is repeated a little earlier by the die', () => {
    expect(end(failed(), 7, 0.5)).toMatchObject({ dueAt: after(3150) });
  });

  test('is not repeated before the channel wants it, and that is within the hour', () => {
    expect(end(failed({ retryAfterSeconds: 500 }), 0)).toMatchObject({ dueAt: after(500), restUntil: after(500) });
    expect(end(failed({ retryAfterSeconds: 1e9 }), 0)).toMatchObject({ dueAt: after(3600) });
  });

  test('leaves the channel alone for a quarter of the time that it fails already', () => {
    for (const [failing, rest] of [
      [0, 30],
      [400, 100],
      [1e6, 900],
    ] as const)
      expect(end(failed(), 0, 0, after(-failing))).toMatchObject({ restUntil: after(rest) });
  });

  test('for good is refused, and one that was taken delivered', () => {
    expect(end(failed({ isPermanent: true }), 0)).toEqual({ outcome: 'refused', error: 'no' });
    expect(end({ accepted: true }, 3)).toEqual({ outcome: 'delivered' });
  });
});

describe('a delivery that is due', () => {
  const warning = (id: string, over: Partial<WarningRecord> = {}): WarningRecord => ({
    ...{ id, condition: 'expiry', subject: id, level: 'warning', cause: 'c', reason: 'r', facts: { name: id } },
    ...{ deviceId: null, lineageId: null, openedAt: now, levelAt: now, wellSince: null, closedAt: null },
    ...{ acknowledged: null, snoozed: null, note: null },
    ...over,
  });
  const closed = warning('closed', { closedAt: now });
  const due = (warnings: readonly WarningRecord[], over: Partial<DueDelivery> = {}) =>
    decideDue(
      {
        ...{ id: 'd', kind: 'warning', createdAt: now, attempts: 0, failures: 0, isOutdated: false },
        crossings: warnings.map((one) => ({ kind: 'warning', at: now, warning: one, others: 'told' })),
        ...over,
      },
      now,
    );

  test('is sent while all that it tells is true', () => {
    expect(due([warning('a'), warning('b')])).toEqual({ do: 'send' });
  });

  test('is taken apart when something of it is not, and nobody has it', () => {
    const apart = { do: 'takeApart', moot: [{ warningId: 'closed', kind: 'warning' }] };
    expect(due([warning('a'), closed])).toEqual(apart);
    expect(due([warning('a'), closed], { attempts: 3, failures: 3 })).toEqual(apart);
    expect(due([warning('a', { wellSince: now })])).toEqual({ do: 'takeApart', moot: [] });
  });

  test('is sent as it was when somebody may have it, until all of it is over', () => {
    expect(due([warning('a'), closed], { attempts: 3, failures: 2 })).toEqual({ do: 'send' });
    expect(due([closed], { attempts: 3, failures: 2 })).toEqual({ do: 'withdraw' });
  });

  test('that tells an end, a day or an event is sent, unless a later day is told', () => {
    for (const kind of ['wellAgain', 'digest', 'event'] as const) expect(due([], { kind })).toEqual({ do: 'send' });
    expect(due([closed], { kind: 'wellAgain' })).toEqual({ do: 'send' });
    expect(due([], { kind: 'digest', isOutdated: true })).toEqual({ do: 'withdraw' });
  });
});
