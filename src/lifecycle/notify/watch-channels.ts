// The notifier watched: a channel that takes nothing is a warning like any other, told on the others. That nobody takes turns
// at all is for the metrics to tell, which read `channel_turn`.
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
