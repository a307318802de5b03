// What becomes of a delivery whose turn it is: sent, withdrawn because it is over, or taken apart because it is not true any
// more; and when a failed one is repeated. Pure.
import { type CrossingKey, tellable, type WaitingCrossing } from './composing.ts';
import type { MessageKind, SendOutcome } from './message.ts';

/** A delivery that is due, with what it tells as that stands now. */
export type DueDelivery = {
  readonly id: string;
  readonly kind: MessageKind;
  readonly createdAt: Date;
  readonly attempts: number;
  /** Attempts after which the channel certainly does not have it. */
  readonly failures: number;
  readonly crossings: readonly WaitingCrossing[];
  /** A later digest of this channel is there. */
  readonly isOutdated: boolean;
};

/** `takeApart`: nobody has it, so that its crossings may be told anew, by other messages; those that are over are moot. */
export type DueDecision =
  | { readonly do: 'send' }
  | { readonly do: 'withdraw' }
  | { readonly do: 'takeApart'; readonly moot: readonly Pick<CrossingKey, 'warningId' | 'kind'>[] };

/** An attempt may last half a minute; after so long nobody will say how it ended. Seconds. */
export const leaseSeconds = 120;

/** Decides one delivery that is due. What the channel may have is sent again as it was, or not at all. */
export function decideDue(delivery: DueDelivery, now: Date): DueDecision {
  const { kind, attempts, failures, crossings } = delivery;
  if (delivery.isOutdated) return { do: 'withdraw' };
  if (kind === 'wellAgain' || crossings.length === 0) return { do: 'send' };
  if (attempts > failures) {
    const isOver = crossings.every(({ warning }) => warning.closedAt !== null);
    return { do: isOver ? 'withdraw' : 'send' };
  }
  const verdicts = crossings.map((crossing) => ({ crossing, verdict: tellable(crossing, now) }));
  if (verdicts.every(({ verdict }) => verdict === 'tell')) return { do: 'send' };
  const moot = verdicts.filter(({ verdict }) => verdict === 'moot');
  return {
    do: 'takeApart',
    moot: moot.map(({ crossing }) => ({ warningId: crossing.warning.id, kind: crossing.kind })),
  };
}

const firstPause = 30;
const longestPause = 3600;

/** However much waits for it, a channel that fails is tried after a quarter of the time that it fails already. Seconds. */
const shortestRest = 30;
const longestRest = 900;

/** How an attempt ended, as it is written down; `detail` of what was taken is for the log. */
export type AttemptEnd =
  | { readonly outcome: 'delivered'; readonly detail?: string }
  | { readonly outcome: 'refused'; readonly error: string }
  | {
      readonly outcome: 'failed';
      readonly error: string;
      readonly isUnsure: boolean;
      /** When this message is repeated. */
      readonly dueAt: Date;
      /** Until when the channel is left alone, with whatever waits for it. */
      readonly restUntil: Date;
    };

/**
 * The end of the attempt after `earlier` others. A failed one is repeated after 30 s, twice that, … up to an hour, not
 * before the channel wants it; up to a quarter is taken off by `roll` (at least 0, less than 1), so that not all come at once.
 */
export function attemptEnd(
  outcome: SendOutcome,
  {
    earlier,
    failingSince,
    now,
    roll,
  }: { readonly earlier: number; readonly failingSince: Date | null; readonly now: Date; readonly roll: number },
): AttemptEnd {
  if (outcome.accepted) {
    return { outcome: 'delivered', ...(outcome.detail === undefined ? {} : { detail: outcome.detail }) };
  }
  if (outcome.isPermanent) return { outcome: 'refused', error: outcome.detail };
  const pause = Math.min(longestPause, firstPause * 2 ** Math.min(earlier, 20)) * (1 - roll / 4);
  const wanted = Math.min(outcome.retryAfterSeconds ?? 0, longestPause);
  const failing = failingSince === null ? 0 : (now.getTime() - failingSince.getTime()) / 1000;
  const rest = Math.min(longestRest, Math.max(shortestRest, failing / 4));
  const after = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
  return {
    ...{ outcome: 'failed', error: outcome.detail, isUnsure: outcome.isUnsure },
    ...{ dueAt: after(Math.max(pause, wanted)), restUntil: after(Math.max(rest, wanted)) },
  };
}
