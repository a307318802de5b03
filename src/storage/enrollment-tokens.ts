// Rows of enrollment tokens and of pre-registered EKs' grants as JSON. Whether a token is good is decided elsewhere.
import type { Cursor } from '../domain/cursor.ts';
import type { Grant } from '../domain/device.ts';
import type { EnrollmentTokenRecord } from '../domain/enrollment-token.ts';
import type { RawRow, Session } from './pool.ts';
import { instant, instantOrNull, octets, text } from './row.ts';
import { statement } from './statement.ts';

const insert = statement<readonly unknown[], string>('insert_enrollment_token.sql', (row) => text(row, 'id'));
const find = statement<[string], EnrollmentTokenRecord>('find_enrollment_token.sql', fromRow);
const list = statement<[Date | null, string | null, number], EnrollmentTokenRecord>(
  'list_enrollment_tokens.sql',
  fromRow,
);
const revoke = statement<[string, Date, string], string>('revoke_enrollment_token.sql', (row) => text(row, 'id'));

/** Enrollment tokens in a database, as `enrollment/enrollment-tokens.ts` needs them. */
export const enrollmentTokenStore = (db: Session) => ({
  insertEnrollmentToken: async (token: EnrollmentTokenRecord): Promise<void> => {
    const { id, secretSha256, hostName, grants, createdBy, createdAt, expiresAt } = token;
    await insert(db, [id, secretSha256, hostName, JSON.stringify(grants), createdBy, createdAt, expiresAt]);
  },
  findEnrollmentToken: async (id: string): Promise<EnrollmentTokenRecord | null> => (await find(db, [id]))[0] ?? null,
  /** Newest first, after `after`; withdrawn ones are left out. */
  listEnrollmentTokens: (after: Cursor | null, limit: number): Promise<readonly EnrollmentTokenRecord[]> =>
    list(db, [after?.at ?? null, after?.id ?? null, limit]),
  /** False when there is no such token; withdrawing again changes nothing. */
  revokeEnrollmentToken: async (id: string, at: Date, by: string): Promise<boolean> =>
    (await revoke(db, [id, at, by])).length === 1,
});

function fromRow(row: RawRow): EnrollmentTokenRecord {
  return {
    id: text(row, 'id'),
    secretSha256: octets(row, 'secret_sha256'),
    hostName: text(row, 'host_name'),
    grants: grantsFrom(row['grants']),
    createdBy: text(row, 'created_by'),
    createdAt: instant(row, 'created_at'),
    expiresAt: instant(row, 'expires_at'),
    revokedAt: instantOrNull(row, 'revoked_at'),
    spentAt: instantOrNull(row, 'spent_at'),
  };
}

/** A column with grants. One that cannot be read must not turn into a wider one. */
export function grantsFrom(value: unknown): readonly Grant[] {
  const isTexts = (list: unknown): boolean => Array.isArray(list) && list.every((item) => typeof item === 'string');
  const isGrant = (grant: unknown): boolean =>
    typeof grant === 'object' &&
    grant !== null &&
    ['dnsNames', 'ipAddresses', 'uris'].every((name) => isTexts(Reflect.get(grant, name))) &&
    ['profile', 'place'].every((name) => typeof Reflect.get(grant, name) === 'string');
  if (!Array.isArray(value) || !value.every(isGrant)) throw new TypeError('a column with grants is malformed');
  return value as readonly Grant[];
}
