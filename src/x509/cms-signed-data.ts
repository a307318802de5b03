// SignedData of CMS (RFC 5652 §5). Subset: content of type id-data inside it, one signer named by issuer and serial number
// whose certificate alone comes along, SHA-256, and signed attributes contentType, messageDigest and perhaps signingTime.
import { createHash } from 'node:crypto';
import { sameOctets } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { SignatureAlgorithm } from '../domain/signature-algorithm.ts';
import { caKey } from './ca-link.ts';
import { readCertificate, type Certificate } from './certificate.ts';
import type { DerReader } from './der-reader.ts';
import { tag } from './der-tags.ts';
import {
  concatenate,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  smallInteger,
  tagged,
  time,
} from './der-writer.ts';
import { sha256Hex } from './digest.ts';
import { oids } from './oids.ts';
import { readingDer } from './reading-der.ts';
import { algorithmIdentifierDer, readAlgorithmIdentifier, verifySignature } from './signature-algorithm.ts';
import { serialNumberDer } from './tbs-certificate.ts';
import { readTime } from './time.ts';

export type CmsReason =
  | 'cmsTooLarge'
  | 'malformedCms'
  | 'cmsNotSupported'
  | 'cmsDigestDiffers'
  | 'signerNotTrusted'
  | 'wrongCmsSignature';

/** What a SignedData carries, its signature not looked at. `signingTime` is what the signer's clock said, or null. */
export type SignedData = {
  readonly content: Uint8Array;
  readonly signer: Certificate;
  /** SHA-256 of the signer's certificate in lower-case hex. */
  readonly signerSha256: string;
  readonly signingTime: Date | null;
  readonly algorithm: SignatureAlgorithm;
  /** The octets that are signed: the attributes as SET OF (RFC 5652 §5.4). */
  readonly signedOctets: Uint8Array;
  readonly signature: Uint8Array;
};

const attribute = (type: string, value: Uint8Array): Uint8Array => sequence(objectIdentifier(type), setOf(value));

const dataType = objectIdentifier(oids.idData);
const sha256Algorithm = sequence(objectIdentifier(oids.sha256));
/** Parameters are absent, but a NULL is read too (RFC 5754 §2). */
const sha256Algorithms = [sha256Algorithm, sequence(objectIdentifier(oids.sha256), nullValue)];
/** An RSA signature may also be named by its key (RFC 5754 §3.2). */
const rsaByKey = sequence(objectIdentifier(oids.rsaEncryption), nullValue);

const digestOf = (content: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(content).digest());

/** The octets to sign for a content: SET OF signed attributes in DER. */
export const cmsSignedAttributes = (content: Uint8Array, signingTime: Date | null): Uint8Array =>
  setOf(
    attribute(oids.contentType, dataType),
    ...(signingTime === null ? [] : [attribute(oids.signingTime, time(signingTime))]),
    attribute(oids.messageDigest, octetString(digestOf(content))),
  );

/** ContentInfo around SignedData, from a content, its signed attributes, and their signature by the signer's key. */
export function assembleSignedData(parts: {
  readonly content: Uint8Array;
  readonly signer: Certificate;
  readonly algorithm: SignatureAlgorithm;
  readonly attributes: Uint8Array;
  readonly signature: Uint8Array;
}): Uint8Array {
  const { content, signer, algorithm, attributes, signature } = parts;
  const signerInfo = sequence(
    smallInteger(1),
    sequence(signer.issuer.der, serialNumberDer(signer.serialNumber)),
    sha256Algorithm,
    concatenate([Uint8Array.of(0xa0), attributes.subarray(1)]),
    algorithmIdentifierDer(algorithm),
    octetString(signature),
  );
  const signedData = sequence(
    smallInteger(1),
    setOf(sha256Algorithm),
    sequence(dataType, tagged(0, octetString(content))),
    tagged(0, signer.der),
    setOf(signerInfo),
  );
  return sequence(objectIdentifier(oids.idSignedData), tagged(0, signedData));
}

