// Rows of deliveries, crossings and channels, read into the shapes that the notifier decides on.
import type { RecentDelivery, WaitingCrossing } from '../domain/composing.ts';
import type { AlarmEvent } from '../domain/events.ts';
import type { Message, MessageKind } from '../domain/message.ts';
import type { RawRow } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { warningFromRow } from './warnings.ts';

export const crossingFromRow = (row: RawRow): WaitingCrossing => ({
  kind: text(row, 'crossing_kind'),
  at: instant(row, 'crossing_at'),
  others: text(row, 'others') as WaitingCrossing['others'],
  warning: warningFromRow(row),
});

/** `delivery` is null in the one row that is there when nothing was composed lately. */
export function recentFromRow(row: RawRow): { readonly unconcluded: number; readonly delivery: RecentDelivery | null } {
  const unconcluded = number(row, 'unconcluded');
  const createdAt = instantOrNull(row, 'created_at');
  if (createdAt === null) return { unconcluded, delivery: null };
  return { unconcluded, delivery: { kind: kindOf(row), cause: text(row, 'cause'), createdAt } };
}

const kindOf = (row: RawRow): MessageKind => text(row, 'kind') as MessageKind;

export const dueFromRow = (row: RawRow) => ({
  id: text(row, 'id'),
  kind: kindOf(row),
  createdAt: instant(row, 'created_at'),
  attempts: number(row, 'attempts'),
  failures: number(row, 'failures'),
  isOutdated: boolean(row, 'is_outdated'),
  failingSince: instantOrNull(row, 'failing_since'),
  // Written by us, as a message.
  message: row['message'] as Message,
});

export const alarmFromRow = (row: RawRow): AlarmEvent => ({
  id: number(row, 'id'),
  key: text(row, 'key'),
  at: instant(row, 'created_at'),
  facts: row['facts'] as AlarmEvent['facts'],
});

export const stateFromRow = (row: RawRow) => ({
  channel: text(row, 'channel'),
  turnedAt: instantOrNull(row, 'turned_at'),
  deliveredAt: instantOrNull(row, 'delivered_at'),
  failingSince: instantOrNull(row, 'failing_since'),
  lastError: textOrNull(row, 'last_error'),
  waiting: number(row, 'waiting'),
  oldestWaiting: instantOrNull(row, 'oldest'),
  refusedAt: instantOrNull(row, 'refused_at'),
});

export const waitingFromRow = (row: RawRow) => ({
  channel: text(row, 'channel'),
  count: number(row, 'count'),
  oldest: instant(row, 'oldest'),
});

export const deliveryFromRow = (row: RawRow) => ({
  id: text(row, 'id'),
  channel: text(row, 'channel'),
  kind: kindOf(row),
  title: text(row, 'title'),
  createdAt: instant(row, 'created_at'),
  attempts: number(row, 'attempts'),
  outcome: textOrNull(row, 'outcome') as 'delivered' | 'withdrawn' | 'refused' | null,
  concludedAt: instantOrNull(row, 'concluded_at'),
  lastError: textOrNull(row, 'last_error'),
});

export const toldFromRow = (row: RawRow) => ({
  channel: text(row, 'channel'),
  kind: text(row, 'kind'),
  at: instant(row, 'at'),
  deliveredAt: instantOrNull(row, 'delivered_at'),
});
