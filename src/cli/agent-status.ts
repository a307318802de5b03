// `omens agent status`: how this host stands. Works without the service, and says so.
import type { Command } from 'commander';
import { loadAgentConfig } from '../agent/agent-config.ts';
import { loadState } from '../agent/agent-state.ts';
import { connectToServer } from '../agent/enrollment-server.ts';
import { hostFacts } from '../agent/host-facts.ts';
import { currentGeneration } from '../agent/installed.ts';
import { lendTpm } from '../agent/lend-tpm.ts';
import { requestKeyOf } from '../agent/request-key.ts';
import { type AgentStatus, agentStatus } from '../agent/status.ts';
import type { Target } from '../agent/target.ts';
import { targetsOf } from '../agent/targets.ts';
import { describePending } from './agent-pending.ts';
import { CommandFailure } from './failure.ts';
import { type HostOptions, passwordsOf, rootOf, specOf, withHostOptions } from './host-options.ts';
import { print } from './output.ts';
import { progressOf } from './progress.ts';
import { table } from './table.ts';
import type { World } from './world.ts';

/** Adds the command. */
export function addStatusCommand(agent: Command, world: World): void {
  withHostOptions(agent.command('status').description('how this host stands')).action((options: HostOptions) =>
    runStatus(world, options),
  );
}

async function runStatus(world: World, options: HostOptions): Promise<void> {
  const root = rootOf(options);
  const state = await loadState(root);
  if (state === null) {
    throw new CommandFailure('this host was never enrolled', { hints: ['omens agent enroll --token-file F'] });
  }
  const wished = specOf(options);
  const progress = progressOf(world);
  const passwords = passwordsOf(world, options);
  const status = await agentStatus(
    {
      ...{ root, now: world.now },
      connect: (server) => connectToServer(server, { ...world, progress }),
      generationOf: await generationsOf(root),
      requestKey: ({ keys, tpm }) => requestKeyOf((use) => lendTpm(wished ?? tpm, use), keys, passwords),
    },
    state,
  );
  progress.working('');
  if (status.offline !== null) world.stderr(`omens: the service was not asked: ${status.offline}\n`);
  print(world, options, { resource: status, text: describeStatus });
}

/** A configuration that cannot be read hides the numbers, and nothing else. */
async function generationsOf(root: string): Promise<(name: string) => Promise<number | null>> {
  const read = async () => targetsOf(await loadAgentConfig(root), await hostFacts(root));
  const targets: readonly Target[] = await read().catch(() => []);
  return async (name) => {
    const target = targets.find((one) => one.name === name);
    if (target === undefined) return null;
    return (await currentGeneration(root, target).catch(() => null))?.generation ?? null;
  };
}

/** What the daemon did last with each target, and what it will do. */
function describeKept({ targets, contact, trustGeneration }: AgentStatus): string {
  if (targets.length === 0) return '';
  const rows = targets.map(({ name, step, generation, inPlace, confirmed, failure, rolledBackByHand }) => [
    ...[name, step, generation === null ? '' : String(generation), inPlace?.renewAt ?? '', inPlace?.window?.end ?? ''],
    confirmed === null || confirmed.certificate !== inPlace?.certificate
      ? 'nobody yet'
      : (confirmed.by ?? 'host, SPIRE pending'),
    failure !== null
      ? `${failure.error.detail} (${failure.count}x; again ${failure.nextAttemptAt})`
      : rolledBackByHand === null
        ? ''
        : `rolled back by hand ${rolledBackByHand.at}`,
  ]);
  const last = contact.lastAt === null ? 'never' : contact.lastAt;
  const lost = contact.failure === null ? '' : `; since then: ${contact.failure.error.detail}`;
  const hints = [contact.failure, ...targets.map(({ failure }) => failure)].flatMap((failure) => failure?.hints ?? []);
  return [
    table(['TARGET', 'STEP', 'GENERATION', 'RENEWS AT', 'WINDOW ENDS', 'CONFIRMED BY', 'LAST FAILURE'], rows),
    `last word of the service: ${last}${lost}; trust generation ${trustGeneration}\n`,
    ...[...new Set(hints)].map((hint) => `hint: ${hint}\n`),
  ].join('');
}

/** How a host stands, for people. */
function describeStatus(status: AgentStatus): string {
  const { hostName, device, enrollment, pending, certificates } = status;
  const known =
    device === null
      ? `${hostName}: enrollment ${pending?.state ?? enrollment}`
      : `${hostName} is device ${device.id}, ${device.state}`;
  const rows = certificates.map(({ level, profile, notAfter, daysLeft, reason, certificateFile }) => [
    ...[level, profile, notAfter ?? '', daysLeft === null ? '' : daysLeft.toFixed(1)],
    ...[reason, certificateFile],
  ]);
  const waits = pending === null ? '' : describePending(pending);
  if (device === null && certificates.length === 0) return `${known}\n${waits}`;
  return [
    `${known}\n${waits}`,
    table(['LEVEL', 'PROFILE', 'NOT AFTER', 'DAYS LEFT', 'WHY', 'FILE'], rows),
    describeKept(status),
  ].join('');
}
