// What had to hold before a certificate was signed, each with whether it was verified again just now. Pure: the same
// evidence and roots give the same list.
import type { Evidence } from '../domain/enrollment.ts';
import type { EvidenceCheckResource, EvidenceResource } from '../domain/evidence-wire.ts';
import { octetsOfBase64url } from '../domain/octets.ts';
import type { RenewalEvidence } from '../domain/renewal-evidence.ts';
import type { Refusal, Result } from '../domain/result.ts';
import { defaultRequestLimits, readCertificationRequest } from '../x509/certification-request.ts';
import type { EndorsementPolicy } from '../x509/endorsement-chain.ts';
import { proveKeysAgain, verifyEndorsementAgain } from './evidence.ts';
import { spkiSha256Of } from './evidence-text.ts';
import { verifyRenewalAgain } from './prove-renewal.ts';
import { parseRenewalDocument } from './renewal-document.ts';
import { parseRequestDocument } from './request-document.ts';

export type EvidenceChecks = Pick<EvidenceResource, 'checks' | 'again'>;

const recorded = (check: string, detail: string): EvidenceCheckResource => ({ check, detail, outcome: 'recorded' });

const judged = (check: string, detail: string, fault: Refusal | null): EvidenceCheckResource =>
  fault === null
    ? { check, detail, outcome: 'verified' }
    : { check, detail: `${detail}; now: ${fault.detail}`, outcome: 'failed' };

const faultOf = (result: Result<unknown, Refusal>): Refusal | null => (result.ok ? null : result.error);

/** What holds for every certificate, whoever asked. */
const always: readonly EvidenceCheckResource[] = [
  recorded('names', 'every name was allowed: by the profile, and by the grant of the host or the limits of the token'),
  recorded('intent', 'the exact octets to be signed were durable before the signature'),
  recorded('lint', 'two readers of certificates agreed on those octets, before and after the signature'),
];

/** A certificate for a CSR: its proof of possession was verified, and it is not kept. */
export const withoutTpm: EvidenceChecks = {
  checks: [recorded('possession', 'the key signed its own request'), ...always],
  again: { state: 'nothingKept' },
};

/** Of an enrollment: what its TPM proved, verified against the vendors' roots of today. */
export function enrollmentChecks(
  evidence: Evidence,
  { policy, spkiSha256 }: { readonly policy: EndorsementPolicy; readonly spkiSha256: string },
): EvidenceChecks {
  const endorsement = faultOf(verifyEndorsementAgain(evidence, policy));
  const keys = faultOf(proveKeysAgain(evidence));
  const binding = keys === null ? keyFault(enrolledSpkis(evidence), spkiSha256) : keys;
  return {
    checks: [
      judged('endorsementKey', endorsementText(evidence), endorsement),
      recorded(
        'activation',
        'the TPM with this EK opened a challenge that was made for this AK: only the service saw that',
      ),
      judged('attestationKey', 'the AK is restricted, so that it signs only what the TPM itself says', keys),
      judged('certification', 'the AK certified each key of the TPM, over exactly this conversation and request', keys),
      judged('possession', 'each key signed the same statement itself', keys),
      judged('certifiedKey', 'the key in the certificate is the one that was proved', binding),
      ...always,
    ],
    again: outcomeOf(endorsement ?? binding),
  };
}

/** Of a renewal: that the device's AK vouched for the new key. A software key has its CSR in the request. */
export function renewalChecks(evidence: RenewalEvidence, spkiSha256: string): EvidenceChecks {
  const proof = faultOf(verifyRenewalAgain(evidence));
  const binding = proof ?? keyFault(renewedSpkis(evidence), spkiSha256);
  const requestKey = recorded(
    'requestKey',
    'the request key, which lives in the TPM of the device, signed the request',
  );
  const certifiedKey = judged('certifiedKey', 'the key in the certificate is the one that was asked for', binding);
  if (evidence.certified === null) {
    return { checks: [requestKey, possession, certifiedKey, ...always], again: outcomeOf(binding) };
  }
  return {
    checks: [
      requestKey,
      judged(
        'certification',
        'the AK of the device certified the new key, over exactly this lineage and request',
        proof,
      ),
      judged('possession', 'the new key signed the same statement itself', proof),
      certifiedKey,
      ...always,
    ],
    again: outcomeOf(binding),
  };
}

const possession = recorded('possession', 'the key signed its own request');

const outcomeOf = (fault: Refusal | null): EvidenceResource['again'] =>
  fault === null ? { state: 'verifies' } : { state: 'fails', reason: fault.reason, detail: fault.detail };

function endorsementText({ endorsementKey: { exception, path, validity } }: Evidence): string {
  if (path.length === 0)
    return `the EK was taken without a certificate, under the exception ${exception ?? 'noCertificate'}`;
  const dates = validity === 'enforced' ? ', with every date of the path good then' : '';
  return `the EK follows its template, and its certificate leads to a root of its maker${dates}`;
}

function keyFault(proved: readonly (string | null)[], spkiSha256: string): Refusal | null {
  if (proved.includes(spkiSha256)) return null;
  return { reason: 'certifiedKeyDiffers', detail: 'the certificate has another key than any that was proved' };
}

/** Keys of the TPM, and of CSRs, that an enrollment may have certified. */
function enrolledSpkis({ request, certifications }: Evidence): readonly (string | null)[] {
  const document = parseRequestDocument(octetsOfBase64url(request));
  const csrs = document.ok ? document.value.certificates.map(({ key }) => key) : [];
  return [
    ...certifications.flatMap((one) => (one.role === 'devid' ? [spkiSha256Of(octetsOfBase64url(one.public))] : [])),
    ...csrs.map((key) => (key === 'devid' ? null : csrSpki(key.csr))),
  ];
}

function renewedSpkis({ request }: RenewalEvidence): readonly (string | null)[] {
  const document = parseRenewalDocument(octetsOfBase64url(request));
  if (!document.ok) return [];
  const { key } = document.value;
  return ['csr' in key ? csrSpki(key.csr) : spkiSha256Of(key.public)];
}

function csrSpki(der: Uint8Array): string | null {
  const csr = readCertificationRequest(der, defaultRequestLimits);
  return csr.ok ? csr.value.spkiSha256 : null;
}
