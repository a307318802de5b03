// What the overview of the operator page counts: ends of certificates by day, and what was issued by hour. Pure.
import type { ExpiryLevel } from './expiry.ts';
import { utcDay } from './words.ts';

/** Days that the timeline shows: today, and 90 more, so that a certificate of 90 days is on it from its first hour. */
export const timelineDays = 91;

/** Certificates that serve and end on a day (UTC), by the level that each has now. */
export type DayOfEnds = Readonly<Record<ExpiryLevel, number>> & {
  /** `2026-11-26` */
  readonly day: string;
};

export type Timeline = {
  /** Every day from today on, also those on which nothing ends. */
  readonly days: readonly DayOfEnds[];
  /** Serve although they have ended. */
  readonly ended: number;
};

export type Issued = {
  /** Hours, the last one is the present, `at` their beginning (RFC 3339). */
  readonly hours: readonly { readonly at: string; readonly issued: number }[];
  /** Days (UTC), the last one is today. */
  readonly days: readonly { readonly at: string; readonly issued: number }[];
};

const hour = 3_600_000;
const day = 24 * hour;

/** Fills the days between. */
export function timelineOf(
  counts: readonly { readonly daysFromToday: number; readonly level: ExpiryLevel; readonly count: number }[],
  { now, ended }: { readonly now: Date; readonly ended: number },
): Timeline {
  const today = Math.floor(now.getTime() / day) * day;
  const countOf = (at: number, level: ExpiryLevel): number =>
    counts.find((one) => one.daysFromToday === at && one.level === level)?.count ?? 0;
  const days = Array.from({ length: timelineDays }, (_, at) => ({
    day: utcDay(new Date(today + at * day)),
    ok: countOf(at, 'ok'),
    warning: countOf(at, 'warning'),
    critical: countOf(at, 'critical'),
  }));
  return { days, ended };
}

/** Fills the hours and days between; `counts` by the beginning of their hour. */
export function issuedOf(counts: readonly { readonly hour: Date; readonly count: number }[], now: Date): Issued {
  const [thisHour, today] = [hour, day].map((size) => Math.floor(now.getTime() / size) * size);
  const sum = (from: number, size: number): number =>
    counts
      .filter(({ hour: at }) => at.getTime() >= from && at.getTime() < from + size)
      .reduce((total, { count }) => total + count, 0);
  const last = (length: number, end: number, size: number): Issued['hours'] =>
    Array.from({ length }, (_, at) => end - (length - 1 - at) * size).map((from) => ({
      at: new Date(from).toISOString(),
      issued: sum(from, size),
    }));
  return { hours: last(24, thisHour ?? 0, hour), days: last(30, today ?? 0, day) };
}
