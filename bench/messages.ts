// How many messages of the protocol one unbatched issuance sends to PostgreSQL, counted on the wire.
import type { Contest } from './contest.ts';
import { startChild } from './child.ts';
import { countMessages } from './postgres-messages.ts';

export type MessageCounts = {
  /** Frontend messages per issuance, by their names. */
  readonly perIssuance: Readonly<Record<string, number>>;
  readonly total: number;
  /** Messages after which the client waits for the server. */
  readonly roundTrips: number;
};

const items = 50;

/** One after the other through the service function, after a warm-up in which statements are prepared. */
export async function messagesPerIssuance(contest: Contest): Promise<MessageCounts> {
  const counter = await countMessages(contest.databaseUrl);
  const issuing = await startChild('issuing-process.js', { ...contest.issuingInput, databaseUrl: counter.databaseUrl });
  try {
    await issuing.ask('run', { from: contest.nextItems(items), count: items, inFlight: 1 });
    counter.reset();
    await issuing.ask('run', { from: contest.nextItems(items), count: items, inFlight: 1 });
    const counts = Object.entries(counter.counts()).map(([name, count]) => [name, count / items] as const);
    const of = (name: string): number => counts.find(([other]) => other === name)?.[1] ?? 0;
    return {
      perIssuance: Object.fromEntries(counts),
      total: counts.reduce((sum, [, count]) => sum + count, 0),
      roundTrips: of('Sync') + of('Query'),
    };
  } finally {
    await issuing.stop();
    await counter.close();
  }
}
