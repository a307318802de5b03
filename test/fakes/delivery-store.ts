// Deliveries in memory, over the tables that the fake of warnings has; the same suite is run against PostgreSQL.
import { randomUUID } from 'node:crypto';
import { causeSpacingSeconds, messageKindOf, type WaitingCrossing } from '../../src/domain/composing.ts';
import { eventName, eventSpacingSeconds } from '../../src/domain/events.ts';
import { byUrgency } from '../../src/domain/message-text.ts';
import type { DueDelivery } from '../../src/domain/sending.ts';
import type { NotifierStore } from '../../src/lifecycle/delivery-records.ts';
import { type CrossingRow, type DeliveryRow, fiveMinutes, type TurnRow, type WarningTables } from './warning-tables.ts';

const noTurn: TurnRow = { turnedAt: null, deliveredAt: null, failingSince: null, restUntil: null, lastError: null };

const before = (now: Date, seconds: number): Date => new Date(now.getTime() - seconds * 1000);

/** Waited for: what is further ahead was written by a wrong clock. */
const isAhead = (instant: Date | null, now: Date): boolean =>
  instant !== null && instant > now && instant <= before(now, -7200);

const inOrder = (a: DeliveryRow, b: DeliveryRow): number =>
  a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1);

/** A store of deliveries over tables in memory. `newId` makes a run the same each time. */
export function fakeDeliveryStore(tables: WarningTables, newId: () => string = randomUUID): NotifierStore {
  return {
    ...composing(tables, newId),
    ...sending(tables),
    ...crossingsWritten(tables),
    ...shown(tables),
    forget: async (limits, channels, now) => forget(tables, { limits, names: channels.map(({ name }) => name), now }),
  };
}

const untried = { leaseUntil: null, attempts: 0, failures: 0, lastError: null, concludedAt: null, outcome: null };

function composing(
  tables: WarningTables,
  newId: () => string,
): Pick<NotifierStore, 'composeFor' | 'composeEvents' | 'insertDigest' | 'digestedChannels' | 'digestFacts'> {
  const { warnings, crossings, deliveries, outbox } = tables;
  return {
    composeFor: async (channel, now, decide) => {
      if (!tables.turns.has(channel)) tables.turns.set(channel, noTurn);
      const found = crossings
        .by('waiting', channel)
        .map((row) => waitingOf(tables, row))
        .filter(({ warning: { closedAt, wellSince, snoozed } }) => {
          return closedAt !== null || (wellSince === null && (snoozed === null || snoozed.until <= now));
        });
      if (found.length === 0) return 0;
      const span = fiveMinutes(now);
      const recent = [span - 1, span].flatMap((one) =>
        deliveries.by('minutes', `${channel} ${one}`).filter(({ createdAt, outcome, attempts }) => {
          return createdAt > before(now, causeSpacingSeconds) && !(outcome === 'withdrawn' && attempts === 0);
        }),
      );
      const unconcluded = deliveries.by('waiting', channel).length;
      const { moot, messages } = decide({ crossings: found, recent, unconcluded });
      const ids = messages.map(() => newId()).toSorted();
      for (const [i, { kind, cause, text, crossings: told }] of messages.entries()) {
        const id = ids[i]!;
        deliveries.put({ id, channel, kind, cause, message: { id, ...text }, createdAt: now, dueAt: now, ...untried });
        for (const key of told) crossings.put({ ...crossings.find({ ...key, channel })!, deliveryId: id });
      }
      for (const key of moot) crossings.put({ ...crossings.find({ ...key, channel })!, mootAt: now });
      return messages.length;
    },
    composeEvents: async (now, decide) => {
      for (const [i, row] of outbox.entries())
        if (row.topic !== 'alarm' && row.deliveredAt === null) outbox[i] = { ...row, deliveredAt: now };
      if (outbox.every(({ deliveredAt }) => deliveredAt !== null)) return 0;
      const recent = deliveries
        .rows()
        .filter(
          ({ kind, createdAt }) =>
            kind === 'event' && Math.abs(createdAt.getTime() - now.getTime()) < eventSpacingSeconds * 1000,
        )
        .map(({ cause }) => cause);
      const waiting = outbox.filter((row) => row.deliveredAt === null && !recent.includes(`event:${eventName(row)}`));
      if (waiting.length === 0) return 0;
      const { concluded, messages } = decide({ events: waiting, recent });
      for (const { channel, cause, text } of messages) {
        const id = newId();
        const row = { id, channel, cause, message: { id, ...text }, createdAt: now, dueAt: now };
        deliveries.put({ ...row, kind: 'event', ...untried });
      }
      for (const [i, row] of outbox.entries()) if (concluded.includes(row.id)) outbox[i] = { ...row, deliveredAt: now };
      return messages.length;
    },
    insertDigest: async (channel, { cause, text, isEmpty }, now) => {
      if (deliveries.by('cause', `${channel} ${cause}`).length > 0) return false;
      const id = newId();
      const row = { id, channel, kind: 'digest', cause, message: { id, ...text }, createdAt: now, dueAt: now } as const;
      deliveries.put({ ...row, ...untried, ...(isEmpty ? { concludedAt: now, outcome: 'withdrawn' } : {}) });
      return true;
    },
    digestedChannels: async (cause) =>
      [...tables.turns.keys()].filter((channel) => deliveries.by('cause', `${channel} ${cause}`).length > 0),
    digestFacts: async (now) => ({
      open: warnings.by('open', 'all').toSorted(byUrgency),
      waiting: [...tables.turns.keys()].flatMap((channel) => {
        const late = deliveries.by('waiting', channel).filter(({ createdAt }) => createdAt < before(now, 900));
        const [oldest] = late.toSorted(inOrder);
        return oldest === undefined ? [] : [{ channel, count: late.length, oldest: oldest.createdAt }];
      }),
    }),
  };
}

