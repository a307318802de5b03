// The search of certificates: which list answers a question, and where its next page begins. Reads only.
import {
  type CertificateSearch,
  type CertificateView,
  type FoundCertificate,
  type FoundPage,
  mostFound,
  readSought,
  type Sought,
} from '../domain/certificate-search.ts';
import { type Cursor, decodeCursor, encodeCursor, pageOf } from '../domain/cursor.ts';
import { givenUpAfterSeconds } from '../domain/expiry.ts';

type Listed = {
  readonly profile: string | null;
  readonly endsBy: Date | null;
  readonly after: Cursor | null;
  readonly limit: number;
};

export type SearchPorts = {
  readonly serving: (
    listed: Listed,
    at: { readonly now: Date; readonly givenUpBefore: Date },
  ) => Promise<readonly FoundCertificate[]>;
  readonly all: (listed: Listed) => Promise<readonly FoundCertificate[]>;
  readonly revoked: (listed: Omit<Listed, 'endsBy'>) => Promise<readonly FoundCertificate[]>;
  readonly find: (sought: Sought, view: CertificateView) => Promise<readonly string[]>;
  readonly among: (
    fingerprints: readonly string[],
    filter: Listed & { readonly view: CertificateView },
  ) => Promise<readonly FoundCertificate[]>;
};

const after = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000);

/**
 * Without a text: what serves, by its end; everything, the last end first; or what was revoked, the last one first. With
 * one: what it finds, by its end. Throws `MalformedCursor`.
 */
export const searchCertificates =
  (ports: SearchPorts) =>
  async (search: CertificateSearch, now: Date): Promise<FoundPage> => {
    const { profile, view, withinSeconds, limit } = search;
    const listed = {
      profile,
      endsBy: withinSeconds === null ? null : after(now, withinSeconds),
      after: decodeCursor(search.cursor ?? undefined, 'sha256'),
      limit: limit + 1,
    };
    const sought = readSought(search.text);
    if (sought !== null) {
      const found = await ports.find(sought, view);
      const rows = await ports.among(found.slice(0, mostFound), { ...listed, view });
      return { ...paged(rows, limit, endOf), isCut: found.length > mostFound };
    }
    if (view === 'revoked') return { ...paged(await ports.revoked(listed), limit, revocationOf), isCut: false };
    const givenUpBefore = after(now, -givenUpAfterSeconds);
    const rows = view === 'serving' ? await ports.serving(listed, { now, givenUpBefore }) : await ports.all(listed);
    return { ...paged(rows, limit, endOf), isCut: false };
  };

const endOf = ({ notAfter }: FoundCertificate): Date => notAfter;
const revocationOf = ({ revoked, notAfter }: FoundCertificate): Date => revoked?.at ?? notAfter;

function paged(
  rows: readonly FoundCertificate[],
  limit: number,
  orderOf: (row: FoundCertificate) => Date,
): Omit<FoundPage, 'isCut'> {
  const { page, last } = pageOf(rows, limit);
  return { items: page, next: last === null ? null : encodeCursor({ at: orderOf(last), id: last.fingerprint }) };
}
