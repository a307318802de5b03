// What a public area must say before its key is trusted with a role: attestation key, signing key, endorsement key.
// Judges the public area only; that a TPM vouches for it is verify.ts and make-credential.ts.

import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { acceptedHashes } from './algorithms.ts';
import { nameOf } from './name.ts';
import { type ObjectAttribute, TPMA_OBJECT, type TpmtPublic } from './public-area.ts';
import { type PublicKeyRefusal, publicKeyOf, type TpmPublicKey } from './subject-public-key-info.ts';

/** Why a key may not serve as attestation or signing key. */
export type KeyRefusalReason =
  | 'wrongAttributes'
  | 'weakNameAlg'
  | 'wrongScheme'
  | 'keyTooSmall'
  | 'unexpectedSymmetric'
  | 'wrongKeyType';

/** A refusal of a key: what its role forbids, or that it holds no usable public key. */
export type KeyRefusal = Refusal<KeyRefusalReason> | PublicKeyRefusal;

/** A key that passed: its public area, public key and Name. */
export type CheckedKey = { readonly area: TpmtPublic; readonly publicKey: TpmPublicKey; readonly name: Uint8Array };

/** Which signing keys are acceptable: `request` is P-256 only; `devid` also RSA of at least 2048 bits. */
export type SigningRole = 'request' | 'devid';

/** A key that never leaves this TPM and parent, made inside it, used with its own (empty) password. */
const residency: readonly ObjectAttribute[] = ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'userWithAuth'];

/** With stClear a key is gone after each restart of the TPM, and `adminWithPolicy` is no part of any recipe. */
const neverSet: readonly ObjectAttribute[] = ['stClear', 'decrypt', 'adminWithPolicy'];

/**
 * Checks an attestation key against the one recipe that hosts make: residency attributes, `noDA`, `restricted` and `sign`
 * set (without `restricted` its owner could sign a forged attestation), every other attribute clear, ECC P-256 with a
 * scheme fixed to ECDSA with SHA-256, nameAlg at least SHA-256.
 */
export function checkAttestationKey(area: TpmtPublic): Result<CheckedKey, KeyRefusal> {
  const set = [...residency, 'noDA', 'restricted', 'sign'] as const;
  return (
    attributeFault(area, { set, clear: [...neverSet, 'encryptedDuplication'] }) ??
    curveFault(area) ??
    parameterFault(area) ??
    accepted(area)
  );
}

/**
 * Checks a signing key (request key, DevID): residency attributes and `sign` set, `decrypt`, `restricted`, `stClear` and
 * `adminWithPolicy` clear, nameAlg at least SHA-256, scheme fixed to ECDSA or RSASSA with SHA-256; `noDA` may be either.
 */
export function checkSigningKey(area: TpmtPublic, role: SigningRole): Result<CheckedKey, KeyRefusal> {
  return (
    attributeFault(area, { set: [...residency, 'sign'], clear: [...neverSet, 'restricted'] }) ??
    parameterFault(area) ??
    (role === 'request' ? curveFault(area) : null) ??
    accepted(area)
  );
}

/** The first attribute that is not as it must be. */
export function attributeFault(
  area: TpmtPublic,
  expected: { readonly set: readonly ObjectAttribute[]; readonly clear: readonly ObjectAttribute[] },
) {
  const isSet = (name: ObjectAttribute): boolean => (area.attributes & TPMA_OBJECT[name]) !== 0;
  const missing = expected.set.filter((name) => !isSet(name));
  const excess = expected.clear.filter(isSet);
  if (missing.length + excess.length === 0) return null;
  const faults = [...missing.map((name) => `${name} is clear`), ...excess.map((name) => `${name} is set`)];
  return err({
    reason: 'wrongAttributes',
    field: 'objectAttributes',
    detail: faults.join(', '),
    accepted: `set: ${expected.set.join(', ')}; clear: ${expected.clear.join(', ')}`,
  } as const);
}

/** Refuses a nameAlg below SHA-256: with SHA-1 two public areas could share a Name. */
export function nameAlgFault(area: TpmtPublic) {
  if (acceptedHashes.includes(area.nameAlg)) return null;
  return err({
    reason: 'weakNameAlg',
    field: 'nameAlg',
    detail: `nameAlg is ${area.nameAlg}`,
    accepted: acceptedHashes.join(', '),
  } as const);
}

function parameterFault(area: TpmtPublic) {
  if (area.symmetric !== null)
    return err({
      reason: 'unexpectedSymmetric',
      field: 'symmetric',
      detail: 'a signing key has no symmetric parameters',
    } as const);
  const schemeName = area.scheme?.scheme;
  if (area.scheme === null || schemeName === 'rsapss' || area.scheme.hash !== 'sha256')
    return err({
      reason: 'wrongScheme',
      field: 'scheme',
      detail: area.scheme === null ? 'the scheme is not fixed' : `${area.scheme.scheme} with ${area.scheme.hash}`,
      accepted: `${area.type === 'ecc' ? 'ECDSA' : 'RSASSA'} with sha256`,
    } as const);
  return sizeFault(area) ?? nameAlgFault(area);
}

/** An RSA modulus below 2048 bits. */
export function sizeFault(area: TpmtPublic) {
  if (area.type === 'ecc' || area.keyBits >= 2048) return null;
  return err({
    reason: 'keyTooSmall',
    field: 'keyBits',
    detail: `RSA of ${area.keyBits} bits`,
    accepted: 'at least 2048',
  } as const);
}

/** Refuses every key but ECC P-256. */
function curveFault(area: TpmtPublic) {
  if (area.type === 'ecc' && area.curve === 'P-256') return null;
  return err({
    reason: 'wrongKeyType',
    field: 'type',
    detail: area.type === 'rsa' ? `RSA-${area.keyBits}` : area.curve,
    accepted: 'ECC P-256',
  } as const);
}

function accepted(area: TpmtPublic): Result<CheckedKey, PublicKeyRefusal> {
  const publicKey = publicKeyOf(area);
  return publicKey.ok ? ok({ area, publicKey: publicKey.value, name: nameOf(area) }) : publicKey;
}
