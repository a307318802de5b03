// The end that counts: a certificate is of no use after the earliest end of all that it stands on. Pure.

/** What ends first. */
export type LimitedBy = 'leaf' | 'issuer' | 'root' | 'crl' | 'endorsementCertificate' | 'trustAnchor';

/** The ends of what a certificate stands on; null for what does not matter to it. */
export type Limits = Readonly<Record<Exclude<LimitedBy, 'leaf'>, Date | null>>;

/** No limit but the certificate's own end. */
export const noLimits: Limits = {
  ...{ issuer: null, root: null, crl: null, endorsementCertificate: null, trustAnchor: null },
};

/** The earliest end, and whose it is; of equal ones the nearest to the certificate. */
export function effectiveExpiry(
  notAfter: Date,
  limits: Limits,
): { readonly notAfter: Date; readonly limitedBy: LimitedBy } {
  const { issuer, root, crl, endorsementCertificate, trustAnchor } = limits;
  const others = [
    ...([
      ['issuer', issuer],
      ['root', root],
      ['crl', crl],
    ] as const),
    ...([
      ['endorsementCertificate', endorsementCertificate],
      ['trustAnchor', trustAnchor],
    ] as const),
  ];
  return others.reduce<{ readonly notAfter: Date; readonly limitedBy: LimitedBy }>(
    (earliest, [limitedBy, end]) => (end !== null && end < earliest.notAfter ? { notAfter: end, limitedBy } : earliest),
    { notAfter, limitedBy: 'leaf' },
  );
}

/** A CA certificate as its path is followed. */
export type PathCertificate = {
  readonly id: string;
  readonly parentId: string | null;
  readonly notAfter: Date;
};

/** The ends above a certificate of this issuer: of the CAs that are no root, and of the root. Null where one is unknown. */
export function pathEnds(
  issuers: ReadonlyMap<string, PathCertificate>,
  issuerId: string,
): { readonly issuer: Date | null; readonly root: Date | null; readonly rootId: string | null } {
  let [issuer, at]: [Date | null, PathCertificate | undefined] = [null, issuers.get(issuerId)];
  for (let depth = 0; at !== undefined && depth < 8; depth += 1) {
    if (at.parentId === null) return { issuer, root: at.notAfter, rootId: at.id };
    if (issuer === null || at.notAfter < issuer) issuer = at.notAfter;
    at = issuers.get(at.parentId);
  }
  return { issuer, root: null, rootId: null };
}
