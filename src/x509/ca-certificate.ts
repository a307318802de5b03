// TBSCertificates of our own CAs: roots and issuing CAs. End entities are tbs-certificate.ts; keys and signatures are
// the issuers' business.
import type { TrustDomain } from '../domain/profile.ts';
import type { SerialNumber } from '../domain/serial.ts';
import { sequence, tagged, time } from './der-writer.ts';
import { commonNameDer } from './distinguished-name.ts';
import * as extensions from './extensions.ts';
import { oids } from './oids.ts';
import { algorithmIdentifierDer } from './signature-algorithm.ts';
import { keyIdentifierOf } from './subject-public-key.ts';
import { serialNumberDer, version3, type TbsIssuer } from './tbs-certificate.ts';

/** What a CA certificate of ours says. */
export type CaPlan = {
  readonly commonName: string;
  readonly serialNumber: SerialNumber;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly subjectPublicKeyInfo: Uint8Array;
  /** Number of CAs that may follow below: 1 on our roots, 0 on issuing CAs. */
  readonly pathLength: number | null;
  /** Purposes to which every certificate below is held, as dotted OIDs; empty for none, as on roots. */
  readonly extendedKeyUsage: readonly string[];
  readonly issuerUrl: string | null;
  readonly crlUrl: string | null;
};

/**
 * Purposes of the issuing CA of a trust domain. OpenSSL, and with it Keylime, Python and Node, refuses a leaf for a
 * purpose that its issuing CA lacks, so that a certificate that went wrong in the estate still cannot act as a TLS
 * client; Go with ExtKeyUsageAny (SPIRE) does not look, and with serverAuth agrees. The DevID's purpose is listed since
 * Go's default nesting asks for it; OCSPSigning is for the delegated responder of RFC 6960 §4.2.2.2.
 */
export const issuingPurposes: Readonly<Record<TrustDomain, readonly string[]>> = {
  estate: [oids.serverAuth, oids.verifiedTpmFixed, oids.verifiedTpmRestricted, oids.ocspSigning],
  'keylime-control': [oids.clientAuth, oids.ocspSigning],
};

/**
 * DER of the TBSCertificate of a CA: basicConstraints and keyUsage (keyCertSign, cRLSign) critical, both key
 * identifiers, no certificatePolicies, no names. For a root pass `issuer` with the algorithm only.
 */
export function buildCaTbsCertificate(
  plan: CaPlan,
  issuer: TbsIssuer | { readonly selfSignedWith: TbsIssuer['signatureAlgorithm'] },
): Uint8Array {
  const subject = commonNameDer(plan.commonName);
  const keyIdentifier = keyIdentifierOf(plan.subjectPublicKeyInfo);
  const by: TbsIssuer =
    'selfSignedWith' in issuer
      ? { nameDer: subject, keyIdentifier, signatureAlgorithm: issuer.selfSignedWith }
      : issuer;
  return sequence(
    version3,
    serialNumberDer(plan.serialNumber),
    algorithmIdentifierDer(by.signatureAlgorithm),
    by.nameDer,
    sequence(time(plan.notBefore), time(plan.notAfter)),
    subject,
    plan.subjectPublicKeyInfo,
    tagged(
      3,
      sequence(
        extensions.authorityKeyIdentifier(by.keyIdentifier),
        extensions.subjectKeyIdentifier(keyIdentifier),
        extensions.caConstraints(plan.pathLength),
        extensions.keyUsage(['keyCertSign', 'cRLSign']),
        ...(plan.extendedKeyUsage.length === 0 ? [] : [extensions.extendedKeyUsage(plan.extendedKeyUsage)]),
        ...(plan.issuerUrl === null ? [] : [extensions.authorityInformationAccess(plan.issuerUrl)]),
        ...(plan.crlUrl === null ? [] : [extensions.crlDistributionPoints(plan.crlUrl)]),
      ),
    ),
  );
}
