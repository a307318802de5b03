// The inventory of certificates: one row each, read by fingerprint, CertID, or page by end of validity.
import type { CertificateRecord, ReasonCode } from '../domain/certificate.ts';
import type { SerialNumber } from '../domain/serial.ts';
import type { Database, RawRow } from './pool.ts';
import { instant, instantOrNull, number, octets, text, textOrNull, texts } from './row.ts';
import { statement } from './statement.ts';

/** A row of `certificate` joined with its revocation, under the column names of the statements. */
export function certificateFromRow(row: RawRow): CertificateRecord {
  const revokedAt = instantOrNull(row, 'revoked_at');
  return {
    fingerprint: text(row, 'fingerprint'),
    issuerId: text(row, 'issuer_id'),
    serialNumber: text(row, 'serial_number') as SerialNumber,
    der: octets(row, 'der'),
    profile: text(row, 'profile'),
    commonName: text(row, 'subject_common_name'),
    names: {
      dnsNames: texts(row, 'dns_names'),
      ipAddresses: texts(row, 'ip_addresses'),
      uris: texts(row, 'uris'),
    },
    spkiSha256: text(row, 'spki_sha256'),
    notBefore: instant(row, 'not_before'),
    notAfter: instant(row, 'not_after'),
    principal: text(row, 'principal'),
    deviceId: textOrNull(row, 'device_id'),
    lineageId: textOrNull(row, 'lineage_id'),
    issuedAt: instant(row, 'issued_at'),
    renewAt: instantOrNull(row, 'renew_at'),
    status:
      revokedAt === null
        ? { kind: 'good' }
        : { kind: 'revoked', reasonCode: text(row, 'reason_code') as ReasonCode, at: revokedAt },
  };
}

/** Where a page ended. */
export type CertificateCursor = { readonly notAfter: Date; readonly fingerprint: string };

/** Filters; null does not filter. `endsFrom` and `endsBy` bound notAfter. */
export type CertificateFilter = {
  readonly endsFrom: Date | null;
  readonly endsBy: Date | null;
  readonly profile: string | null;
  readonly deviceId: string | null;
  readonly serialNumber: string | null;
  readonly status: 'good' | 'revoked' | null;
  readonly after: CertificateCursor | null;
  readonly limit: number;
};

const byFingerprint = statement<[string], CertificateRecord>('certificate_by_fingerprint.sql', certificateFromRow);
const byCertId = statement<[string, string], CertificateRecord>('certificate_by_cert_id.sql', certificateFromRow);
const listed = statement<readonly unknown[], CertificateRecord>('list_certificates.sql', certificateFromRow);
const expiring = statement<readonly unknown[], ExpiringRow>('expiring_certificates.sql', expiringFromRow);
const summary = statement<[Date, number, number, Date], ExpirySummary>('expiry_summary.sql', (row) => ({
  ok: number(row, 'ok'),
  warning: number(row, 'warning'),
  critical: number(row, 'critical'),
}));

type ExpirySummary = { readonly ok: number; readonly warning: number; readonly critical: number };
type ExpiringRow = ReturnType<typeof expiringFromRow>;

function expiringFromRow(row: RawRow) {
  const common = {
    fingerprint: text(row, 'fingerprint'),
    deviceId: textOrNull(row, 'device_id'),
    hostName: textOrNull(row, 'host_name'),
    commonName: text(row, 'subject_common_name'),
    notBefore: instant(row, 'not_before'),
    notAfter: instant(row, 'not_after'),
  };
  const profile = textOrNull(row, 'profile');
  if (profile !== null)
    return { ...common, kind: 'managed', profile, serialNumber: text(row, 'serial_number') } as const;
  // Written by the statement itself.
  const places = row['places'] as readonly { readonly hostName: string; readonly path: string }[];
  return { ...common, kind: 'unmanaged', fault: textOrNull(row, 'fault'), places } as const;
}

/** Reads of the inventory on one database. */
export const certificatesIn = (db: Database) => ({
  /** By the SHA-256 of the DER. */
  byFingerprint: async (fingerprint: string): Promise<CertificateRecord | null> =>
    (await byFingerprint(db, [fingerprint]))[0] ?? null,

  /** By the issuer's key identifier and the serial number, both hex (RFC 9773 §4.1). */
  byCertId: async (keyIdentifier: string, serialNumber: string): Promise<CertificateRecord | null> =>
    (await byCertId(db, [keyIdentifier, serialNumber]))[0] ?? null,

  list: async (filter: CertificateFilter): Promise<readonly CertificateRecord[]> =>
    listed(db, [
      filter.endsBy,
      filter.profile,
      filter.deviceId,
      filter.serialNumber,
      filter.status,
      filter.endsFrom,
      filter.after?.notAfter ?? null,
      filter.after?.fingerprint ?? null,
      filter.limit,
    ]),

  /** The newest certificate of each lineage, all that belong to none, and what only hosts report; nearest end first. */
  expiring: async (query: {
    readonly endsBy: Date | null;
    readonly after: CertificateCursor | null;
    readonly limit: number;
    readonly givenUpBefore: Date;
  }) => {
    const { endsBy, after, limit, givenUpBefore } = query;
    return expiring(db, [endsBy, after?.notAfter ?? null, after?.fingerprint ?? null, limit, givenUpBefore]);
  },

  /** Counts per level; thresholds in seconds as in domain/expiry.ts. */
  expirySummary: async (
    now: Date,
    longest: { readonly warning: number; readonly critical: number },
    givenUpBefore: Date,
  ) =>
    (await summary(db, [now, longest.warning, longest.critical, givenUpBefore]))[0] ?? {
      ok: 0,
      warning: 0,
      critical: 0,
    },
});
