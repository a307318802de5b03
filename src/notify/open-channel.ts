// A channel made ready from its settings: its secrets are read once, here. What it sends and how stands by kind in the
// files beside this one.
import type { ChannelSettings } from '../domain/channel-settings.ts';
import type { Channel } from '../domain/message.ts';
import { ok, type Refusal, type Result } from '../domain/result.ts';

export type ChannelPorts = {
  /** One line of a private file. */
  readonly readSecret: (path: string) => Result<string, Refusal>;
  readonly now: () => Date;
};

/** The channel, or what is wrong with its files. */
export function openChannel(settings: ChannelSettings, { now }: ChannelPorts): Result<Channel, Refusal> {
  const detail = `channels of kind ${settings.kind} cannot send at ${now().toISOString()}`;
  const send: Channel['send'] = async () => ({
    accepted: false,
    detail,
    isPermanent: false,
    isUnsure: false,
    retryAfterSeconds: null,
  });
  return ok({ ...settings, destination: settings.kind, send });
}
