// `omens agent`: the host side, one command a file. Loads nothing of the server.
import type { Command } from 'commander';
import { addEnrollCommand } from './agent-enroll.ts';
import { addInstallUnitsCommand } from './agent-install-units.ts';
import { addStatusCommand } from './agent-status.ts';
import type { World } from './world.ts';

/** Adds the commands. */
export function addAgentCommands(program: Command, world: World): void {
  const agent = program.command('agent').description('the host side');
  addEnrollCommand(agent, world);
  addInstallUnitsCommand(agent, world);
  addStatusCommand(agent, world);
}
