// Messages to channels: composed of crossings and alarms, claimed, concluded, forgotten. What a message tells and what becomes
// of one is decided by the caller, while the lock holds.
import { randomUUID } from 'node:crypto';
import { causeSpacingSeconds, type ComposedMessage, type Composition, type Waiting } from '../domain/composing.ts';
import type { Cursor } from '../domain/cursor.ts';
import { type AlarmEvent, eventCause, type EventComposition, eventSpacingSeconds } from '../domain/events.ts';
import { channelSubject } from '../domain/look.ts';
import type { ChannelRules, Message } from '../domain/message.ts';
import { oneLine } from '../domain/printable.ts';
import type { AttemptEnd, DueDecision, DueDelivery } from '../domain/sending.ts';
import type { WarningPolicy } from '../domain/warning-policy.ts';
import {
  alarmFromRow,
  crossingFromRow,
  deliveryFromRow,
  dueFromRow,
  recentFromRow,
  stateFromRow,
  toldFromRow,
  waitingFromRow,
} from './delivery-rows.ts';
import type { Database, Session } from './pool.ts';
import { boolean, number, text } from './row.ts';
import { statement } from './statement.ts';
import { warningFromRow } from './warnings.ts';

const channelOf = (row: Readonly<Record<string, unknown>>): string => text(row, 'channel');
const ensureChannel = statement<[string], string>('ensure_channel.sql', channelOf);
const lockChannel = statement<[string], string>('lock_channel.sql', channelOf);
const crossings = statement<[string, Date, number], ReturnType<typeof crossingFromRow>>(
  'waiting_crossings.sql',
  crossingFromRow,
);
const recent = statement<[string, Date], ReturnType<typeof recentFromRow>>('recent_deliveries.sql', recentFromRow);
const insert = statement<readonly unknown[], number>('insert_deliveries.sql', (row) => number(row, 'composed'));
const due = statement<[string, Date], ReturnType<typeof dueFromRow>>('due_delivery.sql', dueFromRow);
const ofDelivery = statement<[string], ReturnType<typeof crossingFromRow>>(
  'crossings_of_delivery.sql',
  crossingFromRow,
);
const lease = statement<[string, Date], number>('lease_delivery.sql', (row) => number(row, 'attempts'));
const withdraw = statement<readonly unknown[], string>('withdraw_delivery.sql', (row) => text(row, 'id'));
const conclude = statement<readonly unknown[], string>('conclude_attempt.sql', channelOf);
const turn = statement<[string, Date], string>('turn_channel.sql', channelOf);
const reach = statement<[string, Date], string>('reach_channel.sql', channelOf);
const states = statement<[Date], ReturnType<typeof stateFromRow>>('channel_states.sql', stateFromRow);
const escalate = statement<readonly unknown[], string>('add_escalations.sql', (row) => text(row, 'kind'));
const tell = statement<readonly unknown[], string>('tell_open.sql', (row) => text(row, 'kind'));
const remind = statement<readonly unknown[], string>('end_snoozes.sql', (row) => text(row, 'kind'));
const insertDigest = statement<readonly unknown[], string>('insert_digest.sql', (row) => text(row, 'id'));
const digested = statement<[string], string>('digested_channels.sql', channelOf);
const everyOpen = statement<[number], ReturnType<typeof warningFromRow>>('every_open_warning.sql', warningFromRow);
const waiting = statement<[Date], ReturnType<typeof waitingFromRow>>('waiting_deliveries.sql', waitingFromRow);
const lockEvents = statement<[], boolean>('lock_events.sql', (row) => boolean(row, 'locked'));
const alarms = statement<[readonly string[], number], AlarmEvent>('waiting_alarms.sql', alarmFromRow);
const recentEvents = statement<[Date], string>('recent_event_causes.sql', (row) => text(row, 'cause'));
const insertEvents = statement<readonly unknown[], number>('insert_event_deliveries.sql', (row) =>
  number(row, 'composed'),
);
const markUntold = statement<[Date, number], number>('mark_untold.sql', (row) => number(row, 'id'));
const forgetTold = statement<readonly unknown[], number>('forget_told.sql', (row) => number(row, 'forgotten'));
const abandon = statement<readonly unknown[], number>('abandon_channels.sql', (row) => number(row, 'abandoned'));
const list = statement<readonly unknown[], ReturnType<typeof deliveryFromRow>>('list_deliveries.sql', deliveryFromRow);
const toldOf = statement<[string], ReturnType<typeof toldFromRow>>('told_of_warning.sql', toldFromRow);

