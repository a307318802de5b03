// From a plan to the octets that an issuer signs: our own DER template of TBSCertificate (RFC 5280 §4.1). It decides
// nothing: all it says comes from the plan and the issuer, and lint.ts reads it back.
import type { Plan } from '../domain/plan.ts';
import type { SerialNumber } from '../domain/serial.ts';
import type { SignatureAlgorithm } from '../domain/signature-algorithm.ts';
import { bitString, sequence, smallInteger, tagged, time, unsignedInteger } from './der-writer.ts';
import { commonNameDer } from './distinguished-name.ts';
import * as extensions from './extensions.ts';
import { generalNamesDer } from './general-names.ts';
import { algorithmIdentifierDer } from './signature-algorithm.ts';
import { keyIdentifierOf } from './subject-public-key.ts';

/** What an issuer puts into each certificate. `nameDer` is its subject's exact octets. */
export type TbsIssuer = {
  readonly nameDer: Uint8Array;
  /** Its subjectKeyIdentifier, raw octets. */
  readonly keyIdentifier: Uint8Array;
  readonly signatureAlgorithm: SignatureAlgorithm;
};

export type Issuance = { readonly serialNumber: SerialNumber; readonly issuer: TbsIssuer };

/** `[0] EXPLICIT INTEGER 2`: X.509 v3. */
export const version3: Uint8Array = tagged(0, smallInteger(2));

/** INTEGER of a serial number. */
export const serialNumberDer = (serialNumber: SerialNumber): Uint8Array =>
  unsignedInteger(Buffer.from(serialNumber, 'hex'));

/**
 * DER of the TBSCertificate for a plan. Extensions in this order: authorityKeyIdentifier, subjectKeyIdentifier,
 * basicConstraints (critical, CA FALSE: SPIRE's profile asks for it, and strict OpenSSL, Go and Keylime take it), keyUsage
 * (critical), extendedKeyUsage, subjectAltName (with any name), certificatePolicies, authorityInformationAccess,
 * cRLDistributionPoints (as far as the plan has them).
 */
export function buildTbsCertificate(plan: Plan, { serialNumber, issuer }: Issuance): Uint8Array {
  const names = generalNamesDer(plan.names, plan.hardwareSerial);
  return sequence(
    version3,
    serialNumberDer(serialNumber),
    algorithmIdentifierDer(issuer.signatureAlgorithm),
    issuer.nameDer,
    sequence(time(plan.notBefore), time(plan.notAfter)),
    commonNameDer(plan.commonName),
    plan.subjectPublicKeyInfo,
    tagged(
      3,
      sequence(
        extensions.authorityKeyIdentifier(issuer.keyIdentifier),
        extensions.subjectKeyIdentifier(keyIdentifierOf(plan.subjectPublicKeyInfo)),
        extensions.endEntityConstraints,
        extensions.keyUsage(plan.keyUsage),
        extensions.extendedKeyUsage(plan.extendedKeyUsage.map((purpose) => extensions.purposeOids[purpose])),
        ...(names === null ? [] : [extensions.subjectAltName(names)]),
        ...policiesOf(plan),
        ...(plan.issuerUrl === null ? [] : [extensions.authorityInformationAccess(plan.issuerUrl)]),
        ...(plan.crlUrl === null ? [] : [extensions.crlDistributionPoints(plan.crlUrl)]),
      ),
    ),
  );
}

const policiesOf = (plan: Plan): readonly Uint8Array[] =>
  plan.certificatePolicies.length === 0
    ? []
    : [extensions.certificatePolicies(plan.certificatePolicies.map((policy) => extensions.policyOids[policy]))];

/** Certificate (or CertificateList) from its signed part: SEQUENCE of TBS, AlgorithmIdentifier and BIT STRING. */
export const assembleCertificate = (
  tbs: Uint8Array,
  signatureAlgorithm: SignatureAlgorithm,
  signature: Uint8Array,
): Uint8Array => sequence(tbs, algorithmIdentifierDer(signatureAlgorithm), bitString(signature));
