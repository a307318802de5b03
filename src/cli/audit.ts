// `omens audit`: who did what.
import type { Command } from 'commander';
import type { AuditFilter } from '../client/queries.ts';
import { isSha256Hex } from '../domain/identifiers.ts';
import type { AuditEventResource } from '../domain/warning-wire.ts';
import { deviceNamed } from './device-named.ts';
import { type Columns, limitOf, type PageOptions, printPage, withPageOptions } from './pages.ts';
import type { World } from './world.ts';

type ListOptions = PageOptions & {
  readonly event?: string;
  readonly principal?: string;
  readonly device?: string;
};

/** Adds the commands. */
export function addAuditCommands(program: Command, world: World): void {
  const audit = program.command('audit').description('who did what, and when');
  withPageOptions(audit.command('list').description('the newest first'))
    .option('--event <event>', 'only this one, such as certificate.issued, or a family, such as certificate')
    .option('--principal <who>', 'only what this one did, such as operator:ann or device:<id>')
    .option('--device <host>', 'only what this host did, or what is about it; by name or id')
    .action((options: ListOptions) =>
      printPage(world, options, {
        columns,
        list: async (service, page) => {
          const { event, principal } = options;
          const device = options.device === undefined ? undefined : await deviceNamed(service, options.device);
          const filter: AuditFilter = { ...page, limit: limitOf(options), event, principal, device };
          return service.listAudit(filter);
        },
      }),
    );
}

const columns: Columns<AuditEventResource> = {
  headings: ['AT', 'EVENT', 'WHO', 'FACTS'],
  row: ({ at, event, principal, facts }) => [at, event, principal, factsText(facts)],
};

/** Facts in one line; digests by their beginning. `--json` has them whole. */
const factsText = (facts: AuditEventResource['facts']): string =>
  Object.entries(facts)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ');

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (isSha256Hex(text)) return text.slice(0, 12);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
