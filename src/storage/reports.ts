// What the reports of issuance and of devices read.
import type { Cursor } from '../domain/cursor.ts';
import type { IssuanceCounts } from '../domain/report-wire.ts';
import { deviceStateOf } from './devices.ts';
import type { Database, RawRow } from './pool.ts';
import { instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

type ProfileCounts = IssuanceCounts & { readonly profile: string };
type PrincipalCount = { readonly principal: string; readonly issued: number };
type DeviceStanding = ReturnType<typeof standingFromRow>;

const counts = statement<[Date, Date], ProfileCounts>('issuance_counts.sql', (row) => ({
  profile: text(row, 'profile'),
  issued: number(row, 'issued'),
  refused: number(row, 'refused'),
  revoked: number(row, 'revoked'),
}));
const principals = statement<[Date, Date, number], PrincipalCount>('issuance_principals.sql', (row) => ({
  principal: text(row, 'principal'),
  issued: number(row, 'issued'),
}));
const devices = statement<[Date | null, string | null, number, Date], DeviceStanding>(
  'devices_report.sql',
  standingFromRow,
);

/** Reads of the reports on one database. */
export const reportsIn = (db: Database) => ({
  issuanceCounts: (from: Date, to: Date): Promise<readonly ProfileCounts[]> => counts(db, [from, to]),
  issuancePrincipals: (from: Date, to: Date, limit: number): Promise<readonly PrincipalCount[]> =>
    principals(db, [from, to, limit]),
  /** Newest first, after `after`; levels of certificates at `now`. */
  deviceStandings: (after: Cursor | null, limit: number, now: Date): Promise<readonly DeviceStanding[]> =>
    devices(db, [after?.at ?? null, after?.id ?? null, limit, now]),
});

function standingFromRow(row: RawRow) {
  const generation = row['trust_generation'];
  return {
    id: text(row, 'id'),
    hostName: text(row, 'host_name'),
    state: deviceStateOf(text(row, 'state')),
    createdAt: instant(row, 'created_at'),
    lastSeenAt: instant(row, 'last_seen_at'),
    manufacturer: textOrNull(row, 'manufacturer'),
    model: textOrNull(row, 'model'),
    endorsementNotAfter: instantOrNull(row, 'certificate_not_after'),
    certificates: { ok: number(row, 'ok'), warning: number(row, 'warning'), critical: number(row, 'critical') },
    nearestNotAfter: instantOrNull(row, 'nearest'),
    trustGeneration: typeof generation === 'number' ? generation : null,
    openWarnings: { warning: number(row, 'warnings'), critical: number(row, 'criticals') },
  };
}
