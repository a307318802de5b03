// `omens issuers`: the CAs, and their certificates as files of PEM. Anyone may read them.
import type { Command } from 'commander';
import { CommandFailure } from './failure.ts';
import { printJson } from './output.ts';
import { type PageOptions, printPage, withPageOptions } from './pages.ts';
import { type ClientOptions, withClientOptions, withService } from './settings.ts';
import { type Service, valueOf } from './service.ts';
import type { IssuerResource } from '../domain/wire.ts';
import type { World } from './world.ts';

type PemOptions = ClientOptions & { readonly domain: string };

const parts = [
  ['chain', 'from the issuing CA up, without the root'],
  ['root', 'the root'],
  ['bundle', 'chain and root'],
] as const;

/** Adds the commands. */
export function addIssuersCommands(program: Command, world: World): void {
  const issuers = program.command('issuers').description('the CAs of both trust domains');
  withPageOptions(issuers.command('list').description('all of them')).action((options: PageOptions) =>
    printPage<IssuerResource>(world, options, {
      list: (service) => service.listIssuers(),
      columns: {
        headings: ['ID', 'DOMAIN', 'ROLE', 'SUBJECT', 'NOT AFTER', 'ACTIVE'],
        row: ({ id, trustDomain, role, subject, notAfter, active }) => [
          ...[id, trustDomain, role, subject, notAfter],
          active ? 'yes' : 'no',
        ],
      },
    }),
  );
  for (const [part, description] of parts) {
    withClientOptions(issuers.command(`${part} [id]`).description(`PEM: ${description}`))
      .option('--domain <name>', 'estate or keylime-control, where no id is given', 'estate')
      .action((id: string | undefined, options: PemOptions) => printPem(world, options, { id, part }));
  }
}

async function printPem(
  world: World,
  options: PemOptions,
  { id, part }: { readonly id: string | undefined; readonly part: 'chain' | 'root' | 'bundle' },
): Promise<void> {
  const pem = await withService(world, options, async (service) =>
    valueOf(await service.issuerPem(id ?? (await activeIssuer(service, options.domain)), part)),
  );
  if (options.json === true) printJson(world, { pem });
  else world.stdout(pem);
}

/** The issuing CA that signs today. */
async function activeIssuer(service: Service, domain: string): Promise<string> {
  const { items } = valueOf(await service.listIssuers());
  const found = items.find(({ role, active, trustDomain }) => role === 'issuing' && active && trustDomain === domain);
  if (found !== undefined) return found.id;
  throw new CommandFailure(`there is no active issuing CA in the trust domain ${domain}`, {
    hints: ['`omens issuers list` shows what there is'],
  });
}
