// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7): reads the one canonical encoding of each key type that is certified here.
// Whether a profile takes that type is the plan's question.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { sameOctets } from '../domain/octets.ts';
import type { KeyType } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { DerReader } from './der-reader.ts';
import { tag } from './der-tags.ts';
import { sha256Hex } from './digest.ts';
import { nullValue, objectIdentifier, sequence } from './der-writer.ts';
import { oids } from './oids.ts';
import { readingDer } from './reading-der.ts';

export type SubjectPublicKeyReason = 'malformedKey' | 'keyTypeNotSupported' | 'weakKey';

/** A public key that passed: exact octets, type, the key itself, and the SHA-256 of its octets in lower-case hex. */
export type SubjectPublicKey = {
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly keyType: KeyType;
  readonly publicKey: KeyObject;
  readonly spkiSha256: string;
};

/** A further test of RSA moduli (big-endian magnitude), such as the fingerprint of CVE-2017-15361. */
export type IsWeakModulus = (modulus: Uint8Array) => boolean;

const accepted = 'ECDSA on P-256 or P-384, or RSA of 2048, 3072 or 4096 bits with exponent 65537';

const curves = [
  { algorithm: algorithmOf(oids.secp256r1), keyType: 'ec-p256', coordinate: 32 },
  { algorithm: algorithmOf(oids.secp384r1), keyType: 'ec-p384', coordinate: 48 },
] as const;

const rsaAlgorithm = sequence(objectIdentifier(oids.rsaEncryption), nullValue);
const rsaTypes: Readonly<Partial<Record<number, KeyType>>> = { 2048: 'rsa-2048', 3072: 'rsa-3072', 4096: 'rsa-4096' };

function algorithmOf(curve: string): Uint8Array {
  return sequence(objectIdentifier(oids.idEcPublicKey), objectIdentifier(curve));
}

/**
 * Reads a SubjectPublicKeyInfo. Refused: explicit curve parameters, compressed points, points that are not on the
 * curve, RSA without NULL parameters, even moduli, other sizes and exponents, and moduli that `isWeakModulus` names.
 */
export function readSubjectPublicKey(
  der: Uint8Array,
  isWeakModulus: IsWeakModulus = () => false,
): Result<SubjectPublicKey, Refusal<SubjectPublicKeyReason>> {
  const fields = readingDer(der, { reason: 'malformedKey', what: 'the SubjectPublicKeyInfo' }, readFields);
  if (!fields.ok) return fields;
  const { algorithm, oid, key } = fields.value;
  const curve = curves.find((candidate) => sameOctets(candidate.algorithm, algorithm));
  if (curve !== undefined) {
    return isUncompressedPoint(key, curve.coordinate)
      ? imported(der, curve.keyType, curve.keyType === 'ec-p256' ? key : null)
      : malformed('its point is not uncompressed');
  }
  if (oid !== oids.rsaEncryption) return unsupported(`the key algorithm ${oid} or its curve is not supported`);
  if (!sameOctets(algorithm, rsaAlgorithm)) return malformed('the parameters of an RSA key are not NULL');
  const type = rsaKeyType(key, isWeakModulus);
  return type.ok ? imported(der, type.value) : type;
}

function readFields(reader: DerReader): { algorithm: Uint8Array; oid: string; key: Uint8Array } {
  return reader.within(tag.sequence, (inner) => {
    const { value: oid, der } = inner.recording((outer) =>
      outer.within(tag.sequence, (identifier) => {
        const type = identifier.oid();
        if (!identifier.isAtEnd) identifier.any();
        return type;
      }),
    );
    return { algorithm: der, oid, key: inner.octetBitString() };
  });
}

function rsaKeyType(key: Uint8Array, isWeakModulus: IsWeakModulus): Result<KeyType, Refusal<SubjectPublicKeyReason>> {
  const numbers = readingDer(key, { reason: 'malformedKey', what: 'the RSAPublicKey' }, (reader) =>
    reader.within(tag.sequence, (inner) => ({ modulus: inner.positiveInteger(), exponent: inner.positiveInteger() })),
  );
  if (!numbers.ok) return numbers;
  const { modulus, exponent } = numbers.value;
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  const type = rsaTypes[bits];
  if (type === undefined)
    return bits < 2048 ? weak(`the RSA modulus has ${bits} bits`) : unsupported(`RSA of ${bits} bits`);
  if (Buffer.from(exponent).toString('hex') !== '010001') return weak('the RSA exponent is not 65537');
  if (((modulus[modulus.length - 1] ?? 0) & 1) === 0) return weak('the RSA modulus is even');
  if (isWeakModulus(modulus)) return weak('the RSA modulus comes from a flawed generator');
  return ok(type);
}

const isUncompressedPoint = (point: Uint8Array, coordinate: number): boolean =>
  point[0] === 0x04 && point.length === 1 + 2 * coordinate;

function imported(
  der: Uint8Array,
  keyType: KeyType,
  p256: Uint8Array | null = null,
): Result<SubjectPublicKey, Refusal<SubjectPublicKeyReason>> {
  const publicKey = p256 === null ? importKey(der) : importP256(p256);
  if (publicKey === null) return malformed('its point is not on the curve, or OpenSSL cannot read it');
  const spkiSha256 = sha256Hex(der);
  return ok({ subjectPublicKeyInfo: der, keyType, publicKey, spkiSha256 });
}

/** OpenSSL checks that a point lies on its curve when it imports the key. */
function importKey(der: Uint8Array): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

/** Coordinates by JWK: OpenSSL 3 takes half the time that it takes for a SubjectPublicKeyInfo, and checks the curve too. */
function importP256(point: Uint8Array): KeyObject | null {
  const octets = Buffer.from(point);
  const [x, y] = [octets.toString('base64url', 1, 33), octets.toString('base64url', 33)];
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  } catch {
    return null;
  }
}

/** The public key's BIT STRING content within a SubjectPublicKeyInfo, over which key identifiers are made. */
function publicKeyOctets(subjectPublicKeyInfo: Uint8Array): Uint8Array {
  const fields = readingDer(
    subjectPublicKeyInfo,
    { reason: 'malformedKey', what: 'the SubjectPublicKeyInfo' },
    readFields,
  );
  if (!fields.ok) throw new RangeError(fields.error.detail);
  return fields.value.key;
}

/** Key identifier of RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the public key's octets. */
export const keyIdentifierOf = (subjectPublicKeyInfo: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(publicKeyOctets(subjectPublicKeyInfo)).digest().subarray(0, 20));

type Refused = Result<never, Refusal<SubjectPublicKeyReason>>;
const field = 'subjectPublicKeyInfo';
const malformed = (what: string): Refused =>
  err({ reason: 'malformedKey', detail: `the public key is malformed: ${what}`, field, accepted });
const unsupported = (detail: string): Refused => err({ reason: 'keyTypeNotSupported', detail, field, accepted });
const weak = (detail: string): Refused => err({ reason: 'weakKey', detail, field, accepted });
