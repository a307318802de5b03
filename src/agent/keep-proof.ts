// What keys say during a renewal: the request that the attestation key and the new key speak for, and the signature that
// shows a certificate in use. Octets only; where keys lie is others' matter.
import { constants, createHash, createPrivateKey, sign } from 'node:crypto';
import { attestedDigest, confirmationMessage } from '../domain/attested-statement.ts';
import type { RenewalBody, RenewalDocument } from '../domain/lineage-wire.ts';
import { base64url, octetsOfBase64url } from '../domain/octets.ts';
import type { Tpm } from '../tpm2/command.ts';
import type { TpmKeyBlobs } from '../tpm2/key-files.ts';
import { parseTpmtSignature } from '../tpm2/signature.ts';
import { akBlobs, keyBlobs, type TpmKeys } from './agent-state.ts';
import type { MadeRequest } from './keep-ports.ts';
import type { KeptKey } from './kept.ts';
import { rawSignature } from './request-key.ts';
import { certificationRequest } from './software-key.ts';
import type { TpmPasswords } from './tpm-endorsement.ts';
import { certifyKey, signDigest } from './tpm-keys.ts';

const requestText = (document: RenewalDocument): string => base64url(Buffer.from(JSON.stringify(document), 'utf8'));

/** A request for a software key: its PKCS #10 is inside, and no nonce. */
export function softwareRequest(lineage: string, privateKeyPem: string): MadeRequest {
  const csr = base64url(certificationRequest(privateKeyPem));
  const body: RenewalBody = { request: requestText({ version: 1, lineage, key: { csr } }) };
  return { bodyText: JSON.stringify(body), isBoundToNonce: false };
}

/** A request for a key of the TPM: certified by the AK over the nonce, and the key signs the same digest. */
export async function tpmRequest(
  tpm: Tpm,
  input: {
    readonly lineage: string;
    readonly nonce: string;
    readonly key: Extract<KeptKey, { readonly kind: 'tpm' }>;
    readonly keys: TpmKeys;
    readonly passwords: TpmPasswords;
  },
): Promise<MadeRequest> {
  const { lineage, nonce, keys, passwords } = input;
  const key = keyBlobs(input.key);
  const request = requestText({ version: 1, lineage, key: { public: input.key.public } });
  const digest = attestedDigest('renewal', {
    id: lineage,
    nonce: octetsOfBase64url(nonce),
    request: octetsOfBase64url(request),
  });
  const { attest, signature } = await certifyKey(tpm, { ak: akBlobs(keys), key, qualifyingData: digest, passwords });
  const proof = await signDigest(tpm, { key, digest, passwords });
  const certification = { attest: base64url(attest), signature: base64url(signature), proof: base64url(proof) };
  const body: RenewalBody = { request, certification };
  return { bodyText: JSON.stringify(body), isBoundToNonce: true };
}

/** What a confirmation signs: the fingerprint and the nonce of its request. */
export const messageToConfirm = (certificate: string, nonce: string): Uint8Array =>
  confirmationMessage(certificate, octetsOfBase64url(nonce));

const rsaForm = { padding: constants.RSA_PKCS1_PADDING };
const ecdsaForm = { dsaEncoding: 'ieee-p1363' } as const;

/** ECDSA as r ‖ s, RSA as PKCS #1 v1.5, both with SHA-256; base64url. */
export function softwareConfirmation(privateKeyPem: string, message: Uint8Array): string {
  const key = createPrivateKey(privateKeyPem);
  const form = key.asymmetricKeyType === 'rsa' ? rsaForm : ecdsaForm;
  return base64url(sign('sha256', message, { key, ...form }));
}

/** The same by a key of the TPM. */
export async function tpmConfirmation(
  tpm: Tpm,
  input: { readonly key: TpmKeyBlobs; readonly message: Uint8Array; readonly passwords: TpmPasswords },
): Promise<string> {
  const { key, message, passwords } = input;
  const digest = new Uint8Array(createHash('sha256').update(message).digest());
  const made = await signDigest(tpm, { key, digest, passwords });
  const signature = parseTpmtSignature(made);
  return base64url(signature.scheme === 'ecdsa' ? rawSignature(made) : signature.octets);
}
