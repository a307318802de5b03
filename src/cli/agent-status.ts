// `omens agent status`: how this host stands. Works without the service, and says so.
import type { Command } from 'commander';
import { loadState } from '../agent/agent-state.ts';
import { connectToServer } from '../agent/enrollment-server.ts';
import { lendTpm } from '../agent/lend-tpm.ts';
import { requestKeyOf } from '../agent/request-key.ts';
import { type AgentStatus, agentStatus } from '../agent/status.ts';
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
      requestKey: ({ keys, tpm }) => requestKeyOf((use) => lendTpm(wished ?? tpm, use), keys, passwords),
    },
    state,
  );
  progress.working('');
  if (status.offline !== null) world.stderr(`omens: the service was not asked: ${status.offline}\n`);
  print(world, options, { resource: status, text: describeStatus });
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
  return `${known}\n${waits}${table(['LEVEL', 'PROFILE', 'NOT AFTER', 'DAYS LEFT', 'WHY', 'FILE'], rows)}`;
}
