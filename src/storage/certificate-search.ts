// Lists of certificates for people: pages in the order of an index, and what a text finds, bounded in number. The DER is
// never read here.
import type { ReasonCode } from '../domain/certificate.ts';
import { type CertificateView, type FoundCertificate, mostFound, type Sought } from '../domain/certificate-search.ts';
import type { Database, RawRow } from './pool.ts';
import { boolean, instant, instantOrNull, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

const serving = statement<readonly unknown[], FoundCertificate>('serving_certificates.sql', foundFromRow);
const servingOf = statement<readonly unknown[], FoundCertificate>('serving_certificates_of_profile.sql', foundFromRow);
const all = statement<readonly unknown[], FoundCertificate>('all_certificates.sql', foundFromRow);
const allOf = statement<readonly unknown[], FoundCertificate>('all_certificates_of_profile.sql', foundFromRow);
const revoked = statement<readonly unknown[], FoundCertificate>('revoked_certificates.sql', foundFromRow);
const among = statement<readonly unknown[], FoundCertificate>('certificates_among.sql', foundFromRow);

const fingerprintOf = (row: RawRow): string => text(row, 'fingerprint');
const servingByName = statement<readonly unknown[], string>('find_serving_by_name.sql', fingerprintOf);
const everByName = statement<readonly unknown[], string>('find_ever_by_name.sql', fingerprintOf);
const byNumber = statement<readonly unknown[], string>('find_by_number.sql', fingerprintOf);
const byId = statement<readonly unknown[], string>('find_by_id.sql', fingerprintOf);

function foundFromRow(row: RawRow): FoundCertificate {
  const [deviceId, lineageId, revokedAt] = [
    textOrNull(row, 'device_id'),
    textOrNull(row, 'lineage_id'),
    instantOrNull(row, 'revoked_at'),
  ];
  const warningAt = instantOrNull(row, 'warning_at');
  return {
    fingerprint: text(row, 'fingerprint'),
    profile: text(row, 'profile'),
    serialNumber: text(row, 'serial_number'),
    commonName: text(row, 'subject_common_name'),
    notBefore: instant(row, 'not_before'),
    notAfter: instant(row, 'not_after'),
    device: deviceId === null ? null : { id: deviceId, hostName: text(row, 'host_name') },
    lineage: lineageId === null ? null : { id: lineageId, place: text(row, 'place') },
    revoked: revokedAt === null ? null : { at: revokedAt, reasonCode: text(row, 'reason_code') as ReasonCode },
    isServing: boolean(row, 'is_serving'),
    supersededAt: instantOrNull(row, 'superseded_at'),
    levels: warningAt === null ? null : { warningAt, criticalAt: instant(row, 'critical_at') },
  };
}

/** Where a page ended: the instant that it is ordered by, and the fingerprint. */
type Position = { readonly at: Date; readonly id: string } | null;

/** Bounds behind which nothing lies: PostgreSQL's timestamps reach further than any certificate. */
const beforeAll = new Date(0);
const afterAll = new Date(Date.UTC(9999, 11, 31, 23, 59, 59));

/** Greater than every text that begins so, octet for octet. */
const behind = (prefix: string): string => `${prefix}\u{10ffff}`;

type Listed = {
  readonly profile: string | null;
  readonly endsBy: Date | null;
  readonly after: Position;
  readonly limit: number;
};

/** The search of certificates in a database. */
export const certificateSearchIn = (db: Database) => ({
  /** What ends first at the top; what has no lineage and ended before `givenUpBefore` is left out. */
  serving: (
    { profile, endsBy, after, limit }: Listed,
    { now, givenUpBefore }: { readonly now: Date; readonly givenUpBefore: Date },
  ): Promise<readonly FoundCertificate[]> => {
    const common = [endsBy ?? afterAll, givenUpBefore, after?.at ?? beforeAll, after?.id ?? '', limit];
    return profile === null ? serving(db, common) : servingOf(db, [...common, profile, now]);
  },

  /** What ends last at the top. */
  all: ({ profile, endsBy, after, limit }: Listed): Promise<readonly FoundCertificate[]> => {
    const common = [endsBy ?? afterAll, after?.at ?? afterAll, after?.id ?? 'g', limit];
    return profile === null ? all(db, common) : allOf(db, [...common, profile]);
  },

  /** What was revoked last at the top. */
  revoked: ({ profile, after, limit }: Omit<Listed, 'endsBy'>): Promise<readonly FoundCertificate[]> =>
    revoked(db, [after?.at ?? afterAll, after?.id ?? 'g', limit, profile]),

  /** Fingerprints of what a text finds; of each kind at most one more than `mostFound`. */
  find: async ({ number, id, name }: Sought, view: CertificateView): Promise<readonly string[]> => {
    const most = mostFound + 1;
    const byName = view === 'serving' ? servingByName : everByName;
    const found = await Promise.all([
      number === null ? [] : byNumber(db, [number, `${number}g`, most]),
      id === null ? [] : byId(db, [id, most]),
      name === null ? [] : byName(db, [name, behind(name), name, most]),
    ]);
    return [...new Set(found.flat())];
  },

  /** A page of what was found, what ends first at the top. */
  among: (
    fingerprints: readonly string[],
    filter: Listed & { readonly view: CertificateView },
  ): Promise<readonly FoundCertificate[]> => {
    const { view, profile, endsBy, after, limit } = filter;
    const position = [after?.at ?? beforeAll, after?.id ?? ''];
    return among(db, [fingerprints, view, profile, endsBy ?? afterAll, ...position, limit]);
  },
});
