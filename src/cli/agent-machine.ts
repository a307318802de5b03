// From the options of a host command to the real host that a round of keeping works on; its log goes to stderr.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { connectToServer } from '../agent/enrollment-server.ts';
import type { Machine } from '../agent/keep-machine.ts';
import { openKeepServer } from '../agent/keep-server.ts';
import { lendTpm } from '../agent/lend-tpm.ts';
import { silent } from '../agent/progress.ts';
import { runCommand } from '../agent/run-command.ts';
import { type HostOptions, passwordsOf, rootOf, specOf, withHostOptions } from './host-options.ts';
import type { World } from './world.ts';

export type KeepOptions = HostOptions & { readonly config?: string };

/** The options of commands that keep certificates. */
export const withKeepOptions = (command: Command): Command =>
  withHostOptions(command).option('--config <file>', 'agent.yaml, where it is not /etc/omens/agent.yaml');

/** How an event is told on stderr: by a daemon to the journal, or to the person at a terminal. */
type Teller = (now: Date, event: string, fields: Readonly<Record<string, unknown>>) => string;

/** The host that the options name. Wrong usage is said before anything is done. */
export function machineOf(world: World, options: KeepOptions, tell: Teller = logLine): Machine {
  return {
    ...{ root: rootOf(options), uid: world.uid, configFile: options.config, tpm: specOf(options) },
    ...{ now: world.now, sleep: world.sleep, random: Math.random },
    passwords: passwordsOf(world, options),
    withTpm: lendTpm,
    run: runCommand,
    service: { open: openKeepServer, enroll: connectToServer },
    progress: silent,
    agentVersion: ownVersion(),
    log: (event, fields) => world.stderr(tell(world.now(), event, fields)),
  };
}

/** One JSON object a line; time and event first. */
const logLine: Teller = (now, event, fields) =>
  `${JSON.stringify({ time: now.toISOString(), level: levelOf(event), event, ...fields })}\n`;

/** The event and its fields, as every command of ours talks. */
export const spokenLine: Teller = (_now, event, fields) =>
  `omens: ${[event, ...Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)].join(' ')}\n`;

const levelOf = (event: string): 'warn' | 'info' => (/\.(?:failed|refused|rolledBack)$/.test(event) ? 'warn' : 'info');

/** Of the package that this file belongs to, built or not. */
function ownVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        readonly version: string;
      };
      return version;
    } catch {
      continue; // The other place.
    }
  }
  return 'unknown';
}
