// What every store of warnings promises. Run over the fake in test/unit and over PostgreSQL in test/db.
import { describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Look } from '../../src/domain/look.ts';
import type { ChannelRules } from '../../src/domain/message.ts';
import { closedAfterSeconds, type Standing, type WarningRecord } from '../../src/domain/warning.ts';
import type { WarningFilter } from '../../src/lifecycle/warning-records.ts';
import type { WarningStoreUnderTest } from './warning-store.ts';

const at = (seconds: number): Date => new Date(Date.UTC(2027, 0, 1) + seconds * 1000);

export const channelRules = (name: string, over: Partial<ChannelRules> = {}): ChannelRules => ({
  ...{ name, level: 'warning', conditions: null, wellAgain: true, escalation: false, digest: false, events: false },
  ...over,
});

export const standingOf = (subject: string, over: Partial<Standing> = {}): Standing => ({
  ...{ condition: 'renewalMissed', subject, level: 'warning', cause: 'condition:renewalMissed' },
  ...{ reason: 'due since 2 h', deviceId: null, lineageId: null, facts: { name: subject } },
  ...over,
});

const openOnly: WarningFilter = {
  ...{ state: 'open', level: null, deviceId: null, lineageId: null, condition: null, after: null, limit: 100 },
};

/** Runs the suite; each test gets a store without warnings. */
export function describeWarningStore(of: string, open: () => Promise<WarningStoreUnderTest>): void {
  describe(`the store of warnings in ${of}`, () => {
    const look = (seconds: number, standings: readonly Standing[], over: Partial<Look> = {}): Look => ({
      ...{ conditions: ['renewalMissed'], standings, at: at(seconds), channels: [channelRules('mail')] },
      ...over,
    });
    const theOne = async (store: WarningStoreUnderTest): Promise<WarningRecord> => {
      const [one, ...more] = await store.listWarnings(openOnly);
      expect(more).toEqual([]);
      if (one === undefined) throw new Error('no warning is open');
      return one;
    };
    const kinds = async (store: WarningStoreUnderTest, id: string): Promise<readonly string[]> =>
      (await store.crossingsOf(id)).map(({ channel, kind }) => `${channel} ${kind}`).toSorted();

    test('a standing opens one warning, however often it is looked at, with a crossing for each channel', async () => {
      const store = await open();
      const channels = [channelRules('mail'), channelRules('page')];
      const first = await store.recordLook(look(0, [standingOf('a')], { channels }));
      expect(first).toMatchObject([{ change: 'opened', subject: 'a', level: 'warning', reason: 'due since 2 h' }]);
      expect(await store.recordLook(look(30, [standingOf('a', { reason: 'due since 3 h' })], { channels }))).toEqual(
        [],
      );
      const warning = await theOne(store);
      expect(warning).toMatchObject({ openedAt: at(0), levelAt: at(0), reason: 'due since 3 h', wellSince: null });
      expect(await kinds(store, warning.id)).toEqual(['mail warning', 'page warning']);
      expect(await store.auditEvents()).toEqual(['warning.opened']);
    });

    test('a channel gets what its rules take', async () => {
      const store = await open();
      const channels = [
        channelRules('critical', { level: 'critical' }),
        channelRules('other', { conditions: ['expiry'] }),
        channelRules('same', { conditions: ['expiry', 'renewalMissed'] }),
      ];
      await store.recordLook(look(0, [standingOf('a'), standingOf('channel:same')], { channels }));
      const [about, itself] = await store.listWarnings({ ...openOnly, limit: 2 });
      const found = [about, itself].toSorted((a, b) => (a!.subject < b!.subject ? -1 : 1));
      expect(await kinds(store, found[0]!.id)).toEqual(['same warning']);
      expect(await kinds(store, found[1]!.id)).toEqual([]);
    });

    test('a warning rises once, keeps its level until it is closed, and ends snooze and acknowledgement by rising', async () => {
      const store = await open();
      await store.recordLook(look(0, [standingOf('a')]));
      const { id } = await theOne(store);
      expect(await store.acknowledge(id, 'operator:ann', at(1), 'mine')).toBe(true);
      expect(await store.snooze(id, { until: at(9000), by: 'operator:ann', at: at(2), note: null })).toBe(true);
      await store.recordLook(look(5, [standingOf('a', { reason: 'worse' })]));
      expect(await theOne(store)).toMatchObject({
        acknowledged: { at: at(1), by: 'operator:ann' },
        snoozed: { until: at(9000), by: 'operator:ann' },
        note: 'mine',
      });
      const critical = [standingOf('a', { level: 'critical' })];
      expect(await store.recordLook(look(10, critical))).toMatchObject([{ change: 'raised', level: 'critical' }]);
      expect(await theOne(store)).toMatchObject({ levelAt: at(10), acknowledged: null, snoozed: null });
      expect(await store.recordLook(look(20, [standingOf('a')]))).toEqual([]);
      expect(await store.recordLook(look(30, critical))).toEqual([]);
      expect(await theOne(store)).toMatchObject({ level: 'critical', levelAt: at(10), openedAt: at(0) });
      expect(await kinds(store, id)).toEqual(['mail critical', 'mail warning']);
    });

    test('what is well for a while is closed, and what comes and goes stays one warning', async () => {
      const store = await open();
      await store.recordLook(look(0, [standingOf('a')]));
      const { id } = await theOne(store);
      await store.recordLook(look(10, []));
      expect(await theOne(store)).toMatchObject({ wellSince: at(10) });
      await store.recordLook(look(20, [standingOf('a')]));
      expect(await theOne(store)).toMatchObject({ id, wellSince: null });
      await store.recordLook(look(30, []));
      expect(await store.recordLook(look(29 + closedAfterSeconds, []))).toEqual([]);
      expect(await store.recordLook(look(30 + closedAfterSeconds, []))).toMatchObject([
        { change: 'closed', warningId: id },
      ]);
      expect(await store.listWarnings(openOnly)).toEqual([]);
      expect(await store.findWarning(id)).toMatchObject({ closedAt: at(30 + closedAfterSeconds) });
      expect(await kinds(store, id)).toEqual(['mail warning', 'mail wellAgain']);
      await store.recordLook(look(900, [standingOf('a')]));
      expect((await theOne(store)).id).not.toBe(id);
      expect(await store.auditEvents()).toEqual(['warning.opened', 'warning.closed', 'warning.opened']);
    });

    test('a channel without wellAgain hears of no end', async () => {
      const store = await open();
      const channels = [channelRules('mail', { wellAgain: false })];
      await store.recordLook(look(0, [standingOf('a')], { channels }));
      const { id } = await theOne(store);
      for (const seconds of [1, 2 + closedAfterSeconds]) await store.recordLook(look(seconds, [], { channels }));
      expect(await store.findWarning(id)).toMatchObject({ closedAt: at(2 + closedAfterSeconds) });
      expect(await kinds(store, id)).toEqual(['mail warning']);
    });

    test('a look says nothing of other conditions, nor of those that it could not decide', async () => {
      const store = await open();
      await store.recordLook(look(0, [standingOf('a'), standingOf('b', { condition: 'expiry' })]));
      expect((await theOne(store)).subject).toBe('a');
      await store.recordLook(look(1, [], { conditions: ['expiry'] }));
      await store.recordLook(look(2, [], { undecided: ['a'] }));
      expect(await theOne(store)).toMatchObject({ wellSince: null });
    });

    test('of two standings for one subject the worse counts', async () => {
      const store = await open();
      await store.recordLook(look(0, [standingOf('a'), standingOf('a', { level: 'critical' }), standingOf('a')]));
      const { id, level } = await theOne(store);
      expect([level, await kinds(store, id)]).toEqual(['critical', ['mail critical']]);
    });

    test('text that no database takes is stored all the same', async () => {
      const store = await open();
      const facts = { name: 'a\0b\ud800', deep: ['\0'] };
      await store.recordLook(look(0, [standingOf('a', { reason: 'one\0\ntwo\ud800', facts })]));
      expect(await theOne(store)).toMatchObject({ reason: 'one two?', facts: { name: 'a?b?', deep: ['?'] } });
    });

    test('looks at once, of several servers, open one warning', async () => {
      const store = await open();
      const found = await Promise.all(Array.from({ length: 6 }, () => store.recordLook(look(0, [standingOf('a')]))));
      expect(found.flat()).toHaveLength(1);
      const { id } = await theOne(store);
      expect(await kinds(store, id)).toEqual(['mail warning']);
    });

    test('nobody acknowledges or puts off what is closed or not there', async () => {
      const store = await open();
      const id = randomUUID();
      expect(await store.acknowledge(id, 'operator:ann', at(0), null)).toBe(false);
      expect(await store.snooze(id, { until: at(1), by: 'operator:ann', at: at(0), note: null })).toBe(false);
      expect(await store.findWarning(id)).toBeNull();
    });

    test('open ones are listed the worst and oldest first, by pages', async () => {
      const store = await open();
      const level = 'critical' as const;
      await store.recordLook(look(0, [standingOf('b'), standingOf('c'), standingOf('d')]));
      await store.recordLook(
        look(10, [...['b', 'c', 'd'].map((subject) => standingOf(subject)), standingOf('a', { level })]),
      );
      const subjects: string[] = [];
      let last: WarningRecord | null = null;
      do {
        const after: WarningFilter['after'] = last === null ? null : { at: last.openedAt, id: last.id };
        const [next]: readonly WarningRecord[] = await store.listWarnings({ ...openOnly, after, limit: 1 });
        if (next !== undefined) subjects.push(next.subject);
        last = next ?? null;
      } while (last !== null);
      expect(subjects[0]).toBe('a');
      expect(subjects.toSorted()).toEqual(['a', 'b', 'c', 'd']);
      expect((await store.listWarnings({ ...openOnly, level })).map(({ subject }) => subject)).toEqual(['a']);
      expect(await store.listWarnings({ ...openOnly, deviceId: randomUUID() })).toEqual([]);
      expect(await store.listWarnings({ ...openOnly, lineageId: randomUUID() })).toEqual([]);
      expect(await store.listWarnings({ ...openOnly, condition: 'crlOverdue' })).toEqual([]);
    });

    test('closed ones are listed the last closed first, by pages', async () => {
      const store = await open();
      const both = [standingOf('a'), standingOf('b')];
      await store.recordLook(look(0, both));
      await store.recordLook(look(1, [both[1]!]));
      for (const seconds of [1 + closedAfterSeconds, 2 + closedAfterSeconds * 2])
        await store.recordLook(look(seconds, []));
      const closed = { ...openOnly, state: 'closed' as const };
      const [first] = await store.listWarnings({ ...closed, limit: 1 });
      expect(first).toMatchObject({ subject: 'b' });
      const after = { at: first!.closedAt!, id: first!.id };
      expect((await store.listWarnings({ ...closed, after })).map(({ subject }) => subject)).toEqual(['a']);
    });
  });
}
