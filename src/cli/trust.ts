// `omens trust`: the roots that hosts shall trust. Signing is done where a root's key is and needs no server, but code of
// its side, which is loaded only when that runs.
import type { Command } from 'commander';
import { isGeneration, isTrustDomain } from '../domain/trust-bundle.ts';
import type { TrustDomain } from '../domain/profile.ts';
import type { TrustBundleResource } from '../domain/wire.ts';
import { CommandFailure, wrongUsage } from './failure.ts';
import { print } from './output.ts';
import { ask, type ClientOptions, readText, withClientOptions } from './settings.ts';
import { table } from './table.ts';
import type { World } from './world.ts';

type SignOptions = {
  readonly rootCertificate: string;
  readonly rootKey: string;
  readonly passphraseFile: string;
  readonly generation: string;
  readonly anchor: readonly string[];
  readonly out: string;
};

/** Adds the commands. */
export function addTrustCommands(program: Command, world: World): void {
  const trust = program.command('trust').description('the roots that hosts shall trust');
  trust
    .command('sign')
    .description('sign a bundle with the key of a root; offline, no server is asked')
    .requiredOption('--root-certificate <file>', 'a root of the estate that hosts trust already, PEM')
    .requiredOption('--root-key <file>', 'its encrypted private key')
    .requiredOption('--passphrase-file <file>', 'passphrase of that key')
    .requiredOption('--generation <number>', 'larger than that of the bundle in force (`omens trust show`)')
    .requiredOption('--anchor <domain=file...>', 'every root that hosts shall trust from then on; others are dropped')
    .requiredOption('--out <file>', 'where the bundle goes; a new file')
    .action((options: SignOptions) => sign(world, options));
  withClientOptions(trust.command('publish <file>').description('publish a signed bundle; hosts take it')).action(
    (file: string, options: ClientOptions) => publish(world, file, options),
  );
  withClientOptions(trust.command('show').description('the bundle in force')).action((options: ClientOptions) =>
    show(world, options),
  );
}

async function sign(world: World, options: SignOptions): Promise<void> {
  const generation = Number(options.generation);
  if (!isGeneration(generation)) throw wrongUsage(`--generation ${options.generation} is no positive integer`);
  const anchors = options.anchor.map(anchorOf);
  const { signTrustBundleFile } = await import('../main.ts');
  const signed = await signTrustBundleFile({
    rootCertificateFile: options.rootCertificate,
    rootKeyFile: options.rootKey,
    passphraseFile: options.passphraseFile,
    outFile: options.out,
    now: world.now(),
    ...{ generation, anchors },
  });
  if (!signed.ok) {
    throw new CommandFailure(
      signed.error.map(({ detail, field }) => (field === undefined ? detail : `${field}: ${detail}`)).join('; '),
      { hints: signed.error.flatMap(({ accepted }) => (accepted === undefined ? [] : [accepted])) },
    );
  }
  for (const { domain, sha256 } of signed.value.anchors) world.stdout(`${domain} ${sha256}\n`);
  world.stderr(`omens: wrote ${options.out}; next: omens trust publish ${options.out}\n`);
}

function anchorOf(text: string): { readonly domain: TrustDomain; readonly file: string } {
  const [domain = '', ...rest] = text.split('=');
  const file = rest.join('=');
  if (isTrustDomain(domain) && file !== '') return { domain, file };
  throw wrongUsage(`--anchor ${text} is not DOMAIN=FILE`, 'accepted: estate=root.crt, keylime-control=control.crt');
}

async function publish(world: World, file: string, options: ClientOptions): Promise<void> {
  const block = /-----BEGIN CMS-----([A-Za-z0-9+/=\s]+)-----END CMS-----/.exec(readText(file))?.[1];
  if (block === undefined) {
    throw new CommandFailure(`${file} is no signed bundle`, { hints: ['`omens trust sign` makes one'] });
  }
  const bundle = Buffer.from(block, 'base64').toString('base64url');
  const resource = await ask(world, options, (service) => service.publishTrustBundle({ bundle }));
  print(world, options, { resource, text: describe });
}

async function show(world: World, options: ClientOptions): Promise<void> {
  const resource = await ask(world, options, (service) => service.trustBundle({}));
  print(world, options, { resource, text: describe });
}

/** What stands in a bundle, for people. */
function describe({ generation, createdAt, signedBy, anchors }: TrustBundleResource): string {
  const rows = anchors.map(({ trustDomain, subject, notAfter, certificate }) => [
    ...[trustDomain, subject, notAfter],
    certificate,
  ]);
  const head = `generation ${generation}, made ${createdAt}, signed by ${signedBy}\n`;
  return head + table(['DOMAIN', 'ROOT', 'NOT AFTER', 'SHA-256'], rows);
}
