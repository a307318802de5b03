// Signature algorithms that are accepted and made: ECDSA and RSASSA-PKCS1-v1_5 with SHA-2 (RFC 5758, RFC 4055). SHA-1,
// PSS and Ed25519 are not among them: relying parties of ours cannot read the latter two.
import { verify, type KeyObject } from 'node:crypto';
import { sameOctets } from '../domain/octets.ts';
import type { SignatureAlgorithm } from '../domain/signature-algorithm.ts';
import type { DerReader } from './der-reader.ts';
import { tag } from './der-tags.ts';
import { nullValue, objectIdentifier, sequence } from './der-writer.ts';
import { oids } from './oids.ts';
import { readingDer } from './reading-der.ts';

/** What is accepted under the signatures of others; our issuers use the first of each kind. */
export type AcceptedAlgorithm =
  | SignatureAlgorithm
  | 'ecdsaWithSHA384'
  | 'ecdsaWithSHA512'
  | 'sha384WithRSAEncryption'
  | 'sha512WithRSAEncryption';

type Facts = { readonly oid: string; readonly hash: string; readonly keyKind: 'ec' | 'rsa' };

const algorithms: Readonly<Record<AcceptedAlgorithm, Facts>> = {
  ecdsaWithSHA256: { oid: oids.ecdsaWithSHA256, hash: 'sha256', keyKind: 'ec' },
  ecdsaWithSHA384: { oid: oids.ecdsaWithSHA384, hash: 'sha384', keyKind: 'ec' },
  ecdsaWithSHA512: { oid: oids.ecdsaWithSHA512, hash: 'sha512', keyKind: 'ec' },
  sha256WithRSAEncryption: { oid: oids.sha256WithRSAEncryption, hash: 'sha256', keyKind: 'rsa' },
  sha384WithRSAEncryption: { oid: oids.sha384WithRSAEncryption, hash: 'sha384', keyKind: 'rsa' },
  sha512WithRSAEncryption: { oid: oids.sha512WithRSAEncryption, hash: 'sha512', keyKind: 'rsa' },
};

const names = Object.keys(algorithms) as readonly AcceptedAlgorithm[];

/** AlgorithmIdentifiers: parameters are absent for ECDSA and NULL for RSA. */
const identifiers = new Map<AcceptedAlgorithm, Uint8Array>(
  names.map((name) => {
    const { oid, keyKind } = algorithms[name];
    return [name, keyKind === 'ec' ? sequence(objectIdentifier(oid)) : sequence(objectIdentifier(oid), nullValue)];
  }),
);

/** DER of the AlgorithmIdentifier. */
export const algorithmIdentifierDer = (name: AcceptedAlgorithm): Uint8Array =>
  identifiers.get(name) ?? new Uint8Array();

/** An AlgorithmIdentifier as read: `name` is null when the algorithm is not one of ours or its parameters are wrong. */
export type ReadAlgorithm = {
  readonly oid: string;
  readonly der: Uint8Array;
  readonly name: AcceptedAlgorithm | null;
};

/** Reads any AlgorithmIdentifier. */
export function readAlgorithmIdentifier(reader: DerReader): ReadAlgorithm {
  const { value: oid, der } = reader.recording((outer) =>
    outer.within(tag.sequence, (inner) => {
      const type = inner.oid();
      if (!inner.isAtEnd) inner.any();
      return type;
    }),
  );
  const name = names.find((candidate) => sameOctets(algorithmIdentifierDer(candidate), der));
  return { oid, der, name: name ?? null };
}

export type SignedOctets = {
  readonly algorithm: AcceptedAlgorithm;
  readonly publicKey: KeyObject;
  readonly message: Uint8Array;
  /** Content of the signature's BIT STRING. */
  readonly signature: Uint8Array;
};

/** Whether the signature is good. A key of the wrong kind, or an ECDSA signature that is not strict DER, is not. */
export function verifySignature({ algorithm, publicKey, message, signature }: SignedOctets): boolean {
  const { hash, keyKind } = algorithms[algorithm];
  if (publicKey.asymmetricKeyType !== keyKind) return false;
  if (keyKind === 'ec' && !isEcdsaSignature(signature)) return false;
  return verify(hash, message, publicKey, signature);
}

/** ECDSA-Sig-Value (RFC 3279 §2.2.3): two positive integers and nothing else. */
const isEcdsaSignature = (signature: Uint8Array): boolean =>
  readingDer(signature, { reason: 'malformedSignature', what: 'the ECDSA signature' }, (reader) =>
    reader.within(tag.sequence, (inner) => {
      inner.positiveInteger();
      inner.positiveInteger();
    }),
  ).ok;
