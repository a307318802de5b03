// `omens agent install-units`: the systemd unit of the agent, made for what agent.yaml says. A timer is not needed: the
// daemon keeps its own time.
import type { Command } from 'commander';
import { loadAgentConfig } from '../agent/agent-config.ts';
import { loadState } from '../agent/agent-state.ts';
import { hostFacts } from '../agent/host-facts.ts';
import { runCommand } from '../agent/run-command.ts';
import { targetsOf } from '../agent/targets.ts';
import { installUnit, removeUnit, unitFor, type UnitOutcome } from '../agent/units/install-units.ts';
import { wrongUsage } from './failure.ts';
import { rootOf } from './host-options.ts';
import { print } from './output.ts';
import type { World } from './world.ts';

type UnitOptions = {
  readonly root: string;
  readonly config?: string;
  readonly print?: boolean;
  readonly remove?: boolean;
  readonly json?: boolean;
};

/** Adds the command. */
export function addInstallUnitsCommand(agent: Command, world: World): void {
  agent
    .command('install-units')
    .description('write the systemd unit of the agent; enables and starts nothing')
    .option('--root <directory>', 'stands for /', '/')
    .option('--config <file>', 'agent.yaml, where it is not /etc/omens/agent.yaml')
    .option('--print', 'show the unit and write nothing')
    .option('--remove', 'take the unit away')
    .option('--json', 'print the result as JSON')
    .action((options: UnitOptions) => run(world, options));
}

async function run(world: World, options: UnitOptions): Promise<void> {
  const root = rootOf(options);
  if (options.print === true && options.remove === true) throw wrongUsage('--print and --remove exclude each other');
  if (options.remove === true) {
    print(world, options, { resource: await removeUnit({ root, run: runCommand }), text: described });
    return;
  }
  const config = await loadAgentConfig(root, options.config);
  const ports = { root, command: commandOfThisProcess(), run: runCommand };
  const sources = {
    config,
    targets: targetsOf(config, await hostFacts(root)),
    enrolledTpm: (await loadState(root).catch(() => null))?.tpm ?? null,
  };
  if (options.print === true) {
    world.stdout(await unitFor(ports, sources));
    return;
  }
  print(world, options, { resource: await installUnit(ports, sources), text: described });
}

/** How this very command was started: the same interpreter and script will be there after a restart. */
const commandOfThisProcess = (): readonly string[] => [process.execPath, process.argv[1] ?? 'omens'];

const words: Readonly<Record<UnitOutcome['state'], string>> = {
  written: 'was written',
  unchanged: 'is as it should be',
  removed: 'was removed',
  absent: 'is not there',
};

const described = ({ path, state, next }: UnitOutcome): string =>
  [`${path} ${words[state]}`, ...next.map((line) => `next: ${line}`)].map((line) => `${line}\n`).join('');
