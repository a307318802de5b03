// Composes the chain of a certificate from CA certificates at hand: by key identifier and signature, never by name, since an
// estate can have two CAs of one name. It does not validate: dates and purposes are for relying parties to judge.
import { sameOctets } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { isSelfSigned, shownName, signatureFault } from './ca-link.ts';
import type { Certificate } from './certificate.ts';

export type ChainReason = 'chainIncomplete' | 'noAuthorityKeyIdentifier';

/** More CAs than a relying party would follow: a longer chain is a mistake in what was imported. */
const maxLength = 8;

/**
 * The certificates above `certificate`, its issuer first and the self-signed root last. A link holds when
 * authorityKeyIdentifier equals subjectKeyIdentifier and the signature verifies; of several (a re-issued CA) the one that
 * ends last is taken. A self-signed certificate has an empty chain.
 */
export function composeChain(
  certificate: Certificate,
  authorities: readonly Certificate[],
): Result<readonly Certificate[], Refusal<ChainReason>> {
  const chain: Certificate[] = [];
  let current = certificate;
  while (!isSelfSigned(current)) {
    const { authorityKeyIdentifier } = current;
    if (authorityKeyIdentifier === null) {
      const detail = `${shownName(current.subject)} does not say by key identifier who issued it`;
      return err({ reason: 'noAuthorityKeyIdentifier', detail, accepted: 'a certificate with authorityKeyIdentifier' });
    }
    const issuer = chain.length < maxLength ? issuerOf(current, authorities) : null;
    if (issuer === null) {
      const wanted = Buffer.from(authorityKeyIdentifier).toString('hex');
      const detail = `the issuer of ${shownName(current.subject)} is not at hand: subjectKeyIdentifier ${wanted}`;
      return err({ reason: 'chainIncomplete', detail, accepted: 'every CA certificate up to a self-signed root' });
    }
    chain.push(issuer);
    current = issuer;
  }
  return ok(chain);
}

/** The CA whose key signed `certificate`, found by key identifier, or null. */
function issuerOf(certificate: Certificate, authorities: readonly Certificate[]): Certificate | null {
  const { authorityKeyIdentifier } = certificate;
  const issuers = authorities.filter(
    ({ subjectKeyIdentifier, der }) =>
      authorityKeyIdentifier !== null &&
      subjectKeyIdentifier !== null &&
      sameOctets(authorityKeyIdentifier, subjectKeyIdentifier) &&
      !sameOctets(der, certificate.der),
  );
  const [longest] = issuers
    .filter((issuer) => signatureFault(certificate, issuer) === null)
    .sort((a, b) => b.notAfter.getTime() - a.notAfter.getTime());
  return longest ?? null;
}