/** So many crossings or alarms are composed of at once; the rest has the next turn. */
const mostAtOnce = 5000;

const mostForgotten = 10_000;

/** A message that waits for so long is one that its channel does not take. Seconds. */
const waitsSeconds = 900;

const before = (now: Date, seconds: number): Date => new Date(now.getTime() - seconds * 1000);

/** Deliveries in a database, as `NotifierStore` of lifecycle/delivery-records.ts. */
export const deliveryStore = (db: Database) => ({
  composeFor: (channel: string, now: Date, decide: (of: Waiting) => Composition): Promise<number> =>
    composeFor(db, { channel, now, decide }),
  composeEvents: (now: Date, decide: (of: Alarms) => EventComposition): Promise<number> =>
    composeEvents(db, now, decide),
  insertDigest: async (
    channel: string,
    { cause, text: said, isEmpty }: Pick<ComposedMessage, 'cause' | 'text'> & { readonly isEmpty: boolean },
    now: Date,
  ): Promise<boolean> => {
    const id = randomUUID();
    return (await insertDigest(db, [id, channel, cause, JSON.stringify({ id, ...said }), now, isEmpty])).length === 1;
  },
  digestedChannels: (cause: string): Promise<readonly string[]> => digested(db, [cause]),
  digestFacts: async (now: Date) => ({
    open: await everyOpen(db, [mostAtOnce]),
    waiting: await waiting(db, [before(now, waitsSeconds)]),
  }),
  addEscalations: async (
    channels: readonly string[],
    { afterSeconds, times }: WarningPolicy['escalation'],
    now: Date,
  ): Promise<number> => (await escalate(db, [channels, afterSeconds, times, now])).length,
  tellOpen: async ({ name, level, conditions }: OpenFor, now: Date): Promise<number> =>
    (await tell(db, [name, now, level, conditions, channelSubject(name)])).length,
  endSnoozes: async (channels: readonly string[], now: Date): Promise<number> =>
    (await remind(db, [channels, now])).length,
  claimDelivery: (
    channel: string,
    at: { readonly now: Date; readonly leaseUntil: Date },
    decide: (of: DueDelivery) => DueDecision,
  ): Promise<Claimed | null> => claimDelivery(db, { channel, ...at, decide }),
  concludeAttempt: async (
    { id, attempts }: { readonly id: string; readonly attempts: number },
    end: AttemptEnd,
    now: Date,
  ): Promise<void> => {
    const error = end.outcome === 'delivered' ? null : oneLine(end.error);
    const again = end.outcome === 'failed' ? [end.isUnsure, end.dueAt, end.restUntil] : [false, null, null];
    await conclude(db, [id, attempts, now, end.outcome, error, ...again]);
  },
  recordTurn: async (channel: string, now: Date): Promise<void> => {
    await turn(db, [channel, now]);
  },
  recordReached: async (channel: string, now: Date): Promise<void> => {
    await reach(db, [channel, now]);
  },
  channelStates: (refusedSince: Date) => states(db, [refusedSince]),
  forget: async (limits: ForgetBefore, channels: readonly { readonly name: string }[], now: Date): Promise<number> => {
    const names = channels.map(({ name }) => name);
    const [abandoned = 0] = await abandon(db, [names, limits.abandoned, now]);
    const { events, deliveries, warnings } = limits;
    return abandoned + ((await forgetTold(db, [events, deliveries, warnings, mostForgotten]))[0] ?? 0);
  },
  listDeliveries: (query: { readonly channel: string | null; readonly after: Cursor | null; readonly limit: number }) =>
    list(db, [query.channel, query.after?.at ?? null, query.after?.id ?? null, query.limit]),
  toldOf: (warningId: string) => toldOf(db, [warningId]),
});

