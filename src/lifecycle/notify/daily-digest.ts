// The digest of the day, once for each channel that wants one, and not when there is nothing to say.
import { digestCause, digestDay, digestText, type DigestTime } from '../../domain/digest.ts';
import type { MessageText } from '../../domain/message-text.ts';
import type { ChannelRules } from '../../domain/message.ts';
import { wireTime } from '../../domain/wire.ts';
import type { NotifierStore } from '../delivery-records.ts';

export type DigestPorts = Pick<NotifierStore, 'insertDigest' | 'digestedChannels' | 'digestFacts'> & {
  readonly channels: readonly ChannelRules[];
  readonly time: DigestTime;
  readonly url: string | null;
};

/** Puts the digest that is due into the queues that do not have it yet. Called every minute or so. */
export const dailyDigest =
  (ports: DigestPorts) =>
  async (now: Date): Promise<void> => {
    const wanting = ports.channels.filter(({ digest }) => digest);
    const day = digestDay(now, ports.time);
    if (day === null || wanting.length === 0) return;
    const cause = digestCause(day);
    const have = await ports.digestedChannels(cause);
    const missing = wanting.filter(({ name }) => !have.includes(name));
    if (missing.length === 0) return;
    const text = digestText(await ports.digestFacts(now), { day, now, url: ports.url });
    const digest = { cause, text: text ?? nothingToSay(day, now), isEmpty: text === null };
    for (const { name } of missing) await ports.insertDigest(name, digest, now);
  };

/** What is stored, and never sent, on a day when all is well. */
const nothingToSay = (day: string, now: Date): MessageText => ({
  ...{ kind: 'digest', level: 'info', title: `digest of ${day}: nothing to say`, items: [], total: 0, url: null },
  at: wireTime(now),
});
