// Commands that use keys (TPM 2.0 Part 3 §12.5, §18, §20): certify, quote, sign, activate a credential.

import { hashes, TPM_ALG } from './algorithms.ts';
import { encodePcrSelections, type PcrSelection } from './attest.ts';
import { type Authorization, emptyPassword } from './authorization.ts';
import { execute, type Tpm } from './command.ts';
import { type TpmReader, TpmWriter } from './cursor.ts';
import type { ProtectedCredential } from './make-credential.ts';
import { TPM_RH } from './name.ts';
import type { LoadedObject } from './objects.ts';
import { encodeTpmtSignature, readTpmtSignature } from './signature.ts';

/** An attestation as it travels: TPM2B_ATTEST and TPMT_SIGNATURE. */
export type SignedAttest = { readonly attest: Uint8Array; readonly signature: Uint8Array };

/** Has the AK certify a loaded key (TPM2_Certify); both have an empty password and a fixed scheme. */
export async function certify(
  tpm: Tpm,
  input: { readonly key: LoadedObject; readonly ak: LoadedObject; readonly qualifyingData: Uint8Array },
): Promise<SignedAttest> {
  const { parameters } = await execute(tpm, {
    name: 'Certify',
    handles: [input.key, input.ak],
    authorizations: [emptyPassword, emptyPassword],
    parameters: new TpmWriter().sized(input.qualifyingData).uint16(TPM_ALG.NULL).finish(),
  });
  return readSignedAttest(parameters);
}

/** Has the AK quote the selected PCRs (TPM2_Quote). */
export async function quote(
  tpm: Tpm,
  input: {
    readonly ak: LoadedObject;
    readonly qualifyingData: Uint8Array;
    readonly pcrSelect: readonly PcrSelection[];
  },
): Promise<SignedAttest> {
  const { parameters } = await execute(tpm, {
    name: 'Quote',
    handles: [input.ak],
    authorizations: [emptyPassword],
    parameters: new TpmWriter()
      .sized(input.qualifyingData)
      .uint16(TPM_ALG.NULL)
      .octets(encodePcrSelections(input.pcrSelect))
      .finish(),
  });
  return readSignedAttest(parameters);
}

function readSignedAttest(parameters: TpmReader): SignedAttest {
  const attest = new TpmWriter().sized(parameters.sized()).finish();
  return { attest, signature: readSignature(parameters) };
}

function readSignature(parameters: TpmReader): Uint8Array {
  const signature = encodeTpmtSignature(readTpmtSignature(parameters));
  parameters.end();
  return signature;
}

/** Signs a digest by the key's fixed scheme (TPM2_Sign): TPMT_SIGNATURE. A restricted key refuses: TPM_RC_TICKET. */
export async function sign(
  tpm: Tpm,
  input: { readonly key: LoadedObject; readonly digest: Uint8Array; readonly authorization?: Authorization },
): Promise<Uint8Array> {
  const TPM_ST_HASHCHECK = 0x8024;
  const { parameters } = await execute(tpm, {
    name: 'Sign',
    handles: [input.key],
    authorizations: [input.authorization ?? emptyPassword],
    // inScheme NULL: the key's own; an empty ticket in the null hierarchy
    parameters: new TpmWriter()
      .sized(input.digest)
      .uint16(TPM_ALG.NULL)
      .uint16(TPM_ST_HASHCHECK)
      .uint32(TPM_RH.null)
      .uint16(0)
      .finish(),
  });
  return readSignature(parameters);
}

/**
 * Recovers the secret of a credential that was made for this EK and the Name of this object (TPM2_ActivateCredential).
 * TPM_RC_INTEGRITY: it was made for another EK or another Name. `encryption` is a further session for the answer.
 */
export async function activateCredential(
  tpm: Tpm,
  input: ProtectedCredential & {
    readonly object: LoadedObject;
    readonly ek: LoadedObject;
    readonly ekAuthorization: Authorization;
    readonly encryption?: Authorization;
  },
): Promise<Uint8Array> {
  const { parameters } = await execute(tpm, {
    name: 'ActivateCredential',
    handles: [input.object, input.ek],
    authorizations: [emptyPassword, input.ekAuthorization, ...(input.encryption ? [input.encryption] : [])],
    parameters: new TpmWriter().octets(input.credentialBlob).octets(input.encryptedSecret).finish(),
  });
  const secret = parameters.sized(hashes[input.ek.area.nameAlg].size);
  parameters.end();
  return secret;
}
