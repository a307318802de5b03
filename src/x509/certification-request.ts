// Certification requests, PKCS #10 (RFC 2986): from octets to a key whose possession is proved and the names that were
// asked for. Nothing of a request reaches a certificate but its key; names are compared with a grant by the caller.
import type { KeyObject } from 'node:crypto';
import type { CertificateNames, KeyType } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { DerReader } from './der-reader.ts';
import { tag } from './der-tags.ts';
import { commonNamesOf, readName, type DistinguishedName } from './distinguished-name.ts';
import { readGeneralNames, type GeneralName } from './general-names.ts';
import { oids } from './oids.ts';
import { elementLength, readingDer } from './reading-der.ts';
import { readAlgorithmIdentifier, verifySignature, type ReadAlgorithm } from './signature-algorithm.ts';
import { readSubjectPublicKey, type IsWeakModulus, type SubjectPublicKeyReason } from './subject-public-key.ts';

/** A request that is well formed and signed by the key that it carries. */
export type CertificationRequest = {
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly keyType: KeyType;
  readonly publicKey: KeyObject;
  /** SHA-256 of `subjectPublicKeyInfo`, lower-case hex. */
  readonly spkiSha256: string;
  readonly commonName: string | null;
  /** DNS names in lower case, addresses in their one spelling, each once. */
  readonly names: CertificateNames;
  /** Kinds of requested names that are never certified, for instance `rfc822Name`; a caller refuses if there are any. */
  readonly unsupportedNames: readonly string[];
};

export type CertificationRequestReason =
  | 'requestTooLarge'
  | 'malformedRequest'
  | 'trailingOctets'
  | 'unsupportedVersion'
  | 'severalCommonNames'
  | 'duplicateAttribute'
  | 'tooManyNames'
  | 'unsupportedSignatureAlgorithm'
  | 'wrongSignature'
  | SubjectPublicKeyReason;

export type CertificationRequestLimits = {
  readonly maxOctets: number;
  readonly maxNames: number;
  readonly isWeakModulus: IsWeakModulus;
};

/** 16 KiB and 100 names; the moduli test is handed in by who knows one. */
export const defaultRequestLimits: CertificationRequestLimits = {
  maxOctets: 16_384,
  maxNames: 100,
  isWeakModulus: () => false,
};

type Refused = Refusal<CertificationRequestReason>;

type Fields = {
  readonly version: number;
  readonly subject: DistinguishedName;
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly attributes: readonly { readonly type: string; readonly values: readonly Uint8Array[] }[];
  readonly signedOctets: Uint8Array;
  readonly algorithm: ReadAlgorithm;
  readonly signature: Uint8Array;
};

/**
 * Reads and verifies a request in DER. Checked in this order: size, strict DER, nothing behind it, version, attributes
 * and names, key type and strength, signature algorithm (ECDSA with SHA-256/384, RSA PKCS #1 with SHA-256/384/512),
 * signature by the carried key. Requested extensions other than subjectAltName are ignored.
 */
export function readCertificationRequest(
  der: Uint8Array,
  limits: CertificationRequestLimits = defaultRequestLimits,
): Result<CertificationRequest, Refused> {
  const framed = checkFrame(der, limits.maxOctets);
  if (framed !== null) return err(framed);
  const parsed = readingDer(der, { reason: 'malformedRequest', what: 'the certification request' }, readFields);
  if (!parsed.ok) return parsed;
  const fields = parsed.value;
  if (fields.version !== 0) return refuse('unsupportedVersion', `version ${fields.version}`, '0 (v1)');
  const commonNames = commonNamesOf(fields.subject);
  if (commonNames.length > 1) return refuse('severalCommonNames', 'the subject has several commonNames', 'at most one');
  const names = requestedNames(fields, limits.maxNames);
  if (!names.ok) return names;
  const key = readSubjectPublicKey(fields.subjectPublicKeyInfo, limits.isWeakModulus);
  if (!key.ok) return key;
  const fault = signatureFault(fields, key.value.publicKey);
  if (fault !== null) return err(fault);
  return ok({ ...key.value, commonName: commonNames[0] ?? null, ...sortNames(names.value) });
}

/** Size before parsing; then whether the outermost element is all there is. */
function checkFrame(der: Uint8Array, maxOctets: number): Refused | null {
  if (der.length > maxOctets) {
    const detail = `the certification request has ${der.length} octets`;
    return { reason: 'requestTooLarge', detail, accepted: `at most ${maxOctets} octets` };
  }
  const length = elementLength(der);
  if (length === null || length >= der.length) return null;
  const detail = `${der.length - length} octets follow the certification request`;
  return { reason: 'trailingOctets', detail, accepted: 'one request and nothing behind it' };
}