function waitingOf({ warnings, crossings, deliveries }: WarningTables, row: CrossingRow): WaitingCrossing {
  const { kind, at, warningId, channel } = row;
  const warning = warnings.get(warningId)!;
  if (kind !== 'wellAgain') return { kind, at, warning, others: 'none' };
  const others = crossings
    .by('warning', warningId)
    .filter((one) => one.channel === channel && one.kind !== 'wellAgain')
    .map(({ deliveryId, mootAt }) => ({ mootAt, delivery: deliveryId === null ? null : deliveries.get(deliveryId)! }));
  const isOpen = others.some(({ mootAt, delivery }) => mootAt === null && (delivery?.concludedAt ?? null) === null);
  const isTold = others.some(
    ({ delivery }) => delivery !== null && (delivery.outcome === 'delivered' || delivery.attempts > delivery.failures),
  );
  return { kind, at, warning, others: isOpen ? 'open' : isTold ? 'told' : 'untold' };
}

function sending(
  tables: WarningTables,
): Pick<NotifierStore, 'claimDelivery' | 'concludeAttempt' | 'recordTurn' | 'recordReached' | 'channelStates'> {
  const { warnings, crossings, deliveries, turns } = tables;
  const turn = (channel: string): TurnRow => turns.get(channel) ?? noTurn;
  const dueOf = (row: DeliveryRow): DueDelivery => ({
    ...row,
    isOutdated:
      row.kind === 'digest' &&
      deliveries.by('channel', row.channel).some((one) => one.kind === 'digest' && one.createdAt > row.createdAt),
    crossings: crossings
      .by('delivery', row.id)
      .map(({ kind, at, warningId }) => ({ kind, at, warning: warnings.get(warningId)!, others: 'told' })),
  });
  return {
    claimDelivery: async (channel, { now, leaseUntil }, decide) => {
      const { restUntil, failingSince } = turn(channel);
      if (isAhead(restUntil, now)) return null;
      const due = deliveries
        .by('waiting', channel)
        .filter((row) => !isAhead(row.dueAt, now) && !isAhead(row.leaseUntil, now))
        .toSorted(inOrder);
      for (const row of due) {
        const decision = decide(dueOf(row));
        if (decision.do === 'send') {
          const attempts = row.attempts + 1;
          deliveries.put({ ...row, attempts, leaseUntil });
          return { id: row.id, message: row.message, attempts, failingSince };
        }
        deliveries.put({ ...row, concludedAt: now, outcome: 'withdrawn', leaseUntil: null });
        if (decision.do === 'withdraw') continue;
        for (const one of crossings.by('delivery', row.id)) {
          const isMoot = decision.moot.some(({ warningId, kind }) => one.warningId === warningId && one.kind === kind);
          crossings.put({ ...one, deliveryId: null, mootAt: isMoot ? now : null });
        }
      }
      return null;
    },
    concludeAttempt: async ({ id, attempts }, end, now) => {
      const row = deliveries.get(id);
      if (row === undefined || row.concludedAt !== null) return;
      if (row.attempts !== attempts && end.outcome !== 'delivered') return;
      const state = turn(row.channel);
      const leaseUntil = row.attempts === attempts ? null : row.leaseUntil;
      if (end.outcome === 'delivered') {
        deliveries.put({ ...row, leaseUntil, concludedAt: now, outcome: 'delivered' });
        turns.set(row.channel, { ...state, deliveredAt: now, failingSince: null, restUntil: null, lastError: null });
      } else if (end.outcome === 'refused') {
        const failures = row.failures + 1;
        deliveries.put({ ...row, leaseUntil, failures, lastError: end.error, concludedAt: now, outcome: 'refused' });
        turns.set(row.channel, { ...state, lastError: end.error });
      } else {
        const failures = row.failures + (end.isUnsure ? 0 : 1);
        deliveries.put({ ...row, leaseUntil, failures, lastError: end.error, dueAt: end.dueAt });
        const { restUntil, error: lastError } = end;
        turns.set(row.channel, { ...state, failingSince: state.failingSince ?? now, restUntil, lastError });
      }
    },
    recordTurn: async (channel, now) => {
      if (turn(channel).failingSince === null) turns.set(channel, { ...turn(channel), turnedAt: now });
    },
    recordReached: async (channel, now) => {
      turns.set(channel, { ...turn(channel), deliveredAt: now, failingSince: null, restUntil: null, lastError: null });
    },
    channelStates: async (refusedSince) =>
      [...turns]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([channel, state]) => {
          const waiting = deliveries.by('waiting', channel).toSorted(inOrder);
          const refused = deliveries
            .by('channel', channel)
            .filter((one) => one.outcome === 'refused' && one.concludedAt! > refusedSince)
            .map(({ concludedAt }) => concludedAt!)
            .toSorted((a, b) => b.getTime() - a.getTime());
          const oldestWaiting = waiting[0]?.createdAt ?? null;
          const { turnedAt, deliveredAt, failingSince, lastError } = state;
          return {
            channel,
            ...{ turnedAt, deliveredAt, failingSince, lastError },
            waiting: waiting.length,
            oldestWaiting,
            refusedAt: refused[0] ?? null,
          };
        }),
  };
}

