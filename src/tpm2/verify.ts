// Judges what a TPM signed: certifications, quotes, and signatures by TPM keys. Pure; every refusal names its reason.

import { constants, timingSafeEqual, verify } from 'node:crypto';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { acceptedHashes, curves } from './algorithms.ts';
import { type Attested, contentOfTpm2bAttest, parseTpmsAttest, TPM_GENERATED, type TpmsAttest } from './attest.ts';
import { concatOctets, leftPad, parsed } from './cursor.ts';
import { checkAttestationKey, type KeyRefusal } from './key-checks.ts';
import { nameOf } from './name.ts';
import type { TpmtPublic } from './public-area.ts';
import { parseTpmtSignature, type TpmtSignature } from './signature.ts';
import { type PublicKeyRefusal, publicKeyOf } from './subject-public-key-info.ts';

/** Why a signature by a TPM key is refused. */
export type SignatureRefusal =
  | Refusal<'malformedSignature' | 'signatureAlgorithmMismatch' | 'weakSignatureHash' | 'badSignature'>
  | PublicKeyRefusal;

/** Why an attestation is refused. */
export type AttestRefusal =
  | Refusal<
      'malformedAttest' | 'notTpmGenerated' | 'wrongAttestType' | 'qualifyingDataMismatch' | 'certifiedNameMismatch'
    >
  | Refusal<'pcrMismatch'>
  | SignatureRefusal
  | KeyRefusal;

/** An attestation that was verified, of one kind. */
export type VerifiedAttest<T extends Attested['type']> = TpmsAttest & {
  readonly attested: Extract<Attested, { type: T }>;
};

type AttestInput = {
  /** TPM2B_ATTEST as it travels, with its size field. */
  readonly attest: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
  /** The public area of the attestation key; its attributes are checked here, too. */
  readonly akPublic: TpmtPublic;
  /** What we asked the TPM to include: compared in constant time with extraData. */
  readonly qualifyingData: Uint8Array;
};

/**
 * Verifies that `certifiedPublic` is the public area of an object in the TPM that holds the AK (TPM2_Certify). Checks,
 * in order: the AK's attributes; both structures well-formed to the last octet; magic; type; extraData; the Name, which
 * is recomputed here; signature algorithm equal to the AK's scheme; the signature.
 */
export function verifyCertify(
  input: AttestInput & { readonly certifiedPublic: TpmtPublic },
): Result<VerifiedAttest<'certify'>, AttestRefusal> {
  const read = readAttest(input, 'certify');
  if (!read.ok) return read;
  if (!sameOctets(read.value.attested.name, nameOf(input.certifiedPublic)))
    return err({
      reason: 'certifiedNameMismatch',
      field: 'attest.name',
      detail: 'the TPM certified another key than the one presented',
    });
  return signed(input, read.value);
}

/**
 * Verifies a quote (TPM2_Quote) as `verifyCertify` does, with the PCR digest in place of the Name: `pcrDigest` is the
 * hash, by the AK's scheme, of the selected PCR values one after the other.
 */
export function verifyQuote(
  input: AttestInput & { readonly pcrDigest: Uint8Array },
): Result<VerifiedAttest<'quote'>, AttestRefusal> {
  const read = readAttest(input, 'quote');
  if (!read.ok) return read;
  if (!sameOctets(read.value.attested.pcrDigest, input.pcrDigest))
    return err({ reason: 'pcrMismatch', field: 'attest.pcrDigest', detail: 'the PCRs have other values' });
  return signed(input, read.value);
}

/**
 * Verifies a TPMT_SIGNATURE over `message` by a TPM key (TPM2_Sign over the hash of `message` by the key's scheme): proof
 * that somebody can use the key. It takes the message, not its digest, since OpenSSL hashes while it verifies.
 */
