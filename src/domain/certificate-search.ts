// What somebody typed into the search of certificates, and what a list of them shows. Pure: how it is found is storage.
import type { ReasonCode } from './certificate.ts';
import { type ExpiryLevel, expiryLevelAt } from './expiry.ts';
import { isUuid } from './identifiers.ts';
import { normalizeIpAddress } from './names.ts';

/** What a text may be the name of; one may be both a number and a name. */
export type Sought = {
  /** Lower-case hex of at least 16 digits: the beginning of a fingerprint, a serial number, a key of a TPM. */
  readonly number: string | null;
  /** A UUID of a device or lineage. */
  readonly id: string | null;
  /** In lower case; addresses in their one spelling. */
  readonly name: string | null;
};

/** Reads what was typed; null when nothing was. Colons between the octets of a number are left out. */
export function readSought(text: string): Sought | null {
  const typed = text.trim().toLowerCase().replace(/^cn=/, '');
  if (typed === '') return null;
  const digits = /^[0-9a-f]{2}(?::[0-9a-f]{2}){7,31}$/.test(typed) ? typed.replaceAll(':', '') : typed;
  const isNumber = /^[0-9a-f]{16,64}$/.test(digits);
  const isId = isUuid(typed);
  return {
    number: isNumber ? digits : null,
    id: isId ? typed : null,
    name: isId || digits !== typed ? null : (normalizeIpAddress(typed) ?? typed),
  };
}

/** So many that a text finds are looked at; who typed less than that has to type more. */
export const mostFound = 2000;

/** `level` of what serves: by the policy, at the instant of the list. Of the rest null. */
export type FoundCertificate = {
  readonly fingerprint: string;
  readonly profile: string;
  readonly serialNumber: string;
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly device: { readonly id: string; readonly hostName: string } | null;
  readonly lineage: { readonly id: string; readonly place: string } | null;
  readonly revoked: { readonly at: Date; readonly reasonCode: ReasonCode } | null;
  readonly isServing: boolean;
  readonly supersededAt: Date | null;
  readonly levels: { readonly warningAt: Date; readonly criticalAt: Date } | null;
};

/** What serves now, what was revoked, or everything that was ever issued. */
export const certificateViews = ['serving', 'revoked', 'all'] as const;

/** One of them. */
export type CertificateView = (typeof certificateViews)[number];

export type CertificateSearch = {
  readonly text: string;
  readonly view: CertificateView;
  readonly profile: string | null;
  /** Ends within so many seconds, or has ended. */
  readonly withinSeconds: number | null;
  readonly cursor: string | null;
  readonly limit: number;
};

/** A page of it. */
export type FoundPage = {
  readonly items: readonly FoundCertificate[];
  readonly next: string | null;
  /** More than `mostFound` were found: some are not in the list. */
  readonly isCut: boolean;
};

/** How near its end is, by its stored instants; what has ended is critical. Null for what does not serve. */
export const levelOf = (
  { isServing, levels }: Pick<FoundCertificate, 'isServing' | 'levels'>,
  now: Date,
): ExpiryLevel | null => (isServing && levels !== null ? expiryLevelAt(levels, now) : null);
