// How channels stand, and the audit of their tests. Messages and their turns are in other files.
import type { Session } from './pool.ts';
import { instantOrNull, number, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

type ChannelFacts = {
  readonly channel: string;
  readonly waiting: number;
  readonly oldestWaiting: Date | null;
  readonly lastDeliveredAt: Date | null;
  readonly failingSince: Date | null;
  readonly lastError: string | null;
};

const facts = statement<[readonly string[]], ChannelFacts>('channel_facts.sql', (row) => ({
  channel: text(row, 'channel'),
  waiting: number(row, 'waiting'),
  oldestWaiting: instantOrNull(row, 'oldest'),
  lastDeliveredAt: instantOrNull(row, 'delivered_at'),
  failingSince: instantOrNull(row, 'failing_since'),
  lastError: textOrNull(row, 'last_error'),
}));
const appendAudit = statement<[Date, string, string, string], unknown>('append_audit.sql', (row) => row['id']);

/** Channels in a database, as `lifecycle/channels.ts` needs them. */
export const channelStore = (db: Session) => ({
  channelFacts: (names: readonly string[]): Promise<readonly ChannelFacts[]> => facts(db, [names]),
  recordChannelTest: async (test: {
    readonly at: Date;
    readonly by: string;
    readonly facts: Readonly<Record<string, unknown>>;
  }): Promise<void> => {
    await appendAudit(db, [test.at, 'channel.tested', test.by, JSON.stringify(test.facts)]);
  },
});
