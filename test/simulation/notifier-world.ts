// What happens around the notifier: subjects that are well and not well, channels with their weather, and a log of everything
// that could be seen from outside. Drawn from a seed; knows nothing of how the notifier works.
import { createHash } from 'node:crypto';
import type { ChannelRules, Message, SendOutcome } from '../../src/domain/message.ts';
import { type Dice, diceOf } from '../hostile/dice.ts';
import type { Interval, Intervals } from './intervals.ts';
import { day, exponential, hour, minute } from './schedule.ts';

export type Level = 'warning' | 'critical';

/** A message as it arrived at a channel, or did not. */
export type Attempt = {
  readonly at: number;
  readonly channel: string;
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  /** A digest of all of it, as it was handed over. */
  readonly octets: string;
  readonly total: number;
  readonly items: readonly { readonly name: string; readonly level: string; readonly since: number | null }[];
  /** The channel has it, whatever it said. */
  readonly isTaken: boolean;
  readonly said: 'accepted' | 'failed' | 'unsure' | 'refused';
  /** The notifier was killed before it could write down what the channel said. */
  isUnheard: boolean;
};

/** What people did. */
export type Act = { readonly at: number; readonly subject: string } & (
  | { readonly kind: 'acknowledge' }
  | { readonly kind: 'snooze'; readonly until: number }
);

export type LookSeen = { readonly at: number; readonly standings: ReadonlyMap<string, Level> };

export type Log = {
  readonly looks: LookSeen[];
  readonly attempts: Attempt[];
  readonly acts: Act[];
  readonly alarms: { readonly at: number; readonly name: string }[];
  readonly up: Interval[];
  readonly kills: number[];
};

export const emptyLog = (): Log => ({ looks: [], attempts: [], acts: [], alarms: [], up: [], kills: [] });

export type Mood = 'good' | 'flaky' | 'refusing' | 'silent' | 'throttling';

export type Weather = readonly (Interval & { readonly mood: Mood })[];

/** Some of it lasts for many days. */
function weatherOf(dice: Dice, span: Interval): Weather {
  const weather: (Interval & { readonly mood: Mood })[] = [];
  for (let from = span.from; from < span.to; ) {
    const isGood = weather.at(-1)?.mood !== 'good';
    const mood = isGood ? 'good' : dice.pick(['flaky', 'flaky', 'refusing', 'silent', 'throttling'] as const);
    const mean = isGood ? 3 * day : dice.roll(12) === 0 ? 5 * day : 4 * hour;
    const to = Math.min(span.to, from + Math.max(minute, exponential(dice, mean)));
    weather.push({ from, to, mood });
    from = to;
  }
  return weather;
}

export type SimulatedChannel = ChannelRules & { readonly weather: Weather; readonly good: Intervals };

const rules = (name: string, over: Partial<ChannelRules>): ChannelRules => ({
  ...{ name, level: 'warning', conditions: null, wellAgain: true, escalation: true, digest: true, events: true },
  ...over,
});

/** Four channels of different taste. `dead` is never well. */
export function channelsOf(seed: number, span: Interval, dead: string | null): readonly SimulatedChannel[] {
  const all = [
    rules('mail', {}),
    rules('page', { level: 'critical', digest: false }),
    rules('chat', { wellAgain: false, escalation: false }),
    rules('log', { escalation: false, digest: false, events: false }),
  ];
  return all.map((one, i) => {
    const mood = 'silent' as const;
    const weather = one.name === dead ? [{ ...span, mood }] : weatherOf(diceOf(seed + 1000 + i), span);
    return { ...one, weather, good: weather.filter((part) => part.mood === 'good') };
  });
}

type Reply = { readonly seconds: number; readonly isTaken: boolean; readonly outcome: SendOutcome };

const failed = (over: Partial<Extract<SendOutcome, { accepted: false }>> = {}): SendOutcome => ({
  ...{ accepted: false, detail: 'no', isPermanent: false, isUnsure: false, retryAfterSeconds: null },
  ...over,
});

/** What a channel does with a message in its mood; a message of several hundred it does not take at all. */
export function replyIn(mood: Mood, dice: Dice): Reply {
  const accepted: Reply = { seconds: 0.3, isTaken: true, outcome: { accepted: true } };
  if (mood === 'good') return accepted;
  if (mood === 'refusing') return { seconds: 0.1, isTaken: false, outcome: failed() };
  if (mood === 'silent') return { seconds: 25, isTaken: false, outcome: failed({ isUnsure: true }) };
  if (mood === 'throttling')
    return { seconds: 0.2, isTaken: false, outcome: failed({ retryAfterSeconds: 60 + dice.roll(1700) }) };
  const rolled = dice.roll(100);
  if (rolled < 50) return accepted;
  if (rolled < 65) return { seconds: 25, isTaken: true, outcome: failed({ isUnsure: true }) };
  if (rolled < 66) return { seconds: 0.2, isTaken: false, outcome: failed({ isPermanent: true }) };
  return replyIn(dice.pick(['refusing', 'silent', 'throttling'] as const), dice);
}

export const moodAt = (weather: Weather, at: number): Mood =>
  weather.find(({ from, to }) => from <= at && at < to)?.mood ?? 'good';

const digestOf = (message: Message): string =>
  createHash('sha256').update(JSON.stringify(message)).digest('base64url').slice(0, 16);

/** What the log keeps of a message. */
export const seen = (message: Message): Pick<Attempt, 'id' | 'kind' | 'title' | 'octets' | 'total' | 'items'> => ({
  ...{
    id: message.id,
    kind: message.kind,
    title: message.title,
    octets: digestOf(message),
    total: message.total,
  },
  items: message.items.map(({ name, level, since }) => ({
    ...{ name, level, since: since === null ? null : Date.parse(since) },
  })),
});

/** A subject that comes and goes; those of one cause often do so together. */
export type Subject = { readonly name: string; readonly cause: string; level: Level | null };

export const subjectsOf = (count: number): readonly Subject[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ name: `subject-${i}`, cause: `cause:${i % 17}` },
    level: null,
  }));

/** The subjects whose turn it is to get into trouble: one, or most of those that have its cause. */
export function troubled(subjects: readonly Subject[], dice: Dice): readonly Subject[] {
  const one = dice.pick(subjects);
  const isShared = dice.roll(40) === 0;
  return subjects.filter((subject) => subject === one || (isShared && subject.cause === one.cause && dice.roll(4) > 0));
}

/** What becomes of a subject. */
export const nextLevel = (level: Level | null, dice: Dice): Level | null => {
  if (level === null) return dice.roll(4) === 0 ? 'critical' : 'warning';
  return dice.roll(3) > 0 ? null : level === 'warning' ? 'critical' : 'warning';
};

/** How long a trouble stays as it is: minutes, hours or days. */
export const lasting = (dice: Dice): number =>
  exponential(dice, dice.pick([20 * minute, 3 * hour, 8 * hour, 8 * hour, 3 * day]));

export const downStretch = (dice: Dice): number => {
  const kind = dice.roll(60);
  if (kind === 0) return dice.roll(10 * 24 * 60) * minute;
  return kind < 10 ? exponential(dice, 5 * hour) : exponential(dice, 2 * minute);
};
