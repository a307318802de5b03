// A strict reader of X.509 v3 certificates (RFC 5280 §4.1): what stands there, in full. It trusts nothing and verifies
// no signature; chains and lint build on it.
import { sameOctets } from '../domain/octets.ts';
import type { Refusal, Result } from '../domain/result.ts';
import { err } from '../domain/result.ts';
import { DerReader, type DerQuirk } from './der-reader.ts';
import { tag } from './der-tags.ts';
import { commonNameOf, readName, type DistinguishedName } from './distinguished-name.ts';
import {
  extensionValues,
  isKnownExtension,
  readExtensions,
  type Extension,
  type ExtensionValues,
} from './extension-values.ts';
import { readingDer } from './reading-der.ts';
import { readAlgorithmIdentifier, type ReadAlgorithm } from './signature-algorithm.ts';
import { parseSerialNumber, type SerialNumber } from '../domain/serial.ts';
import { readTime } from './time.ts';

export type Certificate = ExtensionValues & {
  readonly der: Uint8Array;
  /** The octets that are signed. */
  readonly tbs: Uint8Array;
  readonly serialNumber: SerialNumber;
  readonly signatureAlgorithm: ReadAlgorithm;
  readonly signature: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Both times as they are encoded: the choice of type is part of RFC 5280 §4.1.2.5. */
  readonly validityDer: Uint8Array;
  readonly subjectPublicKeyInfo: Uint8Array;
  /** Every extension in order. */
  readonly extensions: readonly Extension[];
  /** Those that have no member of their own here. */
  readonly unknownExtensions: readonly Extension[];
};

export type CertificateReason = 'certificateTooLarge' | 'malformedCertificate';

/** A certificate with a long list of names fits; a decompression or parser bomb does not. */
const maxCertificateOctets = 32_768;

/** The commonName of a certificate's subject, of its DER; null when there is not exactly one, or it cannot be read. */
export function subjectCommonName(der: Uint8Array): string | null {
  const certificate = readCertificate(der);
  return certificate.ok ? commonNameOf(certificate.value.subject) : null;
}

/**
 * Reads a certificate in DER. Refused: more than 32 KiB, anything that is not strict DER (but for the named quirks),
 * other versions than v3, unique identifiers, duplicate extensions, two different signature algorithms.
 */
export function readCertificate(
  der: Uint8Array,
  quirks: readonly DerQuirk[] = [],
): Result<Certificate, Refusal<CertificateReason>> {
  if (der.length > maxCertificateOctets) {
    const detail = `the certificate has ${der.length} octets`;
    return err({ reason: 'certificateTooLarge', detail, accepted: `at most ${maxCertificateOctets} octets` });
  }
  return readingDer(der, { reason: 'malformedCertificate', what: 'the certificate', quirks }, (reader) =>
    reader.within(tag.sequence, (outer) => {
      const { value: fields, der: tbs } = outer.recording((signed) =>
        signed.within(tag.sequence, (inner) => readTbs(inner, quirks)),
      );
      const signatureAlgorithm = readAlgorithmIdentifier(outer);
      if (!sameOctets(signatureAlgorithm.der, fields.innerAlgorithm.der)) {
        throw outer.fault('the two signature algorithms differ');
      }
      return { ...fields.certificate, der, tbs, signatureAlgorithm, signature: outer.octetBitString() };
    }),
  );
}

/** The octets of the TBSCertificate, or null when the certificate is not framed as one. */
export function tbsOctets(der: Uint8Array): Uint8Array | null {
  const result = readingDer(der, { reason: 'malformedCertificate', what: 'the certificate' }, (reader) =>
    reader.within(tag.sequence, (outer) => {
      const { octets } = outer.element(tag.sequence);
      readAlgorithmIdentifier(outer);
      outer.octetBitString();
      return octets;
    }),
  );
  return result.ok ? result.value : null;
}

type TbsFields = {
  readonly certificate: Omit<Certificate, 'der' | 'tbs' | 'signatureAlgorithm' | 'signature'>;
  readonly innerAlgorithm: ReadAlgorithm;
};

function readTbs(reader: DerReader, quirks: readonly DerQuirk[]): TbsFields {
  const version = reader.within(0xa0, (inner) => inner.smallInteger());
  if (version !== 2) throw reader.fault(`version ${version} is not v3`);
  const serialNumber = parseSerialNumber(Buffer.from(reader.serialNumber()).toString('hex'));
  if (!serialNumber.ok) throw reader.fault('the serial number is longer than 20 octets');
  const innerAlgorithm = readAlgorithmIdentifier(reader);
  const issuer = readName(reader);
  const validity = reader.recording((outer) =>
    outer.within(tag.sequence, (inner) => ({ notBefore: readTime(inner), notAfter: readTime(inner) })),
  );
  const subject = readName(reader);
  const subjectPublicKeyInfo = reader.any();
  const extensions = reader.within(0xa3, readExtensions);
  const values = extensionValues(extensions, (value, read) => {
    const inner = new DerReader(value, quirks);
    const result = read(inner);
    inner.end();
    return result;
  });
  const unknownExtensions = extensions.filter(({ type }) => !isKnownExtension(type));
  const serial = { serialNumber: serialNumber.value, validityDer: validity.der };
  const names = { issuer, subject, subjectPublicKeyInfo };
  return {
    certificate: { ...values, ...validity.value, ...serial, ...names, extensions, unknownExtensions },
    innerAlgorithm,
  };
}

/** Whether issuer and subject are the same octets: self-issued (RFC 5280 §3.2), which does not say self-signed. */
export const isSelfIssued = (certificate: Certificate): boolean =>
  sameOctets(certificate.issuer.der, certificate.subject.der);
