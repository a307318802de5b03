// `omens report expiry`: what ends when. With --exit-code it speaks to monitoring as Nagios plugins do.
import { type Command, Option } from 'commander';
import type { TextPage } from '../client/api.ts';
import { durationForm } from '../domain/duration.ts';
import type { ExpiryReport } from '../domain/wire.ts';
import { told, wrongUsage } from './failure.ts';
import { printJson } from './output.ts';
import { type ClientOptions, withClientOptions, withService } from './settings.ts';
import { type Service, valueOf } from './service.ts';
import { table } from './table.ts';
import type { World } from './world.ts';

type ReportOptions = ClientOptions & {
  readonly within?: string;
  readonly format?: 'text' | 'json' | 'csv';
  readonly exitCode?: boolean;
};

/** Exit codes of Nagios plugins. */
const nagios = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;

/** Adds the command; `exit` takes the exit code of a command that succeeded. */
export function addReportCommands(program: Command, world: World, exit: (code: number) => void): void {
  const report = program.command('report').description('reports');
  withClientOptions(report.command('expiry').description('certificates and when they end'))
    .option('--within <duration>', 'only what ends within 12h, 30d, 2w, or has ended')
    .addOption(new Option('--format <format>', 'of the result').choices(['text', 'json', 'csv']))
    .option('--exit-code', 'one line, and 0 ok, 1 warning, 2 critical, 3 could not find out')
    .action((options: ReportOptions) => expiry(world, options, exit));
}

async function expiry(world: World, options: ReportOptions, exit: (code: number) => void): Promise<void> {
  const { within } = options;
  if (within !== undefined && !new RegExp(durationForm).test(within)) {
    throw wrongUsage(`--within ${within} is no duration`, 'accepted: 90s, 15m, 12h, 30d, 2w');
  }
  if (options.exitCode === true) {
    exit(await check(world, options));
    return;
  }
  const format = options.json === true ? 'json' : (options.format ?? 'text');
  if (format === 'csv') {
    world.stdout(await withService(world, options, (service) => wholeCsv(service, within)));
    return;
  }
  const report = await withService(world, options, (service) => wholeReport(service, within));
  if (format === 'json') {
    printJson(world, report);
    return;
  }
  world.stdout(asText(report));
}

/** All pages of the report as one; summary and time are those of the first. */
async function wholeReport(service: Service, within: string | undefined): Promise<ExpiryReport> {
  const first = valueOf(await service.expiryReport({ within, limit: 1000 }));
  const items = [...first.items];
  let { next } = first;
  while (next !== null) {
    const page = valueOf(await service.expiryReport({ within, limit: 1000, cursor: next }));
    items.push(...page.items);
    next = page.next;
  }
  return { ...first, items, next };
}

/** All pages as one CSV document; each of them begins with the header line, which is kept once. */
async function wholeCsv(service: Service, within: string | undefined): Promise<string> {
  const read = async (cursor?: string): Promise<TextPage> =>
    valueOf(await service.expiryReportText({ within, limit: 1000, cursor }, 'text/csv'));
  let { text, next } = await read();
  while (next !== null) {
    const page = await read(next);
    text += page.text.slice(page.text.indexOf('\r\n') + 2);
    next = page.next;
  }
  return text;
}

/** For people: what is nearest to its end first, then the counts. */
function asText({ generatedAt, summary, items }: ExpiryReport): string {
  const rows = items.map(({ level, notAfter, profile, subject, reason, places }) => [
    ...[level, notAfter, profile, subject],
    [reason, ...places.map(({ hostName, path }) => `${hostName}:${path}`)].join(' '),
  ]);
  const counts = `${summary.critical} critical, ${summary.warning} warning, ${summary.ok} ok`;
  return `${table(['LEVEL', 'NOT AFTER', 'PROFILE', 'SUBJECT', 'WHY'], rows)}\n${counts} at ${generatedAt}\n`;
}

/** One line on stdout whatever happens: monitoring shows nothing else. */
async function check(world: World, options: ReportOptions): Promise<number> {
  try {
    const { within } = options;
    const report = await withService(world, options, async (service) =>
      valueOf(await service.expiryReport({ within, limit: 1 })),
    );
    const { line, code } = verdict(report);
    world.stdout(`${line}\n`);
    return code;
  } catch (error) {
    world.stdout(`EXPIRY UNKNOWN - ${told(error).message}\n`);
    return nagios.unknown;
  }
}

/** The worst level decides; counts follow as performance data. */
export function verdict({ summary, items }: Pick<ExpiryReport, 'summary' | 'items'>): {
  readonly line: string;
  readonly code: number;
} {
  const { ok, warning, critical } = summary;
  const level = critical > 0 ? 'critical' : warning > 0 ? 'warning' : 'ok';
  const [first] = items;
  const nearest =
    first === undefined || level === 'ok' ? '' : `; first: ${first.profile} ${first.subject} (${first.reason})`;
  const counts = `${critical} critical, ${warning} warning, ${ok} ok`;
  const line = `EXPIRY ${level.toUpperCase()} - ${counts}${nearest} | critical=${critical} warning=${warning} ok=${ok}`;
  return { line, code: nagios[level] };
}
