// Lists of the API as commands show them: one page as it is, or every page as a table.
import type { Command } from 'commander';
import type { ClientFault } from '../client/connection.ts';
import type { PageQuery } from '../client/queries.ts';
import type { Result } from '../domain/result.ts';
import type { Page } from '../domain/wire.ts';
import { wrongUsage } from './failure.ts';
import { printJson } from './output.ts';
import { type ClientOptions, withClientOptions, withService } from './settings.ts';
import { type Service, valueOf } from './service.ts';
import { table } from './table.ts';
import type { World } from './world.ts';

/** Options of a command that lists. */
export type PageOptions = ClientOptions & { readonly limit?: string; readonly cursor?: string };

/** Adds the options of a list, and those of every command with the API. */
export const withPageOptions = (command: Command): Command =>
  withClientOptions(command)
    .option('--limit <n>', 'at most so many items')
    .option('--cursor <cursor>', 'the page after this one');

/** The number of `--limit`; nothing when it was not given. */
export function limitOf({ limit }: PageOptions): number | undefined {
  if (limit === undefined || /^[1-9][0-9]{0,3}$/.test(limit)) return limit === undefined ? undefined : Number(limit);
  throw wrongUsage(`--limit ${limit} is no number`);
}

/** How the items of a list look as a table. */
export type Columns<T> = { readonly headings: readonly string[]; readonly row: (item: T) => readonly string[] };

/** Prints a page: the resource unchanged, or a table; where the next page is goes to stderr. */
export async function printPage<T>(
  world: World,
  options: PageOptions,
  input: {
    readonly columns: Columns<T>;
    readonly list: (service: Service, page: PageQuery) => Promise<Result<Page<T>, ClientFault>>;
  },
): Promise<void> {
  const query = { limit: limitOf(options), cursor: options.cursor };
  const page = await withService(world, options, async (service) => valueOf(await input.list(service, query)));
  if (options.json === true) {
    printJson(world, page);
    return;
  }
  world.stdout(table(input.columns.headings, page.items.map(input.columns.row)));
  if (page.next !== null) world.stderr(`omens: there is more: --cursor ${page.next}\n`);
}