/** Crossings that time makes. */
function crossingsWritten(tables: WarningTables): Pick<NotifierStore, 'addEscalations' | 'tellOpen' | 'endSnoozes'> {
  const { warnings, crossings, deliveries } = tables;
  const write = (warningId: string, channel: string, kind: string, at: Date): void =>
    crossings.put({ warningId, channel, kind, at, deliveryId: null, mootAt: null });
  return {
    addEscalations: async (channels, { afterSeconds, times }, now) => {
      let added = 0;
      for (const one of warnings.by('open', 'all')) {
        if (one.level !== 'critical' || one.wellSince !== null || one.acknowledged !== null) continue;
        if (one.snoozed !== null && one.snoozed.until > now) continue;
        const rows = crossings.by('warning', one.id).map((row) => ({
          ...row,
          delivery: row.deliveryId === null ? null : deliveries.get(row.deliveryId)!,
        }));
        for (const channel of channels) {
          const mine = rows.filter((row) => row.channel === channel);
          const escalations = mine.filter(({ kind }) => messageKindOf(kind) === 'escalation');
          const isWaiting = escalations.some(
            ({ mootAt, delivery }) => mootAt === null && (delivery?.concludedAt ?? null) === null,
          );
          const told = mine
            .filter(({ kind }) => kind === 'critical')
            .concat(escalations)
            .filter(({ delivery }) => delivery?.outcome === 'delivered')
            .map(({ delivery }) => delivery!.concludedAt!.getTime());
          const pause = afterSeconds * 2 ** escalations.length;
          if (isWaiting || escalations.length >= times) continue;
          if (told.length === 0 || Math.max(...told) > before(now, pause).getTime()) continue;
          write(one.id, channel, `escalation:${escalations.length + 1}`, now);
          added += 1;
        }
      }
      return added;
    },
    tellOpen: async ({ name, level, conditions }, now) => {
      const untold = warnings
        .by('open', 'all')
        .filter(({ acknowledged }) => acknowledged === null)
        .filter((one) => level === 'warning' || one.level === 'critical')
        .filter(({ condition, subject }) => (conditions?.includes(condition) ?? true) && subject !== `channel:${name}`)
        .filter(({ id }) => crossings.by('warning', id).every(({ channel }) => channel !== name));
      for (const one of untold) write(one.id, name, one.level, now);
      return untold.length;
    },
    endSnoozes: async (channels, now) => {
      let added = 0;
      for (const one of warnings.by('open', 'all')) {
        if (one.snoozed === null || one.snoozed.until > now) continue;
        warnings.put({ ...one, snoozed: null });
        if (one.acknowledged !== null) continue;
        for (const channel of channels) {
          const mine = crossings.by('warning', one.id).filter((row) => row.channel === channel);
          const isTold = mine.some(({ deliveryId }) => deliveryId !== null);
          const isWaiting = mine.some(({ deliveryId, mootAt }) => deliveryId === null && mootAt === null);
          if (!isTold || isWaiting) continue;
          const count = mine.filter(({ kind }) => messageKindOf(kind) === 'reminder').length;
          write(one.id, channel, `reminder:${count + 1}`, now);
          added += 1;
        }
      }
      return added;
    },
  };
}

