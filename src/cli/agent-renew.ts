// `omens agent renew`: the same round as the daemon's, now, in the foreground, without waiting for any pause.
import type { Command } from 'commander';
import { keepPorts } from '../agent/keep-machine.ts';
import { keepRound, type RoundOutcome } from '../agent/keep-round.ts';
import { stateOf } from '../agent/keep-report.ts';
import { wireTime } from '../domain/wire.ts';
import { type KeepOptions, machineOf, spokenLine, withKeepOptions } from './agent-machine.ts';
import { CommandFailure, wrongUsage } from './failure.ts';
import { failuresOf, outcomeTable } from './kept-text.ts';
import { print } from './output.ts';
import type { World } from './world.ts';

type RenewOptions = KeepOptions & { readonly target?: readonly string[]; readonly force?: boolean };

/** Adds the command. */
export function addRenewCommand(agent: Command, world: World): void {
  withKeepOptions(agent.command('renew').description('renew what is due, now, and end what was interrupted'))
    .option('--target <name...>', 'these targets only; without it, all')
    .option('--force', 'renew before the window opens')
    .action((options: RenewOptions) => runRenew(world, options));
}

async function runRenew(world: World, options: RenewOptions): Promise<void> {
  const { target: names, force } = options;
  const ports = keepPorts(machineOf(world, options, spokenLine));
  const unknown = new Set(names ?? []);
  const outcome = await keepRound(
    {
      ...ports,
      targets: async () => {
        const all = await ports.targets();
        for (const { name } of all) unknown.delete(name);
        if (unknown.size === 0) return all;
        throw wrongUsage(
          `agent.yaml has no target ${[...unknown].join(', ')}`,
          `there are: ${all.map(({ name }) => name).join(', ')}`,
        );
      },
    },
    { urgency: ({ name }) => (names?.includes(name) === false ? 'usual' : force === true ? 'forced' : 'unpaused') },
  );
  print(world, options, { resource: resourceOf(outcome), text: () => outcomeTable(outcome) });
  const failures = failuresOf({ ...outcome, targets: chosen(outcome, names) });
  const [first, ...hints] = failures;
  if (first !== undefined) throw new CommandFailure(first, { hints });
}

const chosen = ({ targets }: RoundOutcome, names: readonly string[] | undefined): RoundOutcome['targets'] =>
  targets.filter(({ target }) => names === undefined || names.includes(target.name));

/** What is printed: facts of each target, without keys or requests. */
const resourceOf = ({ targets, contact, nextAt, hasFailed }: RoundOutcome) => ({
  targets: targets.map(({ target, record, files, decision }) => ({
    ...{ name: target.name, profile: target.profile, place: target.place, lineage: record.lineage },
    state: stateOf(record, files),
    ...{ inPlace: record.inPlace, confirmed: record.confirmed, failure: record.failure },
    next: 'until' in decision ? { at: wireTime(decision.until), why: decision.why } : { do: decision.do },
  })),
  ...{ contact, hasFailed, nextAt: wireTime(nextAt) },
});
