// Certificate extensions (RFC 5280 §4.2) as DER, each a whole Extension. What a certificate must carry is not decided
// here but by a profile (end entities) or by ca-certificate.ts.
import type { CertificatePolicy, ExtendedKeyUsage } from '../domain/profile.ts';
import {
  booleanTrue,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
  smallInteger,
  tagged,
  taggedPrimitive,
} from './der-writer.ts';
import { uriNameDer } from './general-names.ts';
import { oids } from './oids.ts';

/** Bits of KeyUsage by their position (RFC 5280 §4.2.1.3). */
export const keyUsageBits = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const;

export type KeyUsageBit = keyof typeof keyUsageBits;

/** Purposes by the names that profiles use. */
export const purposeOids: Readonly<Record<ExtendedKeyUsage, string>> = {
  serverAuth: oids.serverAuth,
  clientAuth: oids.clientAuth,
  tpmFixed: oids.verifiedTpmFixed,
};

/** Policies by the names that profiles use. */
export const policyOids: Readonly<Record<CertificatePolicy, string>> = {
  verifiedTpmResidency: oids.verifiedTpmResidency,
  verifiedTpmFixed: oids.verifiedTpmFixed,
};

/** One Extension around the DER of its value. */
export const extension = (type: string, criticality: 'critical' | 'nonCritical', value: Uint8Array): Uint8Array =>
  criticality === 'critical'
    ? sequence(objectIdentifier(type), booleanTrue, octetString(value))
    : sequence(objectIdentifier(type), octetString(value));

export const authorityKeyIdentifier = (keyIdentifier: Uint8Array): Uint8Array =>
  extension(oids.authorityKeyIdentifier, 'nonCritical', sequence(taggedPrimitive(0, keyIdentifier)));

export const subjectKeyIdentifier = (keyIdentifier: Uint8Array): Uint8Array =>
  extension(oids.subjectKeyIdentifier, 'nonCritical', octetString(keyIdentifier));

/** Critical basicConstraints of an end entity: cA is FALSE, which DER expresses by leaving it out. */
export const endEntityConstraints: Uint8Array = extension(oids.basicConstraints, 'critical', sequence());

/** Critical basicConstraints of a CA; `pathLength` null means no limit. */
export const caConstraints = (pathLength: number | null): Uint8Array =>
  extension(
    oids.basicConstraints,
    'critical',
    pathLength === null ? sequence(booleanTrue) : sequence(booleanTrue, smallInteger(pathLength)),
  );

export const keyUsage = (bits: readonly KeyUsageBit[]): Uint8Array =>
  extension(oids.keyUsage, 'critical', namedBits(bits.map((bit) => keyUsageBits[bit])));

export const extendedKeyUsage = (purposes: readonly string[]): Uint8Array =>
  extension(oids.extendedKeyUsage, 'nonCritical', sequence(...purposes.map(objectIdentifier)));

/** subjectAltName is not critical: our subjects are never empty, and Go refuses a critical one of otherNames only. */
export const subjectAltName = (generalNames: Uint8Array): Uint8Array =>
  extension(oids.subjectAltName, 'nonCritical', generalNames);

export const certificatePolicies = (policies: readonly string[]): Uint8Array =>
  extension(
    oids.certificatePolicies,
    'nonCritical',
    sequence(...policies.map((policy) => sequence(objectIdentifier(policy)))),
  );

/** Where the issuer's certificate is (DER, RFC 5280 §4.2.2.1). */
export const authorityInformationAccess = (issuerUrl: string): Uint8Array =>
  extension(
    oids.authorityInformationAccess,
    'nonCritical',
    sequence(sequence(objectIdentifier(oids.caIssuers), uriNameDer(issuerUrl))),
  );

/** One distribution point with one full name (RFC 5280 §4.2.1.13). */
export const crlDistributionPoints = (crlUrl: string): Uint8Array =>
  extension(oids.cRLDistributionPoints, 'nonCritical', sequence(sequence(tagged(0, tagged(0, uriNameDer(crlUrl))))));
