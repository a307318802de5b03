// Turns of the notifier by the server's own scheduler: a channel that never answers delays no other; and the look at channels.
import { expect, test } from '@jest/globals';
import type { Message } from '../../../src/domain/message.ts';
import { notifyChannel } from '../../../src/lifecycle/notify/notify-channel.ts';
import { watchChannels } from '../../../src/lifecycle/notify/watch-channels.ts';
import { startScheduler } from '../../../src/lifecycle/scheduler.ts';
import { fakeDeliveryStore } from '../../fakes/delivery-store.ts';
import { channelRules, standingOf } from '../../fakes/warning-store-suite.ts';
import { fakeWarningStore } from '../../fakes/warning-store.ts';
import { warningTables } from '../../fakes/warning-tables.ts';

const began = new Date('2027-01-01T00:00:00Z');
const at = (seconds: number): Date => new Date(began.getTime() + seconds * 1000);

function scene(names: readonly string[]) {
  const tables = warningTables();
  const channels = names.map((name) => channelRules(name));
  return { channels, store: { ...fakeWarningStore(tables), ...fakeDeliveryStore(tables) } };
}

test('a channel that never answers delays no other', async () => {
  const { store, channels } = scene(['silent', 'mail']);
  const standings = [standingOf('a', { cause: 'a' }), standingOf('b', { cause: 'b', level: 'critical' })];
  await store.recordLook({ conditions: ['renewalMissed'], standings, at: at(0), channels });
  const taken: string[] = [];
  const send = (name: string) =>
    name === 'silent'
      ? () => new Promise<never>(() => undefined)
      : async ({ title }: Message) => ({ accepted: true as const, title: taken.push(title) });
  const turn = notifyChannel({ ...store, now: () => at(20), roll: () => 0, url: null, onAttempt: () => undefined });
  await new Promise<void>((resolve) => {
    startScheduler(
      channels.map(({ name }) => ({
        ...{ name, everySeconds: 5 },
        run: async () => {
          await turn({ name, send: send(name) });
          if (name === 'mail') resolve();
        },
      })),
      { after: () => () => undefined, onFailure: () => undefined },
    );
  });
  expect(taken).toEqual(['critical: b: due since 2 h', 'warning: a: due since 2 h']);
  expect(await store.channelStates(at(0))).toMatchObject([
    { channel: 'mail', turnedAt: at(20), waiting: 0 },
    { channel: 'silent', turnedAt: null, waiting: 2 },
  ]);
});

test('a channel that takes nothing is a warning on the others, critical after an hour, and over when it takes something', async () => {
  const { store, channels } = scene(['broken', 'mail']);
  await store.recordLook({ conditions: ['renewalMissed'], standings: [standingOf('a')], at: at(0), channels });
  const failing = { accepted: false, detail: 'the answer was 500', isPermanent: false, isUnsure: false } as const;
  const ports = { ...store, now: () => at(20), roll: () => 0, url: null, onAttempt: () => undefined };
  await notifyChannel(ports)({ name: 'broken', send: async () => ({ ...failing, retryAfterSeconds: null }) });
  const look = watchChannels({ ...store, channels });
  expect(await look(at(319))).toEqual([]);
  const [opened] = await look(at(320));
  expect(opened).toMatchObject({
    ...{ change: 'opened', level: 'warning', subject: 'channel:broken' },
    reason: 'takes nothing since 2027-01-01 00:00 UTC: the answer was 500',
  });
  expect(await look(at(3620))).toMatchObject([{ change: 'raised', level: 'critical' }]);
  expect((await store.crossingsOf(opened!.warningId)).map(({ channel }) => channel)).toEqual(['mail', 'mail']);
  await store.recordReached('broken', at(3700));
  await look(at(3701));
  expect(await look(at(4100))).toMatchObject([{ change: 'closed' }]);
});

test('a message that a channel refuses for good is a warning for a day', async () => {
  const { store, channels } = scene(['strict', 'mail']);
  await store.recordLook({ conditions: ['renewalMissed'], standings: [standingOf('a')], at: at(0), channels });
  const refusing = { accepted: false, detail: 'too long', isPermanent: true, isUnsure: false } as const;
  const ends: string[] = [];
  const onAttempt = (name: string, _delivery: unknown, end: { readonly outcome: string }): void =>
    void ends.push(`${name} ${end.outcome}`);
  const ports = { ...store, now: () => at(20), roll: () => 0, url: null, onAttempt };
  await notifyChannel(ports)({ name: 'strict', send: async () => ({ ...refusing, retryAfterSeconds: null }) });
  expect(ends).toEqual(['strict refused']);
  const look = watchChannels({ ...store, channels });
  expect(await look(at(30))).toMatchObject([
    { subject: 'channel:strict', reason: expect.stringContaining('too long') },
  ]);
  await look(at(20 + 86_400));
  expect(await look(at(400 + 86_400))).toMatchObject([{ change: 'closed' }]);
});