function readFields(reader: DerReader): Fields {
  return reader.within(tag.sequence, (request) => {
    const { value: info, der: signedOctets } = request.recording((outer) => outer.within(tag.sequence, readInfo));
    return { ...info, signedOctets, algorithm: readAlgorithmIdentifier(request), signature: request.octetBitString() };
  });
}

function readInfo(info: DerReader): Pick<Fields, 'version' | 'subject' | 'subjectPublicKeyInfo' | 'attributes'> {
  return {
    version: info.smallInteger(),
    subject: readName(info),
    subjectPublicKeyInfo: info.any(),
    attributes: info.each(0xa0, 0, (attributes) =>
      attributes.within(tag.sequence, (attribute) => ({
        type: attribute.oid(),
        values: attribute.each(tag.set, 1, (values) => values.any()),
      })),
    ),
  };
}

/** The subjectAltName within the extensionRequest attribute (RFC 2985 §5.4.2), or nothing. */
function requestedNames(fields: Fields, maxNames: number): Result<readonly GeneralName[], Refused> {
  const requests = fields.attributes.filter(({ type }) => type === oids.extensionRequest);
  const [request] = requests;
  if (request === undefined) return ok([]);
  const [value, ...more] = request.values;
  if (value === undefined || more.length > 0 || requests.length > 1) {
    return refuse('duplicateAttribute', 'extensionRequest stands there more than once', 'one, with one value');
  }
  const extensions = readingDer(value, { reason: 'malformedRequest', what: 'the extensionRequest' }, readExtensions);
  if (!extensions.ok) return extensions;
  const types = extensions.value.map(({ type }) => type);
  if (new Set(types).size !== types.length) {
    return refuse('duplicateAttribute', 'an extension is requested more than once', 'each extension once');
  }
  const subjectAltName = extensions.value.find(({ type }) => type === oids.subjectAltName);
  if (subjectAltName === undefined) return ok([]);
  const what = { reason: 'malformedRequest', what: 'the requested subjectAltName' } as const;
  const names = readingDer(subjectAltName.value, what, readGeneralNames);
  if (!names.ok || names.value.length <= maxNames) return names;
  return refuse('tooManyNames', `${names.value.length} names are requested`, `at most ${maxNames}`);
}

const readExtensions = (reader: DerReader): { type: string; value: Uint8Array }[] =>
  reader.each(tag.sequence, 1, (list) =>
    list.within(tag.sequence, (extension) => {
      const type = extension.oid();
      extension.booleanDefaultFalse();
      return { type, value: extension.octetString() };
    }),
  );

function signatureFault(fields: Fields, publicKey: KeyObject): Refused | null {
  const { algorithm, signature, signedOctets } = fields;
  if (algorithm.name === null || algorithm.name === 'ecdsaWithSHA512') {
    return {
      reason: 'unsupportedSignatureAlgorithm',
      detail: `the request is signed with ${algorithm.oid}, or its parameters are not the prescribed ones`,
      accepted: 'ECDSA with SHA-256 or SHA-384, RSA PKCS #1 v1.5 with SHA-256, SHA-384 or SHA-512',
    };
  }
  if (verifySignature({ algorithm: algorithm.name, publicKey, message: signedOctets, signature })) return null;
  return { reason: 'wrongSignature', detail: 'the signature does not verify under the key in the request' };
}

function sortNames(requested: readonly GeneralName[]): Pick<CertificationRequest, 'names' | 'unsupportedNames'> {
  const dnsNames = new Set<string>();
  const ipAddresses = new Set<string>();
  const uris = new Set<string>();
  const unsupported = new Set<string>();
  for (const name of requested) {
    if (name.kind === 'dNSName') dnsNames.add(name.value.toLowerCase());
    else if (name.kind === 'iPAddress') ipAddresses.add(name.value);
    else if (name.kind === 'uniformResourceIdentifier') uris.add(name.value);
    else unsupported.add(name.kind === 'otherName' ? `otherName ${name.type}` : name.kind);
  }
  const names = { dnsNames: [...dnsNames], ipAddresses: [...ipAddresses], uris: [...uris] };
  return { names, unsupportedNames: [...unsupported] };
}

const refuse = (
  reason: CertificationRequestReason,
  detail: string,
  accepted: string,
): Result<never, Refusal<CertificationRequestReason>> => err({ reason, detail, accepted });
