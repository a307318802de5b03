// The TPM's part of an enrollment: who it is, and the answer to a challenge. Talks to the TPM only.
import { createHash } from 'node:crypto';
import { base64url, octetsOfBase64url } from '../domain/octets.ts';
import type { ActivationBody, ChallengeResource, EnrollmentBody } from '../domain/wire.ts';
import type { Tpm } from '../tpm2/command.ts';
import type { TpmKeyBlobs } from '../tpm2/key-files.ts';
import { parseTpm2bPublic } from '../tpm2/public-area.ts';
import { publicKeyOf } from '../tpm2/subject-public-key-info.ts';
import { attestedDigest } from '../domain/attested-statement.ts';
import { elementLength } from '../x509/reading-der.ts';
import { akBlobs, keyBlobs, type PendingWork, type TpmKeys } from './agent-state.ts';
import { type NvCertificate, readEkCertificates, readEkPublic, type TpmPasswords } from './tpm-endorsement.ts';
import { activate, certifyKey, signDigest } from './tpm-keys.ts';

/** At most so many certificates travel with an EK. */
const maxEkCertificates = 8;

/** Who the TPM is, as POST /v1/enrollments wants it, and the EK's fingerprint for people. */
export async function presentTpm(
  tpm: Tpm,
  input: { readonly keys: TpmKeys; readonly hostName: string; readonly token: string | null } & WithPasswords,
): Promise<{ readonly body: EnrollmentBody; readonly ekFingerprint: string }> {
  const { keys, hostName, token, passwords } = input;
  const { leaves, chain } = await readEkCertificates(tpm, passwords);
  const leaf = leaves.find(({ template }) => template === keys.ek);
  const ekPublic = await readEkPublic(tpm, keys.ek, passwords);
  // Intermediates say nothing about an EK that has no certificate of its own.
  const certificates = leaf === undefined ? [] : [leaf, ...chain].flatMap(certificatesIn);
  const body = {
    ekPublic: base64url(ekPublic),
    ekCertificates: certificates.slice(0, maxEkCertificates).map(base64url),
    akPublic: keys.ak.public,
    hostName,
    ...(token === null ? {} : { token }),
  };
  return { body, ekFingerprint: ekFingerprint(ekPublic) };
}

type WithPasswords = { readonly passwords: TpmPasswords };

/** The certificates in an NV index, one DER after the other, without the padding that makers leave behind them. */
export function certificatesIn({ octets }: Pick<NvCertificate, 'octets'>): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let rest = octets; rest[0] === 0x30; ) {
    const length = elementLength(rest);
    if (length === null) break;
    found.push(rest.slice(0, length));
    rest = rest.subarray(length);
  }
  return found;
}

/** SHA-256 of the EK's SubjectPublicKeyInfo in lower-case hex: what an operator compares with the server's list. */
export function ekFingerprint(ekPublic: Uint8Array): string {
  const key = publicKeyOf(parseTpm2bPublic(ekPublic));
  if (!key.ok) throw new RangeError(`the endorsement key: ${key.error.detail}`);
  return createHash('sha256').update(key.value.spkiDer).digest('hex');
}

/** Solves the challenge and has every key of the request speak for it. */
export async function solveChallenge(
  tpm: Tpm,
  input: { readonly keys: TpmKeys; readonly work: PendingWork; readonly challenge: ChallengeResource } & WithPasswords,
): Promise<ActivationBody> {
  const { keys, work, challenge, passwords } = input;
  const ak = akBlobs(keys);
  const secret = await activate(tpm, {
    ak,
    ek: keys.ek,
    credentialBlob: octetsOfBase64url(challenge.credentialBlob),
    encryptedSecret: octetsOfBase64url(challenge.encryptedSecret),
    passwords,
  });
  const digest = attestedDigest('enrollment', {
    id: challenge.id,
    nonce: octetsOfBase64url(challenge.nonce),
    request: octetsOfBase64url(work.request),
  });
  const certifications = [];
  for (const key of certifiedKeys(keys, work)) {
    const { attest, signature } = await certifyKey(tpm, { ak, key, qualifyingData: digest, passwords });
    const proof = await signDigest(tpm, { key, digest, passwords });
    certifications.push({ attest: base64url(attest), signature: base64url(signature), proof: base64url(proof) });
  }
  return { secret: base64url(secret), request: work.request, certifications };
}

/** The TPM keys of the request document, in its order. */
function certifiedKeys(keys: TpmKeys, work: PendingWork): readonly TpmKeyBlobs[] {
  const usesDevId = work.certificates.some(({ key }) => key.kind === 'devid');
  return [keys.requestKey, ...(usesDevId && keys.devId !== null ? [keys.devId] : [])].map(keyBlobs);
}
