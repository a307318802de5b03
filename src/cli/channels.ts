// `omens channels`: where warnings go, and whether they come through.
import type { Command } from 'commander';
import type { ChannelTestResource } from '../domain/warning-wire.ts';
import { exitCodes } from './failure.ts';
import { print } from './output.ts';
import { ask, type ClientOptions, withClientOptions } from './settings.ts';
import { channelList } from './warning-text.ts';
import type { World } from './world.ts';

/** Adds the commands; `exit` takes the exit code of a test that a channel did not accept. */
export function addChannelsCommands(program: Command, world: World, exit: (code: number) => void): void {
  const channels = program.command('channels').description('where warnings go');
  withClientOptions(
    channels.command('list').description('each channel, what waits for it and since when it fails'),
  ).action(async (options: ClientOptions) => {
    const resource = await ask(world, options, (service) => service.listChannels());
    print(world, options, { resource, text: channelList });
  });
  withClientOptions(
    channels.command('test <name>').description('send a test message at once; 1 when the channel does not accept it'),
  ).action(async (name: string, options: ClientOptions) => {
    const resource = await ask(world, options, (service) => service.testChannel(name));
    print(world, options, { resource, text: describeTest });
    if (!resource.accepted) exit(exitCodes.failed);
  });
}

function describeTest({ channel, message, accepted, detail }: ChannelTestResource): string {
  const word = detail === null ? '' : `: ${detail}`;
  return `${channel} ${accepted ? 'accepted' : 'did not accept'} message ${message}${word}\n`;
}
