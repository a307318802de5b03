// How many renewals are to come, from when each lineage is due and what follows from it. Pure.
import { renewalWindow } from './renewal.ts';

/** Lineages of one profile and one lifetime that are due in the same hour. */
export type DueGroup = {
  readonly profile: string;
  /** The hour, or the instant itself when it is past. */
  readonly at: Date;
  readonly lifetimeSeconds: number;
  readonly count: number;
};

export type DayForecast = { readonly day: string; readonly profile: string; readonly renewals: number };
export type HourForecast = { readonly hour: Date; readonly renewals: number };

const hour = 3_600_000;
const day = 86_400_000;

/**
 * Renewals a day and profile, and hours that have more than `perHour`. What is due already counts for now. A renewal is
 * followed by the next one in the middle of its own window, as often as the horizon holds: a profile of 24 hours comes
 * back every 15 hours.
 */
export function forecast(
  groups: readonly DueGroup[],
  horizon: { readonly now: Date; readonly days: number; readonly perHour: number },
): { readonly days: readonly DayForecast[]; readonly overCeiling: readonly HourForecast[] } {
  const end = horizon.now.getTime() + horizon.days * day;
  const byDay = new Map<string, number>();
  const byHour = new Map<number, number>();
  for (const { profile, at, lifetimeSeconds, count } of groups) {
    const period = secondsToNext(profile, lifetimeSeconds) * 1000;
    for (let time = Math.max(at.getTime(), horizon.now.getTime()); time < end; time += period) {
      add(byDay, `${new Date(time).toISOString().slice(0, 10)} ${profile}`, count);
      add(byHour, Math.floor(time / hour) * hour, count);
    }
  }
  return {
    days: sorted(byDay).map(([key, renewals]) => ({ day: key.slice(0, 10), profile: key.slice(11), renewals })),
    overCeiling: sorted(byHour)
      .filter(([, renewals]) => renewals > horizon.perHour)
      .map(([time, renewals]) => ({ hour: new Date(time), renewals })),
  };
}

/** From one renewal to the next: the middle of the window that a certificate of this lifetime has, a minute at least. */
function secondsToNext(profile: string, lifetimeSeconds: number): number {
  const notBefore = new Date(0);
  const { start, end } = renewalWindow({ profile, notBefore, notAfter: new Date(lifetimeSeconds * 1000) });
  return Math.max(60, (start.getTime() + end.getTime()) / 2000);
}

const add = <K>(counts: Map<K, number>, key: K, count: number): void =>
  void counts.set(key, (counts.get(key) ?? 0) + count);

const sorted = <K extends string | number>(counts: ReadonlyMap<K, number>): readonly (readonly [K, number])[] =>
  [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
