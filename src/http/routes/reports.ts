// The expiry report as JSON, CSV or text. What is in it is decided by the service.
import type { ExpiryReport } from '../../domain/wire.ts';
import { preferredType } from '../accept.ts';
import { nextLink, pagingOf, withinOf } from '../paging.ts';
import { found } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { CertificateServices } from '../services.ts';

const path = '/v1/reports/expiry';
const types = ['application/json', 'text/csv', 'text/plain'] as const;

/** `/v1/reports/expiry` */
export const reportRoutes = (services: Pick<CertificateServices, 'expiryReport'>): readonly Route[] => [
  route('GET', path, { takes: ['viewer'] }, async (r) => {
    const type = preferredType(r.header('accept'), types);
    if (type === null) {
      const detail = 'the report exists in other types only';
      return { refusals: { reason: 'notAcceptable', detail, field: 'accept', accepted: types.join(', ') } };
    }
    const within = withinOf(r.query);
    if (!within.ok) return { refusals: within.error };
    const report = await services.expiryReport({ ...pagingOf(r.query), ...within.value }, r);
    if (type === 'application/json') return found(report);
    const headers = { 'Content-Type': `${type}; charset=utf-8`, ...nextLink(path, r.query, report.next) };
    return { status: 200, headers, body: type === 'text/csv' ? reportCsv(report) : reportText(report) };
  }),
];

type Item = ExpiryReport['items'][number];

const columns = [
  'certificate',
  'device',
  'profile',
  'serial',
  'subject',
  'notAfter',
  'level',
  'managed',
  'reason',
  'fault',
  'places',
] as const satisfies readonly (keyof Item)[];

/** RFC 4180, with a header line. A field that a spreadsheet would take for a formula begins with an apostrophe. */
export function reportCsv(report: ExpiryReport): string {
  const lines = report.items.map((item) => columns.map((column) => csvField(cellOf(item, column))).join(','));
  return [columns.join(','), ...lines, ''].join('\r\n');
}

const cellOf = (item: Item, column: (typeof columns)[number]): string =>
  column === 'places'
    ? item.places.map(({ hostName, path }) => `${hostName}:${path}`).join(' ')
    : String(item[column] ?? '');

function csvField(text: string): string {
  const harmless = /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** One line a certificate, the most urgent first as the service gave them, and a summary. */
export function reportText(report: ExpiryReport): string {
  const { ok, warning, critical } = report.summary;
  const lines = report.items.map((item) =>
    [item.level.padEnd(8), item.notAfter, item.profile.padEnd(24), item.subject, item.reason, cellOf(item, 'places')]
      .filter((cell) => cell !== '')
      .map(withoutControls)
      .join('  '),
  );
  return [...lines, `${report.generatedAt}: ${critical} critical, ${warning} warning, ${ok} ok`, ''].join('\n');
}

/** Subjects and paths come from hosts: nothing in them may move the cursor of a terminal, or make a line. */
const withoutControls = (text: string): string => text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, '?');
