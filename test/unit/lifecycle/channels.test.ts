// The channels as people see them, and a test of one.
import { expect, test } from '@jest/globals';
import type { Channel, Message, SendOutcome } from '../../../src/domain/message.ts';
import { type ChannelFacts, listChannels, testChannel } from '../../../src/lifecycle/channels.ts';

const now = new Date('2026-11-26T12:00:00Z');
const id = '11111111-1111-4111-8111-111111111111';

const channelNamed = (name: string, send: Channel['send'] = async () => ({ accepted: true })): Channel => ({
  ...{ name, kind: 'ntfy', destination: 'ntfy.sh, topic omens', level: 'critical', conditions: ['expiry'] },
  ...{ wellAgain: true, escalation: false, digest: true, events: true, send },
});

test('every channel of the configuration is listed in its order, whatever is stored', async () => {
  const facts: ChannelFacts = {
    ...{ channel: 'b', waiting: 2, oldestWaiting: now, lastDeliveredAt: null, failingSince: now },
    lastError: 'the answer was 500',
  };
  const list = listChannels({
    channels: [channelNamed('a'), channelNamed('b')],
    channelFacts: async (names) => (names.length === 2 ? [facts] : []),
  });
  const kept = {
    kind: 'ntfy',
    destination: 'ntfy.sh, topic omens',
    level: 'critical',
    digest: true,
    escalation: false,
  };
  const time = '2026-11-26T12:00:00Z';
  expect(await list()).toEqual({
    items: [
      {
        name: 'a',
        ...kept,
        waiting: 0,
        oldestWaiting: null,
        lastDeliveredAt: null,
        failingSince: null,
        lastError: null,
      },
      {
        ...{ name: 'b', ...kept, waiting: 2, oldestWaiting: time, lastDeliveredAt: null, failingSince: time },
        lastError: 'the answer was 500',
      },
    ],
    next: null,
  });
});

async function tested(outcome: SendOutcome) {
  const sent: Message[] = [];
  const audited: unknown[] = [];
  const reached: string[] = [];
  const channel = channelNamed('phone', async (message) => {
    sent.push(message);
    return outcome;
  });
  const result = await testChannel({
    channels: [channel],
    newId: () => id,
    recordChannelTest: async (line) => void audited.push(line),
    recordReached: async (name) => void reached.push(name),
  })('phone', operator, { now });
  if (!result.ok) throw new Error(result.error.detail);
  return { result: result.value, sent, audited, reached };
}

const operator = {
  ...{ kind: 'operator', tokenId: id, name: 'me', role: 'admin', limits: {} },
} as unknown as Parameters<ReturnType<typeof testChannel>>[1];

test('a test says who asked, and is in the audit with what the channel said', async () => {
  const { result, sent, audited, reached } = await tested({
    ...{ accepted: false, detail: 'the answer was 403', isPermanent: false, isUnsure: false, retryAfterSeconds: null },
  });
  expect(result).toEqual({ channel: 'phone', message: id, accepted: false, detail: 'the answer was 403' });
  expect(sent).toMatchObject([{ id, kind: 'test', level: 'info', total: 1, url: null, at: '2026-11-26T12:00:00Z' }]);
  expect(sent[0]!.items[0]!.reason).toContain('asked for by operator:');
  expect(reached).toEqual([]);
  expect(audited).toEqual([{ at: now, by: expect.stringMatching(/^operator:/), facts: result }]);
});

test('a test that is accepted has no detail, unless the channel has one', async () => {
  expect(await tested({ accepted: true })).toMatchObject({
    ...{ result: { accepted: true, detail: null }, reached: ['phone'] },
  });
  expect((await tested({ accepted: true, detail: 'refused: b@example.org' })).result).toMatchObject({
    detail: 'refused: b@example.org',
  });
});

test('a channel that is not configured is not there, and those that are there are named', async () => {
  const nothing = async (): Promise<void> => undefined;
  const ports = {
    channels: [channelNamed('mail')],
    newId: () => id,
    recordChannelTest: nothing,
    recordReached: nothing,
  };
  expect(await testChannel(ports)('phone', operator, { now })).toEqual({
    ok: false,
    error: { reason: 'notFound', detail: 'there is no channel phone', field: 'name', accepted: 'mail' },
  });
});
