// Things that happened and are told once, such as a replayed renewal: they have no lasting condition, so nothing of them can
// be well again. Each is an alarm of the outbox. What a condition tells anyway is not told twice. Pure.
import { secondsSince } from './elapsed.ts';
import { groupedBy, inTurns } from './grouped.ts';
import { longestTitle, type MessageText, mostItems, worstOf } from './message-text.ts';
import type { MessageItem } from './message.ts';
import { oneLine } from './printable.ts';
import { wireTime } from './wire.ts';

/** An alarm of the outbox. */
export type AlarmEvent = {
  readonly id: number;
  readonly key: string;
  readonly at: Date;
  readonly facts: Readonly<Record<string, unknown>>;
};

export type EventLevel = 'critical' | 'warning' | 'info';

/** Null: an open warning tells it. */
const told: Readonly<Record<string, { readonly level: EventLevel; readonly sentence: string } | null>> = {
  'campaign.stopped': null,
  'profile.stopped': null,
  'enrollment.pending': null,
  'host.finding': null,
  'lineage.late': null,
  'lineage.failed': null,
  'target.failed': null,
  'target.rolledBack': null,
  'unmanagedCertificate.faulty': null,
  'lineage.reopened': { level: 'warning', sentence: 'an older certificate is in use again' },
  'renewal.replayed': { level: 'warning', sentence: 'a renewal was sent again after its nonce was spent' },
  'renewal.refused': { level: 'critical', sentence: "a device asked for another's certificate" },
  'confirmation.refused': { level: 'warning', sentence: 'the confirmation of a host was refused' },
  'enrollment.nameHeldByAnotherTpm': { level: 'critical', sentence: 'another TPM claims the name of a host' },
  'enrollment.endorsementKeyNotProved': {
    level: 'critical',
    sentence: 'a TPM asks for a device that it did not prove',
  },
  'enrollment.absentTooLong': { level: 'warning', sentence: 'a host is back after a long absence' },
  'enrollment.attestationFailing': {
    level: 'critical',
    sentence: 'a host whose attestation fails enrolls again',
  },
  'enrollment.notOverdue': { level: 'warning', sentence: 'a host enrolls again without need' },
  'enrollment.beyondOldGrants': { level: 'warning', sentence: 'a host enrolls again and asks for more than it had' },
};

/** Alarms of one name within so many seconds are one message. */
export const eventSpacingSeconds = 300;

const eventWaitSeconds = 15;

/** What is older was of interest once. */
const oldestTold = 30 * 86_400;

/** The name of an alarm. That of an enrollment has none and says why it waits. */
export const eventName = ({ facts }: Pick<AlarmEvent, 'facts'>): string => {
  const { event, kind } = facts;
  if (typeof event === 'string') return event;
  return typeof kind === 'string' ? `enrollment.${kind}` : 'alarm';
};

/** How an alarm is told; null when a warning tells it. What nobody described is told by its name. */
const described = (name: string): { readonly level: EventLevel; readonly sentence: string } | null => {
  const known = told[name];
  return known === undefined ? { level: 'warning', sentence: name } : known;
};

export type EventComposition = {
  /** Alarms that are done with, by their ids. */
  readonly concluded: readonly number[];
  readonly messages: readonly {
    readonly channel: string;
    readonly cause: string;
    readonly text: MessageText;
  }[];
};

export const eventCause = (name: string): string => `event:${name}`;

/**
 * Composes the alarms that waited long enough, one message for each name and channel. `recent`: causes of the messages within
 * the spacing.
 */
export function composeEvents(
  { events, recent }: { readonly events: readonly AlarmEvent[]; readonly recent: readonly string[] },
  {
    channels,
    now,
    url,
  }: {
    readonly channels: readonly { readonly name: string; readonly level: 'warning' | 'critical' }[];
    readonly now: Date;
    readonly url: string | null;
  },
): EventComposition {
  const age = ({ at }: AlarmEvent): number => secondsSince(at, now);
  const isTold = (event: AlarmEvent): boolean => described(eventName(event)) !== null && age(event) < oldestTold;
  const groups = [...groupedBy(events.filter(isTold), eventName)].filter(
    ([name, group]) => !recent.includes(eventCause(name)) && group.some((one) => age(one) >= eventWaitSeconds),
  );
  return {
    concluded: [...events.filter((one) => !isTold(one)), ...groups.flatMap(([, group]) => group)].map(({ id }) => id),
    messages: groups.flatMap(([name, group]) => {
      const text = eventText(name, group, { now, url });
      return channels
        .filter(({ level }) => level === 'warning' || text.level === 'critical')
        .map((channel) => ({ channel: channel.name, cause: eventCause(name), text }));
    }),
  };
}

function eventText(
  name: string,
  events: readonly AlarmEvent[],
  { now, url }: { readonly now: Date; readonly url: string | null },
): MessageText {
  const { level, sentence } = described(name) ?? { level: 'warning', sentence: name };
  const items = events.map((event) => itemOf(event, { name, level, sentence }));
  const [only] = items;
  const subject =
    items.length === 1 && only !== undefined ? `${only.name}: ${sentence}` : `${items.length} times: ${sentence}`;
  return {
    ...{ kind: 'event', level: worstOf([level]), url, at: wireTime(now), total: items.length },
    title: oneLine(`${level}: ${subject}`, longestTitle),
    // Who raises many hides nobody else's.
    items: inTurns(items, ({ name: who }) => who).slice(0, mostItems),
  };
}

function itemOf(
  event: AlarmEvent,
  { name, level, sentence }: { readonly name: string; readonly level: EventLevel; readonly sentence: string },
): MessageItem {
  const { hostName, principal } = event.facts;
  const who = [hostName, principal].find((one): one is string => typeof one === 'string') ?? event.key;
  const detail = detailOf(event.facts);
  return {
    ...{ warning: null, condition: name, level, name: oneLine(who, 200), facts: event.facts },
    reason: oneLine(detail === null ? sentence : `${sentence}: ${detail}`),
    since: wireTime(event.at),
  };
}

/** What the alarm itself says: its detail, or that of the first refusal. */
function detailOf({ detail, refusals }: AlarmEvent['facts']): string | null {
  if (typeof detail === 'string') return detail;
  const first: unknown = Array.isArray(refusals) ? refusals[0] : null;
  const said: unknown = typeof first === 'object' && first !== null && 'detail' in first ? first.detail : null;
  return typeof said === 'string' ? said : null;
}
