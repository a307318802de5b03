// What is kept of why a certificate was issued, and of its use. What it proves is judged in enrollment/.
import type { Evidence } from '../domain/enrollment.ts';
import type { ConfirmationEvidence, EnrollmentEvidence, EvidenceRecord } from '../domain/evidence-record.ts';
import type { ObservedUse } from '../domain/lineage-wire.ts';
import type { ConfirmedBy } from '../domain/lineage.ts';
import type { RenewalEvidence } from '../domain/renewal-evidence.ts';
import { grantsFrom } from './enrollment-tokens.ts';
import type { Database, RawRow } from './pool.ts';
import { boolean, instant, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

const find = statement<[string], EvidenceRecord>('certificate_evidence.sql', evidenceFromRow);
const confirmations = statement<[string], ConfirmationEvidence>('confirmations_of_certificate.sql', (row) => ({
  at: instant(row, 'at'),
  by: text(row, 'confirmed_by') as ConfirmedBy,
  principal: text(row, 'principal'),
  observed: observedFrom(row['observed']),
}));

/** Written by confirm.ts for a host; the word of others observed nothing of this form. */
function observedFrom(value: unknown): ObservedUse | null {
  const isObserved = typeof value === 'object' && value !== null && Array.isArray(Reflect.get(value, 'checks'));
  return isObserved ? (value as ObservedUse) : null;
}

function evidenceFromRow(row: RawRow): EvidenceRecord {
  const deviceId = textOrNull(row, 'device_id');
  return {
    fingerprint: text(row, 'fingerprint'),
    commonName: text(row, 'subject_common_name'),
    serialNumber: text(row, 'serial_number'),
    profile: text(row, 'profile'),
    profileDigest: text(row, 'profile_digest'),
    principal: text(row, 'principal'),
    device:
      deviceId === null
        ? null
        : { id: deviceId, hostName: text(row, 'host_name'), createdAt: instant(row, 'device_created_at') },
    lineageId: textOrNull(row, 'lineage_id'),
    spkiSha256: text(row, 'spki_sha256'),
    recordedAt: instant(row, 'recorded_at'),
    issuedAt: instant(row, 'issued_at'),
    enrollment: row['enrollment_id'] === null ? null : enrollmentFromRow(row),
    renewal: row['renewal_id'] === null ? null : renewalFromRow(row),
  };
}

const deedOf = (row: RawRow, by: string, at: string): EnrollmentEvidence['preregistration'] =>
  row[by] === null ? null : { by: text(row, by), at: instant(row, at) };

function enrollmentFromRow(row: RawRow): EnrollmentEvidence {
  const approval = deedOf(row, 'approved_by', 'approved_at');
  const token = deedOf(row, 'token_created_by', 'token_created_at');
  return {
    id: text(row, 'enrollment_id'),
    hostName: text(row, 'enrollment_host_name'),
    createdAt: instant(row, 'enrollment_created_at'),
    ekFingerprint: text(row, 'ek_fingerprint'),
    tpm: {
      manufacturer: textOrNull(row, 'manufacturer'),
      model: textOrNull(row, 'model'),
      version: textOrNull(row, 'version'),
    },
    akName: text(row, 'ak_name'),
    evidence: row['enrollment_evidence'] as Evidence | null,
    approval:
      approval === null
        ? null
        : {
            ...approval,
            grants: grantsFrom(row['approved_grants']),
            replaces: textOrNull(row, 'approved_replaces'),
          },
    token: token === null ? null : { ...token, id: text(row, 'token_id') },
    preregistration: deedOf(row, 'preregistered_by', 'preregistered_at'),
  };
}

const renewalFromRow = (row: RawRow): NonNullable<EvidenceRecord['renewal']> => ({
  id: text(row, 'renewal_id'),
  admittedAt: instant(row, 'admitted_at'),
  isOutsideCeiling: boolean(row, 'is_outside_ceiling'),
  isRecovery: boolean(row, 'is_recovery'),
  evidence: row['renewal_evidence'] as RenewalEvidence | null,
});

/** Reads of evidence in a database. */
export const evidenceIn = (db: Database) => ({
  evidenceOf: async (fingerprint: string): Promise<EvidenceRecord | null> => (await find(db, [fingerprint]))[0] ?? null,
  confirmationsOf: (fingerprint: string): Promise<readonly ConfirmationEvidence[]> => confirmations(db, [fingerprint]),
});
