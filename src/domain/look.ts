// What a look changes: which warnings open, rise, are well and close, and who is to be told of it. Pure; a store reads what
// is open, asks here, and writes what comes back in the same transaction.
import { isDeepStrictEqual } from 'node:util';
import type { ChannelRules } from './message.ts';
import { oneLine } from './printable.ts';
import {
  closedAfterSeconds,
  type Condition,
  isWorse,
  type Standing,
  type StandingFacts,
  type WarningLevel,
  type WarningRecord,
} from './warning.ts';

/** What a look found of the conditions that it looks for. An open warning of one of them without a standing is well. */
export type Look = {
  readonly conditions: readonly Condition[];
  readonly standings: readonly Standing[];
  /** Subjects of whom nothing can be said at the moment: their open warnings stay as they are. */
  readonly undecided?: readonly string[];
  readonly at: Date;
  /** Whom to tell: a crossing is written for each channel that takes it. */
  readonly channels: readonly ChannelRules[];
};

/** What changed by it. */
export type LookChange = {
  readonly warningId: string;
  readonly condition: Condition;
  readonly subject: string;
  readonly reason: string;
  readonly change: 'opened' | 'raised' | 'closed';
  readonly level: WarningLevel;
};

export type NewCrossing = { readonly warningId: string; readonly channel: string; readonly kind: string };

export type LookDecision = {
  readonly opened: readonly WarningRecord[];
  /** Open ones of which something changes, as they are to be; those with `closedAt` are over. */
  readonly changed: readonly WarningRecord[];
  readonly crossings: readonly NewCrossing[];
  readonly changes: readonly LookChange[];
};

const keyOf = ({ condition, subject }: { condition: string; subject: string }): string => `${condition} ${subject}`;

/** Decides a look against what is open of its conditions. `newId` gives the ids of new warnings. */
export function decideLook(open: readonly WarningRecord[], look: Look, newId: () => string): LookDecision {
  const standings = worstOfEach(
    look.standings.filter(({ condition }) => look.conditions.includes(condition)).map(kept),
  );
  const known = new Set(open.map(keyOf));
  const undecided = new Set(look.undecided ?? []);
  const opened = [...standings.values()].flatMap((one) =>
    known.has(keyOf(one)) ? [] : [openedBy(one, look.at, newId())],
  );
  const changed = open.flatMap((before) => {
    const standing = standings.get(keyOf(before));
    if (standing === undefined && undecided.has(before.subject)) return [];
    const after = standing === undefined ? wellAt(before, look.at) : standingAt(before, standing, look.at);
    return after === null ? [] : [{ before, after }];
  });
  const raised = changed.filter(({ before, after }) => isWorse(after.level, before.level)).map(({ after }) => after);
  const closed = changed.filter(({ after }) => after.closedAt !== null).map(({ after }) => after);
  const change = (kind: LookChange['change']) => (one: WarningRecord) => changeOf(one, kind);
  return {
    opened,
    changed: changed.map(({ after }) => after),
    crossings: [
      ...[...opened, ...raised].flatMap((one) => crossingsOf(one, one.level, look.channels)),
      ...closed.flatMap((one) =>
        crossingsOf(
          one,
          'wellAgain',
          look.channels.filter(({ wellAgain }) => wellAgain),
        ),
      ),
    ],
    changes: [...opened.map(change('opened')), ...raised.map(change('raised')), ...closed.map(change('closed'))],
  };
}

/** Whether a channel is told of a warning at once. None is told of itself. */
const takes = (channel: ChannelRules, warning: Pick<Standing, 'condition' | 'subject' | 'level'>): boolean =>
  !isWorse(channel.level, warning.level) &&
  (channel.conditions === null || channel.conditions.includes(warning.condition)) &&
  warning.subject !== channelSubject(channel.name);

/** The subject of a warning about a channel. */
export const channelSubject = (name: string): string => `channel:${name}`;

/** As it can be stored, whatever a host put into it: one line, and facts as JSON with whole characters and without NUL. */
const kept = (standing: Standing): Standing => ({
  ...standing,
  reason: oneLine(standing.reason),
  facts: JSON.parse(JSON.stringify(standing.facts, wholeText)) as StandingFacts,
});

const wholeText = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll('\0', '?').replace(/[\ud800-\udfff]/gu, '?') : value;

/** Of several standings for one warning, the worst. */
function worstOfEach(standings: readonly Standing[]): ReadonlyMap<string, Standing> {
  const worst = new Map<string, Standing>();
  for (const one of standings) {
    const other = worst.get(keyOf(one));
    if (other === undefined || isWorse(one.level, other.level)) worst.set(keyOf(one), one);
  }
  return worst;
}

const openedBy = (standing: Standing, at: Date, id: string): WarningRecord => ({
  ...{ ...standing, id, openedAt: at, levelAt: at, wellSince: null, closedAt: null },
  ...{ acknowledged: null, snoozed: null, note: null },
});

/** Null when nothing changes. */
function wellAt(before: WarningRecord, at: Date): WarningRecord | null {
  if (before.wellSince === null || before.wellSince > at) return { ...before, wellSince: at };
  const isOver = at.getTime() - before.wellSince.getTime() >= closedAfterSeconds * 1000;
  return isOver ? { ...before, closedAt: at } : null;
}

/** As the standing says, at the highest level so far; a rise ends what was said about the lower level. */
function standingAt(before: WarningRecord, standing: Standing, at: Date): WarningRecord | null {
  const isRise = isWorse(standing.level, before.level);
  const after = {
    ...before,
    ...standing,
    wellSince: null,
    level: isRise ? standing.level : before.level,
    levelAt: isRise ? at : before.levelAt,
    acknowledged: isRise ? null : before.acknowledged,
    snoozed: isRise ? null : before.snoozed,
  };
  const isSame =
    !isRise &&
    before.wellSince === null &&
    before.cause === after.cause &&
    before.reason === after.reason &&
    isDeepStrictEqual(before.facts, after.facts);
  return isSame ? null : after;
}

const crossingsOf = (warning: WarningRecord, kind: string, channels: readonly ChannelRules[]): readonly NewCrossing[] =>
  channels
    .filter((channel) => takes(channel, warning))
    .map(({ name }) => ({ warningId: warning.id, channel: name, kind }));

const changeOf = (warning: WarningRecord, change: LookChange['change']): LookChange => ({
  ...{ warningId: warning.id, condition: warning.condition, subject: warning.subject },
  ...{ reason: warning.reason, change, level: warning.level },
});
