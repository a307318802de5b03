// What a host does with the keys of its TPM: makes them, has them certified, signs. Keys live in files as blobs and are
// in the TPM only while they work: never more than three objects and three sessions at once, nothing persistent.

import { activateCredential, certify, type SignedAttest, sign } from '../tpm2/attestation.ts';
import { emptyPassword } from '../tpm2/authorization.ts';
import type { Tpm } from '../tpm2/command.ts';
import type { TpmKeyBlobs } from '../tpm2/key-files.ts';
import type { ProtectedCredential } from '../tpm2/make-credential.ts';
import type { Hierarchy } from '../tpm2/name.ts';
import { create, createPrimary, load, type LoadedObject, withObject } from '../tpm2/objects.ts';
import { parseTpm2bPublic, type TpmtPublic } from '../tpm2/public-area.ts';
import { withSession } from '../tpm2/sessions.ts';
import {
  attestationKey,
  signingKeyEcc,
  signingKeyRsa,
  storagePrimaryEcc,
  storagePrimaryRsa,
} from '../tpm2/templates.ts';
import {
  type CreatableEk,
  ekAuthorized,
  lacksEndorsementPassword,
  type TpmPasswords,
  withEk,
} from './tpm-endorsement.ts';

/** An attestation key, and the hierarchy whose storage primary is its parent. */
export type AttestationKeyBlobs = TpmKeyBlobs & { readonly hierarchy: Hierarchy };

/** Which recipe a signing key follows: `p256` for request keys and DevIDs, `rsa2048` the alternative for DevIDs. */
export type SigningKeyType = 'p256' | 'rsa2048';

/**
 * Makes the attestation key under a storage primary of the endorsement hierarchy, where attestations tell the true
 * firmware version; in the owner hierarchy when the endorsement hierarchy wants a password that we do not have.
 */
export async function createAttestationKey(tpm: Tpm, passwords: TpmPasswords = {}): Promise<AttestationKeyBlobs> {
  const inHierarchy = async (hierarchy: Hierarchy): Promise<AttestationKeyBlobs> => {
    const primary = storagePrimary(tpm, { hierarchy, type: 'ecc', passwords });
    return withObject(tpm, primary, async (parent) => ({
      ...(await create(tpm, { parent, template: attestationKey })),
      hierarchy,
    }));
  };
  try {
    return await inHierarchy('endorsement');
  } catch (error) {
    if (!lacksEndorsementPassword(error, passwords)) throw error;
    return inHierarchy('owner');
  }
}

/** Makes a request key or DevID key under the storage primary (SRK) of its own type in the owner hierarchy. */
export function createSigningKey(
  tpm: Tpm,
  type: SigningKeyType = 'p256',
  passwords: TpmPasswords = {},
): Promise<TpmKeyBlobs> {
  const template = type === 'p256' ? signingKeyEcc : signingKeyRsa;
  return withObject(tpm, storagePrimary(tpm, { hierarchy: 'owner', type: template.type, passwords }), (parent) =>
    create(tpm, { parent, template }),
  );
}

/** Has the AK certify a signing key (TPM2_Certify) with `qualifyingData`, at most 34 octets. */
export function certifyKey(
  tpm: Tpm,
  input: {
    readonly ak: AttestationKeyBlobs;
    readonly key: TpmKeyBlobs;
    readonly qualifyingData: Uint8Array;
    readonly passwords?: TpmPasswords;
  },
): Promise<SignedAttest> {
  const { passwords = {}, qualifyingData } = input;
  return withObject(tpm, loadAttestationKey(tpm, input.ak, passwords), (ak) =>
    withObject(tpm, loadSigningKey(tpm, input.key, passwords), (key) => certify(tpm, { key, ak, qualifyingData })),
  );
}

/** Signs a SHA-256 digest by a signing key (TPM2_Sign): TPMT_SIGNATURE. */
export function signDigest(
  tpm: Tpm,
  input: { readonly key: TpmKeyBlobs; readonly digest: Uint8Array; readonly passwords?: TpmPasswords },
): Promise<Uint8Array> {
  return withObject(tpm, loadSigningKey(tpm, input.key, input.passwords ?? {}), (key) =>
    sign(tpm, { key, digest: input.digest }),
  );
}

/**
 * Recovers the secret that the server protected for this EK and this AK (TPM2_ActivateCredential). The answer comes
 * back encrypted under a session salted with the EK, so that nobody on the bus reads it.
 */
export function activate(
  tpm: Tpm,
  input: ProtectedCredential & {
    readonly ak: AttestationKeyBlobs;
    readonly ek: CreatableEk;
    readonly passwords?: TpmPasswords;
  },
): Promise<Uint8Array> {
  const { passwords = {}, credentialBlob, encryptedSecret } = input;
  return withObject(tpm, loadAttestationKey(tpm, input.ak, passwords), (object) =>
    withEk(tpm, { template: input.ek, passwords }, (ek) =>
      withSession(tpm, { type: 'hmac', hash: 'sha256', salt: ek }, (session) =>
        ekAuthorized(tpm, { template: input.ek, passwords }, (ekAuthorization) => {
          const encryption = { kind: 'session', session, encryptsResponse: true } as const;
          return activateCredential(tpm, { object, ek, ekAuthorization, encryption, credentialBlob, encryptedSecret });
        }),
      ),
    ),
  );
}

/** Loads the AK under the primary it was made under; the primary is flushed before this resolves. */
function loadAttestationKey(tpm: Tpm, ak: AttestationKeyBlobs, passwords: TpmPasswords): Promise<LoadedObject> {
  return withObject(tpm, storagePrimary(tpm, { hierarchy: ak.hierarchy, type: 'ecc', passwords }), (parent) =>
    load(tpm, parent, ak),
  );
}

/** Loads a signing key under the SRK of its own type, as SPIRE does; the SRK is flushed before this resolves. */
function loadSigningKey(tpm: Tpm, key: TpmKeyBlobs, passwords: TpmPasswords): Promise<LoadedObject> {
  const { type } = parseTpm2bPublic(key.public);
  return withObject(tpm, storagePrimary(tpm, { hierarchy: 'owner', type, passwords }), (parent) =>
    load(tpm, parent, key),
  );
}

function storagePrimary(
  tpm: Tpm,
  input: { readonly hierarchy: Hierarchy; readonly type: TpmtPublic['type']; readonly passwords: TpmPasswords },
): Promise<LoadedObject> {
  const password = input.passwords[input.hierarchy];
  return createPrimary(tpm, {
    hierarchy: input.hierarchy,
    template: input.type === 'ecc' ? storagePrimaryEcc : storagePrimaryRsa,
    authorization: password === undefined ? emptyPassword : { kind: 'password', authValue: password },
  });
}