type OpenFor = Pick<ChannelRules, 'name' | 'level' | 'conditions'>;
type Claimed = {
  readonly id: string;
  readonly message: Message;
  readonly attempts: number;
  readonly failingSince: Date | null;
};
type Alarms = { readonly events: readonly AlarmEvent[]; readonly recent: readonly string[] };
type ForgetBefore = {
  readonly events: Date;
  readonly deliveries: Date;
  readonly warnings: Date;
  readonly abandoned: Date;
};

async function composeFor(
  db: Database,
  step: { readonly channel: string; readonly now: Date; readonly decide: (of: Waiting) => Composition },
): Promise<number> {
  const { channel, now, decide } = step;
  await ensureChannel(db, [channel]);
  return db.transaction(async (tx) => {
    if ((await lockChannel(tx, [channel])).length === 0) return 0;
    const found = await crossings(tx, [channel, now, mostAtOnce]);
    if (found.length === 0) return 0;
    const lately = await recent(tx, [channel, before(now, causeSpacingSeconds)]);
    const { moot, messages } = decide({
      crossings: found,
      recent: lately.flatMap(({ delivery }) => (delivery === null ? [] : [delivery])),
      unconcluded: lately[0]?.unconcluded ?? 0,
    });
    if (moot.length + messages.length === 0) return 0;
    return writeComposition(tx, { channel, now, moot, messages });
  });
}

async function writeComposition(
  tx: Session,
  { channel, now, moot, messages }: Composition & { readonly channel: string; readonly now: Date },
): Promise<number> {
  // Of one instant they are claimed by their ids: what was composed first, the worst, gets the least.
  const ids = messages.map(() => randomUUID()).toSorted();
  const rows = messages.map(({ kind, cause, text: said, crossings: told }, at) => {
    const id = ids[at] ?? randomUUID();
    const links = told.map((one) => ({ warning: one.warningId, kind: one.kind, delivery: id }));
    return { row: { id, kind, cause, message: { id, ...said } }, links };
  });
  const [composed = 0] = await insert(tx, [
    channel,
    now,
    JSON.stringify(rows.map(({ row }) => row)),
    JSON.stringify(rows.flatMap(({ links }) => links)),
    JSON.stringify(moot.map(({ warningId, kind }) => ({ warning: warningId, kind }))),
  ]);
  return composed;
}

function composeEvents(db: Database, now: Date, decide: (of: Alarms) => EventComposition): Promise<number> {
  return db.transaction(async (tx) => {
    const [isLocked] = await lockEvents(tx, []);
    if (isLocked !== true) return 0;
    await markUntold(tx, [now, mostForgotten]);
    const lately = await recentEvents(tx, [before(now, eventSpacingSeconds)]);
    const names = lately.map((cause) => cause.slice(eventCause('').length));
    const events = await alarms(tx, [names, mostAtOnce]);
    if (events.length === 0) return 0;
    const { concluded, messages } = decide({ events, recent: lately });
    const rows = messages.map(({ channel, cause, text: said }) => {
      const id = randomUUID();
      return { id, channel, cause, message: { id, ...said } };
    });
    return (await insertEvents(tx, [now, JSON.stringify(rows), concluded]))[0] ?? 0;
  });
}

/** One transaction a delivery: a claim is the lock of its row, until the lease is written. */
async function claimDelivery(
  db: Database,
  step: {
    readonly channel: string;
    readonly now: Date;
    readonly leaseUntil: Date;
    readonly decide: (of: DueDelivery) => DueDecision;
  },
): Promise<Claimed | null> {
  const { channel, now, leaseUntil, decide } = step;
  for (;;) {
    const claimed = await db.transaction(async (tx): Promise<Claimed | 'withdrawn' | null> => {
      const [row] = await due(tx, [channel, now]);
      if (row === undefined) return null;
      const { message, failingSince, ...delivery } = row;
      const decision = decide({ ...delivery, crossings: await ofDelivery(tx, [row.id]) });
      if (decision.do === 'send')
        return { id: row.id, message, failingSince, attempts: (await lease(tx, [row.id, leaseUntil]))[0] ?? 0 };
      const moot = decision.do === 'takeApart' ? decision.moot : [];
      const over = moot.map(({ warningId, kind }) => ({ warning: warningId, kind }));
      await withdraw(tx, [row.id, now, decision.do === 'takeApart', JSON.stringify(over)]);
      return 'withdrawn';
    });
    if (claimed !== 'withdrawn') return claimed;
  }
}
