// The judge of the notifier. It works warnings out of what the looks saw, by the words of the requirement, and holds against
// them what arrived at the channels. It shares no code with the notifier or its stores.
import { contains, difference, type Interval, type Intervals, intersection, union } from './intervals.ts';
import type { Act, Attempt, Level, Log, SimulatedChannel } from './notifier-world.ts';
import { day, hour, minute } from './schedule.ts';

/** What the oracle knows of the terms: nothing of how they are kept. */
export type Terms = {
  readonly span: Interval;
  readonly escalations: number;
  /** Minutes of the day in UTC at which the digest is due, in winter and in summer. */
  readonly digestMinutes: readonly number[];
};

/** A warning as the looks make it. */
type Trouble = {
  readonly subject: string;
  readonly openedAt: number;
  closedAt: number;
  /** When each level was reached. */
  readonly levels: Map<Level, number>;
  /** While it was not well, as far as looks saw. */
  readonly notWell: Interval[];
};

export type NotifierVerdict = {
  readonly faults: readonly string[];
  readonly counted: Readonly<Record<string, number>>;
};

/** What is well for so long is over. */
const overAfter = 5 * minute;

/** In so much time together, a notifier that runs and a channel that is well tell everything. */
const enough = 100 * minute;

/** Judges a run. Faults are sentences; none is a good run. */
export function judgeNotifier(log: Log, channels: readonly SimulatedChannel[], terms: Terms): NotifierVerdict {
  const troubles = troublesOf(log, terms.span.to);
  const bySubject = grouped(troubles, ({ subject }) => subject);
  const faults: string[] = [];
  const counted: Record<string, number> = {
    troubles: troubles.length,
    kills: log.kills.length,
    attempts: log.attempts.length,
  };
  const count = (what: string, by = 1): void => void (counted[what] = (counted[what] ?? 0) + by);
  for (const channel of channels) {
    const attempts = log.attempts.filter((one) => one.channel === channel.name);
    const judge = judgeOf({ channel, attempts, log, terms, bySubject, troubles, count });
    for (const fault of judge) faults.push(`${channel.name}: ${fault}`);
  }
  return { faults, counted };
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? [];
    group.push(item);
    groups.set(keyOf(item), group);
  }
  return groups;
}

/** Opens when it is first seen not to be well; over when it was well at every look for a while. */
function troublesOf({ looks }: Log, end: number): readonly Trouble[] {
  const all: Trouble[] = [];
  const open = new Map<string, Trouble & { wellSince: number | null; badSince: number | null }>();
  for (const { at, standings } of looks) {
    for (const [subject, level] of standings) {
      const known = open.get(subject);
      const trouble = known ?? {
        ...{ subject, openedAt: at, closedAt: end, levels: new Map<Level, number>(), notWell: [] },
        ...{ wellSince: null, badSince: at },
      };
      if (known === undefined) {
        open.set(subject, trouble);
        all.push(trouble);
      }
      trouble.wellSince = null;
      trouble.badSince ??= at;
      if (!trouble.levels.has('critical') && !trouble.levels.has(level)) trouble.levels.set(level, at);
    }
    for (const [subject, trouble] of open) {
      if (standings.has(subject)) continue;
      if (trouble.badSince !== null) trouble.notWell.push({ from: trouble.badSince, to: at });
      trouble.badSince = null;
      if (trouble.wellSince !== null && at - trouble.wellSince >= overAfter) {
        trouble.closedAt = at;
        open.delete(subject);
      }
      trouble.wellSince ??= at;
    }
  }
  for (const trouble of open.values())
    if (trouble.badSince !== null) trouble.notWell.push({ from: trouble.badSince, to: end });
  return all;
}

type Case = {
  readonly channel: SimulatedChannel;
  readonly attempts: readonly Attempt[];
  readonly log: Log;
  readonly terms: Terms;
  readonly troubles: readonly Trouble[];
  readonly bySubject: ReadonlyMap<string, readonly Trouble[]>;
  readonly count: (what: string, by?: number) => void;
};

