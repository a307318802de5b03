// The counts of the operator page's overview.
import type { ExpiryLevel } from '../domain/expiry.ts';
import type { RawRow, Session } from './pool.ts';
import { instant, number, text } from './row.ts';
import { statement } from './statement.ts';

type Ends = { readonly daysFromToday: number; readonly level: ExpiryLevel; readonly count: number };

const ends = statement<[Date, number], Ends>('ends_by_day.sql', (row) => ({
  daysFromToday: number(row, 'days_from_today'),
  level: levelOf(row),
  count: number(row, 'count'),
}));
const ended = statement<[Date, Date], number>('ended_serving.sql', (row) => number(row, 'count'));
const issued = statement<[Date], { readonly hour: Date; readonly count: number }>('issued_by_hour.sql', (row) => ({
  hour: instant(row, 'hour'),
  count: number(row, 'count'),
}));

/** Counts over one database. */
export const overviewIn = (db: Session) => ({
  endsByDay: (now: Date, days: number): Promise<readonly Ends[]> => ends(db, [now, days]),
  endedServing: async (now: Date, givenUpBefore: Date): Promise<number> =>
    (await ended(db, [now, givenUpBefore]))[0] ?? 0,
  issuedByHour: (since: Date): Promise<readonly { readonly hour: Date; readonly count: number }[]> =>
    issued(db, [since]),
});

function levelOf(row: RawRow): ExpiryLevel {
  const level = text(row, 'level');
  if (level === 'ok' || level === 'warning' || level === 'critical') return level;
  throw new TypeError('column level is no level');
}
