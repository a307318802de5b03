// Certificate revocation lists, v2 (RFC 5280 §5): the octets that an issuer signs, and a reader to check them with.
// Full CRLs of one issuer only: no delta, no partition, hence no issuingDistributionPoint.
import type { ReasonCode } from '../domain/certificate.ts';
import { sameOctets } from '../domain/octets.ts';
import type { Refusal, Result } from '../domain/result.ts';
import { parseSerialNumber, type SerialNumber } from '../domain/serial.ts';
import { DerReader } from './der-reader.ts';
import { tag } from './der-tags.ts';
import { concatenate, enumerated, sequence, smallInteger, tagged, time, unsignedInteger } from './der-writer.ts';
import { readName, type DistinguishedName } from './distinguished-name.ts';
import { readAuthorityKeyIdentifier, readExtensions, type Extension } from './extension-values.ts';
import { authorityKeyIdentifier, extension } from './extensions.ts';
import { oids } from './oids.ts';
import { readingDer } from './reading-der.ts';
import { algorithmIdentifierDer, readAlgorithmIdentifier, type ReadAlgorithm } from './signature-algorithm.ts';
import { serialNumberDer, type TbsIssuer } from './tbs-certificate.ts';
import { readTime } from './time.ts';

/** CRLReason by its names (RFC 5280 §5.3.1), as far as this service uses them. */
const reasonCodes: Readonly<Record<ReasonCode, number>> = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
};

export type RevokedCertificate = {
  readonly serialNumber: SerialNumber;
  readonly revokedAt: Date;
  readonly reasonCode: ReasonCode;
};

/** What a CRL says; `crlNumber` grows with each CRL of the issuer. */
export type CrlPlan = {
  readonly crlNumber: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revoked: readonly RevokedCertificate[];
};

const version2 = smallInteger(1);

/**
 * DER of the TBSCertList; `assembleCertificate` makes the CRL of it and the signature. The list is left out when empty
 * (an empty one is not allowed), and so is the reason `unspecified` (RFC 5280 §5.3.1).
 */
export function buildTbsCertList(plan: CrlPlan, issuer: TbsIssuer): Uint8Array {
  return sequence(
    version2,
    algorithmIdentifierDer(issuer.signatureAlgorithm),
    issuer.nameDer,
    time(plan.thisUpdate),
    time(plan.nextUpdate),
    ...(plan.revoked.length === 0 ? [] : [sequence(concatenate(plan.revoked.map(entry)))]),
    tagged(0, sequence(authorityKeyIdentifier(issuer.keyIdentifier), crlNumber(plan.crlNumber))),
  );
}

function crlNumber(number: bigint): Uint8Array {
  const hex = number.toString(16);
  if (number < 0n || hex.length > 38) throw new RangeError('a CRL number has at most 19 octets and is not negative');
  return extension(oids.cRLNumber, 'nonCritical', unsignedInteger(Buffer.from(hex.padStart(38, '0'), 'hex')));
}

/** An entry's reason, whole: one of few, so each is made once. */
const reasons: ReadonlyMap<ReasonCode, readonly Uint8Array[]> = new Map(
  (Object.keys(reasonCodes) as ReasonCode[]).map((name) => [
    name,
    name === 'unspecified' ? [] : [sequence(extension(oids.reasonCode, 'nonCritical', enumerated(reasonCodes[name])))],
  ]),
);

const entry = ({ serialNumber, revokedAt, reasonCode }: RevokedCertificate): Uint8Array =>
  sequence(serialNumberDer(serialNumber), time(revokedAt), ...(reasons.get(reasonCode) ?? []));

/** A CRL as it was read. */
export type Crl = {
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: ReadAlgorithm;
  readonly signature: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly authorityKeyIdentifier: Uint8Array | null;
  readonly crlNumber: bigint;
  readonly revoked: readonly RevokedCertificate[];
};

/** Reads a CRL of the kind that is built here; anything else, other extensions included, is refused. */
export function readCrl(der: Uint8Array): Result<Crl, Refusal<'malformedCrl'>> {
  return readingDer(der, { reason: 'malformedCrl', what: 'the CRL' }, (reader) =>
    reader.within(tag.sequence, (outer) => {
      const { value, der: tbs } = outer.recording((signed) => signed.within(tag.sequence, readTbsCertList));
      const signatureAlgorithm = readAlgorithmIdentifier(outer);
      if (!sameOctets(signatureAlgorithm.der, value.algorithm.der)) {
        throw outer.fault('the two signature algorithms differ');
      }
      return { ...value.crl, tbs, signatureAlgorithm, signature: outer.octetBitString() };
    }),
  );
}

type TbsCrl = {
  readonly crl: Omit<Crl, 'tbs' | 'signatureAlgorithm' | 'signature'>;
  readonly algorithm: ReadAlgorithm;
};

function readTbsCertList(reader: DerReader): TbsCrl {
  if (reader.smallInteger() !== 1) throw reader.fault('the CRL is not v2');
  const algorithm = readAlgorithmIdentifier(reader);
  const issuer = readName(reader);
  const thisUpdate = readTime(reader);
  const nextUpdate = readTime(reader);
  const revoked = reader.next(tag.sequence) ? reader.each(tag.sequence, 1, readEntry) : [];
  const extensions = reader.within(0xa0, readExtensions);
  const value = (type: string): DerReader => {
    const found = extensions.find((one) => one.type === type);
    if (found === undefined || found.isCritical || extensions.length !== 2) throw reader.fault('unexpected extensions');
    return new DerReader(found.value);
  };
  const number = value(oids.cRLNumber).integer();
  const aki = readAuthorityKeyIdentifier(value(oids.authorityKeyIdentifier));
  const crl = { issuer, thisUpdate, nextUpdate, revoked, authorityKeyIdentifier: aki };
  return { algorithm, crl: { ...crl, crlNumber: BigInt(`0x${Buffer.from(number).toString('hex')}`) } };
}

function readEntry(list: DerReader): RevokedCertificate {
  return list.within(tag.sequence, (inner) => {
    const serialNumber = parseSerialNumber(Buffer.from(inner.serialNumber()).toString('hex'));
    if (!serialNumber.ok) throw inner.fault('a serial number is too long');
    const revokedAt = readTime(inner);
    const reasonCode = inner.isAtEnd ? 'unspecified' : readReason(inner, readExtensions(inner));
    return { serialNumber: serialNumber.value, revokedAt, reasonCode };
  });
}

function readReason(reader: DerReader, [only, ...more]: readonly Extension[]): ReasonCode {
  if (only?.type !== oids.reasonCode || more.length > 0) throw reader.fault('unexpected entry extensions');
  const code = new DerReader(only.value).smallInteger(tag.enumerated);
  const name = (Object.keys(reasonCodes) as ReasonCode[]).find((candidate) => reasonCodes[candidate] === code);
  if (name === undefined || name === 'unspecified') throw reader.fault('unexpected reason code');
  return name;
}
