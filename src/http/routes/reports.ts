// The reports as JSON or CSV, that of expiry also as text. What is in them is decided by the services.
import { withoutControls } from '../../domain/printable.ts';
import type {
  DevicesReport,
  ExpiryItem,
  ExpiryReport,
  IssuanceReport,
  RotationReport,
} from '../../domain/report-wire.ts';
import { err, ok, type Refusal, type Result } from '../../domain/result.ts';
import { preferredType } from '../accept.ts';
import { csv } from '../csv.ts';
import { nextLink, pagingOf, withinOf } from '../paging.ts';
import { found } from '../reply.ts';
import type { ReportServices } from '../report-services.ts';
import { type Outcome, type Query, route, type Route } from '../route.ts';

const tables = ['application/json', 'text/csv'] as const;
const tablesAndText = [...tables, 'text/plain'] as const;

const ordinarySecondsBack = 86_400;
const mostSecondsBack = 92 * 86_400;

/** `/v1/reports/…` */
export const reportRoutes = (services: ReportServices): readonly Route[] => [
  route('GET', '/v1/reports/expiry', { takes: ['viewer'] }, async (r) => {
    const type = typeOf(r.header('accept'), tablesAndText);
    if (!type.ok) return { refusals: type.error };
    const within = withinOf(r.query);
    if (!within.ok) return { refusals: within.error };
    const { profile, device, level, managed } = r.query;
    const filters = {
      ...(profile === undefined ? {} : { profile }),
      ...(device === undefined ? {} : { device }),
      ...(level === undefined ? {} : { level }),
      ...(managed === undefined ? {} : { managed: managed === 'true' }),
    };
    const report = await services.expiryReport({ ...pagingOf(r.query), ...within.value, ...filters }, r);
    if (!report.ok) return { refusals: report.error };
    if (type.value === 'application/json') return found(report.value);
    const text = type.value === 'text/csv' ? reportCsv(report.value) : reportText(report.value);
    return inType(type.value, text, nextLink('/v1/reports/expiry', r.query, report.value.next));
  }),
  route('GET', '/v1/reports/issuance', { takes: ['viewer'] }, async (r) => {
    const within = secondsBack(r.query);
    if (!within.ok) return { refusals: within.error };
    return asTable(r.header('accept'), await services.issuanceReport(within.value, r.now), issuanceCsv);
  }),
  route('GET', '/v1/reports/rotation', { takes: ['viewer'] }, async (r) =>
    asTable(r.header('accept'), await services.rotationReport(r.now), rotationCsv),
  ),
  route('GET', '/v1/reports/devices', { takes: ['viewer'] }, async (r) => {
    const report = await services.devicesReport(pagingOf(r.query), r.now);
    return asTable(r.header('accept'), report, devicesCsv, nextLink('/v1/reports/devices', r.query, report.next));
  }),
];

function typeOf<T extends string>(accept: string | null, types: readonly T[]): Result<T, Refusal<'notAcceptable'>> {
  const type = preferredType(accept, types);
  if (type !== null) return ok(type);
  const detail = 'the report exists in other types only';
  return err({ reason: 'notAcceptable', detail, field: 'accept', accepted: types.join(', ') });
}

const inType = (type: string, text: string, headers: Readonly<Record<string, string>> = {}): Outcome => ({
  status: 200,
  headers: { 'Content-Type': `${type}; charset=utf-8`, ...headers },
  body: text,
});

function asTable<T extends object>(
  accept: string | null,
  report: T,
  toCsv: (report: T) => string,
  headers: Readonly<Record<string, string>> = {},
): Outcome {
  const type = typeOf(accept, tables);
  if (!type.ok) return { refusals: type.error };
  return type.value === 'text/csv' ? inType(type.value, toCsv(report), headers) : found(report);
}

/** How far the report of issuance looks back. */
function secondsBack(query: Query): Result<number, Refusal<'malformedQuery'>> {
  const within = withinOf(query);
  if (!within.ok) return within;
  const seconds = within.value.within ?? ordinarySecondsBack;
  if (seconds > 0 && seconds <= mostSecondsBack) return ok(seconds);
  const detail = 'within is longer than what the report looks back, or nothing';
  return err({ reason: 'malformedQuery', detail, field: 'within', accepted: 'a duration up to 92d' });
}

const columns = [
  ...(['certificate', 'device', 'profile', 'serial', 'subject', 'notAfter', 'level', 'managed', 'reason'] as const),
  ...(['fault', 'places', 'kind', 'effectiveNotAfter', 'limitedBy', 'lineage', 'state', 'hostLastSeenAt'] as const),
] as const satisfies readonly (keyof ExpiryItem)[];

/** Every item with all of its members. */
export const reportCsv = (report: ExpiryReport): string =>
  csv(
    columns,
    report.items.map((item) => columns.map((column) => (column === 'places' ? placesOf(item) : item[column]))),
  );

const placesOf = (item: ExpiryItem): string => item.places.map(({ hostName, path }) => `${hostName}:${path}`).join(' ');

/**
 * One line an item, the most urgent first as the service gave them, and a summary. Subjects and paths come from hosts:
 * nothing in them makes a line.
 */
export function reportText(report: ExpiryReport): string {
  const { ok: fine, warning, critical } = report.summary;
  const lines = report.items.map((item) =>
    [item.level.padEnd(8), item.notAfter, item.profile.padEnd(24), item.subject, item.reason, placesOf(item)]
      .filter((cell) => cell !== '')
      .map(withoutControls)
      .join('  '),
  );
  return [...lines, `${report.generatedAt}: ${critical} critical, ${warning} warning, ${fine} ok`, ''].join('\n');
}

const issuanceCsv = ({ profiles }: IssuanceReport): string =>
  csv(
    ['profile', 'issued', 'refused', 'revoked'],
    profiles.map(({ profile, issued, refused, revoked }) => [profile, issued, refused, revoked]),
  );

const states = [
  ...(['empty', 'current', 'windowOpen', 'inProgress', 'issued', 'installed', 'failed', 'late', 'blocked'] as const),
];

const rotationCsv = ({ profiles }: RotationReport): string =>
  csv(
    ['profile', ...states],
    profiles.map((one) => [one.profile, ...states.map((state) => one.states[state])]),
  );

const devicesCsv = ({ items }: DevicesReport): string =>
  csv(
    [
      ...['device', 'hostName', 'state', 'tpmManufacturer', 'tpmModel', 'endorsementNotAfter', 'lastSeenAt', 'ok'],
      ...['warning', 'critical', 'nearestNotAfter', 'trustGeneration', 'openWarnings', 'openCritical'],
    ],
    items.map((one) => [
      ...[one.id, one.hostName, one.state, one.tpm.manufacturer, one.tpm.model, one.tpm.endorsementNotAfter],
      ...[one.lastSeenAt, one.certificates.ok, one.certificates.warning, one.certificates.critical],
      ...[one.nearestNotAfter, one.trustGeneration, one.openWarnings.warning, one.openWarnings.critical],
    ]),
  );
