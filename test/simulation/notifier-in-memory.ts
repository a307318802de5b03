// Simulations of the notifier on the stores in memory, in a process of their own: `node notifier-in-memory.js SEED SUBJECTS DAYS
// FLAW…` prints the verdict for each flaw (`none` is the notifier as it is) as JSON. Run from the build, for its pace.
import { fakeDeliveryStore } from '../fakes/delivery-store.ts';
import { fakeWarningStore } from '../fakes/warning-store.ts';
import { warningTables } from '../fakes/warning-tables.ts';
import { judgeNotifier, type NotifierVerdict } from './notifier-oracle.ts';
import { escalation, type NotifierRun, type NotifierStores, simulateNotifier, start } from './notifier.ts';
import { day, hour, minute } from './schedule.ts';

/** What the process prints. */
export type NotifierReport = NotifierVerdict & {
  readonly seconds: number;
  /** What each channel took, without ids. */
  readonly taken: Readonly<Record<string, readonly string[]>>;
};

function storesInMemory(): NotifierStores {
  const tables = warningTables();
  const ids = (first: string) => {
    let number = 0;
    return (): string => `${first}-0000-4000-8000-${String((number += 1)).padStart(12, '0')}`;
  };
  const { outbox, deliveries, crossings, turns } = tables;
  return {
    ...fakeWarningStore(tables, ids('aaaaaaaa')),
    ...fakeDeliveryStore(tables, ids('dddddddd')),
    raise: async ({ key, facts, at }) => {
      const id = (outbox.at(-1)?.id ?? 0) + 1;
      outbox.push({ id, topic: 'alarm', key, facts: { ...facts }, at, deliveredAt: null });
    },
    nextTurn: (channel, now) => {
      const due = deliveries.by('waiting', channel).map((one) => Math.max(+one.dueAt, +(one.leaseUntil ?? 0)));
      const waiting = crossings.by('waiting', channel);
      const isFresh = waiting.some(({ at }) => +at > now - 10 * minute);
      const rest = +(turns.get(channel)?.restUntil ?? 0);
      return Math.max(rest, Math.min(now + (isFresh ? 20_000 : waiting.length > 0 ? 10 * minute : 6 * hour), ...due));
    },
  };
}

type Flaw = Partial<Pick<NotifierRun, 'send' | 'stores' | 'dead' | 'isMortal' | 'hasDigests'>>;

/** Notifiers that are wrong, each in one way. */
const flaws: Readonly<Record<string, (stores: NotifierStores) => Flaw>> = {
  none: () => ({}),
  immortal: () => ({ isMortal: false, hasDigests: false }),
  dead: () => ({ isMortal: false, hasDigests: false, dead: 'chat' }),
  forgets: () => ({
    send: (send, dice) => (message) => (dice.roll(50) === 0 ? Promise.resolve({ accepted: true }) : send(message)),
  }),
  repeats: () => ({
    send: (send, dice) => async (message) => {
      if (dice.roll(50) === 0) await send(message);
      return send(message);
    },
  }),
  changes: () => ({
    send: (send, dice) => (message) => send({ ...message, title: `${message.title} ${dice.roll(1_000_000)}` }),
  }),
  renames: () => ({
    send: (send, dice) => (message) => send({ ...message, id: `${message.id} ${dice.roll(1_000_000)}` }),
  }),
  sendsWhatIsOver: (stores) => ({
    stores: {
      ...stores,
      claimDelivery: (channel, at) => stores.claimDelivery(channel, at, () => ({ do: 'send' })),
    },
  }),
  neverWellAgain: (stores) => ({
    stores: {
      ...stores,
      composeFor: (channel, now, decide) =>
        stores.composeFor(channel, now, (waiting) =>
          decide({ ...waiting, crossings: waiting.crossings.map((one) => ({ ...one, others: 'untold' })) }),
        ),
    },
  }),
  alwaysWellAgain: (stores) => ({
    stores: {
      ...stores,
      composeFor: (channel, now, decide) =>
        stores.composeFor(channel, now, (waiting) =>
          decide({ ...waiting, crossings: waiting.crossings.map((one) => ({ ...one, others: 'told' })) }),
        ),
    },
  }),
  takesCrossingsTwice: (stores) => ({
    stores: {
      ...stores,
      composeFor: (channel, now, decide) =>
        stores.composeFor(channel, now, (waiting) => {
          const { moot, messages } = decide(waiting);
          return { moot, messages: messages.map((one) => ({ ...one, crossings: one.crossings.slice(1) })) };
        }),
    },
  }),
  dropsCrossings: (stores) => ({
    stores: {
      ...stores,
      composeFor: (channel, now, decide) =>
        stores.composeFor(channel, now, (waiting) => {
          const { moot, messages } = decide(waiting);
          const [dropped, ...kept] = messages;
          const isDropped = dropped !== undefined && now.getTime() % 7 === 0;
          return isDropped ? { moot: [...moot, ...dropped.crossings], messages: kept } : { moot, messages };
        }),
    },
  }),
  digestsEachHour: (stores) => ({
    stores: {
      ...stores,
      digestedChannels: async () => [],
      insertDigest: (channel, digest, now) =>
        stores.insertDigest(channel, { ...digest, cause: `${digest.cause} ${now.getUTCHours()}` }, now),
    },
  }),
};

async function runWith(flaw: string, size: { seed: number; subjects: number; days: number }): Promise<NotifierReport> {
  const stores = storesInMemory();
  const began = performance.now();
  const run = { ...size, isMortal: true, dead: null, hasDigests: true, stores, ...flaws[flaw]?.(stores) };
  const { log, channels } = await simulateNotifier(run);
  const { faults, counted } = judgeNotifier(log, channels, {
    span: { from: start, to: start + size.days * day },
    escalations: escalation.times,
    digestMinutes: [6 * 60, 7 * 60],
  });
  const taken = Object.fromEntries(
    channels.map(({ name }) => [
      name,
      log.attempts
        .filter((one) => one.channel === name && one.isTaken)
        .map(({ at, kind, title }) => `${new Date(at).toISOString().slice(0, 19)} ${kind} ${title}`),
    ]),
  );
  return { faults, counted, taken, seconds: (performance.now() - began) / 1000 };
}

const [seed = 0, subjects = 0, days = 0] = process.argv.slice(2, 5).map(Number);
const reports: Record<string, NotifierReport> = {};
for (const flaw of process.argv.slice(5)) {
  if (flaws[flaw] === undefined) throw new Error(`no flaw is called ${flaw}`);
  reports[flaw] = await runWith(flaw, { seed, subjects, days });
}
process.stdout.write(`${JSON.stringify(reports)}\n`);
