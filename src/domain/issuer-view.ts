// What the operator page shows of the CAs: their chains, how long they can go on, and their CRLs. Pure.
import type { TrustDomain } from './profile.ts';

export type IssuerLine = {
  readonly id: string;
  readonly domain: TrustDomain;
  readonly role: 'root' | 'intermediate' | 'issuing';
  readonly subject: string;
  readonly subjectKeyIdentifier: string;
  readonly parentId: string | null;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isActive: boolean;
  /** Of an issuing CA; null when it has none yet. */
  readonly crl: CrlLine | null;
};

export type CrlLine = {
  readonly number: number;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
};

/** A profile and what it asks of its issuer. `issued` counts what was issued under it lately. */
export type ProfileLine = {
  readonly name: string;
  readonly description: string;
  readonly domain: TrustDomain;
  readonly lifetimeSeconds: number;
  readonly keyOrigin: 'tpm' | 'software';
  readonly issued: number;
};

export type IssuersView = {
  readonly issuers: readonly IssuerLine[];
  readonly profiles: readonly ProfileLine[];
  /** The stretch that `issued` counts; in days. */
  readonly issuedDays: number;
};

/** Until when a CA can sign certificates of this lifetime whole: none of them ends after it. */
export const signsWholeUntil = (issuer: Pick<IssuerLine, 'notAfter'>, lifetimeSeconds: number): Date =>
  new Date(issuer.notAfter.getTime() - (lifetimeSeconds - 1) * 1000);

/** How a CRL stands: there is a new one long before half of its time has passed; later something is not well. */
export function crlFreshness({ thisUpdate, nextUpdate }: CrlLine, now: Date): 'ok' | 'warning' | 'critical' {
  if (now >= nextUpdate) return 'critical';
  const half = (nextUpdate.getTime() - thisUpdate.getTime()) / 2;
  return now.getTime() >= thisUpdate.getTime() + half ? 'warning' : 'ok';
}

/** The CAs above one, nearest first. */
export function above(issuer: IssuerLine, all: readonly IssuerLine[]): readonly IssuerLine[] {
  const parent = all.find(({ id }) => id === issuer.parentId);
  return parent === undefined
    ? []
    : [
        parent,
        ...above(
          parent,
          all.filter(({ id }) => id !== issuer.id),
        ),
      ];
}
