// The notifier on a clock that jumps: the real services over any store, killed at random points of their turns, with looks by
// another server meanwhile. Everything that could be seen from outside is in the log; an oracle judges it.
import { composeEvents } from '../../src/domain/events.ts';
import type { ChannelRules } from '../../src/domain/message.ts';
import { dailyDigest } from '../../src/lifecycle/notify/daily-digest.ts';
import { notifyChannel } from '../../src/lifecycle/notify/notify-channel.ts';
import type { NotifierStore } from '../../src/lifecycle/delivery-records.ts';
import type { WarningStore } from '../../src/lifecycle/warning-records.ts';
import { type Dice, diceOf } from '../hostile/dice.ts';
import { agenda } from './agenda.ts';
import {
  channelsOf,
  downStretch,
  emptyLog,
  lasting,
  type Log,
  moodAt,
  nextLevel,
  replyIn,
  seen,
  type SimulatedChannel,
  type Subject,
  subjectsOf,
  troubled,
} from './notifier-world.ts';
import { day, exponential, hour, minute } from './schedule.ts';

export type NotifierStores = WarningStore &
  NotifierStore & {
    readonly raise: (alarm: { readonly key: string; readonly facts: object; readonly at: Date }) => Promise<void>;
    /** When there may be something to do for a channel again, at the latest. */
    readonly nextTurn: (channel: string, now: number) => number;
  };

export type NotifierRun = {
  readonly seed: number;
  readonly subjects: number;
  readonly days: number;
  readonly isMortal: boolean;
  readonly dead: string | null;
  /** False: none, since a digest tells of other channels. */
  readonly hasDigests: boolean;
  readonly stores: NotifierStores;
  /** A notifier that is wrong in some way, to see whether the oracle notices. */
  readonly send?: (send: Send, dice: Dice) => Send;
};

type Send = Parameters<ReturnType<typeof notifyChannel>>[0]['send'];

export const start = Date.UTC(2027, 0, 1);
export const escalation = { afterSeconds: 2 * 3600, times: 3 };
export const digestTime = { digestAt: '08:00', timeZone: 'Europe/Berlin' };

class Killed extends Error {}

type Event =
  | { readonly kind: 'change' | 'look' | 'duties' | 'people' | 'alarm' | 'forget' }
  | { readonly kind: 'subject'; readonly subject: Subject }
  | { readonly kind: 'turn'; readonly channel: SimulatedChannel; readonly order: number };

/** Runs it, and gives the log with the channels as they were. */
export async function simulateNotifier(run: NotifierRun): Promise<{
  readonly log: Log;
  readonly channels: readonly SimulatedChannel[];
}> {
  const span = { from: start, to: start + run.days * day };
  const channels = channelsOf(run.seed, span, run.dead).map((one) => ({
    ...one,
    digest: one.digest && run.hasDigests,
  }));
  const simulation = new Simulation(run, channels);
  await simulation.run(span.to);
  return { log: simulation.log, channels };
}

class Simulation {
  readonly log = emptyLog();
  readonly #run: NotifierRun;
  readonly #channels: readonly SimulatedChannel[];
  readonly #subjects: readonly Subject[];
  readonly #events = agenda<Event>();
  readonly #dice: Dice;
  readonly #killing: Dice;
  readonly #orders = new Map<string, number>();
  #now = start;
  #upSince = start;
  #downUntil = start;

  constructor(run: NotifierRun, channels: readonly SimulatedChannel[]) {
    this.#run = run;
    this.#channels = channels;
    this.#subjects = subjectsOf(run.subjects);
    this.#dice = diceOf(run.seed);
    this.#killing = diceOf(run.seed + 1);
  }

