// Options that every command of the host side takes: where its files are, which TPM, and its passwords.
import { readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { TpmPasswords } from '../agent/tpm-endorsement.ts';
import { parseTpmSpec } from '../agent/tpm-open.ts';
import { wrongUsage } from './failure.ts';
import { readText } from './settings.ts';
import type { World } from './world.ts';

export type HostOptions = {
  readonly root: string;
  readonly tpm?: string;
  readonly ownerPasswordFile?: string;
  readonly endorsementPasswordFile?: string;
  readonly json?: boolean;
};

/** Adds them to a command. */
export const withHostOptions = (command: Command): Command =>
  command
    .option('--tpm <spec>', 'device:/dev/tpmrm0 (default), unix:PATH, tcp:HOST:PORT, tcti:CONF')
    .option('--root <directory>', 'stands for /', '/')
    .option('--owner-password-file <file>', 'password of the owner hierarchy, where it has one')
    .option('--endorsement-password-file <file>', 'password of the endorsement hierarchy, where it has one')
    .option('--json', 'print the result as JSON');

/** The directory that stands for `/`, absolute. */
export const rootOf = ({ root }: HostOptions): string => (isAbsolute(root) ? root : resolve(root));

/** The TPM that was named, or null. Wrong usage is said before anything is done. */
export function specOf({ tpm }: HostOptions): string | null {
  const parsed = tpm === undefined ? null : parseTpmSpec(tpm);
  if (parsed?.ok === false)
    throw wrongUsage(`--tpm: ${parsed.error.detail}`, `accepted: ${parsed.error.accepted ?? ''}`);
  return tpm ?? null;
}

/** Passwords of hierarchies come from files or systemd credentials, never from the command line. */
export function passwordsOf({ env }: World, options: HostOptions): TpmPasswords {
  const credentials = env['CREDENTIALS_DIRECTORY'] ?? '';
  const read = (file: string | undefined, credential: string): Uint8Array | null => {
    if (file !== undefined) return new TextEncoder().encode(readText(file).replace(/\r?\n$/, ''));
    if (credentials === '') return null;
    try {
      return new TextEncoder().encode(readFileSync(join(credentials, credential), 'utf8').replace(/\r?\n$/, ''));
    } catch {
      return null;
    }
  };
  const owner = read(options.ownerPasswordFile, 'tpm-owner-password');
  const endorsement = read(options.endorsementPasswordFile, 'tpm-endorsement-password');
  return { ...(owner === null ? {} : { owner }), ...(endorsement === null ? {} : { endorsement }) };
}