function* judgeOf(given: Case): Generator<string> {
  yield* repeated(given);
  yield* overBefore(given);
  yield* told(given);
  yield* alarms(given);
  yield* digests(given);
}

const time = (at: number): string => new Date(at).toISOString();

/** An id is one message: the same octets, and twice at the channel only when nobody heard that it was there. */
function* repeated({ attempts, count }: Case): Generator<string> {
  for (const [id, tries] of grouped(attempts, (one) => one.id)) {
    const takings = tries.filter(({ isTaken }) => isTaken);
    if (new Set(tries.map(({ octets }) => octets)).size > 1) yield `message ${id} changed between attempts`;
    const unheard = takings.slice(0, -1).filter(({ isUnheard, said }) => isUnheard || said === 'unsure');
    if (takings.length > 1 + unheard.length) yield `message ${id} came ${takings.length} times without a reason`;
    if (tries.some(({ said, isUnheard }, i) => said === 'refused' && !isUnheard && i < tries.length - 1))
      yield `message ${id} came again after it was refused for good`;
    if (takings.length > 1) count('twice with one id', takings.length - 1);
    if (tries.length > 1) count('repeated');
  }
}

const troubleOf = (
  { bySubject }: Pick<Case, 'bySubject'>,
  { name, since }: Attempt['items'][number],
): Trouble | undefined => bySubject.get(name)?.find(({ openedAt }) => openedAt === since);

const aboutTroubles = ['warning', 'escalation', 'reminder'];

/** Nothing is sent whose warnings are over: at a first attempt none of them, later not all of them. */
function* overBefore(given: Case): Generator<string> {
  const { attempts, log, count } = given;
  const acknowledged = grouped(
    log.acts.filter(({ kind }) => kind === 'acknowledge'),
    ({ subject }) => subject,
  );
  const before = new Set<string>();
  for (const { id, kind, items, at } of attempts) {
    if (!aboutTroubles.includes(kind)) continue;
    const isFirst = !before.has(id);
    before.add(id);
    const over = items.filter((item) => {
      const trouble = troubleOf(given, item);
      return trouble === undefined || trouble.closedAt < at;
    });
    if (isFirst && over.length > 0) yield `message ${id} at ${time(at)} tells what was over: ${over[0]!.name}`;
    if (over.length === items.length) yield `message ${id} at ${time(at)} came when all of it was over`;
    if (isFirst && kind !== 'warning') {
      const known = items.find(({ name, since }) =>
        acknowledged
          .get(name)
          ?.some((act) => act.at >= since! && act.at < at && !isRaisedBetween(given, { name, since }, act.at, at)),
      );
      if (known !== undefined) yield `message ${id} at ${time(at)} repeats what was acknowledged: ${known.name}`;
      count(kind);
    }
  }
}

/** A rise to critical ends an acknowledgement. */
function isRaisedBetween(given: Case, item: { name: string; since: number | null }, from: number, to: number): boolean {
  const raised = given.bySubject
    .get(item.name)
    ?.find(({ openedAt }) => openedAt === item.since)
    ?.levels.get('critical');
  return raised !== undefined && raised >= from && raised <= to;
}

/** The messages about each trouble: for all items, also those beyond the fifty that a message shows. */
function* told(given: Case): Generator<string> {
  const { channel, troubles, attempts } = given;
  const about = new Map<Trouble, Attempt[]>();
  for (const attempt of attempts) {
    if (attempt.kind !== 'wellAgain' && !aboutTroubles.includes(attempt.kind)) continue;
    if (attempt.items.length < attempt.total) given.count('longer than what it shows');
    for (const item of attempt.items) {
      const trouble = troubleOf(given, item);
      if (trouble === undefined) yield `message ${attempt.id} tells of nothing that was: ${item.name}`;
      else about.set(trouble, [...(about.get(trouble) ?? []), attempt]);
    }
  }
  const longer = attempts.filter(({ items, total }) => items.length < total);
  const together = intersection(channel.good, union(given.log.up));
  const snoozes = snoozesOf(given.log.acts);
  for (const trouble of troubles)
    yield* toldOf(given, { trouble, messages: about.get(trouble) ?? [], longer, together, snoozes });
}