  async run(end: number): Promise<void> {
    for (const kind of ['change', 'look', 'duties', 'people', 'alarm', 'forget'] as const)
      this.#events.put(start, { kind });
    for (;;) {
      const next = this.#events.next();
      if (next === null || next.at >= end) break;
      this.#now = next.at;
      await this.#happen(next.event);
    }
    if (this.#downUntil <= end) this.log.up.push({ from: this.#upSince, to: end });
  }

  async #happen(event: Event): Promise<void> {
    const dice = this.#dice;
    if (event.kind === 'turn') return this.#turn(event.channel, event.order);
    if (event.kind === 'change') {
      for (const subject of troubled(this.#subjects, dice))
        if (subject.level === null) this.#events.put(this.#now, { kind: 'subject', subject });
      // A subject has its troubles every two months or so.
      this.#again(event, exponential(dice, (80 * day) / this.#subjects.length));
      return;
    }
    if (event.kind === 'subject') {
      event.subject.level = nextLevel(event.subject.level, dice);
      if (event.subject.level !== null) this.#again(event, lasting(dice));
      return;
    }
    if (event.kind === 'look') {
      await this.#look();
      const isLong = dice.roll(2000) === 0;
      this.#again(event, isLong ? dice.roll(48) * hour : dice.roll(8) === 0 ? minute : (10 + dice.roll(30)) * minute);
      return;
    }
    if (event.kind === 'duties') {
      if (this.#isUp()) await this.#mortal(() => this.#duties());
      this.#again(event, 20 * minute);
      return;
    }
    if (event.kind === 'people') {
      await this.#people();
      this.#again(event, exponential(dice, 10 * hour));
      return;
    }
    if (event.kind === 'alarm') {
      const name = `alarm-${this.log.alarms.length}`;
      const at = new Date(this.#whole());
      this.log.alarms.push({ at: at.getTime(), name });
      await this.#run.stores.raise({ key: name, facts: { event: 'renewal.replayed', hostName: name }, at });
      this.#again(event, exponential(dice, dice.roll(3) === 0 ? minute : 12 * hour));
      return;
    }
    if (this.#isUp()) await this.#forget();
    this.#again(event, 5 * day);
  }

  #again(event: Event, after: number): void {
    this.#events.put(this.#now + Math.max(1000, after), event);
  }

  /** Instants of the log are in whole seconds, as messages have them. */
  #whole(): number {
    return Math.floor(this.#now / 1000) * 1000;
  }

  #isUp(): boolean {
    return this.#now >= this.#downUntil;
  }

  async #look(): Promise<void> {
    const notWell = this.#subjects.filter(({ level }) => level !== null);
    const last = this.log.looks.at(-1)?.standings;
    const isSame = last?.size === notWell.length && notWell.every(({ name, level }) => last.get(name) === level);
    const standings = isSame ? last : new Map(notWell.map(({ name, level }) => [name, level!]));
    this.log.looks.push({ at: this.#whole(), standings });
    const found = await this.#run.stores.recordLook({
      conditions: ['renewalMissed'],
      standings: notWell.map(({ name, cause, level }) => ({
        ...{ condition: 'renewalMissed', subject: name, level: level!, cause, reason: `not well: ${level ?? ''}` },
        ...{ deviceId: null, lineageId: null, facts: { name } },
      })),
      at: new Date(this.#whole()),
      channels: this.#channels,
    });
    if (found.length > 0) this.#wake(this.#now + 16_000);
  }

  /** Turns for all channels at an instant; each channel has one turn ahead of it at most. */
  #wake(at: number): void {
    for (const channel of this.#channels) this.#wakeOne(channel, at);
  }

  #wakeOne(channel: SimulatedChannel, at: number): void {
    const order = (this.#orders.get(channel.name) ?? 0) + 1;
    this.#orders.set(channel.name, order);
    this.#events.put(Math.max(at, this.#downUntil), { kind: 'turn', channel, order });
  }

  async #duties(): Promise<void> {
    const { stores } = this.#run;
    const now = new Date(this.#now);
    const names = (wants: (channel: ChannelRules) => boolean): readonly string[] =>
      this.#channels.filter(wants).map(({ name }) => name);
    const store = this.#dying(stores);
    const made =
      (await store.endSnoozes(
        names(() => true),
        now,
      )) +
      (await store.addEscalations(
        names((one) => one.escalation),
        escalation,
        now,
      )) +
      (await store.composeEvents(now, (waiting) =>
        composeEvents(waiting, { channels: this.#channels.filter(({ events }) => events), now, url: null }),
      ));
    if (this.#dice.roll(3) === 0)
      await dailyDigest({ ...store, channels: this.#channels, time: digestTime, url: null })(now);
    if (made > 0 || this.#dice.roll(3) === 0) this.#wake(this.#now + 16_000);
  }

  async #people(): Promise<void> {
    const { stores } = this.#run;
    const open = await stores.listWarnings({
      ...{ state: 'open', level: null, deviceId: null, lineageId: null, condition: null, after: null, limit: 100 },
    });
    if (open.length === 0) return;
    const { id, subject } = this.#dice.pick(open);
    const at = new Date(this.#whole());
    const isSnooze = this.#dice.roll(2) === 0;
    const until = at.getTime() + (1 + this.#dice.roll(48)) * hour;
    const done = isSnooze
      ? await stores.snooze(id, { until: new Date(until), by: 'ann', at, note: null })
      : await stores.acknowledge(id, 'ann', at, null);
    const act = { at: at.getTime(), subject };
    if (done) this.log.acts.push(isSnooze ? { ...act, kind: 'snooze', until } : { ...act, kind: 'acknowledge' });
  }

  async #forget(): Promise<void> {
    const ago = (days: number): Date => new Date(this.#now - days * day);
    const limits = { events: ago(30), deliveries: ago(90), warnings: ago(400), abandoned: ago(1) };
    await this.#run.stores.forget(limits, this.#channels, new Date(this.#now));
  }

  /** A turn of one channel, whose clock runs on by itself while the others have theirs. */
  async #turn(channel: SimulatedChannel, order: number): Promise<void> {
    if (!this.#isUp() || this.#orders.get(channel.name) !== order) return;
    const dice = diceOf(Math.floor(this.#now / 1000) + this.#channels.indexOf(channel) * 7919);
    let late = 0;
    let last: Log['attempts'][number] | null = null;
    const now = (): Date => new Date(this.#now + late);
    const send: Send = async (message) => {
      const at = this.#now + late;
      const begun = { at, channel: channel.name, ...seen(message) };
      last = { ...begun, isTaken: false, said: 'unsure', isUnheard: false };
      const place = this.log.attempts.push(last) - 1;
      this.#perhapsDie(200);
      const { seconds, isTaken, outcome } = replyIn(moodAt(channel.weather, at), dice);
      late += seconds * 1000;
      const said = outcome.accepted
        ? 'accepted'
        : outcome.isPermanent
          ? 'refused'
          : outcome.isUnsure
            ? 'unsure'
            : 'failed';
      last = { ...begun, isTaken, said, isUnheard: false };
      this.log.attempts[place] = last;
      this.#perhapsDie(100);
      return outcome;
    };
    const store = this.#dying(this.#run.stores);
    const claimDelivery: NotifierStore['claimDelivery'] = async (name, at, decide) => {
      const claimed = await store.claimDelivery(name, at, decide);
      if (claimed === null || !this.#isDying(400)) return claimed;
      const unsent = { at: this.#now + late, channel: name, ...seen(claimed.message) };
      this.log.attempts.push({ ...unsent, isTaken: false, said: 'unsure', isUnheard: true });
      throw new Killed('killed after the claim');
    };
    const ports = {
      ...store,
      claimDelivery,
      now,
      roll: () => dice.roll(1000) / 1000,
      url: null,
      onAttempt: () => undefined,
      concludeAttempt: async (...args: Parameters<NotifierStore['concludeAttempt']>) => {
        this.#perhapsDie(200);
        await this.#run.stores.concludeAttempt(...args);
        last = null;
        this.#perhapsDie(400);
      },
    };
    const mutated = this.#run.send?.(send, dice) ?? send;
    await this.#mortal(
      () => notifyChannel(ports)({ name: channel.name, send: mutated }),
      () => {
        if (last !== null) last.isUnheard = true;
      },
    );
    const next = this.#run.stores.nextTurn(channel.name, this.#now + late);
    this.#wakeOne(channel, Math.max(next, this.#now + late + 5000));
  }

  /** Runs until it is done or killed. A notifier that was killed is started again after a while. */
  async #mortal(work: () => Promise<void>, onKill: () => void = () => undefined): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      onKill();
      this.log.kills.push(this.#now);
      this.log.up.push({ from: this.#upSince, to: this.#now });
      this.#downUntil = this.#now + downStretch(this.#killing);
      this.#upSince = this.#downUntil;
      this.#wake(this.#downUntil);
    }
  }

  #isDying(oneOf: number): boolean {
    return this.#run.isMortal && this.#killing.roll(oneOf) === 0;
  }

  #perhapsDie(oneOf: number): void {
    if (this.#isDying(oneOf)) throw new Killed('killed');
  }

  /** The store as one sees it who may die before a call, within its transaction, or after it. */
  #dying(store: NotifierStore): NotifierStore {
    const around = async <T>(call: () => Promise<T>): Promise<T> => {
      this.#perhapsDie(4000);
      const answer = await call();
      this.#perhapsDie(4000);
      return answer;
    };
    const within = <A extends readonly unknown[], T>(decide: (...args: A) => T): ((...args: A) => T) => {
      return (...args) => {
        const decision = decide(...args);
        this.#perhapsDie(1000);
        return decision;
      };
    };
    return {
      ...store,
      composeFor: (channel, now, decide) => around(() => store.composeFor(channel, now, within(decide))),
      composeEvents: (now, decide) => around(() => store.composeEvents(now, within(decide))),
      // A claim has its own death, which the log must know of.
      claimDelivery: (channel, at, decide) => store.claimDelivery(channel, at, within(decide)),
      recordTurn: (channel, now) => around(() => store.recordTurn(channel, now)),
      endSnoozes: (channels, now) => around(() => store.endSnoozes(channels, now)),
      addEscalations: (channels, policy, now) => around(() => store.addEscalations(channels, policy, now)),
      insertDigest: (channel, digest, now) => around(() => store.insertDigest(channel, digest, now)),
    };
  }
}
