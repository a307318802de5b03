// `omens warnings`: what is not well, one by one, and what people say to it.
import { type Command, Option } from 'commander';
import { allItems } from '../client/api.ts';
import type { PageQuery, WarningFilter } from '../client/queries.ts';
import { durationForm, parseDuration } from '../domain/duration.ts';
import { isUuid } from '../domain/identifiers.ts';
import { longestSnoozeSeconds } from '../domain/warning.ts';
import type { SnoozeBody, WarningResource } from '../domain/warning-wire.ts';
import { wireTime } from '../domain/wire.ts';
import { deviceNamed } from './device-named.ts';
import { CommandFailure, wrongUsage } from './failure.ts';
import { print } from './output.ts';
import { limitOf, type PageOptions, withPageOptions } from './pages.ts';
import { type Service, valueOf } from './service.ts';
import { type ClientOptions, withClientOptions, withService } from './settings.ts';
import { describeWarning, warningList } from './warning-text.ts';
import type { World } from './world.ts';

type ListOptions = PageOptions & {
  readonly state?: 'open' | 'closed';
  readonly level?: 'warning' | 'critical';
  readonly device?: string;
};

/** Adds the commands. */
export function addWarningsCommands(program: Command, world: World): void {
  const warnings = program.command('warnings').description('what is not well, and who looks after it');
  withPageOptions(warnings.command('list').description('warnings, the worst and oldest first'))
    .addOption(new Option('--state <state>', 'open ones, or closed ones').choices(['open', 'closed']).default('open'))
    .addOption(new Option('--level <level>', 'only of this level').choices(['warning', 'critical']))
    .option('--device <host>', 'only of this host, by name or id')
    .action((options: ListOptions) => list(world, options));
  withClientOptions(
    warnings.command('show <id>').description('one warning, and which channels were told; the id, or its beginning'),
  ).action(async (id: string, options: ClientOptions) => {
    const resource = await withService(world, options, async (service) =>
      valueOf(await service.showWarning(await warningNamed(service, id))),
    );
    print(world, options, { resource, text: describeWarning });
  });
  withClientOptions(
    warnings
      .command('acknowledge <id>')
      .description('somebody looks after it: it is not repeated unless it gets worse'),
  )
    .option('--note <text>', 'what is done about it')
    .action((id: string, options: AnswerOptions) => acknowledge(world, id, options));
  withClientOptions(warnings.command('snooze <id>').description('say nothing of it for a while, unless it gets worse'))
    .option('--for <duration>', 'from now: 12h, 3d, 2w; at most 30d')
    .option('--until <time>', 'until then: 2026-12-01T09:00:00Z')
    .option('--note <text>', 'why')
    .action((id: string, options: SnoozeOptions) => snooze(world, id, options));
}

type AnswerOptions = ClientOptions & { readonly note?: string };
type SnoozeOptions = AnswerOptions & { readonly for?: string; readonly until?: string };

async function list(world: World, options: ListOptions): Promise<void> {
  const { state, level, device, cursor } = options;
  const page: PageQuery = { limit: limitOf(options), cursor };
  const resource = await withService(world, options, async (service) => {
    const of = device === undefined ? undefined : await deviceNamed(service, device);
    const filter: WarningFilter = { ...page, state, level, device: of };
    return valueOf(await service.listWarnings(filter));
  });
  print(world, options, { resource, text: warningList });
  if (resource.next !== null && options.json !== true)
    world.stderr(`omens: there is more: --cursor ${resource.next}\n`);
}

async function acknowledge(world: World, id: string, options: AnswerOptions): Promise<void> {
  const body = options.note === undefined ? {} : { note: options.note };
  const resource = await withService(world, options, async (service) =>
    valueOf(await service.acknowledgeWarning(await warningNamed(service, id), body)),
  );
  print(world, options, { resource, text: describeWarning });
}

async function snooze(world: World, id: string, options: SnoozeOptions): Promise<void> {
  const { note } = options;
  const body: SnoozeBody = { until: untilOf(options, world.now()), ...(note === undefined ? {} : { note }) };
  const resource = await withService(world, options, async (service) =>
    valueOf(await service.snoozeWarning(await warningNamed(service, id), body)),
  );
  print(world, options, { resource, text: describeWarning });
}

/** The instant of exactly one of the two options. */
function untilOf({ for: during, until }: SnoozeOptions, now: Date): string {
  if ((during === undefined) === (until === undefined))
    throw wrongUsage('nothing, or too much, says how long', 'accepted: exactly one of --for 3d and --until TIME');
  if (until !== undefined) {
    const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(until) ? Date.parse(until) : NaN;
    if (!Number.isNaN(instant)) return until;
    throw wrongUsage(`--until ${until} is no time`, 'accepted: UTC in whole seconds, such as 2026-12-01T09:00:00Z');
  }
  const seconds = new RegExp(durationForm).test(during ?? '') ? parseDuration(during ?? '') : null;
  if (seconds === null || seconds === 0 || seconds > longestSnoozeSeconds)
    throw wrongUsage(`--for ${during ?? ''} is no time to be silent`, 'accepted: 90s, 15m, 12h, 3d, 2w; at most 30d');
  return wireTime(new Date(now.getTime() + seconds * 1000));
}

/** The id of a warning by its beginning: of the open ones, else of the last that were closed. */
async function warningNamed(service: Service, text: string): Promise<string> {
  if (isUuid(text)) return text;
  if (!/^[0-9a-f-]{4,36}$/.test(text))
    throw wrongUsage(`${text} is no id of a warning`, 'accepted: the id that `omens warnings list` shows');
  const open = valueOf(await allItems<WarningResource>((page) => service.listWarnings({ ...page, state: 'open' })));
  const found = open.filter(({ id }) => id.startsWith(text));
  const closed = found.length > 0 ? [] : valueOf(await service.listWarnings({ state: 'closed', limit: 1000 })).items;
  const all = [...found, ...closed.filter(({ id }) => id.startsWith(text))];
  const [first, second] = all;
  if (first !== undefined && second === undefined) return first.id;
  const [what, hint] =
    first === undefined
      ? [`there is no warning ${text}`, '`omens warnings list` shows the open ones, `--state closed` the others']
      : [
          `several warnings begin with ${text}`,
          `more of the id: ${all
            .map(({ id }) => id)
            .slice(0, 3)
            .join(', ')}`,
        ];
  throw new CommandFailure(what, { hints: [hint] });
}
