// The text of messages: titles and items, from warnings and events. Written once, when a message is composed. Pure.
import { inTurns } from './grouped.ts';
import type { Message, MessageItem, MessageKind } from './message.ts';
import { oneLine } from './printable.ts';
import { conditions, isWorse, type WarningLevel, type WarningRecord } from './warning.ts';
import { wireTime } from './wire.ts';

/** A message without the id that its delivery will have. */
export type MessageText = Omit<Message, 'id'>;

export const longestTitle = 120;
export const mostItems = 50;

/** Kinds of messages that are about warnings. */
export type WarningMessageKind = Extract<MessageKind, 'warning' | 'wellAgain' | 'escalation' | 'reminder'>;

type Level = WarningLevel | 'info';

const rank: Readonly<Record<Level, number>> = { critical: 0, warning: 1, info: 2 };

/** The worst of some levels; `info` of none. */
export const worstOf = (levels: readonly Level[]): Level =>
  levels.reduce<Level>((worst, one) => (rank[one] < rank[worst] ? one : worst), 'info');

/** The worst first, of those the oldest. */
export const byUrgency = (a: WarningRecord, b: WarningRecord): number =>
  Number(isWorse(b.level, a.level)) - Number(isWorse(a.level, b.level)) ||
  a.openedAt.getTime() - b.openedAt.getTime() ||
  (a.id < b.id ? -1 : 1);

const opening: Readonly<Record<WarningMessageKind, (level: Level) => string>> = {
  warning: (level) => level,
  wellAgain: () => 'well again',
  escalation: (level) => `still ${level}, and nobody has acknowledged it`,
  reminder: (level) => `no longer snoozed, ${level}`,
};

/** What is told of some warnings, in one message. At least one is given. */
export function warningText(
  kind: WarningMessageKind,
  warnings: readonly WarningRecord[],
  { at, url }: { readonly at: Date; readonly url: string | null },
): MessageText {
  const sorted = warnings.toSorted(byUrgency);
  const level = kind === 'wellAgain' ? 'info' : worstOf(sorted.map((one) => one.level));
  return {
    ...{ kind, level, url, at: wireTime(at), total: sorted.length },
    title: oneLine(`${opening[kind](level)}: ${subjectOf(sorted, kind)}`, longestTitle),
    items: shownOf(sorted).map(itemOf),
  };
}

/** As many as a message has, the worst first. Hosts take turns, so that one with many faults hides those of no other. */
export const shownOf = (sorted: readonly WarningRecord[]): readonly WarningRecord[] =>
  (['critical', 'warning'] as const)
    .flatMap((level) =>
      inTurns(
        sorted.filter((one) => one.level === level),
        ({ deviceId, id }) => deviceId ?? id,
      ),
    )
    .slice(0, mostItems);

/** One is told with its reason; many by what they have in common, and their names as far as there is room. */
function subjectOf(sorted: readonly WarningRecord[], kind: WarningMessageKind): string {
  const [first] = sorted;
  if (first === undefined) throw new Error('a message about no warning');
  if (sorted.length === 1) return `${nameOf(first)}${kind === 'wellAgain' ? ', that was' : ''}: ${first.reason}`;
  const what = new Set(sorted.map(({ condition }) => conditions[condition]));
  const names = [...new Set(sorted.map(nameOf))].slice(0, 5).join(', ');
  return `${sorted.length} times ${[...what].slice(0, 2).join('; ')}${what.size > 2 ? '; …' : ''}: ${names}`;
}

const nameOf = ({ facts }: WarningRecord): string =>
  facts.hostName === undefined || facts.hostName === facts.name ? facts.name : `${facts.name} on ${facts.hostName}`;

/** A warning as messages and the digest show it. */
export const itemOf = (warning: WarningRecord): MessageItem => ({
  ...{ warning: warning.id, condition: warning.condition, level: warning.level },
  ...{ name: oneLine(nameOf(warning), 200), reason: oneLine(warning.reason) },
  ...{ since: wireTime(warning.openedAt), facts: warning.facts },
});
