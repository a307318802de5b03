// CA certificates and CRLs.
import type { TrustDomain } from '../domain/profile.ts';
import type { Database, Session } from './pool.ts';
import { boolean, instant, number, octets, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

export type IssuerRow = {
  readonly id: string;
  readonly domain: TrustDomain;
  readonly role: 'root' | 'intermediate' | 'issuing';
  readonly der: Uint8Array;
  /** Lower-case hex. */
  readonly subjectKeyIdentifier: string;
  readonly parentId: string | null;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isActive: boolean;
};

export type CrlRow = {
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly der: Uint8Array;
};

export type CrlEntryRow = { readonly serialNumber: string; readonly reasonCode: string; readonly revokedAt: Date };

const insert = statement<readonly unknown[], string>('insert_issuer.sql', (row) => text(row, 'id'));
const list = statement<[], IssuerRow>('list_issuers.sql', (row) => ({
  id: text(row, 'id'),
  domain: text(row, 'trust_domain') as TrustDomain,
  role: text(row, 'role') as IssuerRow['role'],
  der: octets(row, 'certificate'),
  subjectKeyIdentifier: text(row, 'subject_key_identifier'),
  parentId: textOrNull(row, 'parent_id'),
  notBefore: instant(row, 'not_before'),
  notAfter: instant(row, 'not_after'),
  isActive: boolean(row, 'is_active'),
}));
const entries = statement<[string, Date], CrlEntryRow>('crl_entries.sql', (row) => ({
  serialNumber: text(row, 'serial_number'),
  reasonCode: text(row, 'reason_code'),
  revokedAt: instant(row, 'revoked_at'),
}));
const newest = statement<[string], CrlRow>('newest_crl.sql', (row) => ({
  number: number(row, 'number'),
  thisUpdate: instant(row, 'this_update'),
  nextUpdate: instant(row, 'next_update'),
  der: octets(row, 'der'),
}));
const insertCrl = statement<readonly unknown[], number>('insert_crl.sql', (row) => number(row, 'number'));

/** Adds a CA certificate, with its public key, in the caller's transaction. */
export const insertIssuer = async (
  db: Session,
  issuer: IssuerRow & { readonly spkiSha256: string; readonly createdAt: Date },
): Promise<void> => {
  await insert(db, [
    issuer.id,
    issuer.domain,
    issuer.role,
    issuer.der,
    issuer.subjectKeyIdentifier,
    issuer.parentId,
    issuer.notBefore,
    issuer.notAfter,
    issuer.isActive,
    issuer.createdAt,
    issuer.spkiSha256,
  ]);
};

export const issuersIn = (db: Database) => ({
  list: async (): Promise<readonly IssuerRow[]> => list(db, []),
  newestCrl: async (issuerId: string): Promise<CrlRow | null> => (await newest(db, [issuerId]))[0] ?? null,
  /** Revoked serial numbers whose certificates had not ended by `endedBefore`. */
  crlEntries: async (issuerId: string, endedBefore: Date): Promise<readonly CrlEntryRow[]> =>
    entries(db, [issuerId, endedBefore]),
  /** False when another server stored this number first. */
  insertCrl: async (issuerId: string, crl: CrlRow): Promise<boolean> =>
    (await insertCrl(db, [issuerId, crl.number, crl.thisUpdate, crl.nextUpdate, crl.der])).length === 1,
});
