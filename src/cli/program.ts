// The command line as a whole: which commands there are, what a failure looks like, which exit code it has.
import { Command, CommanderError } from 'commander';
import { addAgentCommands } from './agent.ts';
import { addAuditCommands } from './audit.ts';
import { addCertsCommands } from './certs.ts';
import { addChannelsCommands } from './channels.ts';
import { addDevicesCommands } from './devices.ts';
import { addEndpointsCommands, addKeylimeCommands } from './endpoints.ts';
import { exitCodes, failureDocument, failureLines, told } from './failure.ts';
import { addInitCommand } from './init.ts';
import { addIssueCommand } from './issue.ts';
import { addIssuersCommands } from './issuers.ts';
import { addReportCommands } from './report.ts';
import { addRotationCommands } from './rotation.ts';
import { addServeCommand } from './serve.ts';
import { addSpireCommands } from './spire.ts';
import { addTokensCommands } from './tokens.ts';
import { addTrustCommands } from './trust.ts';
import { addWarningsCommands } from './warnings.ts';
import type { World } from './world.ts';

/**
 * Runs a command line (without interpreter and script) and answers its exit code: 0 done, 1 refused or failed, 2 wrong
 * usage; `report expiry --exit-code` and `agent doctor` answer as Nagios plugins do. Results go to stdout, everything else
 * to stderr.
 */
export async function run(args: readonly string[], world: World): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = programFor(world, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    const facts = told(error);
    world.stderr(args.includes('--json') ? failureDocument(facts) : failureLines(facts));
    return facts.exitCode;
  }
}

function programFor(world: World, exit: (code: number) => void): Command {
  const program = new Command('omens')
    .description('Book of Omens: certificates for keys that a TPM has proved')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.stdout(text),
      writeErr: (text) => world.stderr(text),
      outputError: (text, write) => write(usageLines(text)),
    })
    .showHelpAfterError('hint: --help shows what there is');
  addInitCommand(program, world);
  addServeCommand(program, world);
  addIssueCommand(program, world);
  addCertsCommands(program, world);
  addDevicesCommands(program, world);
  addTokensCommands(program, world);
  addIssuersCommands(program, world);
  addTrustCommands(program, world);
  addSpireCommands(program, world);
  addEndpointsCommands(program, world);
  addKeylimeCommands(program, world);
  addReportCommands(program, world, exit);
  addRotationCommands(program, world);
  addWarningsCommands(program, world);
  addChannelsCommands(program, world, exit);
  addAuditCommands(program, world);
  addAgentCommands(program, world, exit);
  return program;
}

/** Commander's own words, in our voice. */
const usageLines = (text: string): string =>
  text.replace(/^error: /, 'omens: ').replace(/^\((Did you mean .*)\)$/m, 'hint: $1');
