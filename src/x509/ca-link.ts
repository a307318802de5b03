// One link of a certification path (RFC 5280 §6.1): does this CA certificate stand behind that certificate? Paths are
// put together elsewhere.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { sameOctets } from '../domain/octets.ts';
import { printable } from '../domain/printable.ts';
import type { Refusal } from '../domain/result.ts';
import { isSelfIssued, type Certificate } from './certificate.ts';
import { tag } from './der-tags.ts';
import { commonNameOf, type DistinguishedName } from './distinguished-name.ts';
import { oids } from './oids.ts';
import { readingDer } from './reading-der.ts';
import { verifySignature } from './signature-algorithm.ts';

export type LinkReason =
  | 'signatureAlgorithmNotAccepted'
  | 'issuerKeyNotAccepted'
  | 'wrongSignature'
  | 'certificateExpired'
  | 'certificateNotYetValid'
  | 'issuerNotCa'
  | 'issuerKeyUsage'
  | 'pathLengthExceeded'
  | 'unhandledCriticalExtension';

/** A subject's commonName for messages, bounded and printable. */
export const shownName = (name: DistinguishedName): string =>
  `"${printable(commonNameOf(name) ?? 'no commonName', 80)}"`;

/** The same octets, or the same attributes in the same order: vendors encode one name as different string types. */
function isSameName(a: DistinguishedName, b: DistinguishedName): boolean {
  if (sameOctets(a.der, b.der)) return true;
  return (
    a.attributes.length === b.attributes.length &&
    a.attributes.length > 0 &&
    a.attributes.every(({ type, value }, i) => {
      const other = b.attributes[i];
      return value !== null && other?.type === type && other.value === value;
    })
  );
}

/** Whether `issuer` may be looked at as issuer: its name fits, and key identifiers, where both exist, are equal. */
export function isCandidate(certificate: Certificate, issuer: Certificate): boolean {
  const { authorityKeyIdentifier } = certificate;
  const { subjectKeyIdentifier } = issuer;
  const idsFit =
    authorityKeyIdentifier === null ||
    subjectKeyIdentifier === null ||
    sameOctets(authorityKeyIdentifier, subjectKeyIdentifier);
  return idsFit && isSameName(certificate.issuer, issuer.subject);
}

/** Validity includes both ends (RFC 5280 §4.1.2.5). */
export function validityFault({ notBefore, notAfter, subject }: Certificate, now: Date): Refusal<LinkReason> | null {
  if (now > notAfter) {
    return { reason: 'certificateExpired', detail: `${shownName(subject)} expired at ${notAfter.toISOString()}` };
  }
  if (now < notBefore) {
    return { reason: 'certificateNotYetValid', detail: `${shownName(subject)} begins at ${notBefore.toISOString()}` };
  }
  return null;
}

const understood: ReadonlySet<string> = new Set([
  oids.basicConstraints,
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.certificatePolicies,
]);

/**
 * What forbids `issuer` to be a CA with `below` CA certificates (self-issued ones not counted) under it, or null:
 * basicConstraints, keyUsage, pathLenConstraint, and critical extensions that are not understood.
 */
export function caFault(issuer: Certificate, below: number): Refusal<LinkReason> | null {
  const who = shownName(issuer.subject);
  const { basicConstraints, keyUsage } = issuer;
  if (basicConstraints?.isCa !== true) return { reason: 'issuerNotCa', detail: `${who} is no CA` };
  if (keyUsage !== null && !keyUsage.includes('keyCertSign')) {
    return { reason: 'issuerKeyUsage', detail: `the key of ${who} may not sign certificates` };
  }
  if (basicConstraints.pathLength !== null && basicConstraints.pathLength < below) {
    return {
      reason: 'pathLengthExceeded',
      detail: `${who} allows ${basicConstraints.pathLength} CAs below, not ${below}`,
    };
  }
  const unhandled = issuer.extensions.find(({ type, isCritical }) => isCritical && !understood.has(type));
  if (unhandled === undefined) return null;
  return { reason: 'unhandledCriticalExtension', detail: `${who} has the critical extension ${unhandled.type}` };
}

/** What is wrong with the signature of `issuer` under `certificate`, or null. */
export function signatureFault(certificate: Certificate, issuer: Certificate): Refusal<LinkReason> | null {
  const who = shownName(certificate.subject);
  const algorithm = certificate.signatureAlgorithm.name;
  if (algorithm === null) {
    return {
      reason: 'signatureAlgorithmNotAccepted',
      detail: `${who} is signed with ${certificate.signatureAlgorithm.oid}`,
      accepted: 'ECDSA or RSA PKCS #1 v1.5, with SHA-256, SHA-384 or SHA-512',
    };
  }
  const publicKey = caKey(issuer.subjectPublicKeyInfo);
  if (publicKey === null) {
    const detail = `the key of ${shownName(issuer.subject)} is not accepted`;
    return {
      reason: 'issuerKeyNotAccepted',
      detail,
      accepted: 'RSA of 2048 to 8192 bits with exponent 65537, or P-256, P-384, P-521',
    };
  }
  const { tbs, signature } = certificate;
  if (verifySignature({ algorithm, publicKey, message: tbs, signature })) return null;
  return { reason: 'wrongSignature', detail: `${who} is not signed by ${shownName(issuer.subject)}` };
}

const curves: readonly string[] = [oids.secp256r1, oids.secp384r1, oids.secp521r1];

/**
 * The key of a CA; curves by name only, so that nobody brings a generator of their own (CVE-2020-0601). RSA is bounded
 * above too: strangers send intermediates, and a long exponent makes each verification take a hundred times longer.
 */
export function caKey(subjectPublicKeyInfo: Uint8Array): KeyObject | null {
  const read = readingDer(subjectPublicKeyInfo, { reason: 'malformedKey', what: 'the key' }, (reader) =>
    reader.within(tag.sequence, (inner) => {
      const accepted = inner.within(tag.sequence, (algorithm) => {
        if (algorithm.oid() === oids.idEcPublicKey) return algorithm.next(tag.oid) && curves.includes(algorithm.oid());
        algorithm.null();
        return true;
      });
      inner.octetBitString();
      return accepted;
    }),
  );
  if (!read.ok || !read.value) return null;
  try {
    const key = createPublicKey({ key: Buffer.from(subjectPublicKeyInfo), format: 'der', type: 'spki' });
    const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
    const isInBounds =
      modulusLength >= 2048 && modulusLength <= 8192 && publicExponent >= 65537n && publicExponent < 2n ** 33n;
    return key.asymmetricKeyType === 'ec' || isInBounds ? key : null;
  } catch {
    return null;
  }
}

/** Whether a certificate is its own issuer, by name and by signature. */
export const isSelfSigned = (certificate: Certificate): boolean =>
  isSelfIssued(certificate) && signatureFault(certificate, certificate) === null;
