// Warnings and channels for people, within a hundred columns.
import { conditions } from '../domain/warning.ts';
import type { ChannelPage, ChannelResource, WarningPage, WarningResource } from '../domain/warning-wire.ts';
import { columnsOfTerminal, cutMiddle, wrap } from './narrow.ts';
import { table } from './table.ts';

/** So many characters of an id tell warnings apart, and are what commands take. */
const shownId = 8;

const indent = ' '.repeat(shownId + 2);

/** Two lines each: which, how badly, since when and about whom; then why. */
export function warningList({ items }: WarningPage): string {
  if (items.length === 0) return 'nothing\n';
  return items.map((warning) => `${headOf(warning)}\n${indent}${whyOf(warning)}\n`).join('');
}

function headOf({ id, level, openedAt, condition, facts: { name } }: WarningResource): string {
  const head = [id.slice(0, shownId), level.toUpperCase().padEnd(8), openedAt, condition].join('  ');
  return `${head}  ${cutMiddle(name, columnsOfTerminal - head.length - 2)}`;
}

function whyOf({ reason, acknowledgedBy, snoozedUntil, closedAt }: WarningResource): string {
  const marks = [
    ...(closedAt === null ? [] : [`closed ${closedAt}`]),
    ...(acknowledgedBy === null ? [] : ['acknowledged']),
    ...(snoozedUntil === null ? [] : [`snoozed until ${snoozedUntil}`]),
  ];
  const mark = marks.length === 0 ? '' : `[${marks.join(', ')}] `;
  return `${mark}${cutMiddle(reason, columnsOfTerminal - indent.length - mark.length)}`;
}

/** The width of the longest name of a fact, and the gap. */
const nameWidth = 'acknowledged'.length + 2;

/** Everything that is known of one. */
export function describeWarning(warning: WarningResource): string {
  const { facts, level, condition } = warning;
  const told: readonly (readonly [name: string, value: string | null | undefined])[] = [
    ['warning', warning.id],
    ['level', `${level} since ${warning.levelAt}`],
    ['about', facts.name],
    ['condition', `${condition}: ${conditions[condition]}`],
    ['subject', warning.subject],
    ['profile', facts.profile],
    ['ends', facts.notAfter],
    ['open since', warning.openedAt],
    ['closed', warning.closedAt],
    ['acknowledged', by(warning.acknowledgedAt, warning.acknowledgedBy)],
    ['snoozed', by(warning.snoozedUntil === null ? null : `until ${warning.snoozedUntil}`, warning.snoozedBy)],
    ['why', warning.reason],
    ['note', warning.note],
  ];
  const tellings = (warning.told ?? []).map(({ channel, kind, at, deliveredAt }) => [
    ...[cutMiddle(channel, 40), kind, at],
    deliveredAt ?? 'waits',
  ]);
  const list = tellings.length === 0 ? '' : `\n${table(['CHANNEL', 'WHAT', 'AT', 'DELIVERED'], tellings)}`;
  return `${told.map(([name, value]) => wrapped(name, value)).join('')}${list}`;
}

const by = (what: string | null, who: string | null): string | null =>
  what === null ? null : `${what} by ${who ?? 'somebody'}`;

/** A fact, on as many lines as it needs; nothing where it has no value. */
function wrapped(name: string, text: string | null | undefined): string {
  if (text === null || text === undefined) return '';
  const lines = wrap(text, columnsOfTerminal - nameWidth);
  return lines.map((line, at) => `${(at === 0 ? name : '').padEnd(nameWidth)}${line}\n`).join('');
}

/** How each stands, then where it leads and what it said last. */
export function channelList({ items }: ChannelPage): string {
  if (items.length === 0)
    return 'no channel is configured: nobody is told of warnings (notify.channels in omens.yaml)\n';
  const rows = items.map((channel) => [
    ...[cutMiddle(channel.name, 24), channel.kind, channel.level, String(channel.waiting)],
    ...[channel.lastDeliveredAt ?? 'never', channel.failingSince ?? '-'],
  ]);
  const list = table(['CHANNEL', 'KIND', 'FROM LEVEL', 'WAITING', 'LAST DELIVERED', 'FAILING SINCE'], rows);
  return `${list}${items.flatMap(linesOf).join('')}`;
}

function linesOf({ name, destination, lastError }: ChannelResource): readonly string[] {
  const line = (text: string): string => `${cutMiddle(text, columnsOfTerminal)}\n`;
  return [line(`${name}: to ${destination}`), ...(lastError === null ? [] : [line(`${name}: ${lastError}`)])];
}
