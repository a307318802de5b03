// When hosts and server run, and how wrong the clocks are: drawn from a seed before anything happens, so that what a run
// does cannot change it. The oracle reads the same schedules.
import type { Dice } from '../hostile/dice.ts';
import { difference, type Interval, type Intervals, union } from './intervals.ts';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** How a host comes and goes. */
export type Habit = 'steady' | 'ordinary' | 'daily' | 'flaky' | 'absent';

/** A time in which the clock of a host is wrong by `offset` milliseconds. */
export type ClockError = Interval & { readonly offset: number };

export type HostSchedule = {
  readonly habit: Habit;
  readonly up: Intervals;
  /** Grave errors, sorted, without overlap. Beside them the clock is always wrong by `drift`. */
  readonly clockErrors: readonly ClockError[];
  /** Milliseconds; some are further behind than certificates are backdated, and have to wait for a new one. */
  readonly drift: number;
};

/** A duration with this mean, as failures come: exponential. At least a second. */
export const exponential = (dice: Dice, mean: number): number =>
  Math.max(1000, -mean * Math.log((dice.roll(1_000_000) + 1) / 1_000_001));

const between = (dice: Dice, least: number, most: number): number =>
  least + (dice.roll(1_000_000) / 1_000_000) * (most - least);

/** Mean durations of being up and of being down. */
const habits: Readonly<Record<Habit, { readonly up: number; readonly down: number }>> = {
  steady: { up: 40 * day, down: 2 * hour },
  ordinary: { up: 8 * day, down: 9 * hour },
  daily: { up: 10 * hour, down: 14 * hour },
  // Up for less than an hour at a time: the time together comes in pieces.
  flaky: { up: 50 * minute, down: 80 * minute },
  absent: { up: 20 * day, down: 6 * hour },
};

/** Of 100 hosts. */
const habitShares: readonly (readonly [Habit, number])[] = [
  ['steady', 60],
  ['ordinary', 28],
  ['daily', 5],
  ['flaky', 1],
  ['absent', 6],
];

function habitOf(dice: Dice): Habit {
  let roll = dice.roll(100);
  for (const [habit, share] of habitShares) {
    if (roll < share) return habit;
    roll -= share;
  }
  return 'steady';
}

function outages(dice: Dice, span: Interval, means: { readonly up: number; readonly down: number }): Intervals {
  const found: Interval[] = [];
  for (let at = span.from; ; ) {
    const from = at + exponential(dice, means.up);
    const to = from + exponential(dice, means.down);
    if (from >= span.to) return found;
    found.push({ from, to: Math.min(to, span.to) });
    at = to;
  }
}

/** One absence, of two weeks up to two hundred days. */
function absence(dice: Dice, span: Interval): Interval {
  const length = dice.roll(3) === 0 ? between(dice, 150 * day, 200 * day) : between(dice, 14 * day, 60 * day);
  const from = between(dice, span.from + day, Math.max(span.from + 2 * day, span.to - length));
  return { from, to: Math.min(from + length, span.to) };
}

/** A host's life within a span. A host is down before `span.from`. */
export function hostSchedule(dice: Dice, span: Interval): HostSchedule {
  const habit = habitOf(dice);
  const down = [...outages(dice, span, habits[habit]), ...(habit === 'absent' ? [absence(dice, span)] : [])];
  const up = difference(span, union(down));
  return { habit, up, clockErrors: clockErrors(dice, span), drift: between(dice, -75_000, 50_000) };
}

/** One host in eight has its clock wrong once or twice, by hours up to years, until its time is synchronized again. */
function clockErrors(dice: Dice, span: Interval): readonly ClockError[] {
  if (dice.roll(8) !== 0) return [];
  const found: ClockError[] = [];
  for (let at = span.from; found.length < 2; ) {
    const from = between(dice, at, span.to);
    const to = Math.min(span.to, from + between(dice, 10 * minute, 3 * hour));
    if (from + minute >= span.to) break;
    const size = dice.pick([3 * hour, 2 * day, 20 * day, 400 * day, 20 * 365 * day]);
    found.push({ from, to, offset: dice.roll(2) === 0 ? size : -size });
    at = to + day;
  }
  return found;
}

/** When the server runs: short outages, and one that is longer than the life of a certificate of a day. */
export function serverSchedule(dice: Dice, span: Interval): Intervals {
  const short = outages(dice, span, { up: 11 * day, down: 2 * hour });
  const from = between(dice, span.from + day, span.to - 3 * day);
  const long = { from, to: from + between(dice, 26 * hour, 34 * hour) };
  return difference(span, union([...short, long]));
}

/** What a host's clock shows is wrong by so many milliseconds. */
export function clockOffset({ clockErrors: errors, drift }: HostSchedule, at: number): number {
  const grave = errors.find(({ from, to }) => from <= at && at < to);
  return grave?.offset ?? drift;
}
