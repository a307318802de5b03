// `omens report …`: what ends when, what was issued, how rotation and devices stand. With --exit-code the first speaks to
// monitoring as Nagios plugins do.
import { type Command, Option } from 'commander';
import type { ExpiryFilter, ReportName } from '../client/queries.ts';
import { durationForm } from '../domain/duration.ts';
import type { ExpiryItem, ExpiryReport, ExpirySummary } from '../domain/report-wire.ts';
import { told, wrongUsage } from './failure.ts';
import { printJson } from './output.ts';
import { devicesText, expiryText, type Grouping, issuanceText, rotationText } from './report-text.ts';
import { type ClientOptions, withClientOptions, withService } from './settings.ts';
import { type Service, valueOf } from './service.ts';
import { oneLine } from '../domain/printable.ts';
import type { World } from './world.ts';

type Format = 'text' | 'json' | 'csv';
type ReportOptions = ClientOptions & { readonly format?: Format };
type ExpiryOptions = ReportOptions &
  Pick<ExpiryFilter, 'within' | 'profile' | 'device' | 'level'> & {
    readonly group?: Grouping;
    readonly exitCode?: boolean;
  };

/** Exit codes of Nagios plugins. */
const nagios = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

/** Adds the commands; `exit` takes the exit code of a command that succeeded. */
export function addReportCommands(program: Command, world: World, exit: (code: number) => void): void {
  const report = program.command('report').description('reports');
  withReportOptions(report.command('expiry').description('what ends when: certificates, CAs, CRLs, EK certificates'))
    .option('--within <duration>', 'only what ends within 12h, 30d, 2w, or has ended')
    .option('--profile <profile>', 'only certificates of this profile')
    .option('--device <device>', 'only what is on this device, by host name or id')
    .addOption(new Option('--level <level>', 'only what has it').choices(['ok', 'warning', 'critical']))
    .addOption(new Option('--group <by>', 'of the text').choices(['host', 'urgency']).default('urgency'))
    .option('--exit-code', 'one line, and 0 ok, 1 warning, 2 critical, 3 could not find out')
    .action((options: ExpiryOptions) => expiry(world, options, exit));
  withReportOptions(report.command('issuance').description('what was issued, refused and revoked lately'))
    .option('--within <duration>', 'how far to look back: 12h, 30d (24h)')
    .action((options: ReportOptions & { readonly within?: string }) => issuance(world, options));
  withReportOptions(
    report.command('rotation').description('states of lineages, campaigns, and the next seven days'),
  ).action((options: ReportOptions) => rotation(world, options));
  withReportOptions(report.command('devices').description('state, TPM, last call, certificates, open warnings')).action(
    (options: ReportOptions) => devices(world, options),
  );
}

const withReportOptions = (command: Command): Command =>
  withClientOptions(command).addOption(
    new Option('--format <format>', 'of the result').choices(['text', 'json', 'csv']),
  );

const formatOf = ({ json, format }: ReportOptions): Format => (json === true ? 'json' : (format ?? 'text'));

/** Prints a report in the format that was asked for. */
async function show<T>(
  world: World,
  options: ReportOptions,
  report: {
    readonly name: ReportName;
    readonly query: ExpiryFilter;
    readonly read: (service: Service) => Promise<T>;
    readonly text: (read: T) => string;
  },
): Promise<void> {
  const format = formatOf(options);
  if (format === 'csv') {
    world.stdout(await withService(world, options, (service) => wholeCsv(service, report.name, report.query)));
    return;
  }
  const read = await withService(world, options, report.read);
  if (format === 'json') printJson(world, read);
  else world.stdout(report.text(read));
}

function checkWithin(within: string | undefined): void {
  if (within === undefined || new RegExp(durationForm).test(within)) return;
  throw wrongUsage(`--within ${within} is no duration`, 'accepted: 90s, 15m, 12h, 30d, 2w');
}

async function expiry(world: World, options: ExpiryOptions, exit: (code: number) => void): Promise<void> {
  const { within, profile, device, level, group = 'urgency' } = options;
  checkWithin(within);
  const query = { within, profile, device, level };
  if (options.exitCode === true) {
    exit(await check(world, options, query));
    return;
  }
  await show(world, options, {
    ...{ name: 'expiry', query },
    read: (service) => wholeReport(service, query),
    text: (report) => expiryText(report, { group, isColorful: world.isColorful }),
  });
}

async function issuance(world: World, options: ReportOptions & { readonly within?: string }): Promise<void> {
  const { within } = options;
  checkWithin(within);
  const read = async (service: Service) => valueOf(await service.issuanceReport({ within }));
  await show(world, options, { name: 'issuance', query: { within }, read, text: issuanceText });
}

