// How many messages of the protocol one unbatched issuance sends to PostgreSQL, counted on the wire.
import { type Child, startChild } from './child.ts';
import type { Contest } from './contest.ts';
import { countMessages, type MessageCounter } from './postgres-messages.ts';

export type MessageCounts = {
  readonly name: string;
  /** Frontend messages per issuance, by their names. */
  readonly perIssuance: Readonly<Record<string, number>>;
  readonly total: number;
  /** Messages after which the client waits for the server. */
  readonly roundTrips: number;
};

const items = 50;

/** One after the other, after a warm-up in which statements are prepared. Restarts the server: nothing may follow. */
export async function messagesPerIssuance(contest: Contest): Promise<readonly MessageCounts[]> {
  const counter = await countMessages(contest.databaseUrl);
  const { databaseUrl } = counter;
  const issuing = await startChild('issuing-process.js', { ...contest.issuingInput, databaseUrl });
  try {
    const { client, clientWithKey } = await contest.restartServer(databaseUrl);
    const count = (name: string, process: Child): Promise<MessageCounts> =>
      countIn({ contest, counter, name, process });
    return [
      await count('service function', issuing),
      await count('HTTPS', client),
      await count('HTTPS with Idempotency-Key', clientWithKey),
    ];
  } finally {
    await issuing.stop();
    await contest.stopServer();
    await counter.close();
  }
}

type Counting = {
  readonly contest: Contest;
  readonly counter: MessageCounter;
  readonly name: string;
  readonly process: Child;
};

async function countIn({ contest, counter, name, process }: Counting): Promise<MessageCounts> {
  const input = (): unknown => ({ from: contest.nextItems(items), count: items, inFlight: 1 });
  await process.ask('connect', 1);
  await process.ask('run', input());
  counter.reset();
  await process.ask('run', input());
  const counts = Object.entries(counter.counts()).map(([message, sent]) => [message, sent / items] as const);
  const of = (message: string): number => counts.find(([other]) => other === message)?.[1] ?? 0;
  return {
    name,
    perIssuance: Object.fromEntries(counts),
    total: counts.reduce((sum, [, sent]) => sum + sent, 0),
    roundTrips: of('Sync') + of('Query'),
  };
}