type Fields = Omit<SignedData, 'signer' | 'signerSha256' | 'signingTime' | 'algorithm'> & {
  readonly certificate: Uint8Array;
  readonly sid: { readonly issuer: Uint8Array; readonly serialNumber: Uint8Array };
  readonly isSupported: boolean;
  readonly algorithm: SignatureAlgorithm | null;
};

/**
 * Reads a SignedData and compares the digest with the content. Refused: more than `maxOctets`, octets behind the end,
 * anything that is not DER, more or fewer than one signer and one certificate, CRLs, unsigned attributes, other
 * attributes than those of the subset, other algorithms, and a signer whose certificate is not the one that came along.
 * The signature is NOT verified: that is `verifySignedData`.
 */
export function readSignedData(der: Uint8Array, maxOctets: number): Result<SignedData, Refusal<CmsReason>> {
  if (der.length > maxOctets) {
    const detail = `the SignedData has ${der.length} octets`;
    return err({ reason: 'cmsTooLarge', detail, accepted: `at most ${maxOctets} octets` });
  }
  const fields = readingDer(der, { reason: 'malformedCms', what: 'the SignedData' }, readContentInfo);
  if (!fields.ok) return fields;
  const { content, signedOctets, signature, certificate, sid, algorithm, isSupported } = fields.value;
  if (algorithm === null || !isSupported) return notSupported('its digest or signature algorithm is another one');
  const signer = readCertificate(certificate);
  if (!signer.ok) return err({ reason: 'malformedCms', detail: `the signer: ${signer.error.detail}` });
  const isOfSigner =
    sameOctets(sid.issuer, signer.value.issuer.der) &&
    sameOctets(sid.serialNumber, serialNumberDer(signer.value.serialNumber));
  if (!isOfSigner) return notSupported('the certificate that comes along is that of another');
  const attributes = readAttributes(signedOctets);
  if (!attributes.ok) return attributes;
  const { messageDigest, signingTime } = attributes.value;
  if (!sameOctets(messageDigest, digestOf(content))) {
    return err({ reason: 'cmsDigestDiffers', detail: 'the signed digest is not that of the content' });
  }
  const signerSha256 = sha256Hex(certificate);
  return ok({ content, signer: signer.value, signerSha256, signingTime, algorithm, signedOctets, signature });
}

/**
 * Reads a SignedData and verifies it by the key of a certificate that the caller trusts already: the signer's is compared
 * by the SHA-256 of its DER. Neither its dates nor its keyUsage are looked at: a root is trusted as it is (RFC 5280 §6.1.1).
 */
export function verifySignedData(
  der: Uint8Array,
  { trustedSha256, maxOctets }: { readonly trustedSha256: readonly string[]; readonly maxOctets: number },
): Result<SignedData, Refusal<CmsReason>> {
  const read = readSignedData(der, maxOctets);
  if (!read.ok) return read;
  const { signer, signerSha256, algorithm, signedOctets, signature } = read.value;
  if (!trustedSha256.includes(signerSha256)) {
    return err({
      reason: 'signerNotTrusted',
      detail: `it is signed by ${signerSha256}, which is not trusted here`,
      accepted: `a signature by one of ${trustedSha256.join(', ')}`,
    });
  }
  const publicKey = caKey(signer.subjectPublicKeyInfo);
  const isGood = publicKey !== null && verifySignature({ algorithm, publicKey, message: signedOctets, signature });
  return isGood ? read : err({ reason: 'wrongCmsSignature', detail: 'its signature does not verify' });
}

/** ContentInfo (RFC 5652 §3), SignedData (§5.1). */
const readContentInfo = (reader: DerReader): Fields =>
  reader.within(tag.sequence, (info) => {
    if (info.oid() !== oids.idSignedData) throw info.fault('the content is no SignedData');
    return info.within(0xa0, (explicit) => explicit.within(tag.sequence, readFields));
  });

