// The daily digest: when it is due by the clock on the wall, and what it says. Pure.
import type { MessageItem } from './message.ts';
import { byUrgency, itemOf, longestTitle, type MessageText, mostItems, shownOf, worstOf } from './message-text.ts';
import { oneLine } from './printable.ts';
import type { WarningRecord } from './warning.ts';
import { wireTime } from './wire.ts';
import { utcDay } from './words.ts';

/** `HH:MM` on the clock of a zone of the IANA database. */
export type DigestTime = { readonly digestAt: string; readonly timeZone: string };

/** Minutes after its hour; what is later has been missed, and the next one comes soon. */
const latest = 12 * 60;

/** Making one takes longer than all the rest. */
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const clock = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  });
  clocks.set(timeZone, clock);
  return clock;
}

/** The day whose digest is due, as `YYYY-MM-DD`; null when none is. */
export function digestDay(now: Date, { digestAt, timeZone }: DigestTime): string | null {
  const parts = clockOf(timeZone).formatToParts(now);
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value);
  const [hour = 0, minute = 0] = digestAt.split(':').map(Number);
  const late = part('hour') * 60 + part('minute') - (hour * 60 + minute);
  if (late > latest || (late < 0 && late + 1440 > latest)) return null;
  const day = new Date(Date.UTC(part('year'), part('month') - 1, part('day') - (late < 0 ? 1 : 0)));
  return utcDay(day);
}

export const digestCause = (day: string): string => `digest:${day}`;

export type DigestContent = {
  readonly open: readonly WarningRecord[];
  /** Messages that a channel has not taken, by channel. */
  readonly waiting: readonly { readonly channel: string; readonly count: number; readonly oldest: Date }[];
};

const week = 7 * 86_400_000;

/** What the digest of a day says; null when there is nothing to say. */
export function digestText(
  { open, waiting }: DigestContent,
  { day, now, url }: { readonly day: string; readonly now: Date; readonly url: string | null },
): MessageText | null {
  if (open.length + waiting.length === 0) return null;
  const sorted = open.toSorted(byUrgency);
  const items = [...waiting.map((one) => waitingItem(one)), ...shownOf(sorted).map(itemOf)];
  const of = (condition: (one: WarningRecord) => boolean): number => open.filter(condition).length;
  const endsSoon = ({ facts }: WarningRecord): boolean =>
    facts.notAfter !== undefined && Date.parse(facts.notAfter) <= now.getTime() + week;
  const counts: readonly (readonly [count: number, one: string, many: string])[] = [
    [of(({ level }) => level === 'critical'), 'critical', 'critical'],
    [of(({ level }) => level === 'warning'), 'warning', 'warnings'],
    [of(endsSoon), 'ends within a week', 'end within a week'],
    [of(({ condition }) => condition === 'hostNotSeen'), 'host not seen', 'hosts not seen'],
    [waiting.reduce((sum, { count }) => sum + count, 0), 'message not delivered', 'messages not delivered'],
  ];
  const said = counts
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`);
  return {
    ...{ kind: 'digest', level: worstOf(open.map(({ level }) => level)), url, at: wireTime(now) },
    ...{ title: oneLine(`digest of ${day}: ${said.join(', ')}`, longestTitle), total: waiting.length + open.length },
    items: items.slice(0, mostItems),
  };
}

const waitingItem = ({ channel, count, oldest }: DigestContent['waiting'][number]): MessageItem => ({
  ...{ warning: null, condition: 'channelFailing', level: 'warning', name: channel, since: wireTime(oldest) },
  ...{
    reason: count === 1 ? 'a message waits for this channel' : `${count} messages wait for this channel`,
    facts: { count },
  },
});
