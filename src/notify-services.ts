// Channels and the notifier put together. Part of the composition root: nothing is decided here.
import { hostname } from 'node:os';
import type { NotifySettings } from './domain/channel-settings.ts';
import type { Channel } from './domain/message.ts';
import { err, ok, type Refusal, type Result } from './domain/result.ts';
import { openChannel } from './notify/open-channel.ts';
import { readSecretLine } from './secret-file.ts';

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
