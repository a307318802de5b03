// What every store of deliveries promises. Run over the fake in test/unit and over PostgreSQL in test/db.
import { describe, expect, test } from '@jest/globals';
import { compose } from '../../src/domain/composing.ts';
import { composeEvents } from '../../src/domain/events.ts';
import type { Look } from '../../src/domain/look.ts';
import type { ChannelRules } from '../../src/domain/message.ts';
import { decideDue, leaseSeconds } from '../../src/domain/sending.ts';
import { closedAfterSeconds, type Standing } from '../../src/domain/warning.ts';
import type { ClaimedDelivery, DeliveryRecord, NotifierStore } from '../../src/lifecycle/delivery-records.ts';
import type { WarningStore } from '../../src/lifecycle/warning-records.ts';
import { channelRules, standingOf } from './warning-store-suite.ts';

/** Both stores over the same rows, and a hand that writes into the outbox. */
export type DeliveryStoreUnderTest = WarningStore &
  NotifierStore & {
    readonly raise: (alarm: {
      readonly topic: string;
      readonly key: string;
      readonly facts: object;
      readonly at: Date;
    }) => Promise<void>;
    readonly alarmsLeft: () => Promise<number>;
  };

const at = (seconds: number): Date => new Date(Date.UTC(2027, 0, 1) + seconds * 1000);

const sure = { outcome: 'failed', error: 'refused', isUnsure: false, dueAt: at(0), restUntil: at(0) } as const;

