// One certificate and the history of its lineage as the operator page shows them.
import type { ReasonCode } from '../domain/certificate.ts';
import type { CertificateUseView, LineageStep, RefusedRenewal } from '../domain/certificate-view.ts';
import type { ConfirmedBy } from '../domain/lineage.ts';
import type { Refusal } from '../domain/result.ts';
import type { Database } from './pool.ts';
import { boolean, instant, instantOrNull, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

const use = statement<[string], CertificateUseView>('use_of_certificate.sql', (row) => {
  const warningAt = instantOrNull(row, 'warning_at');
  return {
    isServing: boolean(row, 'is_serving'),
    levels: warningAt === null ? null : { warningAt, criticalAt: instant(row, 'critical_at') },
    supersededAt: instantOrNull(row, 'superseded_at'),
    hostName: textOrNull(row, 'host_name'),
    place: textOrNull(row, 'place'),
  };
});
const history = statement<[string, number], LineageStep>('history_of_lineage.sql', (row) => {
  const [confirmedAt, revokedAt] = [instantOrNull(row, 'confirmed_at'), instantOrNull(row, 'revoked_at')];
  return {
    fingerprint: text(row, 'fingerprint'),
    serialNumber: text(row, 'serial_number'),
    notBefore: instant(row, 'not_before'),
    notAfter: instant(row, 'not_after'),
    issuedAt: instant(row, 'issued_at'),
    installedAt: instantOrNull(row, 'installed_at'),
    confirmed: confirmedAt === null ? null : { at: confirmedAt, by: text(row, 'confirmed_by') as ConfirmedBy },
    supersededAt: instantOrNull(row, 'superseded_at'),
    isServing: boolean(row, 'is_serving'),
    revoked: revokedAt === null ? null : { at: revokedAt, reasonCode: text(row, 'reason_code') as ReasonCode },
  };
});
const refused = statement<[string, number], RefusedRenewal>('refused_renewals_of_lineage.sql', (row) => ({
  id: text(row, 'id'),
  at: instant(row, 'at'),
  // Written by renew.ts itself.
  refusals: row['refusals'] as readonly Refusal[],
}));

/** Reads for the page of one certificate. */
export const certificateViewsIn = (db: Database) => ({
  useOf: async (fingerprint: string): Promise<CertificateUseView | null> => (await use(db, [fingerprint]))[0] ?? null,
  stepsOf: (lineageId: string, most: number): Promise<readonly LineageStep[]> => history(db, [lineageId, most]),
  refusedOf: (lineageId: string, most: number): Promise<readonly RefusedRenewal[]> => refused(db, [lineageId, most]),
});
