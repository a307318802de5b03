// One turn of the notifier for one channel: what waits is composed, and what is due is sent. Each channel has turns of its own,
// so that one that is slow or dead delays no other; several servers may take turns at once.
import { compose } from '../../domain/composing.ts';
import type { Channel } from '../../domain/message.ts';
import { attemptEnd, type AttemptEnd, decideDue, leaseSeconds } from '../../domain/sending.ts';
import type { ClaimedDelivery, NotifierStore } from '../delivery-records.ts';

export type NotifyPorts = Pick<NotifierStore, 'composeFor' | 'claimDelivery' | 'concludeAttempt' | 'recordTurn'> & {
  readonly now: () => Date;
  /** At least 0, less than 1. */
  readonly roll: () => number;
  /** The page about warnings, for messages; null where there is none. */
  readonly url: string | null;
  /** Told of every attempt, for the log. */
  readonly onAttempt: (channel: string, delivery: ClaimedDelivery, end: AttemptEnd) => void;
};

/** So many messages a turn: then the other duties of the turn come again. */
const mostSent = 50;

/**
 * Takes a turn. An attempt is written down before it is made, and its end after it: who dies between them leaves a message
 * that may have arrived, and it is repeated under the same id. A channel that fails is left alone until the next turn.
 */
export const notifyChannel =
  (ports: NotifyPorts) =>
  async (channel: Pick<Channel, 'name' | 'send'>): Promise<void> => {
    const { name } = channel;
    await ports.composeFor(name, ports.now(), (waiting) => compose(waiting, { now: ports.now(), url: ports.url }));
    for (let sent = 0; sent < mostSent; sent += 1) {
      const now = ports.now();
      const leaseUntil = new Date(now.getTime() + leaseSeconds * 1000);
      const claimed = await ports.claimDelivery(name, { now, leaseUntil }, (due) => decideDue(due, now));
      if (claimed === null) return ports.recordTurn(name, ports.now());
      const end = await attempt(ports, channel, claimed);
      if (end.outcome === 'failed') return;
    }
  };

async function attempt(
  ports: NotifyPorts,
  channel: Pick<Channel, 'name' | 'send'>,
  claimed: ClaimedDelivery,
): Promise<AttemptEnd> {
  const outcome = await channel.send(claimed.message);
  const now = ports.now();
  const { attempts, failingSince } = claimed;
  const end = attemptEnd(outcome, { earlier: attempts - 1, failingSince, now, roll: ports.roll() });
  await ports.concludeAttempt(claimed, end, now);
  ports.onAttempt(channel.name, claimed, end);
  return end;
}