/** Runs the suite; each test gets a store without rows. */
export function describeDeliveryStore(of: string, open: () => Promise<DeliveryStoreUnderTest>): void {
  describe(`the store of deliveries in ${of}`, () => {
    const mail = channelRules('mail');
    const look = (store: WarningStore, seconds: number, standings: readonly Standing[], over: Partial<Look> = {}) =>
      store.recordLook({ conditions: ['renewalMissed'], standings, at: at(seconds), channels: [mail], ...over });
    const composeAt = (store: NotifierStore, seconds: number, channel = 'mail'): Promise<number> =>
      store.composeFor(channel, at(seconds), (waiting) => compose(waiting, { now: at(seconds), url: null }));
    const claimAt = (store: NotifierStore, seconds: number, channel = 'mail'): Promise<ClaimedDelivery | null> =>
      store.claimDelivery(channel, { now: at(seconds), leaseUntil: at(seconds + leaseSeconds) }, (due) =>
        decideDue(due, at(seconds)),
      );
    const listed = (store: NotifierStore): Promise<readonly DeliveryRecord[]> =>
      store.listDeliveries({ channel: null, after: null, limit: 100 });
    const outcomes = async (store: NotifierStore): Promise<readonly (string | null)[]> =>
      (await listed(store)).map(({ outcome }) => outcome).toReversed();
    const wellFrom = async (store: WarningStore, seconds: number): Promise<void> => {
      await look(store, seconds, []);
      await look(store, seconds + closedAfterSeconds, []);
    };

    test('a crossing becomes one message, which is sent once', async () => {
      const store = await open();
      const [change] = await look(store, 0, [standingOf('a')]);
      expect([await composeAt(store, 5), await composeAt(store, 20), await composeAt(store, 25)]).toEqual([0, 1, 0]);
      const claimed = await claimAt(store, 30);
      expect(claimed).toMatchObject({ attempts: 1, message: { kind: 'warning', total: 1 } });
      expect(claimed?.message.id).toBe(claimed?.id);
      expect(await claimAt(store, 31)).toBeNull();
      await store.concludeAttempt(claimed!, { outcome: 'delivered' }, at(32));
      expect(await claimAt(store, 9999)).toBeNull();
      expect(await outcomes(store)).toEqual(['delivered']);
      expect(await store.toldOf(change!.warningId)).toEqual([
        { channel: 'mail', kind: 'warning', at: at(0), deliveredAt: at(32) },
      ]);
      expect(await store.channelStates(at(0))).toMatchObject([{ channel: 'mail', deliveredAt: at(32), waiting: 0 }]);
    });

    test('of several messages of one instant the worst is sent first', async () => {
      const store = await open();
      const level = (at: number) => (at === 5 ? 'critical' : 'warning');
      const standings = Array.from({ length: 6 }, (_, at) =>
        standingOf(`s${at}`, { cause: `c${at % 5}`, level: level(at) }),
      );
      await look(store, 0, standings);
      expect(await composeAt(store, 20)).toBe(5);
      expect((await claimAt(store, 30))?.message.level).toBe('critical');
    });

    test('several at once compose and claim without doing anything twice', async () => {
      const store = await open();
      await look(
        store,
        0,
        ['a', 'b', 'c'].map((cause) => standingOf(cause, { cause })),
      );
      const composed = await Promise.all(Array.from({ length: 5 }, () => composeAt(store, 20)));
      expect(composed.reduce((sum, one) => sum + one, 0)).toBe(3);
      const claimed = await Promise.all(Array.from({ length: 8 }, () => claimAt(store, 30)));
      const ids = claimed.flatMap((one) => (one === null ? [] : [one.id]));
      expect(new Set(ids).size).toBe(ids.length);
      for (;;) {
        const more = await claimAt(store, 31);
        if (more === null) break;
        ids.push(more.id);
      }
      expect(new Set(ids).size).toBe(3);
    });

    test('an attempt that nobody came back from is repeated as it was, when its lease is over', async () => {
      const store = await open();
      await look(store, 0, [standingOf('a')]);
      await composeAt(store, 20);
      const first = await claimAt(store, 20);
      await look(store, 30, [standingOf('a', { reason: 'quite another reason' })]);
      expect(await claimAt(store, 20 + leaseSeconds - 1)).toBeNull();
      const second = await claimAt(store, 20 + leaseSeconds);
      expect(second).toEqual({ ...first, attempts: 2 });
      await store.concludeAttempt(first!, sure, at(200));
      expect(await listed(store)).toMatchObject([{ attempts: 2, lastError: null }]);
      await store.concludeAttempt(first!, { outcome: 'delivered' }, at(201));
      expect(await outcomes(store)).toEqual(['delivered']);
    });

    test('what is over before anybody has it is taken apart, and the rest is told', async () => {
      const store = await open();
      await look(store, 0, [standingOf('a'), standingOf('b')]);
      await composeAt(store, 20);
      const failed = await claimAt(store, 20);
      await store.concludeAttempt(failed!, { ...sure, dueAt: at(600) }, at(21));
      await look(store, 30, [standingOf('b')]);
      await look(store, 30 + closedAfterSeconds, [standingOf('b')]);
      expect(await claimAt(store, 600)).toBeNull();
      expect(await composeAt(store, 601)).toBe(1);
      const again = await claimAt(store, 602);
      expect(again?.message.items.map(({ name }) => name)).toEqual(['b']);
      await store.concludeAttempt(again!, { outcome: 'delivered' }, at(603));
      await composeAt(store, 700);
      expect(await outcomes(store)).toEqual(['withdrawn', 'delivered']);
    });

    test('what the channel may have is not repeated when it is over, and its end is told', async () => {
      const store = await open();
      await look(store, 0, [standingOf('a')]);
      await composeAt(store, 20);
      const unsure = await claimAt(store, 20);
      await store.concludeAttempt(unsure!, { ...sure, isUnsure: true, dueAt: at(50) }, at(40));
      await wellFrom(store, 41);
      expect(await composeAt(store, 400)).toBe(0);
      expect(await claimAt(store, 400)).toBeNull();
      expect(await composeAt(store, 401)).toBe(1);
      expect(await claimAt(store, 402)).toMatchObject({ message: { kind: 'wellAgain', level: 'info' } });
      expect(await outcomes(store)).toEqual(['withdrawn', null]);
    });

    test('the end of what nobody was told of is told to nobody', async () => {
      const store = await open();
      await look(store, 0, [standingOf('a'), standingOf('b', { cause: 'other' })]);
      await composeAt(store, 20);
      const refused = await claimAt(store, 20);
      await store.concludeAttempt(refused!, { outcome: 'refused', error: 'too long' }, at(21));
      const failed = await claimAt(store, 21);
      await store.concludeAttempt(failed!, { ...sure, dueAt: at(50) }, at(22));
      expect(await store.channelStates(at(0))).toMatchObject([
        { failingSince: at(22), lastError: 'refused', refusedAt: at(21), waiting: 1, oldestWaiting: at(20) },
      ]);
      await wellFrom(store, 30);
      for (const seconds of [400, 401, 500]) {
        await composeAt(store, seconds);
        expect(await claimAt(store, seconds)).toBeNull();
      }
      expect((await outcomes(store)).toSorted()).toEqual(['refused', 'withdrawn']);
    });

    test('what is critical, told and acknowledged by nobody is told again, with doubling pauses', async () => {
      const store = await open();
      const policy = { afterSeconds: 1000, times: 2 };
      const standings = [standingOf('a', { level: 'critical' }), standingOf('b')];
      await look(store, 0, standings);
      const escalateAt = (seconds: number): Promise<number> =>
        store.addEscalations(['mail', 'page'], policy, at(seconds));
      const tellAt = async (seconds: number): Promise<string | undefined> => {
        await composeAt(store, seconds + 20);
        const claimed = await claimAt(store, seconds + 20);
        if (claimed !== null) await store.concludeAttempt(claimed, { outcome: 'delivered' }, at(seconds + 20));
        return claimed?.message.kind;
      };
      expect([await escalateAt(5000), await tellAt(5000)]).toEqual([0, 'warning']);
      expect([await escalateAt(6019), await escalateAt(6020), await escalateAt(6020)]).toEqual([0, 1, 0]);
      expect(await tellAt(6020)).toBe('escalation');
      expect([await escalateAt(8039), await escalateAt(8040), await tellAt(8040)]).toEqual([0, 1, 'escalation']);
      expect(await escalateAt(99_999)).toBe(0);
    });

    test('nothing escalates that somebody acknowledged, or that is well', async () => {
      const store = await open();
      const [first] = await look(store, 0, [standingOf('a', { level: 'critical' })]);
      await composeAt(store, 20);
      await store.concludeAttempt((await claimAt(store, 20))!, { outcome: 'delivered' }, at(20));
      const escalate = (): Promise<number> => store.addEscalations(['mail'], { afterSeconds: 10, times: 9 }, at(100));
      await store.acknowledge(first!.warningId, 'operator:ann', at(30), null);
      expect(await escalate()).toBe(0);
    });

    test('what was put off is not told until then, and once after it', async () => {
      const store = await open();
      const [change] = await look(store, 0, [standingOf('a')]);
      const id = change!.warningId;
      const putOff = (until: number, now: number): Promise<boolean> =>
        store.snooze(id, { until: at(until), by: 'operator:ann', at: at(now), note: null });
      await putOff(1000, 5);
      expect(await composeAt(store, 20)).toBe(0);
      expect([await store.endSnoozes(['mail'], at(999)), await store.endSnoozes(['mail'], at(1000))]).toEqual([0, 0]);
      expect(await composeAt(store, 1001)).toBe(1);
      await store.concludeAttempt((await claimAt(store, 1002))!, { outcome: 'delivered' }, at(1002));
      await putOff(2000, 1003);
      expect([await store.endSnoozes(['mail', 'page'], at(2000)), await store.endSnoozes(['mail'], at(2001))]).toEqual([
        1, 0,
      ]);
      expect(await composeAt(store, 2020)).toBe(1);
      expect(await claimAt(store, 2021)).toMatchObject({ message: { kind: 'reminder' } });
      await putOff(3000, 2030);
      await store.acknowledge(id, 'operator:ann', at(2040), null);
      expect(await store.endSnoozes(['mail'], at(3000))).toBe(0);
    });

    test('alarms of one name are one message for each channel, and the rest of the outbox is only marked', async () => {
      const store = await open();
      const raise = (event: string, seconds: number): Promise<void> =>
        store.raise({ topic: 'alarm', key: 'k', facts: { event, principal: 'device:1' }, at: at(seconds) });
      const tellAt = (seconds: number): Promise<number> =>
        store.composeEvents(at(seconds), (waiting) =>
          composeEvents(waiting, {
            channels: [mail, channelRules('page', { level: 'critical' })],
            now: at(seconds),
            url: null,
          }),
        );
      await store.raise({ topic: 'certificate.issued', key: 'k', facts: {}, at: at(0) });
      for (const event of ['host.finding', 'renewal.replayed', 'renewal.replayed', 'new.kind']) await raise(event, 0);
      expect([await tellAt(5), await store.alarmsLeft()]).toEqual([0, 3]);
      expect([await tellAt(20), await store.alarmsLeft()]).toEqual([2, 0]);
      const titles = (await listed(store)).map(({ title, channel }) => `${channel} ${title}`).toSorted();
      expect(titles).toEqual([
        'mail warning: 2 times: a renewal was sent again after its nonce was spent',
        'mail warning: device:1: new.kind',
      ]);
      await raise('renewal.replayed', 30);
      expect([await tellAt(60), await store.alarmsLeft(), await tellAt(321)]).toEqual([0, 1, 1]);
    });

    test('a day has one digest for a channel, and an outdated one is not sent', async () => {
      const store = await open();
      await look(store, 0, [standingOf('a')]);
      const text = { kind: 'digest', level: 'info', title: 't', items: [], total: 0, url: null, at: 'x' } as const;
      const digest = (day: string, isEmpty = false) => ({ cause: `digest:${day}`, text, isEmpty });
      await composeAt(store, 1);
      expect(await store.insertDigest('mail', digest('2027-01-01'), at(0))).toBe(true);
      expect(await store.insertDigest('mail', digest('2027-01-01'), at(1))).toBe(false);
      expect(await store.digestedChannels('digest:2027-01-01')).toEqual(['mail']);
      expect(await store.digestFacts(at(1000))).toMatchObject({
        open: [{ subject: 'a' }],
        waiting: [{ channel: 'mail', count: 1, oldest: at(0) }],
      });
      await store.insertDigest('mail', digest('2027-01-02'), at(86_400));
      const claimed = await claimAt(store, 90_000);
      await store.concludeAttempt(claimed!, { outcome: 'delivered' }, at(90_000));
      expect([await claimAt(store, 90_001), await outcomes(store)]).toEqual([null, ['withdrawn', 'delivered']]);
      await store.insertDigest('mail', digest('2027-01-03', true), at(200_000));
      expect(await claimAt(store, 200_001)).toBeNull();
    });

    test('a channel that is new is told of what is open and nobody took upon himself, once', async () => {
      const store = await open();
      const critical = standingOf('b', { level: 'critical' });
      const itself = standingOf('channel:page', { level: 'critical' });
      const changes = await look(store, 0, [standingOf('a'), critical, standingOf('c', { level: 'critical' }), itself]);
      const idOf = (subject: string): string => changes.find((one) => one.subject === subject)!.warningId;
      await store.acknowledge(idOf('c'), 'operator:ann', at(5), null);
      const tell = (rules: Partial<ChannelRules>, seconds: number): Promise<number> =>
        store.tellOpen(channelRules('page', rules), at(seconds));
      expect(await tell({ level: 'critical', conditions: ['expiry'] }, 10)).toBe(0);
      expect([await tell({ level: 'critical' }, 10), await tell({ level: 'critical' }, 11)]).toEqual([1, 0]);
      expect(await store.toldOf(idOf('b'))).toContainEqual({
        ...{ channel: 'page', kind: 'critical', at: at(10), deliveredAt: null },
      });
      expect([await tell({}, 20), await store.tellOpen(mail, at(21))]).toEqual([1, 0]);
      expect(await composeAt(store, 40, 'page')).toBe(1);
    });

    test('a channel is known by its turns, and by what it took beside its queue', async () => {
      const store = await open();
      await store.recordTurn('mail', at(5));
      expect(await store.channelStates(at(0))).toMatchObject([{ turnedAt: at(5), deliveredAt: null, waiting: 0 }]);
      await store.recordReached('mail', at(6));
      expect(await store.channelStates(at(0))).toMatchObject([{ turnedAt: at(5), deliveredAt: at(6) }]);
    });

    test('a channel that fails rests, with all that waits for it, and has no turns until it takes something', async () => {
      const store = await open();
      await look(store, 0, [standingOf('a'), standingOf('b', { cause: 'other' })]);
      await composeAt(store, 20);
      await store.recordTurn('mail', at(21));
      const first = await claimAt(store, 22);
      expect(first?.failingSince).toBeNull();
      await store.concludeAttempt(first!, { ...sure, dueAt: at(60), restUntil: at(100) }, at(25));
      await store.recordTurn('mail', at(26));
      expect(await store.channelStates(at(0))).toMatchObject([{ turnedAt: at(21), failingSince: at(25) }]);
      expect(await claimAt(store, 99)).toBeNull();
      const second = await claimAt(store, 100);
      expect(second?.failingSince).toEqual(at(25));
      await store.concludeAttempt(second!, { outcome: 'delivered' }, at(101));
      await store.recordTurn('mail', at(102));
      expect(await store.channelStates(at(0))).toMatchObject([{ turnedAt: at(102), failingSince: null }]);
    });

    test('what a clock that was a year ahead wrote holds nothing back when it is right again', async () => {
      const store = await open();
      const year = 365 * 86_400;
      await look(store, year, [standingOf('a')]);
      await composeAt(store, year + 20);
      const failed = await claimAt(store, year + 21);
      const pause = at(year + 60);
      await store.concludeAttempt(failed!, { ...sure, dueAt: pause, restUntil: pause }, at(year + 22));
      const again = await claimAt(store, 30);
      expect(again).toMatchObject({ id: failed?.id, attempts: 2 });
      await store.concludeAttempt(again!, { outcome: 'delivered' }, at(31));
      await look(store, 40, [standingOf('a'), standingOf('b')]);
      expect(await composeAt(store, 60)).toBe(1);
      await wellFrom(store, 100);
      expect(await composeAt(store, 100 + closedAfterSeconds + 20)).toBe(1);
    });

    test('deliveries are listed the newest first, by pages and channels', async () => {
      const store = await open();
      const channels = [mail, channelRules('page')];
      await look(store, 0, [standingOf('a')], { channels });
      await composeAt(store, 20);
      await composeAt(store, 30, 'page');
      const [first] = await store.listDeliveries({ channel: null, after: null, limit: 1 });
      expect(first).toMatchObject({ channel: 'page', createdAt: at(30), title: 'warning: a: due since 2 h' });
      const after = { at: first!.createdAt, id: first!.id };
      expect(await store.listDeliveries({ channel: null, after, limit: 9 })).toMatchObject([{ channel: 'mail' }]);
      expect(await store.listDeliveries({ channel: 'mail', after: null, limit: 9 })).toHaveLength(1);
    });

    test('what is long over is forgotten, and what waits for a channel that is gone is given up', async () => {
      const store = await open();
      const channels = [mail, channelRules('gone')];
      const [change] = await look(store, 0, [standingOf('a')], { channels });
      await composeAt(store, 20);
      await composeAt(store, 21, 'gone');
      await store.concludeAttempt((await claimAt(store, 20))!, { outcome: 'delivered' }, at(20));
      await store.raise({ topic: 'certificate.issued', key: 'k', facts: {}, at: at(0) });
      await store.composeEvents(at(1), () => ({ concluded: [], messages: [] }));
      await wellFrom(store, 30);
      const forgetAt = (seconds: number): Promise<number> => {
        const limit = at(seconds);
        const limits = { events: limit, deliveries: limit, warnings: limit, abandoned: limit };
        return store.forget(limits, [mail], at(100_000));
      };
      await forgetAt(19);
      expect(await outcomes(store)).toEqual(['delivered', null]);
      await forgetAt(25);
      expect((await outcomes(store)).toSorted()).toEqual(['delivered', 'withdrawn']);
      expect(await store.findWarning(change!.warningId)).not.toBeNull();
      for (let turn = 0; turn < 4; turn += 1) await forgetAt(100_001);
      expect(await listed(store)).toEqual([]);
      expect(await store.findWarning(change!.warningId)).toBeNull();
    });

    test('a decision that fails writes nothing', async () => {
      const store = await open();
      await look(store, 0, [standingOf('a')]);
      const fail = (): never => {
        throw new Error('the decision failed');
      };
      await expect(store.composeFor('mail', at(20), fail)).rejects.toThrow('the decision failed');
      expect(await composeAt(store, 20)).toBe(1);
    });
  });
}
