// `omens devices suspend|resume|retire`: the host as it is afterwards, and what is left to do at relying parties.
import type { Command } from 'commander';
import type { DeviceStateResource, RelyingPartyStep } from '../domain/revocation-wire.ts';
import { describeDevice, deviceId } from './device-text.ts';
import { print } from './output.ts';
import { ask, type ClientOptions, withClientOptions } from './settings.ts';
import type { Service } from './service.ts';
import type { World } from './world.ts';

const changes = [
  ['suspend', 'revoke what it has, and issue nothing to it until it is resumed', 'suspendDevice'],
  ['resume', 'end a suspension; its next certificates are due at once', 'resumeDevice'],
  ['retire', 'end its time for good, and revoke what it has; its name is free again', 'retireDevice'],
] as const satisfies readonly (readonly [string, string, keyof Service])[];

/** Adds the commands. */
export function addDeviceStateCommands(devices: Command, world: World): void {
  for (const [name, description, operation] of changes) {
    withClientOptions(devices.command(`${name} <id>`).description(description)).action(
      async (text: string, options: ClientOptions) => {
        const id = deviceId(text);
        const resource = await ask(world, options, (service) => service[operation](id));
        print(world, options, { resource, text: describeChange });
      },
    );
  }
}

const describeChange = (device: DeviceStateResource): string =>
  device.steps.length === 0
    ? describeDevice(device)
    : `${describeDevice(device)}\nAt relying parties, which read no CRL:\n${device.steps.map(describeStep).join('')}`;

const describeStep = ({ action, relyingParty, state, notBefore, because, command }: RelyingPartyStep): string => {
  const when = state === 'notYet' ? `from ${notBefore ?? 'later'} on` : state === 'done' ? 'done' : 'now';
  return `- ${relyingParty}, ${when}: ${action} (${because})\n  ${command}\n`;
};
