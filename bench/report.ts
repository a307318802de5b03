// Results as text for people. The JSON of `--json` is the report itself.
import type { Durability } from './judge.ts';
import type { Machine } from './machine.ts';
import type { MessageCounts } from './messages.ts';
import type { Profiles } from './contest.ts';
import type { SelfTime } from './profile.ts';

/** Medians over the rounds; processor time per issuance. */
export type Row = {
  readonly name: string;
  readonly inFlight: number;
  readonly perRound: number;
  readonly isDurable: boolean;
  readonly role: 'subject' | 'cfssl' | 'peculiar' | 'other';
  /** Of the process that issues. */
  readonly cpuMs: number;
  readonly cpuMsLeast: number;
  readonly cpuMsMost: number;
  readonly postgresMs: number;
  /** Of the load generator. */
  readonly clientMs: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

export type Report = Machine & {
  readonly rounds: number;
  /** Load averages over one minute. */
  readonly loadBefore: number;
  readonly loadAfter: number;
  readonly rows: readonly Row[];
  readonly messages: readonly MessageCounts[];
  readonly durability: Durability;
  readonly remarks: readonly string[];
  readonly profile: Profiles | null;
};

type Column = { readonly title: string; readonly cell: (row: Row) => string };

const fixed = (digits: number) => (value: number) => value.toFixed(digits);

function columnsFor(rows: readonly Row[]): readonly Column[] {
  const cpuOf = (role: Row['role']): number => rows.find((row) => row.role === role)?.cpuMs ?? NaN;
  const against = (role: Row['role']) => (row: Row) =>
    Number.isNaN(cpuOf(role)) ? '-' : ratio(row.cpuMs, cpuOf(role));
  return [
    { title: 'in flight', cell: (row) => String(row.inFlight) },
    { title: 'durable', cell: (row) => (row.isDurable ? 'yes' : 'no') },
    { title: 'CPU ms', cell: (row) => fixed(3)(row.cpuMs) },
    { title: 'least-most', cell: (row) => `${fixed(2)(row.cpuMsLeast)}-${fixed(2)(row.cpuMsMost)}` },
    { title: 'PG CPU ms', cell: (row) => (row.isDurable ? fixed(3)(row.postgresMs) : '-') },
    { title: 'client ms', cell: (row) => (row.clientMs > 0 ? fixed(3)(row.clientMs) : '-') },
    { title: 'per s', cell: (row) => fixed(0)(row.perSecond) },
    { title: 'p50 ms', cell: (row) => fixed(1)(row.p50Ms) },
    { title: 'p99 ms', cell: (row) => fixed(1)(row.p99Ms) },
    { title: '/ cfssl', cell: against('cfssl') },
    { title: '/ @peculiar', cell: against('peculiar') },
  ];
}

const ratio = (value: number, other: number): string => {
  const quotient = value / other;
  return quotient >= 10 ? quotient.toFixed(0) : quotient.toFixed(2);
};

/** The whole report as lines of text. */
export function formatReport(report: Report): string {
  const { rows, messages, durability } = report;
  const columns = columnsFor(rows);
  const table = [
    ['', ...columns.map(({ title }) => title)],
    ...rows.map((row) => [row.name, ...columns.map(({ cell }) => cell(row))]),
  ];
  return [
    `${report.at}  ${report.processor}, ${report.cores} cores, ${report.memoryGib} GiB, Linux ${report.kernel}`,
    `Node ${report.node} (OpenSSL ${report.openssl}), ${report.opensslProgram}, PostgreSQL ${durability.version}`,
    `load ${report.loadBefore.toFixed(2)} before, ${report.loadAfter.toFixed(2)} after; medians of ${report.rounds} rounds; CPU of the issuing process per issuance`,
    '',
    ...aligned(table),
    '',
    `PostgreSQL: fsync ${durability.fsync}, synchronous_commit ${durability.synchronousCommit}; ${durability.certificates} certificates, each with an audit event and an outbox message; ${durability.openIntents} open intents`,
    'messages to PostgreSQL per issuance, unbatched:',
    ...messages.map(messageLine),
    ...report.remarks,
  ].join('\n');
}

const messageLine = ({ name, total, perIssuance, roundTrips }: MessageCounts): string => {
  const counts = Object.entries(perIssuance).map(([message, count]) => `${round(count)} ${message}`);
  return `  ${name}: ${round(total)} in ${round(roundTrips)} round trips (${counts.join(', ')})`;
};

const round = (value: number): string => String(Math.round(value * 100) / 100);

/** Columns padded to their widest cell: the first to the left, numbers to the right. */
export function aligned(table: readonly (readonly string[])[]): readonly string[] {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** Profiles as lines: share of the processor time, function, place. */
export const formatProfiles = ({ service, https }: Profiles): string =>
  [
    'own time of the service function at 64 in flight:',
    ...service.slice(0, 25).map(selfTimeLine),
    'own time of the server over HTTPS at 64 in flight:',
    ...https.slice(0, 35).map(selfTimeLine),
  ].join('\n');

const selfTimeLine = ({ share, name, where }: SelfTime): string =>
  `${(share * 100).toFixed(1).padStart(6)} %  ${name}  ${where}`;
