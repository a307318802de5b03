// `omens agent export`: what is installed for a target as one file, PKCS #12 or PKCS #7. Passwords come from files.
import { randomBytes, X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { loadAgentConfig } from '../agent/agent-config.ts';
import { loadState } from '../agent/agent-state.ts';
import { placeFile } from '../agent/durable-file.ts';
import { exportInstalled, type ExportFormat } from '../agent/export.ts';
import { hostFacts } from '../agent/host-facts.ts';
import { currentGeneration } from '../agent/installed.ts';
import { targetsOf } from '../agent/targets.ts';
import type { Target } from '../agent/target.ts';
import { loadTrust } from '../agent/trust.ts';
import { octetsOfBase64url } from '../domain/octets.ts';
import { CommandFailure, wrongUsage } from './failure.ts';
import { rootOf } from './host-options.ts';
import { print } from './output.ts';
import { readText } from './settings.ts';
import type { World } from './world.ts';

type ExportOptions = {
  readonly target: string;
  readonly format: ExportFormat;
  readonly out: string;
  readonly passwordFile?: string;
  readonly root: string;
  readonly config?: string;
  readonly json?: boolean;
};

/** Adds the command. */
export function addExportCommand(agent: Command, world: World): void {
  agent
    .command('export')
    .description('what is installed for a target, as one file of mode 0600')
    .requiredOption('--target <name>', 'a target of agent.yaml')
    .addOption(
      new Option('--format <format>', 'with the key, or certificates alone')
        .choices(['pkcs12', 'pkcs7'])
        .makeOptionMandatory(),
    )
    .requiredOption('--out <file>', 'where it goes; replaced where it exists')
    .option('--password-file <file>', 'password of a PKCS #12 file; - for standard input')
    .option('--root <directory>', 'stands for /', '/')
    .option('--config <file>', 'agent.yaml, where it is not /etc/omens/agent.yaml')
    .option('--json', 'print the result as JSON')
    .action((options: ExportOptions) => runExport(world, options));
}

async function runExport(world: World, options: ExportOptions): Promise<void> {
  const { format, passwordFile } = options;
  if (format === 'pkcs12' && passwordFile === undefined) throw wrongUsage('pkcs12 needs --password-file');
  if (format === 'pkcs7' && passwordFile !== undefined) throw wrongUsage('pkcs7 has no key and takes no password');
  const root = rootOf(options);
  const config = await loadAgentConfig(root, options.config);
  const target = named(targetsOf(config, await hostFacts(root)), options.target);
  const installed = await currentGeneration(root, target);
  if (installed === null) {
    throw new CommandFailure(`nothing is installed for ${target.name}`, { hints: ['omens agent status'] });
  }
  const exported = exportInstalled(installed, {
    ...{ format, name: target.name },
    roots: await rootsOf(root),
    password: passwordFile === undefined ? null : await passwordIn(world, passwordFile),
    random: (octets) => randomBytes(octets),
  });
  if (!exported.ok) {
    const { detail, accepted } = exported.error;
    throw new CommandFailure(detail, { hints: accepted === undefined ? [] : [`accepted: ${accepted}`] });
  }
  const path = resolve(options.out);
  await placeFile({ path, content: exported.value, mode: 0o600, owner: null });
  const resource = { target: target.name, format, file: path, certificate: installed.certificateSha256 };
  print(world, options, { resource, text: () => `${path}\n` });
}

function named(targets: readonly Target[], name: string): Target {
  const found = targets.find((target) => target.name === name);
  if (found !== undefined) return found;
  throw wrongUsage(`there is no target called ${name}`, `accepted: ${targets.map((target) => target.name).join(', ')}`);
}

/** Every root that this host trusts, DER. */
async function rootsOf(root: string): Promise<readonly Uint8Array[]> {
  const trust = await loadTrust(root);
  const pinned = (await loadState(root))?.identity.root ?? null;
  const anchors = trust?.anchors.map(({ certificate }) => new Uint8Array(new X509Certificate(certificate).raw)) ?? [];
  return pinned === null ? anchors : [...anchors, octetsOfBase64url(pinned)];
}

/** One line, without the line feed at its end. */
const passwordIn = async (world: World, file: string): Promise<string> =>
  (file === '-' ? await world.readStdin() : readText(file)).replace(/\r?\n$/, '');
