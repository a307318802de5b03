// The reports for people, in a hundred columns.
import { describeSeconds, type ExpiryLevel } from '../domain/expiry.ts';
import { groupedBy } from '../domain/grouped.ts';
import type {
  DeviceReportItem,
  DevicesReport,
  ExpiryItem,
  ExpiryReport,
  IssuanceReport,
  RotationReport,
} from '../domain/report-wire.ts';
import type { StateCounts } from '../domain/rotation-wire.ts';
import { columnsOfTerminal, cutMiddle, inColor, wrap } from './narrow.ts';
import { table } from './table.ts';

export type Grouping = 'host' | 'urgency';
type Look = { readonly group: Grouping; readonly isColorful: boolean };

const levels = ['critical', 'warning', 'ok'] as const satisfies readonly ExpiryLevel[];
const widest = { profile: 22, subject: 34 } as const;

/** What ends, by urgency or by host, nearest end first; then the counts. */
export function expiryText(report: ExpiryReport, look: Look): string {
  const { summary, otherWarnings, generatedAt, items } = report;
  const groups = look.group === 'host' ? byHost(items) : byUrgency(items);
  const told = groups.map(({ heading, level, members }) => {
    const title = level === null ? heading : inColor(heading, level, look.isColorful);
    return `${title}\n${rowsOf(members, look)}\n`;
  });
  const counts = `${summary.critical} critical, ${summary.warning} warning, ${summary.ok} ok at ${generatedAt}`;
  const others = otherWarnings === 0 ? '' : `; ${otherWarnings} other warnings are open (\`omens warnings list\`)`;
  return `${told.join('')}${counts}${others}\n`;
}

type Group = { readonly heading: string; readonly level: ExpiryLevel | null; readonly members: readonly ExpiryItem[] };

const byUrgency = (items: readonly ExpiryItem[]): readonly Group[] =>
  levels.flatMap((level) => {
    const members = items.filter((item) => item.level === level);
    return members.length === 0 ? [] : [{ heading: `${level.toUpperCase()} (${members.length})`, level, members }];
  });

/** Hosts in the order of their nearest end. */
function byHost(items: readonly ExpiryItem[]): readonly Group[] {
  return [...groupedBy(items, hostOf)].map(([host, members]) => ({
    heading: cutMiddle(host, columnsOfTerminal),
    level: null,
    members,
  }));
}

const hostOf = ({ device }: ExpiryItem): string => device ?? 'on no host';

/** Lines of items: level, end, profile, whose, and why, which goes on below itself. */
function rowsOf(items: readonly ExpiryItem[], { group, isColorful }: Look): string {
  const subjects = items.map((item) => subjectOf(item, group));
  const width = (texts: readonly string[], most: number): number =>
    Math.min(most, Math.max(...texts.map((text) => text.length)));
  const [profileWidth, subjectWidth] = [
    width(
      items.map(({ profile }) => profile),
      widest.profile,
    ),
    width(subjects, widest.subject),
  ];
  return items
    .map((item, at) => {
      const level = group === 'host' ? `${inColor(item.level.padEnd(8), item.level, isColorful)}  ` : '';
      const fixed = [
        item.notAfter.slice(0, 16).replace('T', ' '),
        cutMiddle(item.profile, profileWidth).padEnd(profileWidth),
        cutMiddle(subjects[at] ?? '', subjectWidth).padEnd(subjectWidth),
      ].join('  ');
      const indent = 2 + (group === 'host' ? 10 : 0) + fixed.length + 2;
      const [first = '', ...more] = wrap(whyOf(item), columnsOfTerminal - indent);
      return [`  ${level}${fixed}  ${first}`.trimEnd(), ...more.map((line) => ' '.repeat(indent) + line)].join('\n');
    })
    .join('\n');
}

/** Of a host whose name says it all, the name; else what it is, and where. */
function subjectOf({ subject, device }: ExpiryItem, group: Grouping): string {
  return group === 'host' || device === null || subject === device ? subject : `${subject} @ ${device}`;
}

const whyOf = ({ reason, places }: ExpiryItem): string =>
  [reason, ...places.slice(0, 2).map(({ hostName, path }) => `${hostName}:${path}`)].join(' ') +
  (places.length > 2 ? ` and ${places.length - 2} more` : '');

