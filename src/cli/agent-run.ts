// `omens agent run`: keeps the certificates of this host valid, for ever.
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Command } from 'commander';
import { loadAgentConfig } from '../agent/agent-config.ts';
import { keepForEver, statusLine } from '../agent/keep-loop.ts';
import { keepPorts } from '../agent/keep-machine.ts';
import { openSession } from '../agent/keep-session.ts';
import { keepRound } from '../agent/keep-round.ts';
import { supervisorOf } from '../agent/systemd-notify.ts';
import { type KeepOptions, machineOf, withKeepOptions } from './agent-machine.ts';
import { CommandFailure } from './failure.ts';
import { failuresOf } from './kept-text.ts';
import type { World } from './world.ts';

type RunOptions = KeepOptions & { readonly once?: boolean };

/** Adds the command. */
export function addRunCommand(agent: Command, world: World): void {
  withKeepOptions(agent.command('run').description('keep the certificates of this host valid; SIGTERM ends it'))
    .option('--once', 'one round, and exit code 1 when something in it failed')
    .action((options: RunOptions) => (options.once === true ? runOnce(world, options) : runForEver(world, options)));
}

async function runOnce(world: World, options: RunOptions): Promise<void> {
  const outcome = await keepRound(keepPorts(machineOf(world, options)), { urgency: () => 'usual' });
  if (outcome.hasFailed) throw new CommandFailure(statusLine(outcome), { hints: failuresOf(outcome) });
}

async function runForEver(world: World, options: RunOptions): Promise<void> {
  const stopping = new AbortController();
  const told = world.untilToldToStop().then(() => stopping.abort());
  const machine = machineOf(world, options);
  const { config } = await openSession(machine);
  let { checkEverySeconds } = config;
  const supervisor = supervisorOf(world.env);
  machine.log('agent.running', { root: machine.root, checkEverySeconds });
  await keepForEver({
    keep: keepPorts(machine),
    supervisor,
    checkEverySeconds: () => checkEverySeconds,
    pause: async (milliseconds) => {
      await sleepFor(milliseconds, undefined, { signal: stopping.signal }).catch(() => undefined);
      checkEverySeconds = await loadAgentConfig(machine.root, machine.configFile).then(
        (read) => read.checkEverySeconds,
        () => checkEverySeconds, // The next round says what is wrong with the file.
      );
    },
    isStopping: () => stopping.signal.aborted,
  });
  await told;
  machine.log('agent.stopped', {});
}
