// `omens agent`: the host side, one command a file. Loads nothing of the server.
import type { Command } from 'commander';
import { addDoctorCommand } from './agent-doctor.ts';
import { addEnrollCommand } from './agent-enroll.ts';
import { addExportCommand } from './agent-export.ts';
import { addInstallUnitsCommand } from './agent-install-units.ts';
import { addRenewCommand } from './agent-renew.ts';
import { addRunCommand } from './agent-run.ts';
import { addRollbackCommand } from './agent-rollback.ts';
import { addStatusCommand } from './agent-status.ts';
import type { World } from './world.ts';

/** Adds the commands; `exit` takes the exit code of one that succeeded. */
export function addAgentCommands(program: Command, world: World, exit: (code: number) => void): void {
  const agent = program.command('agent').description('the host side');
  addEnrollCommand(agent, world);
  addDoctorCommand(agent, world, exit);
  addExportCommand(agent, world);
  addInstallUnitsCommand(agent, world);
  addRenewCommand(agent, world);
  addRunCommand(agent, world);
  addRollbackCommand(agent, world);
  addStatusCommand(agent, world);
}