const snoozesOf = (acts: readonly Act[]): ReadonlyMap<string, Intervals> =>
  new Map(
    [...grouped(acts, ({ subject }) => subject)].map(([subject, own]) => [
      subject,
      union(own.flatMap((act) => (act.kind === 'snooze' ? [{ from: act.at, to: act.until }] : []))),
    ]),
  );

type Telling = {
  readonly trouble: Trouble;
  readonly messages: readonly Attempt[];
  /** Messages that tell more than they show: what is missing elsewhere may have been in them. */
  readonly longer: readonly Attempt[];
  /** The notifier runs and the channel is well. */
  readonly together: Intervals;
  readonly snoozes: ReadonlyMap<string, Intervals>;
};

function* toldOf(given: Case, telling: Telling): Generator<string> {
  const { channel, count } = given;
  const { trouble, messages } = telling;
  const name = `${trouble.subject} since ${time(trouble.openedAt)}`;
  const idsOf = (wanted: (one: Attempt) => boolean): ReadonlySet<string> =>
    new Set(messages.filter((one) => one.isTaken && wanted(one)).map(({ id }) => id));
  for (const [level, at] of trouble.levels) {
    if (channel.level === 'critical' && level === 'warning') continue;
    const ids = idsOf((one) => one.kind === 'warning' && levelIn(one, trouble) === level);
    if (ids.size > 1) yield `${name}: ${level} came as ${ids.size} messages`;
    if (ids.size === 1) count('told');
    if (
      ids.size === 0 &&
      !isRefused(messages, 'warning') &&
      !isHidden(telling, 'trouble') &&
      mustBeTold(telling, { level, at })
    )
      yield `${name}: ${level} was never told`;
  }
  for (const kind of ['escalation', 'reminder']) {
    const most = kind === 'escalation' ? (channel.escalation ? given.terms.escalations : 0) : 1000;
    if (idsOf((one) => one.kind === kind).size > most) yield `${name}: more than ${most} times ${kind}`;
  }
  yield* wellAgain(given, telling, name);
}

const levelIn = (attempt: Attempt, { subject, openedAt }: Trouble): string | undefined =>
  attempt.items.find(({ name, since }) => name === subject && since === openedAt)?.level;

const isRefused = (messages: readonly Attempt[], kind: string): boolean =>
  messages.some((one) => one.kind === kind && one.said === 'refused');

/** It may have been among what a message of this kind told without showing it. */
const isHidden = ({ longer, trouble }: Telling, told: 'trouble' | 'wellAgain'): boolean =>
  longer.some(({ at, kind }) =>
    told === 'wellAgain'
      ? kind === told && at >= trouble.closedAt && at <= trouble.closedAt + 15 * day
      : kind !== 'wellAgain' && at >= trouble.openedAt && at <= trouble.closedAt,
  );

/** There was time enough in one piece in which nothing stood in the way. */
function mustBeTold(
  { trouble, together, snoozes }: Telling,
  { level, at }: { readonly level: Level; readonly at: number },
): boolean {
  const higher = level === 'warning' ? (trouble.levels.get('critical') ?? Infinity) : Infinity;
  const lasting = { from: at, to: Math.min(trouble.closedAt, higher) };
  if (lasting.from >= lasting.to) return false;
  const awake = difference(lasting, snoozes.get(trouble.subject) ?? []);
  const able = intersection(intersection(awake, trouble.notWell), together);
  return able.some(({ from, to }) => to - from >= enough);
}

