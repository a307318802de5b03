// What is stored of lineages, read in one shape. What it means at an instant is decided in domain/lineage.ts.
import type { Cursor } from '../domain/cursor.ts';
import { deviceStateOf } from './devices.ts';
import type { CertificateUse, ConfirmedBy, LineageFacts } from '../domain/lineage.ts';
import type { LineageError } from '../domain/lineage-wire.ts';
import type { RawRow, Session } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

/** Filters; null does not filter. */
export type LineageFilter = {
  readonly deviceId: string | null;
  readonly profile: string | null;
  /** Creation and id of the last of the page before. */
  readonly after: Cursor | null;
  readonly limit: number;
};

type FactsParameters = [string | null, string | null, string | null, Date | null, string | null, number];

const facts = statement<FactsParameters, LineageFacts>('lineage_facts.sql', factsFromRow);

/** No device has so many lineages. */
const mostOfOneDevice = 1000;

/** Reads of lineages on one database, or in one transaction. */
export const lineagesIn = (db: Session) => ({
  lineageFacts: async (id: string): Promise<LineageFacts | null> =>
    (await facts(db, [id, null, null, null, null, 1]))[0] ?? null,

  lineageFactsOfDevice: (deviceId: string): Promise<readonly LineageFacts[]> =>
    facts(db, [null, deviceId, null, null, null, mostOfOneDevice]),

  /** Oldest first, after `after`. */
  listLineageFacts: ({ deviceId, profile, after, limit }: LineageFilter): Promise<readonly LineageFacts[]> =>
    facts(db, [null, deviceId, profile, after?.at ?? null, after?.id ?? null, limit]),
});

/** A row of lineage_facts.sql, and of others that have its columns. */
export function factsFromRow(row: RawRow): LineageFacts {
  const pulledAt = instantOrNull(row, 'pulled_at');
  const attemptId = textOrNull(row, 'attempt_id');
  return {
    id: text(row, 'id'),
    deviceId: text(row, 'device_id'),
    hostName: text(row, 'host_name'),
    deviceState: deviceStateOf(text(row, 'device_state')),
    profile: text(row, 'profile'),
    place: text(row, 'place'),
    createdAt: instant(row, 'created_at'),
    isGranted: boolean(row, 'is_granted'),
    hasSpireAgent: boolean(row, 'has_spire_agent'),
    newest: useFromRow(row, 'newest'),
    inUse: useFromRow(row, 'used'),
    renewAt: instantOrNull(row, 'renew_at'),
    pulled:
      pulledAt === null ? null : { at: pulledAt, by: text(row, 'pulled_by'), because: text(row, 'pulled_because') },
    attempt:
      attemptId === null
        ? null
        : { id: attemptId, admittedAt: instant(row, 'admitted_at'), leaseUntil: instant(row, 'lease_until') },
    askedAt: instantOrNull(row, 'asked_at'),
    lastError: (row['last_error'] ?? null) as LineageError | null,
    failures: number(row, 'failures'),
  };
}

function useFromRow(row: RawRow, which: 'newest' | 'used'): CertificateUse | null {
  const fingerprint = textOrNull(row, `${which}_fingerprint`);
  if (fingerprint === null) return null;
  const confirmedAt = instantOrNull(row, `${which}_confirmed_at`);
  return {
    fingerprint,
    serialNumber: text(row, `${which}_serial_number`),
    notBefore: instant(row, `${which}_not_before`),
    notAfter: instant(row, `${which}_not_after`),
    issuedAt: instant(row, `${which}_issued_at`),
    installedAt: instantOrNull(row, `${which}_installed_at`),
    confirmed: confirmedAt === null ? null : { at: confirmedAt, by: text(row, `${which}_confirmed_by`) as ConfirmedBy },
    isRevoked: boolean(row, `${which}_is_revoked`),
  };
}
