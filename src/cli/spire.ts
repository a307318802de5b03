// `omens spire agents`, `omens devices spire` and `omens certs confirm-spire`: SPIRE at rotation, for people.
import type { Command } from 'commander';
import type { SpireAgentsResource, SpireDeviceResource, SpireStep } from '../domain/spire-wire.ts';
import { deviceNamed } from './device-named.ts';
import { print } from './output.ts';
import { ask, type ClientOptions, withClientOptions, withService } from './settings.ts';
import { valueOf } from './service.ts';
import { facts, table } from './table.ts';
import type { World } from './world.ts';

/** Adds `spire`. */
export function addSpireCommands(program: Command, world: World): void {
  const spire = program.command('spire').description('agents of the SPIRE server that attest by DevIDs');
  withClientOptions(
    spire.command('agents').description('each agent and its device, what is left over, whether join_token can go'),
  ).action(async (options: ClientOptions) => {
    const resource = await ask(world, options, (service) => service.spireAgents());
    print(world, options, { resource, text: describeAgents });
  });
}

/** Adds `devices spire`. */
export function addDeviceSpireCommand(devices: Command, world: World): void {
  withClientOptions(
    devices.command('spire <host>').description('old and new agent ID of a host, by name or id, and the steps between'),
  ).action(async (host: string, options: ClientOptions) => {
    const resource = await withService(world, options, async (service) =>
      valueOf(await service.spireOfDevice(await deviceNamed(service, host))),
    );
    print(world, options, { resource, text: describeDevice });
  });
}

/** Adds `certs confirm-spire`. */
export function addConfirmSpireCommand(certs: Command, world: World): void {
  withClientOptions(
    certs
      .command('confirm-spire <certificate>')
      .description('say that the SPIRE server lists the agent of this DevID, where the service may not ask it'),
  )
    .requiredOption('--spiffe-id <id>', 'the ID as `spire-server agent list` shows it')
    .action(async (certificate: string, options: ClientOptions & { readonly spiffeId: string }) => {
      const body = { spiffeId: options.spiffeId };
      const resource = await ask(world, options, (service) => service.confirmBySpireId(certificate, body));
      print(world, options, { resource, text: describeDevice });
    });
}

const notes = {
  answered: null,
  notConfigured: 'the SPIRE server is not configured: commands are shown only (omens.yaml, section spire)',
  notAllowed: 'the SPIRE server may not be asked (spire.mode is print): commands are shown only',
  failed: 'the SPIRE server could not be asked',
} as const;

const noteOf = ({ asked, because }: Pick<SpireAgentsResource, 'asked' | 'because'>): string => {
  const note = notes[asked];
  return note === null ? '' : `note: ${note}${because === null ? '' : `: ${because}`}\n`;
};

function describeAgents(resource: SpireAgentsResource): string {
  const { agents, joinToken, command } = resource;
  const rows = agents.map(({ spiffeId, hostName, state, expiresAt, because }) => [
    ...[state, hostName ?? '-', expiresAt],
    ...[spiffeId, because],
  ]);
  const list =
    resource.asked === 'answered' ? table(['STATE', 'HOST', 'SVID ENDS', 'AGENT', 'WHY'], rows) : `${command}\n`;
  const commands = agents.flatMap((agent) => (agent.command === null ? [] : [`  ${agent.command}\n`]));
  const toDo = commands.length === 0 ? '' : `\nTo do:\n${commands.join('')}`;
  const verdict = `join_token ${joinToken.isRemovable ? 'can go' : 'cannot go yet'}: ${joinToken.because}\n`;
  const missing = joinToken.missing.map((host) => `  missing: ${host}\n`).join('');
  return `${noteOf(resource)}${list}${toDo}\n${verdict}${missing}`;
}

function describeDevice(resource: SpireDeviceResource): string {
  const { hostName, nodeAlias, lineages } = resource;
  if (lineages.length === 0) return `${hostName} has no DevID: no SPIRE agent attests by one\n`;
  const alias = facts([
    ['node alias', nodeAlias.spiffeId],
    ...nodeAlias.selectors.map((selector) => ['selector', selector] as const),
  ]);
  return `${noteOf(resource)}${alias}${lineages.map(describeLineage).join('')}`;
}

const describeLineage = ({
  newest,
  older,
  confirmedAt,
  confirmedBy,
  steps,
}: SpireDeviceResource['lineages'][number]): string => {
  const told = facts([
    ['new agent', `${newest.spiffeId}${listedText(newest.listed)}`],
    ...older.map(({ spiffeId, listed }) => ['old agent', `${spiffeId}${listedText(listed)}`] as const),
    ['confirmed', confirmedAt === null ? 'not yet' : `${confirmedAt} by ${confirmedBy ?? ''}`],
  ]);
  return `\n${told}\n${steps.map(describeStep).join('')}`;
};

const listedText = (listed: boolean | null): string => (listed === null ? '' : listed ? ' (listed)' : ' (not listed)');

const marks = { done: '[x]', due: '[ ]', notYet: '[-] not yet:' } as const;

const describeStep = ({ step, state, command, because }: SpireStep): string =>
  `${marks[state]} ${step}: ${because}\n    ${command}\n`;
