// What a SPIRE agent does with a DevID, done once before it is restarted: its files are loaded under the SRK that the
// template makes, the attestation key certifies the key, and the key signs what the certificate then verifies.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { Tpm } from '../tpm2/command.ts';
import type { TpmKeyBlobs } from '../tpm2/key-files.ts';
import type { DevIdFiles } from './put-in-place.ts';
import { tpmConfirmation } from './keep-proof.ts';
import type { TpmPasswords } from './tpm-endorsement.ts';
import { type AttestationKeyBlobs, certifyKey } from './tpm-keys.ts';

/** Rehearses. A TPM that does not answer rejects; a key that is of no use is a refusal. */
export async function rehearseDevId(
  tpm: Tpm,
  files: DevIdFiles,
  { ak, passwords }: { readonly ak: AttestationKeyBlobs; readonly passwords: TpmPasswords },
): Promise<Result<null, Refusal>> {
  const key: TpmKeyBlobs = { public: withSize(files.publicBlob), private: withSize(files.privateBlob) };
  const message = new TextEncoder().encode('omens-rehearsal');
  const qualifyingData = new Uint8Array(createHash('sha256').update(message).digest());
  await certifyKey(tpm, { ak, key, qualifyingData, passwords });
  const signature = Buffer.from(await tpmConfirmation(tpm, { key, message, passwords }), 'base64url');
  const publicKey = createPublicKey(files.certificatePem);
  const isGood = verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  return isGood ? ok(null) : err({ reason: 'wrongDevIdKey', detail: 'the key of the blobs is not the certificate’s' });
}

/** SPIRE's blobs lack the size field of TPM2B (TPM 2.0 Part 2 §10.4). */
function withSize(blob: Uint8Array): Uint8Array {
  return Uint8Array.of(blob.length >> 8, blob.length & 0xff, ...blob);
}