/** What was issued lately. */
export function issuanceText(report: IssuanceReport): string {
  const { totals, profiles, principals, from, generatedAt, issuedPerHour } = report;
  const counts = profiles.map(({ profile, issued, refused, revoked }) => [
    cutMiddle(profile, 40),
    ...[issued, refused, revoked].map(String),
  ]);
  const who = principals.map(({ principal, issued }) => [cutMiddle(principal, 80), String(issued)]);
  const top = who.length === 0 ? '' : `\n${table(['PRINCIPAL', 'ISSUED'], who)}`;
  const sum = `${totals.issued} issued, ${totals.refused} refused, ${totals.revoked} revoked`;
  const span = `from ${from} to ${generatedAt}\n${issuedPerHour} issued an hour`;
  return `${table(['PROFILE', 'ISSUED', 'REFUSED', 'REVOKED'], counts)}${top}\n${sum}\n${span}\n`;
}

const stateColumns = [
  ...([
    ['current', 'CURRENT'],
    ['windowOpen', 'WINDOW'],
    ['inProgress', 'WORKING'],
    ['issued', 'ISSUED'],
  ] as const),
  ...([
    ['installed', 'INSTALLED'],
    ['failed', 'FAILED'],
    ['late', 'LATE'],
    ['blocked', 'BLOCKED'],
  ] as const),
  ['empty', 'EMPTY'],
] as const satisfies readonly (readonly [keyof StateCounts, string])[];

/** How rotation stands. */
export function rotationText(report: RotationReport): string {
  const { profiles, states, late, campaigns, forecast, generatedAt } = report;
  const row = (name: string, counts: StateCounts): readonly string[] => [
    cutMiddle(name, 24),
    ...stateColumns.map(([state]) => String(counts[state])),
  ];
  const rows = [...profiles.map((one) => row(one.profile, one.states)), row('all', states)];
  const tables = [
    table(['PROFILE', ...stateColumns.map(([, heading]) => heading)], rows),
    late.length === 0 ? null : lateTable(late),
    campaigns.length === 0
      ? null
      : table(
          ['CAMPAIGN', 'STATE', 'CONFIRMED', 'FAILED'],
          campaigns.map(({ name, state, members }) => [
            ...[cutMiddle(name, 40), state, `${members.confirmed} of ${members.total}`, String(members.failed)],
          ]),
        ),
    forecast.length === 0
      ? null
      : table(
          ['DAY', 'PROFILE', 'RENEWALS'],
          forecast.map(({ day, profile, renewals }) => [day, cutMiddle(profile, 40), String(renewals)]),
        ),
  ];
  return `${tables.filter((part) => part !== null).join('\n')}\nat ${generatedAt}\n`;
}

const lateTable = (late: RotationReport['late']): string =>
  table(
    ['LATE HOST', 'PROFILE', 'NOT AFTER', 'WHY'],
    late.map(({ hostName, profile, notAfter, reason }) => [
      ...[cutMiddle(hostName, 28), cutMiddle(profile, 16), notAfter ?? 'none', cutMiddle(reason ?? '-', 28)],
    ]),
  );

/** How devices stand. */
export function devicesText({ items, generatedAt }: Omit<DevicesReport, 'next'>): string {
  const now = new Date(generatedAt).getTime();
  const ago = (time: string): string => describeSeconds(Math.max(0, (now - new Date(time).getTime()) / 1000));
  const rows = items.map((item) => [
    ...[cutMiddle(item.hostName, 28), item.state, cutMiddle(tpmOf(item), 18), ago(item.lastSeenAt)],
    ...[levelsText(item.certificates), item.trustGeneration === null ? '-' : String(item.trustGeneration)],
    levelsText({ ...item.openWarnings, ok: 0 }),
  ]);
  const headings = ['HOST', 'STATE', 'TPM', 'SEEN', 'CERTIFICATES', 'TRUST', 'WARNINGS'];
  return `${table(headings, rows)}${items.length} devices at ${generatedAt}\n`;
}

const tpmOf = ({ tpm }: DeviceReportItem): string =>
  [tpm.manufacturer, tpm.model].filter((part) => part !== null).join(' ') || '-';

/** `1 critical, 2 ok`; a level that nothing has is left out. */
const levelsText = (counts: Readonly<Record<ExpiryLevel, number>>): string =>
  levels
    .filter((level) => counts[level] > 0)
    .map((level) => `${counts[level]} ${level === 'critical' ? 'crit' : level === 'warning' ? 'warn' : level}`)
    .join(' ') || '-';
