// The inventory of certificates: one row each, read by fingerprint, CertID, or page by end of validity.
import type { CertificateRecord, ReasonCode } from '../domain/certificate.ts';
import type { SerialNumber } from '../domain/serial.ts';
import type { Database, RawRow } from './pool.ts';
import { instant, instantOrNull, octets, text, textOrNull, texts } from './row.ts';
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
});
