// Public areas from which keys are made: TCG templates and our own recipes. Constants only; each names its source.

import type { HashName } from './algorithms.ts';
import { type EccPublicArea, objectAttributes, type RsaPublicArea, type SymmetricDefinition } from './public-area.ts';

const empty = new Uint8Array(0);
const hex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits, 'hex'));
const aes128: SymmetricDefinition = { algorithm: 'aes', keyBits: 128, mode: 'cfb' };
const aes256: SymmetricDefinition = { algorithm: 'aes', keyBits: 256, mode: 'cfb' };

/** Policies of endorsement keys: TCG EK Credential Profile for TPM 2.0, §B.6. */
export const ekPolicies = {
  /** PolicySecret(TPM_RH_ENDORSEMENT): low-range templates. */
  policyA: {
    sha256: hex('837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa'),
    sha384: hex('8bbf2266537c171cb56e403c4dc1d4b64f432611dc386e6f532050c3278c930e143e8bb1133824ccb431053871c6db53'),
  },
  /** PolicyAuthorizeNV on the reserved index of the hash: the other branch of PolicyB. */
  policyC: {
    sha256: hex('3767e2edd43ff45a3a7e1eaefcef78643dca964632e7aad82c673a30d8633fde'),
    sha384: hex('d6032ce61f2fb3c240eb3cf6a33237ef2b6a16f4293c22b455e261cffd217ad5b4947c2d73e63005eed2dc2b3593d165'),
  },
  /** PolicyOR(PolicyA, PolicyC): high-range templates. */
  policyB: {
    sha256: hex('ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0'),
    sha384: hex('b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12'),
    sha512: hex(
      'b8221ca69e8550a4914de3faa6a18c072cc01208073a928d5d66d59ef79e49a429c41a6b269571d57edb25fbdb1838425608b413cd616a5f6db5b6071af99bea',
    ),
  },
} as const;

const ekLowAttributes = objectAttributes(
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'adminWithPolicy',
  'restricted',
  'decrypt',
);
const ekHighAttributes = ekLowAttributes | objectAttributes('userWithAuth');

const ekRsa = (
  keyBits: number,
  over: Pick<RsaPublicArea, 'nameAlg' | 'attributes' | 'authPolicy' | 'symmetric' | 'modulus'>,
): RsaPublicArea => ({ type: 'rsa', scheme: null, keyBits, exponent: 0, ...over });

const ekEcc = (
  curve: EccPublicArea['curve'],
  over: Pick<EccPublicArea, 'nameAlg' | 'attributes' | 'authPolicy' | 'symmetric' | 'x' | 'y'>,
): EccPublicArea => ({ type: 'ecc', scheme: null, curve, ...over });

const high = (nameAlg: 'sha256' | 'sha384' | 'sha512', symmetric: SymmetricDefinition) => ({
  nameAlg: nameAlg satisfies HashName,
  attributes: ekHighAttributes,
  authPolicy: ekPolicies.policyB[nameAlg],
  symmetric,
});

const low = {
  nameAlg: 'sha256',
  attributes: ekLowAttributes,
  authPolicy: ekPolicies.policyA.sha256,
  symmetric: aes128,
} as const;

/**
 * Endorsement key templates of the TCG EK Credential Profile for TPM 2.0 §B.3, §B.4. The agent makes `L-1`, `L-2` and
 * `H-3`; the others are known so that a TPM provisioned with them is recognized.
 */
export const ekTemplates = {
  'L-1': ekRsa(2048, { ...low, modulus: new Uint8Array(256) }),
  'L-2': ekEcc('P-256', { ...low, x: new Uint8Array(32), y: new Uint8Array(32) }),
  'H-1': ekRsa(2048, { ...high('sha256', aes128), modulus: empty }),
  'H-2': ekEcc('P-256', { ...high('sha256', aes128), x: empty, y: empty }),
  'H-3': ekEcc('P-384', { ...high('sha384', aes256), x: empty, y: empty }),
  'H-4': ekEcc('P-521', { ...high('sha512', aes256), x: empty, y: empty }),
  'H-6': ekRsa(3072, { ...high('sha384', aes256), modulus: empty }),
} as const;

/** The name of an endorsement key template. */
export type EkTemplateName = keyof typeof ekTemplates;

const storageAttributes = objectAttributes(
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'userWithAuth',
  'noDA',
  'restricted',
  'decrypt',
);

/**
 * Storage primary, ECC P-256: TCG TPM v2.0 Provisioning Guidance §7.5.1 with the unique field empty, which is what
 * SPIRE and tpm2-openssl recreate. Used in the owner hierarchy (SRK) and, for the AK, in the endorsement hierarchy.
 */
export const storagePrimaryEcc: EccPublicArea = {
  type: 'ecc',
  nameAlg: 'sha256',
  attributes: storageAttributes,
  authPolicy: empty,
  symmetric: aes128,
  scheme: null,
  curve: 'P-256',
  x: empty,
  y: empty,
};

/** Storage primary, RSA-2048, unique empty: the parent that SPIRE recreates for RSA DevIDs. */
export const storagePrimaryRsa: RsaPublicArea = {
  type: 'rsa',
  nameAlg: 'sha256',
  attributes: storageAttributes,
  authPolicy: empty,
  symmetric: aes128,
  scheme: null,
  keyBits: 2048,
  exponent: 0,
  modulus: empty,
};

const signingAttributes = objectAttributes(
  'fixedTPM',
  'fixedParent',
  'sensitiveDataOrigin',
  'userWithAuth',
  'noDA',
  'sign',
);

/**
 * The recipe of request key and DevID: P-256, scheme fixed to ECDSA with SHA-256, unrestricted. noDA, because a key with
 * an empty password must not stop working when some other program's wrong passwords lock the TPM.
 */
export const signingKeyEcc: EccPublicArea = {
  type: 'ecc',
  nameAlg: 'sha256',
  attributes: signingAttributes,
  authPolicy: empty,
  symmetric: null,
  scheme: { scheme: 'ecdsa', hash: 'sha256' },
  curve: 'P-256',
  x: empty,
  y: empty,
};

/** The alternative recipe of a DevID: RSA-2048, scheme fixed to RSASSA with SHA-256 (no TLS 1.3 with it). */
export const signingKeyRsa: RsaPublicArea = {
  type: 'rsa',
  nameAlg: 'sha256',
  attributes: signingAttributes,
  authPolicy: empty,
  symmetric: null,
  scheme: { scheme: 'rsassa', hash: 'sha256' },
  keyBits: 2048,
  exponent: 0,
  modulus: empty,
};

/** The attestation key: the signing recipe, restricted, so that it signs only what the TPM itself made. */
export const attestationKey: EccPublicArea = {
  ...signingKeyEcc,
  attributes: signingAttributes | objectAttributes('restricted'),
};