function shown({ crossings, deliveries }: WarningTables): Pick<NotifierStore, 'listDeliveries' | 'toldOf'> {
  return {
    listDeliveries: async ({ channel, after, limit }) =>
      (channel === null ? deliveries.rows() : deliveries.by('channel', channel))
        .toSorted((a, b) => inOrder(b, a))
        .filter(
          ({ createdAt, id }) => after === null || createdAt < after.at || (+createdAt === +after.at && id < after.id),
        )
        .slice(0, limit)
        .map(({ id, channel: of, kind, message, createdAt, attempts, outcome, concludedAt, lastError }) => ({
          ...{ id, channel: of, kind, title: message.title, createdAt, attempts, outcome, concludedAt, lastError },
        })),
    toldOf: async (warningId) =>
      crossings
        .by('warning', warningId)
        .filter(({ mootAt }) => mootAt === null)
        .map(({ channel, kind, at, deliveryId }) => {
          const delivery = deliveryId === null ? undefined : deliveries.get(deliveryId);
          return { channel, kind, at, deliveredAt: delivery?.outcome === 'delivered' ? delivery.concludedAt : null };
        })
        .toSorted(
          (a, b) => +a.at - +b.at || a.channel.localeCompare(b.channel, 'en') || a.kind.localeCompare(b.kind, 'en'),
        ),
  };
}

type Forgetting = {
  readonly limits: Parameters<NotifierStore['forget']>[0];
  readonly names: readonly string[];
  readonly now: Date;
};

function forget(tables: WarningTables, { limits, names, now }: Forgetting): number {
  const { warnings, crossings, deliveries, turns, outbox } = tables;
  const isGone = ({ channel }: { readonly channel: string }): boolean => !names.includes(channel);
  const given = deliveries
    .rows()
    .filter((one) => isGone(one) && one.concludedAt === null && one.createdAt < limits.abandoned);
  const lastError = 'this channel is not configured any more';
  for (const one of given) deliveries.put({ ...one, concludedAt: now, outcome: 'withdrawn', lastError });
  const moot = crossings
    .rows()
    .filter((one) => isGone(one) && one.deliveryId === null && one.mootAt === null && one.at < limits.abandoned);
  for (const one of moot) crossings.put({ ...one, mootAt: now });
  const silent = [...turns].filter(([channel, { turnedAt, deliveredAt, failingSince }]) => {
    const last = Math.max(+(turnedAt ?? 0), +(deliveredAt ?? 0), +(failingSince ?? 0)) || +now;
    return isGone({ channel }) && last < +limits.abandoned;
  });
  for (const [channel] of silent) turns.delete(channel);
  const isOver = (at: Date | null | undefined, limit: Date): boolean => at !== null && at !== undefined && at < limit;
  const events = outbox.filter(({ deliveredAt }) => isOver(deliveredAt, limits.events));
  const oldCrossings = crossings.rows().filter(({ warningId, deliveryId }) => {
    const isTold = deliveryId === null || isOver(deliveries.get(deliveryId)?.concludedAt, limits.deliveries);
    return isOver(warnings.get(warningId)?.closedAt, limits.deliveries) && isTold;
  });
  const oldDeliveries = deliveries
    .rows()
    .filter((one) => isOver(one.concludedAt, limits.deliveries) && crossings.by('delivery', one.id).length === 0);
  const oldWarnings = warnings
    .rows()
    .filter((one) => isOver(one.closedAt, limits.warnings) && crossings.by('warning', one.id).length === 0);
  for (const one of events) outbox.splice(outbox.indexOf(one), 1);
  for (const one of oldCrossings) crossings.drop(one);
  for (const one of oldDeliveries) deliveries.drop(one);
  for (const one of oldWarnings) warnings.drop(one);
  const lists = [given, moot, silent, events, oldCrossings, oldDeliveries, oldWarnings];
  return lists.reduce((sum, { length }) => sum + length, 0);
}
