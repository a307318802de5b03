// The channels as people see them: how each stands, and a test that goes out at once, past the queue.
import type { Channel, Message } from '../domain/message.ts';
import { principalText, type Principal } from '../domain/principal.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { ChannelPage, ChannelResource, ChannelTestResource } from '../domain/warning-wire.ts';
import { wireTime } from '../domain/wire.ts';

/** What is stored of a channel. */
export type ChannelFacts = {
  readonly channel: string;
  readonly waiting: number;
  readonly oldestWaiting: Date | null;
  readonly lastDeliveredAt: Date | null;
  readonly failingSince: Date | null;
  readonly lastError: string | null;
};

type ListPorts = {
  readonly channels: readonly Channel[];
  /** One for each name. */
  readonly channelFacts: (names: readonly string[]) => Promise<readonly ChannelFacts[]>;
};

type TestPorts = {
  readonly channels: readonly Channel[];
  readonly newId: () => string;
  readonly recordChannelTest: (test: {
    readonly at: Date;
    readonly by: string;
    readonly facts: Readonly<Record<string, unknown>>;
  }) => Promise<void>;
  /** It took something: it does not fail any more. */
  readonly recordReached: (channel: string, at: Date) => Promise<void>;
};

/** All of them, in the order of the configuration. */
export const listChannels =
  ({ channels, channelFacts }: ListPorts) =>
  async (): Promise<ChannelPage> => {
    const facts = await channelFacts(channels.map(({ name }) => name));
    return { items: channels.map((channel) => resourceOf(channel, facts)), next: null };
  };

function resourceOf(channel: Channel, all: readonly ChannelFacts[]): ChannelResource {
  const { name, kind, destination, level, digest, escalation } = channel;
  const facts = all.find((one) => one.channel === name);
  const timeOf = (at: Date | null | undefined): string | null => (at == null ? null : wireTime(at));
  return {
    ...{ name, kind, destination, level, digest, escalation },
    waiting: facts?.waiting ?? 0,
    oldestWaiting: timeOf(facts?.oldestWaiting),
    lastDeliveredAt: timeOf(facts?.lastDeliveredAt),
    failingSince: timeOf(facts?.failingSince),
    lastError: facts?.lastError ?? null,
  };
}

/** Sends a test and says what the channel said. */
export const testChannel =
  ({ channels, newId, recordChannelTest, recordReached }: TestPorts) =>
  async (
    name: string,
    principal: Principal,
    { now }: { readonly now: Date },
  ): Promise<Result<ChannelTestResource, Refusal<'notFound'>>> => {
    const channel = channels.find((one) => one.name === name);
    if (channel === undefined) return notConfigured(name, channels);
    const by = principalText(principal);
    const message = testMessage(channel, { id: newId(), by, at: wireTime(now) });
    const outcome = await channel.send(message);
    const result = {
      ...{ channel: name, message: message.id, accepted: outcome.accepted },
      detail: outcome.detail ?? null,
    };
    await recordChannelTest({ at: now, by, facts: result });
    if (outcome.accepted) await recordReached(name, now);
    return ok(result);
  };

function notConfigured(name: string, channels: readonly Channel[]): Result<never, Refusal<'notFound'>> {
  const names = channels.map((one) => one.name).join(', ');
  const accepted = names === '' ? 'none is configured: notify.channels in omens.yaml' : names;
  return err({ reason: 'notFound', detail: `there is no channel ${name}`, field: 'name', accepted });
}

function testMessage(
  { name, kind }: Channel,
  { id, by, at }: { readonly id: string; readonly by: string; readonly at: string },
): Message {
  const reason = `asked for by ${by}: messages come through, and nothing happened`;
  const facts = { name, kind };
  return {
    ...{ id, kind: 'test', level: 'info', title: `Book of Omens: a test of the channel ${name}` },
    items: [{ warning: null, condition: 'test', level: 'info', name, reason, since: null, facts }],
    ...{ total: 1, url: null, at },
  };
}