/** Once, after the end, if the trouble was told or may have been told; and then certainly. */
function* wellAgain({ channel, terms, count }: Case, telling: Telling, name: string): Generator<string> {
  const { trouble, messages, together } = telling;
  const ends = messages.filter(({ kind }) => kind === 'wellAgain');
  const troubles = messages.filter(({ kind }) => kind !== 'wellAgain');
  const ids = new Set(ends.map(({ id }) => id));
  const taken = ends.find(({ isTaken }) => isTaken);
  if (ids.size > 1) yield `${name}: well again came as ${ids.size} messages`;
  if (ends.length > 0 && !channel.wellAgain) yield `${name}: well again came to a channel that does not want it`;
  if (ends.some(({ at }) => at < trouble.closedAt)) yield `${name}: well again came before it was`;
  const mayBeTold = troubles.some(({ isTaken, isUnheard, said }) => isTaken || isUnheard || said === 'unsure');
  if (ends.length > 0 && !mayBeTold && !isHidden(telling, 'trouble'))
    yield `${name}: well again, and nobody was told that it was not`;
  if (taken !== undefined) count('told well again');
  const isTold = troubles.some(({ isTaken }) => isTaken);
  if (
    taken !== undefined ||
    !isTold ||
    !channel.wellAgain ||
    isRefused(messages, 'wellAgain') ||
    isHidden(telling, 'wellAgain')
  )
    return;
  if (trouble.closedAt >= terms.span.to) return;
  const later = intersection(together, [{ from: trouble.closedAt, to: terms.span.to }]);
  if (later.some(({ from, to }) => to - from >= enough)) yield `${name}: nobody was told that it is well again`;
}

/** Each alarm in one message. */
function* alarms({ channel, attempts, log, terms, count }: Case): Generator<string> {
  const events = attempts.filter(({ kind }) => kind === 'event');
  const ids = new Map<string, Set<string>>();
  for (const { items, id, isTaken } of events)
    if (isTaken) for (const { name } of items) ids.set(name, (ids.get(name) ?? new Set()).add(id));
  const refused = new Set(
    events.filter(({ said }) => said === 'refused').flatMap(({ items }) => items.map(({ name }) => name)),
  );
  const together = intersection(channel.good, union(log.up));
  for (const { at, name } of log.alarms) {
    const found = ids.get(name)?.size ?? 0;
    if (found > 1) yield `${name} came as ${found} messages`;
    if (found === 1) count('alarms told');
    if (!channel.events && found > 0) yield `${name} came to a channel that does not want events`;
    // A channel for critical things only does not get those that are not.
    if (found > 0 || !channel.events || channel.level === 'critical' || refused.has(name)) continue;
    const later = intersection(together, [{ from: at, to: terms.span.to }]);
    if (later.some(({ from, to }) => to - from >= enough)) yield `${name} was never told`;
  }
}

/** One for a day at most; and one for each day on which there was something to say and somebody to say it. */
function* digests({ channel, attempts, log, troubles, terms, count }: Case): Generator<string> {
  const all = attempts.filter(({ kind }) => kind === 'digest');
  const days = grouped(all, ({ title }) => /\d{4}-\d\d-\d\d/.exec(title)?.[0] ?? title);
  const together = intersection(channel.good, union(log.up));
  for (const [of, tries] of days) {
    if (!channel.digest) yield `the digest of ${of} came to a channel that does not want it`;
    if (new Set(tries.map(({ id }) => id)).size > 1) yield `the digest of ${of} came as several messages`;
    if (tries[0]!.items.length === 0) yield `the digest of ${of} says nothing`;
    count('digests');
  }
  if (!channel.digest) return;
  for (let midnight = terms.span.from; midnight + day <= terms.span.to; midnight += day) {
    const due = terms.digestMinutes.map((minutes) => midnight + minutes * minute);
    const first = Math.min(...due);
    const last = Math.max(...due) + enough;
    const isAble = together.some(({ from, to }) => from <= first - hour && to >= last);
    const isNeeded = troubles.some((one) => one.openedAt < first - hour && one.closedAt > last);
    const of = time(midnight).slice(0, 10);
    const isThere = days.get(of)?.some(({ isTaken }) => isTaken) === true;
    if (isAble && isNeeded && !isThere && !contains(refusals(all), first)) yield `the digest of ${of} never came`;
  }
}

const refusals = (digestsSent: readonly Attempt[]): Intervals =>
  union(digestsSent.filter(({ said }) => said === 'refused').map(({ at }) => ({ from: at - day, to: at + day })));