function readFields(data: DerReader): Fields {
  if (data.smallInteger() !== 1) throw data.fault('the version of the SignedData is not 1');
  const digests = data.eachOfSet(readSha256);
  const content = data.within(tag.sequence, (encapsulated) => {
    if (encapsulated.oid() !== oids.idData) throw encapsulated.fault('the content type is not id-data');
    return encapsulated.within(0xa0, (explicit) => explicit.octetString());
  });
  const certificate = data.within(0xa0, (certificates) => certificates.any());
  const [signer, ...more] = data.eachOfSet(readSignerInfo);
  if (signer === undefined || more.length > 0 || digests.length > 1)
    throw data.fault('there is not exactly one signer');
  return { ...signer, content, certificate, isSupported: signer.isSupported && digests[0] === true };
}

/** Whether a digest algorithm is SHA-256. */
const readSha256 = (reader: DerReader): boolean => {
  const der = reader.any();
  return sha256Algorithms.some((known) => sameOctets(known, der));
};

/** SignerInfo (RFC 5652 §5.3). */
const readSignerInfo = (reader: DerReader): Omit<Fields, 'content' | 'certificate'> =>
  reader.within(tag.sequence, (info) => {
    if (info.smallInteger() !== 1) throw info.fault('the signer is not named by issuer and serial number');
    const sid = info.within(tag.sequence, (name) => ({ issuer: name.any(), serialNumber: name.any() }));
    const isSupported = readSha256(info);
    const attributes = info.element(0xa0);
    const algorithm = readAlgorithmIdentifier(info);
    return {
      sid,
      isSupported,
      signedOctets: concatenate([Uint8Array.of(tag.set), attributes.octets.subarray(1)]),
      algorithm: signatureAlgorithmOf(algorithm),
      signature: info.octetString(),
    };
  });

function signatureAlgorithmOf({ name, der }: ReturnType<typeof readAlgorithmIdentifier>): SignatureAlgorithm | null {
  if (name === 'ecdsaWithSHA256' || name === 'sha256WithRSAEncryption') return name;
  return sameOctets(der, rsaByKey) ? 'sha256WithRSAEncryption' : null;
}

type Attributes = { readonly messageDigest: Uint8Array; readonly signingTime: Date | null };

/** RFC 5652 §11.1 to §11.3: each attribute at most once, with one value. */
function readAttributes(signedOctets: Uint8Array): Result<Attributes, Refusal<CmsReason>> {
  const read = readingDer(signedOctets, { reason: 'malformedCms', what: 'the signed attributes' }, (reader) =>
    reader.eachOfSet((one) => one.within(tag.sequence, readAttribute)),
  );
  if (!read.ok) return read;
  const types = read.value.map(({ type }) => type);
  if (new Set(types).size !== types.length) return notSupported('an attribute is there twice');
  const digest = read.value.find(({ type }) => type === oids.messageDigest)?.messageDigest;
  if (digest === undefined || !types.includes(oids.contentType)) {
    return notSupported('the attributes contentType and messageDigest are not both there');
  }
  const signingTime = read.value.find(({ type }) => type === oids.signingTime)?.signingTime ?? null;
  return ok({ messageDigest: digest, signingTime });
}

type ReadAttribute = { readonly type: string; readonly messageDigest?: Uint8Array; readonly signingTime?: Date };

function readAttribute(attributeReader: DerReader): ReadAttribute {
  const type = attributeReader.oid();
  return attributeReader.within(tag.set, (values): ReadAttribute => {
    switch (type) {
      case oids.contentType:
        if (values.oid() !== oids.idData) throw values.fault('the signed content type is not id-data');
        return { type };
      case oids.messageDigest:
        return { type, messageDigest: values.octetString() };
      case oids.signingTime:
        return { type, signingTime: readTime(values) };
      default:
        throw values.fault(`the signed attribute ${type} is not one of the subset`);
    }
  });
}

const notSupported = (detail: string): Result<never, Refusal<CmsReason>> =>
  err({
    reason: 'cmsNotSupported',
    detail,
    accepted: 'one signer with its certificate, SHA-256 with ECDSA or RSA PKCS #1 v1.5',
  });
