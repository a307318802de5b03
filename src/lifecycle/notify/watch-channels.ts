// The notifier watched: a channel that takes nothing is a warning like any other, told on the others; and since when it has
// not done its work, for the metrics.
import { channelStandings, refusalToldSeconds } from '../../domain/channel-look.ts';
import type { LookChange } from '../../domain/look.ts';
import type { ChannelRules } from '../../domain/message.ts';
import type { NotifierStore } from '../delivery-records.ts';
import type { WarningStore } from '../warning-records.ts';

export type WatchPorts = Pick<NotifierStore, 'channelStates'> &
  Pick<WarningStore, 'recordLook'> & { readonly channels: readonly ChannelRules[] };

/** Looks at the channels of the configuration. */
export const watchChannels =
  ({ channels, channelStates, recordLook }: WatchPorts) =>
  async (now: Date): Promise<readonly LookChange[]> => {
    const states = await channelStates(new Date(now.getTime() - refusalToldSeconds * 1000));
    const known = states.filter(({ channel }) => channels.some(({ name }) => name === channel));
    return recordLook({ conditions: ['channelFailing'], standings: channelStandings(known, now), at: now, channels });
  };

/** Seconds since a turn in which nothing was left undone; null where there was none yet. */
export type NotifierFreshness = {
  /** With any channel. */
  readonly seconds: number | null;
  readonly channels: readonly { readonly name: string; readonly seconds: number | null }[];
};

/** How long ago the notifier last succeeded. */
export const notifierFreshness =
  ({ channels, channelStates }: Pick<WatchPorts, 'channels' | 'channelStates'>) =>
  async (now: Date): Promise<NotifierFreshness> => {
    const turnedAt = new Map((await channelStates(now)).map((state) => [state.channel, state.turnedAt]));
    const each = channels.map(({ name }) => {
      const at = turnedAt.get(name) ?? null;
      return { name, seconds: at === null ? null : Math.max(0, (now.getTime() - at.getTime()) / 1000) };
    });
    const known = each.flatMap(({ seconds }) => (seconds === null ? [] : [seconds]));
    return { seconds: known.length === 0 ? null : Math.min(...known), channels: each };
  };
