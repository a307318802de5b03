// `omens tokens`: credentials for hosts and for people. A secret is printed once, alone on stdout.
import type { Command } from 'commander';
import { parseDuration } from '../domain/duration.ts';
import type { OperatorRole } from '../domain/principal.ts';
import type { EnrollmentTokenBody, EnrollmentTokenResource } from '../domain/wire.ts';
import type { LimitsResource, OperatorTokenBody, OperatorTokenResource } from '../domain/wire.ts';
import { profilesOf } from './devices.ts';
import { wrongUsage } from './failure.ts';
import { print, printJson } from './output.ts';
import { type PageOptions, printPage, withPageOptions } from './pages.ts';
import { ask, type ClientOptions, withClientOptions } from './settings.ts';
import type { World } from './world.ts';

type CreateOptions = ClientOptions & {
  readonly host?: string;
  readonly address?: readonly string[];
  readonly profile?: readonly string[];
  readonly operator?: string;
  readonly role?: string;
  readonly limitProfile?: readonly string[];
  readonly limitName?: readonly string[];
  readonly limitSource?: readonly string[];
  readonly ttl?: string;
};

/** Adds the commands. */
export function addTokensCommands(program: Command, world: World): void {
  const tokens = program.command('tokens').description('credentials for hosts and people');
  withClientOptions(tokens.command('create').description('a token for one host (--host) or one person (--operator)'))
    .option('--host <name>', 'full name of the host that may enroll with it')
    .option('--address <ip...>', 'addresses that its certificates may name')
    .option('--profile <profile...>', 'P or P=DNS,DNS: what it may have; without this, the default grant')
    .option('--operator <name>', 'a person or a script')
    .option('--role <role>', 'viewer, issuer or admin')
    .option('--limit-profile <name...>', 'only these profiles')
    .option('--limit-name <name...>', 'only these names; *.example.org for all below')
    .option('--limit-source <network...>', 'only from these networks')
    .option('--ttl <duration>', '15m, 12h, 30d; 24h for a host and 30d for a person without this')
    .action((options: CreateOptions) => create(world, options));
  withPageOptions(tokens.command('list').description('tokens, without their secrets'))
    .option('--operators', 'those of people instead of those of hosts')
    .action((options: PageOptions & { readonly operators?: boolean }) => list(world, options));
  withClientOptions(tokens.command('delete <id>').description('make a token worthless, at once'))
    .option('--operators', 'it is a token of a person')
    .action(async (id: string, options: ClientOptions & { readonly operators?: boolean }) => {
      const isOperator = options.operators === true;
      await ask(world, options, (service) =>
        isOperator ? service.revokeOperatorToken(id) : service.deleteEnrollmentToken(id),
      );
      if (options.json === true) printJson(world, {});
      else world.stdout(`${id} is worth nothing any more\n`);
    });
}

function create(world: World, options: CreateOptions): Promise<void> {
  if ((options.host === undefined) === (options.operator === undefined)) {
    throw wrongUsage('a token is either for a host or for a person', '--host NAME, or --operator NAME --role R');
  }
  return options.host === undefined ? createForPerson(world, options) : createForHost(world, options, options.host);
}

async function createForHost(world: World, options: CreateOptions, hostName: string): Promise<void> {
  const foreign = [options.role, options.limitProfile, options.limitName, options.limitSource];
  if (foreign.some((option) => option !== undefined)) throw wrongUsage('--role and --limit-… belong to --operator');
  const body: EnrollmentTokenBody = {
    hostName: hostName.toLowerCase(),
    ...(options.address === undefined ? {} : { addresses: options.address }),
    ...profilesOf(options.profile),
    ...ttlOf(options.ttl),
  };
  const resource = await ask(world, options, (service) => service.createEnrollmentToken(body));
  print(world, options, { resource, text: ({ token = '' }) => `${token}\n` });
  if (options.json !== true) world.stderr(instructions(resource));
}

/** What to do with it, on the host; the token itself is not repeated. */
const instructions = ({ hostName, expiresAt, command = '' }: EnrollmentTokenResource): string =>
  `omens: put this token into a file on ${hostName} (mode 0600); it is good once, until ${expiresAt}. Then, there, as root:\n${command}\n`;

async function createForPerson(world: World, options: CreateOptions): Promise<void> {
  if (options.address !== undefined || options.profile !== undefined) {
    throw wrongUsage(
      '--address and --profile belong to --host',
      'a person is limited by --limit-profile and --limit-name',
    );
  }
  const body: OperatorTokenBody = {
    name: options.operator ?? '',
    role: roleOf(options.role),
    ...ttlOf(options.ttl),
    ...limitsOf(options),
  };
  const resource = await ask(world, options, (service) => service.createOperatorToken(body));
  print(world, options, { resource, text: ({ token = '' }) => `${token}\n` });
  if (options.json !== true)
    world.stderr(`omens: token of ${resource.name} (${resource.role}), until ${resource.expiresAt}\n`);
}

function limitsOf({ limitProfile, limitName, limitSource }: CreateOptions): { readonly limits?: LimitsResource } {
  const limits: LimitsResource = {
    ...(limitProfile === undefined ? {} : { profiles: limitProfile }),
    ...(limitName === undefined ? {} : { names: limitName }),
    ...(limitSource === undefined ? {} : { sources: limitSource }),
  };
  return Object.keys(limits).length === 0 ? {} : { limits };
}

function roleOf(text: string | undefined): OperatorRole {
  if (text === 'viewer' || text === 'issuer' || text === 'admin') return text;
  throw wrongUsage('--role is missing or unknown', 'accepted: viewer, issuer, admin');
}

function ttlOf(text: string | undefined): { readonly ttlSeconds?: number } {
  if (text === undefined) return {};
  const ttlSeconds = parseDuration(text);
  if (ttlSeconds === null) throw wrongUsage(`--ttl ${text} is no duration`, 'accepted: 90s, 15m, 12h, 30d, 2w');
  return { ttlSeconds };
}

function list(world: World, options: PageOptions & { readonly operators?: boolean }): Promise<void> {
  if (options.operators === true) {
    return printPage<OperatorTokenResource>(world, options, {
      list: (service, page) => service.listOperatorTokens(page),
      columns: {
        headings: ['ID', 'NAME', 'ROLE', 'EXPIRES', 'LAST USED', 'REVOKED'],
        row: ({ id, name, role, expiresAt, lastUsedAt, revokedAt }) => [
          ...[id, name, role, expiresAt],
          ...[lastUsedAt ?? 'never', revokedAt ?? ''],
        ],
      },
    });
  }
  return printPage<EnrollmentTokenResource>(world, options, {
    list: (service, page) => service.listEnrollmentTokens(page),
    columns: {
      headings: ['ID', 'HOST', 'EXPIRES', 'SPENT', 'PROFILES'],
      row: ({ id, hostName, expiresAt, spentAt, grants }) => [
        ...[id, hostName, expiresAt, spentAt ?? ''],
        grants.map(({ profile }) => profile).join(','),
      ],
    },
  });
}