export function verifyKeySignature(input: {
  readonly signature: Uint8Array;
  readonly keyPublic: TpmtPublic;
  readonly message: Uint8Array;
}): Result<TpmtSignature, SignatureRefusal> {
  const signature = parsed(() => parseTpmtSignature(input.signature));
  if (!signature.ok) return err({ reason: 'malformedSignature', field: 'signature', detail: signature.error.message });
  const scheme = input.keyPublic.scheme;
  const { value } = signature;
  if (scheme === null || scheme.scheme !== value.scheme || scheme.hash !== value.hash)
    return err({
      reason: 'signatureAlgorithmMismatch',
      field: 'signature',
      detail: `${value.scheme} with ${value.hash}`,
      accepted: scheme === null ? 'a key with a fixed scheme' : `${scheme.scheme} with ${scheme.hash}`,
    });
  if (!acceptedHashes.includes(value.hash))
    return err({
      reason: 'weakSignatureHash',
      field: 'signature',
      detail: value.hash,
      accepted: acceptedHashes.join(', '),
    });
  return verified(value, input.keyPublic, input.message);
}

/** Equality whose time depends on the lengths only. */
const sameOctets = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

function readAttest<T extends 'certify' | 'quote'>(
  input: AttestInput,
  type: T,
): Result<VerifiedAttest<T>, AttestRefusal> {
  const ak = checkAttestationKey(input.akPublic);
  if (!ak.ok) return ak;
  const attest = parsed(() => parseTpmsAttest(contentOfTpm2bAttest(input.attest)));
  if (!attest.ok) return err({ reason: 'malformedAttest', field: 'attest', detail: attest.error.message });
  const { value } = attest;
  if (value.magic !== TPM_GENERATED)
    return err({ reason: 'notTpmGenerated', field: 'attest.magic', detail: 'the magic is not TPM_GENERATED_VALUE' });
  if (value.attested.type !== type)
    return err({ reason: 'wrongAttestType', field: 'attest.type', detail: value.attested.type, accepted: type });
  if (!sameOctets(value.extraData, input.qualifyingData))
    return err({
      reason: 'qualifyingDataMismatch',
      field: 'attest.extraData',
      detail: 'the attestation was made for another request',
    });
  return ok(value as VerifiedAttest<T>);
}

function signed<T>(input: AttestInput, value: T): Result<T, AttestRefusal> {
  const signature = verifyKeySignature({
    signature: input.signature,
    keyPublic: input.akPublic,
    message: contentOfTpm2bAttest(input.attest),
  });
  return signature.ok ? ok(value) : signature;
}

function verified(
  signature: TpmtSignature,
  area: TpmtPublic,
  message: Uint8Array,
): Result<TpmtSignature, SignatureRefusal> {
  const publicKey = publicKeyOf(area);
  if (!publicKey.ok) return publicKey;
  const key = publicKey.value.keyObject;
  const octets = signature.scheme === 'ecdsa' ? joined(signature, area) : signature.octets;
  const good =
    octets !== null &&
    (signature.scheme === 'ecdsa'
      ? verify(signature.hash, message, { key, dsaEncoding: 'ieee-p1363' }, octets)
      : verify(signature.hash, message, { key, ...rsaPadding[signature.scheme] }, octets));
  return good
    ? ok(signature)
    : err({ reason: 'badSignature', field: 'signature', detail: 'the signature does not verify' });
}

const rsaPadding = {
  rsassa: { padding: constants.RSA_PKCS1_PADDING },
  rsapss: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO },
} as const;

/** r ‖ s, padded to the field size; `null` when a number is too long for the curve or the key is not ECC. */
function joined(signature: Extract<TpmtSignature, { scheme: 'ecdsa' }>, area: TpmtPublic): Uint8Array | null {
  if (area.type !== 'ecc') return null;
  const { size } = curves[area.curve];
  const r = leftPad(signature.r, size);
  const s = leftPad(signature.s, size);
  return r && s && concatOctets([r, s]);
}
