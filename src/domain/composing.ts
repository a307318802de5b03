// Which crossings that wait for a channel are told now, and in how many messages; which are moot, and which go on waiting.
// Pure: a store hands in what waits, and writes what comes back in the same transaction.
import { secondsSince } from './elapsed.ts';
import { groupedBy } from './grouped.ts';
import { byUrgency, type MessageText, type WarningMessageKind, warningText } from './message-text.ts';
import type { MessageKind } from './message.ts';
import type { WarningRecord } from './warning.ts';

/** The key of a crossing. */
export type CrossingKey = { readonly warningId: string; readonly channel: string; readonly kind: string };

/** A crossing of one channel that is not told yet. */
export type WaitingCrossing = {
  /** A level, wellAgain, escalation:<n> or reminder:<n>. */
  readonly kind: string;
  readonly at: Date;
  readonly warning: WarningRecord;
  /** What became of the other crossings of this warning on this channel; `open`: of one of them it is not known yet. */
  readonly others: 'none' | 'open' | 'told' | 'untold';
};

/** A message that was composed lately for the same channel, and not withdrawn before anybody could have it. */
export type RecentDelivery = { readonly kind: MessageKind; readonly cause: string; readonly createdAt: Date };

export type Waiting = {
  readonly crossings: readonly WaitingCrossing[];
  readonly recent: readonly RecentDelivery[];
  /** Messages that the channel has not taken yet. */
  readonly unconcluded: number;
};

export type ComposedMessage = {
  readonly kind: MessageKind;
  readonly cause: string;
  readonly text: MessageText;
  readonly crossings: readonly Pick<CrossingKey, 'warningId' | 'kind'>[];
};

export type Composition = {
  readonly moot: readonly Pick<CrossingKey, 'warningId' | 'kind'>[];
  readonly messages: readonly ComposedMessage[];
};

/** So long a crossing waits for others of its cause. Seconds. */
const groupWaitSeconds = 15;

/** A further message of the same cause comes so much later at the earliest. Seconds. */
export const causeSpacingSeconds = 300;

/** So many causes have messages of their own within the spacing; further ones go together. */
const mostCauses = 5;

/** Behind so many messages that a channel does not take, crossings stay crossings: they can still become moot. */
const mostUnconcluded = 20;

/** The cause of a message about warnings of several. */
const severalCauses = 'several';

const warningKinds = ['warning', 'escalation', 'reminder', 'wellAgain'] as const satisfies WarningMessageKind[];

/** Which message tells a crossing. */
export function messageKindOf(crossingKind: string): WarningMessageKind {
  if (crossingKind === 'wellAgain') return 'wellAgain';
  if (crossingKind.startsWith('escalation:')) return 'escalation';
  return crossingKind.startsWith('reminder:') ? 'reminder' : 'warning';
}

/** Whether a crossing is to be told as its warning stands now. */
export function tellable({ kind, warning, others }: WaitingCrossing, now: Date): 'tell' | 'wait' | 'moot' {
  const told = messageKindOf(kind);
  if (told === 'wellAgain') return others === 'told' ? 'tell' : others === 'open' ? 'wait' : 'moot';
  if (warning.closedAt !== null) return 'moot';
  if (kind === 'warning' && warning.level === 'critical') return 'moot';
  if (told !== 'warning' && warning.acknowledged !== null) return 'moot';
  if (warning.wellSince !== null) return 'wait';
  return warning.snoozed !== null && warning.snoozed.until > now ? 'wait' : 'tell';
}

/** Composes what is due of what waits for one channel. `url`: the page about warnings, if there is one. */
export function compose(
  waiting: Waiting,
  { now, url }: { readonly now: Date; readonly url: string | null },
): Composition {
  const judged = waiting.crossings.map((crossing) => ({ crossing, verdict: tellable(crossing, now) }));
  const moot = judged.filter(({ verdict }) => verdict === 'moot').map(({ crossing }) => keyOf(crossing));
  if (waiting.unconcluded >= mostUnconcluded) return { moot, messages: [] };
  const told = judged.filter(({ verdict }) => verdict === 'tell').map(({ crossing }) => crossing);
  const messages = warningKinds.flatMap((kind) =>
    groupsOf(told, kind, { waiting, now }).map(({ cause, crossings }) => ({
      ...{ kind, cause, crossings: crossings.map(keyOf) },
      text: warningText(kind, oncePerWarning(crossings), { at: now, url }),
    })),
  );
  return { moot, messages };
}

type Group = { readonly cause: string; readonly crossings: readonly WaitingCrossing[] };

const keyOf = ({ warning, kind }: WaitingCrossing): Pick<CrossingKey, 'warningId' | 'kind'> => ({
  warningId: warning.id,
  kind,
});

const oncePerWarning = (crossings: readonly WaitingCrossing[]): readonly WarningRecord[] => [
  ...new Map(crossings.map(({ warning }) => [warning.id, warning])).values(),
];

/** The groups of one kind that are due, the worst first; what would be too many messages is one group. */
function groupsOf(
  told: readonly WaitingCrossing[],
  kind: WarningMessageKind,
  { waiting, now }: { readonly waiting: Waiting; readonly now: Date },
): readonly Group[] {
  const since = (at: Date): number => secondsSince(at, now);
  const recent = waiting.recent.filter((one) => one.kind === kind && since(one.createdAt) < causeSpacingSeconds);
  const busy = new Set(recent.map(({ cause }) => cause));
  const ofKind = told.filter((crossing) => messageKindOf(crossing.kind) === kind);
  const due = [...groupedBy(ofKind, ({ warning }) => warning.cause)]
    .map(([cause, crossings]) => ({ cause, crossings }))
    .filter(({ cause }) => !busy.has(cause))
    .filter(({ crossings }) => crossings.some(({ at }) => since(at) >= groupWaitSeconds))
    .toSorted((a, b) => byUrgency(worst(a), worst(b)));
  const alone = Math.max(0, mostCauses - busy.size);
  const rest = due.slice(alone).flatMap(({ crossings }) => crossings);
  const together = rest.length === 0 || busy.has(severalCauses) ? [] : [{ cause: severalCauses, crossings: rest }];
  return [...due.slice(0, alone), ...together];
}

function worst({ crossings }: Group): WarningRecord {
  const [first] = crossings.map(({ warning }) => warning).toSorted(byUrgency);
  if (first === undefined) throw new Error('a group of no crossings');
  return first;
}