const rotation = (world: World, options: ReportOptions): Promise<void> =>
  show(world, options, {
    ...{ name: 'rotation', query: {}, text: rotationText },
    read: async (service) => valueOf(await service.rotationReport()),
  });

const devices = (world: World, options: ReportOptions): Promise<void> =>
  show(world, options, {
    ...{ name: 'devices', query: {}, text: devicesText },
    read: (service) => allPages((page) => service.devicesReport(page)),
  });

/** All pages of the report as one; summary and time are those of the first. */
const wholeReport = (service: Service, query: ExpiryFilter): Promise<ExpiryReport> =>
  allPages((page) => service.expiryReport({ ...query, ...page }));

type PageOf<T> = { readonly items: readonly T[]; readonly next: string | null };

/** The first page with the items of all that follow it. */
async function allPages<T, R extends PageOf<T>>(
  read: (page: { readonly limit: number; readonly cursor?: string }) => Promise<Parameters<typeof valueOf<R>>[0]>,
): Promise<R> {
  const first = valueOf(await read({ limit: 1000 }));
  const items = [...first.items];
  for (let { next } = first; next !== null; ) {
    const page = valueOf(await read({ limit: 1000, cursor: next }));
    items.push(...page.items);
    next = page.next;
  }
  return { ...first, items, next: null };
}

/** All pages as one CSV document; each of them begins with the header line, which is kept once. */
async function wholeCsv(service: Service, name: ReportName, query: ExpiryFilter): Promise<string> {
  const isPaged = name === 'expiry' || name === 'devices';
  const read = async (cursor?: string) =>
    valueOf(await service.reportCsv(name, isPaged ? { ...query, limit: 1000, cursor } : query));
  let { text, next } = await read();
  while (next !== null) {
    const page = await read(next);
    text += page.text.slice(page.text.indexOf('\r\n') + 2);
    next = page.next;
  }
  return text;
}

/** One line on stdout whatever happens: monitoring shows nothing else. */
async function check(world: World, options: ExpiryOptions, query: ExpiryFilter): Promise<number> {
  try {
    const { line, code } = verdict(await withService(world, options, (service) => checked(service, query)));
    world.stdout(`${line}\n`);
    return code;
  } catch (error) {
    world.stdout(`EXPIRY UNKNOWN - ${oneLine(told(error).message)}\n`);
    return nagios.unknown;
  }
}

/** What the exit code is about. */
export type Checked = {
  readonly summary: ExpirySummary;
  readonly otherWarnings: number;
  /** The nearest end of the worst level. */
  readonly first: Pick<ExpiryItem, 'profile' | 'subject' | 'reason'> | null;
};

/** Of everything; or, where something was asked for, of that: then the items are counted, since the summary has no filter. */
async function checked(service: Service, query: ExpiryFilter): Promise<Checked> {
  if (Object.values(query).some((value) => value !== undefined)) {
    const { items, otherWarnings } = await wholeReport(service, query);
    const count = (level: keyof ExpirySummary): number => items.filter((item) => item.level === level).length;
    const summary = { ok: count('ok'), warning: count('warning'), critical: count('critical') };
    return { summary, otherWarnings, first: items.find(({ level }) => level === worst(summary)) ?? null };
  }
  const { summary, otherWarnings } = valueOf(await service.expiryReport({ limit: 1 }));
  const level = worst(summary);
  if (level === 'ok') return { summary, otherWarnings, first: null };
  const { items } = valueOf(await service.expiryReport({ limit: 1, level }));
  return { summary, otherWarnings, first: items[0] ?? null };
}

const worst = ({ critical, warning }: ExpirySummary): keyof ExpirySummary =>
  critical > 0 ? 'critical' : warning > 0 ? 'warning' : 'ok';

/**
 * The worst level decides; counts follow as performance data. Warnings that are about no end are named, and decide nothing:
 * a host that is not seen is for the notifier.
 */
export function verdict({ summary, otherWarnings, first }: Checked): { readonly line: string; readonly code: number } {
  const { ok, warning, critical } = summary;
  const level = worst(summary);
  // A bar would begin the performance data.
  const shown = (text: string): string => oneLine(text).replaceAll('|', '/');
  const parts = [
    `${critical} critical, ${warning} warning, ${ok} ok`,
    first === null || level === 'ok' ? null : shown(`first: ${first.profile} ${first.subject} (${first.reason})`),
    otherWarnings === 0 ? null : `${otherWarnings} other warnings open`,
  ];
  const data = `critical=${critical} warning=${warning} ok=${ok} otherWarnings=${otherWarnings}`;
  const text = parts.filter((part) => part !== null).join('; ');
  return { line: `EXPIRY ${level.toUpperCase()} - ${text} | ${data}`, code: nagios[level] };
}
