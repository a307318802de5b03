// Channels and the notifier put together. Part of the composition root: nothing is decided here.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from './config.ts';
import type { NotifySettings } from './domain/channel-settings.ts';
import { composeEvents } from './domain/events.ts';
import type { Channel } from './domain/message.ts';
import { err, ok, type Refusal, type Result } from './domain/result.ts';
import type { ChannelServices } from './http/channel-services.ts';
import { listChannels, testChannel } from './lifecycle/channels.ts';
import { dailyDigest } from './lifecycle/notify/daily-digest.ts';
import { notifyChannel, type NotifyPorts } from './lifecycle/notify/notify-channel.ts';
import { watchChannels } from './lifecycle/notify/watch-channels.ts';
import type { Job } from './lifecycle/scheduler.ts';
import type { Logger } from './log.ts';
import { openChannel } from './notify/open-channel.ts';
import type { Policies } from './policies.ts';
import { readSecretLine } from './secret-file.ts';
import { deliveryStore } from './storage/deliveries.ts';
import { warningStore } from './storage/warnings.ts';
import { channelStore } from './storage/channels.ts';
import type { Database } from './storage/pool.ts';

/** Every channel of the configuration, with its secrets read; every fault of their files at once. */
export function openChannels(
  { channels }: NotifySettings,
  { credentialsDirectory, now }: { readonly credentialsDirectory: string | undefined; readonly now: () => Date },
): Result<readonly Channel[], readonly Refusal[]> {
  const readSecret = (path: string): Result<string, Refusal> => readSecretLine(path, credentialsDirectory);
  const ports = { readSecret, now, hostName: hostname(), deadlineMilliseconds: 25_000 };
  const opened = channels.map((settings) => openChannel(settings, ports));
  const faults = opened.flatMap((channel) => (channel.ok ? [] : [channel.error]));
  return faults.length > 0 ? err(faults) : ok(opened.flatMap((channel) => (channel.ok ? [channel.value] : [])));
}

type NotifyParts = {
  readonly config: Pick<Config, 'notify' | 'publicUrl'>;
  readonly policies: Pick<Policies, 'warnings'>;
  readonly db: Database;
  readonly channels: readonly Channel[];
  readonly log: Logger;
  readonly now: () => Date;
};

/** Alarms, what was told of them, and warnings that are over, are kept for so many days. */
const keptDays = { events: 30, deliveries: 90, warnings: 400, abandoned: 1 };

/** A channel that failed before the servers were away may be well: it is looked at when it had time to show it. */
const settleMs = 300_000;

/** What the notifier does by itself: each channel has a job of its own, so that none waits for another. */
export function notifyJobs(parts: NotifyParts): readonly Job[] {
  const { config, policies, db, channels, now } = parts;
  const deliveries = deliveryStore(db);
  const url = new URL('/warnings', config.publicUrl).toString();
  const names = channels.map(({ name }) => name);
  const turn = notifyChannel({ ...deliveries, now, roll: Math.random, url, onAttempt: logAttempt(parts.log) });
  const digest = dailyDigest({ ...deliveries, channels, time: config.notify, url });
  const eventChannels = channels.filter(({ events }) => events);
  const escalating = channels.filter(({ escalation }) => escalation).map(({ name }) => name);
  const job = (name: string, everySeconds: number, run: () => Promise<unknown>): Job => ({
    ...{ name, everySeconds },
    run: async () => {
      await run();
    },
  });
  return [
    ...channels.map((channel) => job(`notify.${channel.name}`, 5, () => turn(channel))),
    job('notifyEvents', 5, () =>
      deliveries.composeEvents(now(), (waiting) =>
        composeEvents(waiting, { channels: eventChannels, now: now(), url }),
      ),
    ),
    job('escalations', 30, () => deliveries.addEscalations(escalating, policies.warnings.escalation, now())),
    job('untold', 60, async () => {
      for (const channel of channels) await deliveries.tellOpen(channel, now());
    }),
    job('snoozes', 30, () => deliveries.endSnoozes(names, now())),
    job('digest', 30, () => digest(now())),
    job('channels', 60, lookAtChannels(parts)),
    job('forgetTold', 3600, () => deliveries.forget(keptBefore(now()), channels, now())),
  ];
}

function lookAtChannels({ db, channels, log, now }: NotifyParts): () => Promise<void> {
  const look = watchChannels({ ...deliveryStore(db), ...warningStore(db), channels });
  const from = now().getTime() + settleMs;
  return async () => {
    if (now().getTime() < from) return;
    for (const { change, ...facts } of await look(now())) log.warn(`warning.${change}`, facts);
  };
}

function keptBefore(now: Date): Record<keyof typeof keptDays, Date> {
  const ago = (days: number): Date => new Date(now.getTime() - days * 86_400_000);
  const { events, deliveries, warnings, abandoned } = keptDays;
  return { events: ago(events), deliveries: ago(deliveries), warnings: ago(warnings), abandoned: ago(abandoned) };
}

const logAttempt =
  (log: Logger): NotifyPorts['onAttempt'] =>
  (channel, { id, message, attempts }, end) => {
    const facts = { channel, delivery: id, kind: message.kind, attempts };
    if (end.outcome === 'delivered' && end.detail !== undefined)
      log.warn('message.partlyDelivered', { ...facts, detail: end.detail });
    else if (end.outcome === 'delivered') log.info('message.delivered', facts);
    else if (end.outcome === 'refused') log.error('message.refused', { ...facts, error: end.error });
    else log.warn('message.failed', { ...facts, error: end.error, again: end.dueAt });
  };

/** What people ask of the channels. */
export function channelServices({
  db,
  channels,
}: {
  readonly db: Database;
  readonly channels: readonly Channel[];
}): ChannelServices {
  const store = channelStore(db);
  return {
    listChannels: listChannels({ channels, ...store }),
    testChannel: testChannel({ ...deliveryStore(db), ...store, channels, newId: () => randomUUID() }),
  };
}
