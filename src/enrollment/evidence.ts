// The evidence of an activation, kept so that years later anybody can verify again all but the activation itself: EK and
// path to a root, attributes, certifications, proofs. That the TPM opened the challenge only we saw.
import type { Evidence, PresentedEndorsementKey } from '../domain/enrollment.ts';
import { base64url, octetsOfBase64url, sameOctets } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { wireTime } from '../domain/wire.ts';
import { isRocaWeak } from '../tpm2/roca.ts';
import { readEndorsementCertificate } from '../x509/endorsement-certificate.ts';
import { type EndorsementPolicy, verifyEndorsementChain } from '../x509/endorsement-chain.ts';
import { chainRefusal, type PresentedTpmReason, readAttestationKey, readEndorsementKey } from './presented-tpm.ts';
import { type Certification, type ProofReason, type ProvedKey, proveKeys } from './prove.ts';
import type { StatementBinding } from '../domain/attested-statement.ts';

/** Why stored evidence does not hold. */
export type EvidenceReason = PresentedTpmReason | ProofReason | 'wrongIssuerSignature';

/** Puts evidence together; everything in it was verified at `now`. */
export const makeEvidence = (facts: {
  readonly binding: StatementBinding;
  readonly endorsementKey: PresentedEndorsementKey;
  readonly akPublic: Uint8Array;
  readonly certifications: readonly Certification[];
  readonly now: Date;
}): Evidence => ({
  version: 1,
  enrollment: facts.binding.id,
  nonce: base64url(facts.binding.nonce),
  request: base64url(facts.binding.request),
  checkedAt: wireTime(facts.now),
  endorsementKey: {
    public: base64url(facts.endorsementKey.public),
    path: facts.endorsementKey.path.map(base64url),
    validity: facts.endorsementKey.validity,
    exception: facts.endorsementKey.exception,
  },
  attestationKey: { public: base64url(facts.akPublic) },
  certifications: facts.certifications.map(({ role, ...structures }) => ({
    role,
    public: base64url(structures.public),
    attest: base64url(structures.attest),
    signature: base64url(structures.signature),
    proof: base64url(structures.proof),
  })),
});

/**
 * Verifies stored evidence against roots that the caller trusts, at the instant at which it was accepted. The roots may
 * be those of today: a root that was removed since makes it fail, as it should.
 */
export function verifyEvidenceAgain(
  evidence: Evidence,
  policy: EndorsementPolicy,
): Result<null, Refusal<EvidenceReason>> {
  const endorsement = verifyEndorsementAgain(evidence, policy);
  if (!endorsement.ok) return endorsement;
  const keys = proveKeysAgain(evidence);
  return keys.ok ? ok(null) : keys;
}

/** The first half of it: the endorsement key, its strength, and its path to a root. */
export function verifyEndorsementAgain(
  evidence: Evidence,
  policy: EndorsementPolicy,
): Result<null, Refusal<EvidenceReason>> {
  const ek = readEndorsementKey(octetsOfBase64url(evidence.endorsementKey.public));
  if (!ek.ok) return ek;
  const fault = pathFault(evidence, { policy, spkiDer: ek.value.publicKey.spkiDer });
  if (fault !== null) return err(fault);
  const { area } = ek.value;
  if (area.type === 'rsa' && isRocaWeak(area.modulus) && evidence.endorsementKey.exception !== 'rocaWeak') {
    return err({ reason: 'rocaWeak', detail: 'the endorsement key is weak and no exception was made for it' });
  }
  return ok(null);
}

/** The second half: the keys that the attestation key vouched for, each with its own proof. */
export function proveKeysAgain(evidence: Evidence): Result<readonly ProvedKey[], Refusal<EvidenceReason>> {
  const ak = readAttestationKey(octetsOfBase64url(evidence.attestationKey.public));
  if (!ak.ok) return ak;
  return proveKeys({
    akPublic: ak.value.area,
    binding: {
      id: evidence.enrollment,
      nonce: octetsOfBase64url(evidence.nonce),
      request: octetsOfBase64url(evidence.request),
    },
    certifications: certificationsIn(evidence),
  });
}

/** The certifications of stored evidence, decoded. */
export const certificationsIn = (evidence: Evidence): readonly Certification[] =>
  evidence.certifications.map(({ role, ...structures }) => ({
    role,
    public: octetsOfBase64url(structures.public),
    attest: octetsOfBase64url(structures.attest),
    signature: octetsOfBase64url(structures.signature),
    proof: octetsOfBase64url(structures.proof),
  }));

function pathFault(
  { endorsementKey, checkedAt }: Evidence,
  { policy, spkiDer }: { readonly policy: EndorsementPolicy; readonly spkiDer: Uint8Array },
): Refusal<EvidenceReason> | null {
  const [own, ...above] = endorsementKey.path.map(octetsOfBase64url);
  if (own === undefined) {
    if (endorsementKey.exception === 'noCertificate') return null;
    return { reason: 'endorsementCertificateMissing', detail: 'there is neither a certificate nor an exception' };
  }
  const read = readEndorsementCertificate(own);
  if (!read.ok) return read.error;
  const { certificate, key } = read.value;
  if (!sameOctets(key.subjectPublicKeyInfo, spkiDer)) {
    return { reason: 'endorsementKeyMismatch', detail: 'the certificate is for another key than the endorsement key' };
  }
  // The root itself comes from the policy; what lies between may be known to the evidence alone.
  const supplied = above.slice(0, -1);
  const { validity } = endorsementKey;
  const chain = verifyEndorsementChain({ certificate, supplied, policy, now: new Date(checkedAt), validity });
  return chain.ok ? null : chainRefusal(chain.error);
}
