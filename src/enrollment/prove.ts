// Judges an activation: that the attestation key vouched for exactly this request and these keys, and that each key can
// be used by who sent it. Pure, and the same function verifies stored evidence again. Nothing here knows a grant.
import {
  attestedDigest,
  attestedStatement,
  type StatementBinding,
  type StatementPurpose,
} from '../domain/attested-statement.ts';
import { hexOf } from '../domain/octets.ts';
import type { KeyType } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { checkSigningKey, type KeyRefusal } from '../tpm2/key-checks.ts';
import type { TpmtPublic } from '../tpm2/public-area.ts';
import { isRocaWeak } from '../tpm2/roca.ts';
import { type AttestRefusal, verifyCertify, verifyKeySignature } from '../tpm2/verify.ts';
import { readSubjectPublicKey, type SubjectPublicKeyReason } from '../x509/subject-public-key.ts';
import { readPublicArea, rocaWeak, within } from './presented-tpm.ts';

/** One `certifications[i]` with the public area of `keys[i]`; octets as they travel. */
export type Certification = {
  readonly role: 'request' | 'devid';
  readonly public: Uint8Array;
  readonly attest: Uint8Array;
  readonly signature: Uint8Array;
  readonly proof: Uint8Array;
};

/** A key that lives in the TPM of the AK and whose holder sent this request. */
export type ProvedKey = {
  readonly role: 'request' | 'devid';
  readonly public: Uint8Array;
  /** The Name, lower-case hex. */
  readonly name: string;
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly spkiSha256: string;
  readonly keyType: KeyType;
  /** TPMS_ATTEST.firmwareVersion of its certification: true only if the AK is in the endorsement hierarchy. */
  readonly firmwareVersion: bigint;
};

export type ProofReason =
  | 'malformedPublicArea'
  | 'rocaWeak'
  | 'wrongProof'
  | 'keyTwice'
  | KeyRefusal['reason']
  | AttestRefusal['reason']
  | SubjectPublicKeyReason;

type Refused = Refusal<ProofReason>;

/** Verifies every certification, in order, and stops at the first fault. */
export function proveKeys(input: {
  readonly akPublic: TpmtPublic;
  readonly binding: StatementBinding;
  readonly certifications: readonly Certification[];
}): Result<readonly ProvedKey[], Refused> {
  const { akPublic, binding } = input;
  const proved: ProvedKey[] = [];
  for (const [at, certification] of input.certifications.entries()) {
    const fields = { key: `request.keys.${at}.public`, certification: `certifications.${at}` };
    const key = proveKey(certification, { akPublic, binding, purpose: 'enrollment', fields });
    if (!key.ok) return key;
    if (proved.some(({ spkiSha256 }) => spkiSha256 === key.value.spkiSha256)) return err(keyTwice(fields.key));
    proved.push(key.value);
  }
  return ok(proved);
}

/** By whom and about what a certification speaks; `fields` name its parts in refusals. */
export type Vouching = {
  readonly akPublic: TpmtPublic;
  readonly binding: StatementBinding;
  readonly purpose: StatementPurpose;
  readonly fields: { readonly key: string; readonly certification: string };
};

/**
 * Verifies one certification: the key follows the recipe and is not weak; the AK certified exactly it over exactly this
 * statement; the key signed the same digest itself.
 */
export function proveKey(certification: Certification, vouching: Vouching): Result<ProvedKey, Refused> {
  const { akPublic, binding, purpose, fields } = vouching;
  const { role, attest, signature, proof } = certification;
  const area = readPublicArea(certification.public, fields.key);
  if (!area.ok) return area;
  const key = within(fields.key, checkSigningKey(area.value, role));
  if (!key.ok) return key;
  if (area.value.type === 'rsa' && isRocaWeak(area.value.modulus)) return err(rocaWeak(fields.key));
  const subject = readSubjectPublicKey(key.value.publicKey.spkiDer);
  if (!subject.ok) return err({ ...subject.error, field: fields.key });
  const qualifyingData = attestedDigest(purpose, binding);
  const certified = verifyCertify({ attest, signature, akPublic, qualifyingData, certifiedPublic: area.value });
  if (!certified.ok) return within(fields.certification, certified);
  const message = attestedStatement(purpose, binding);
  const possessed = verifyKeySignature({ signature: proof, keyPublic: area.value, message });
  if (!possessed.ok) return err(wrongProof(fields.certification, possessed.error.detail));
  const { subjectPublicKeyInfo, keyType, spkiSha256 } = subject.value;
  const name = hexOf(key.value.name);
  const { firmwareVersion } = certified.value;
  return ok({ role, public: certification.public, name, subjectPublicKeyInfo, spkiSha256, keyType, firmwareVersion });
}

const wrongProof = (certification: string, detail: string): Refused => ({
  reason: 'wrongProof',
  detail: `the key does not prove that its holder sent this request: ${detail}`,
  field: `${certification}.proof`,
  accepted: 'a TPMT_SIGNATURE of the key over the same digest as the qualifyingData',
});

const keyTwice = (field: string): Refused => ({
  reason: 'keyTwice',
  detail: 'the same key has two roles',
  field,
  accepted: 'a key of its own for each role',
});
