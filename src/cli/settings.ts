// Where the service is and who asks, from flags, then environment. Secrets come from files or standard input, never
// from a command line, which every user of the host can read.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CommandFailure, wrongUsage } from './failure.ts';
import { progressOf } from './progress.ts';
import { type Service, type ServiceSettings, valueOf } from './service.ts';
import type { World } from './world.ts';

/** Options that every command with the API has. */
export type ClientOptions = {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly json?: boolean;
};

const defaultUrl = 'https://127.0.0.1:8443';

/** Adds the options to a command. */
export const withClientOptions = (command: Command): Command =>
  command
    .option('--url <url>', `the service (OMENS_URL; default ${defaultUrl})`)
    .option('--token-file <file>', 'operator token; - for standard input (OMENS_TOKEN_FILE)')
    .option('--ca-file <file>', 'root certificate of the service in PEM (OMENS_CA_FILE)')
    .option('--json', 'print the resource of the API, unchanged');

/** Lends the service to `use`, as the options and the environment name it. */
export async function withService<T>(
  world: World,
  options: ClientOptions,
  use: (service: Service) => Promise<T>,
): Promise<T> {
  const progress = progressOf(world);
  const settings = await readSettings(world, options);
  progress.working(`asking ${settings.url}`);
  const service = await world.openService(settings);
  try {
    return await use(service);
  } finally {
    progress.working('');
    service.close();
  }
}

/** The value of an operation, as `valueOf`, of the service that the options name. */
export const ask = <T>(
  world: World,
  options: ClientOptions,
  operation: (service: Service) => Promise<Parameters<typeof valueOf<T>>[0]>,
): Promise<T> => withService(world, options, async (service) => valueOf(await operation(service)));

/** Reads settings; throws `CommandFailure` with what is missing. */
async function readSettings(world: World, options: ClientOptions): Promise<ServiceSettings> {
  const { env } = world;
  const url = (options.url ?? env['OMENS_URL'] ?? '') || defaultUrl;
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') throw wrongUsage(`"${url}" is no https URL`);
  const tokenFile = (options.tokenFile ?? env['OMENS_TOKEN_FILE'] ?? '') || null;
  const caFile = (options.caFile ?? env['OMENS_CA_FILE'] ?? '') || null;
  return {
    url,
    token: tokenFile === null ? null : await readSecret(world, tokenFile),
    trust: caFile === null ? { kind: 'public' } : { kind: 'bundle', pem: readText(caFile) },
  };
}

/** One line of secret text from a file, or from standard input for `-`. */
export async function readSecret(world: World, file: string): Promise<string> {
  const text = (file === '-' ? await world.readStdin() : readText(file)).trim();
  if (text === '' || /\s/.test(text)) throw new CommandFailure(`${file} does not hold one token`);
  return text;
}

/** A text file, whole. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CommandFailure(`cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
