// Whether a TPM is one of those that policies/tpm-denied.yaml names: its EK, a certificate of its path, its firmware. Pure;
// an EK that was pre-registered, or whose device is long known, is denied all the same.
import type { PresentedEndorsementKey } from '../domain/enrollment.ts';
import type { Refusal } from '../domain/result.ts';
import { shownFirmwareVersion, type TpmDenials } from '../domain/tpm-denials.ts';
import { digestsOf } from '../x509/certificate-digests.ts';

/** Why an EK is refused although its maker vouches for it. */
export type EndorsementDenialReason = 'endorsementKeyDenied' | 'endorsementCertificateDenied';

type Presented = Pick<PresentedEndorsementKey, 'fingerprint' | 'path'>;

/** The refusal of a denied EK, or of one whose path leads through a denied certificate; null when there is none. */
export function endorsementDenial(
  { endorsementKeys, certificates }: TpmDenials,
  { fingerprint, path }: Presented,
): Refusal<EndorsementDenialReason> | null {
  const ofKey = endorsementKeys.get(fingerprint);
  if (ofKey !== undefined) {
    const detail = `this endorsement key is denied: ${ofKey}`;
    return { reason: 'endorsementKeyDenied', detail, field: 'ekPublic', accepted };
  }
  if (certificates.size === 0) return null;
  const denied = path.flatMap(digestsOf).find((digest) => certificates.has(digest));
  if (denied === undefined) return null;
  const detail = `certificate ${denied} of the path is denied: ${certificates.get(denied) ?? ''}`;
  return { reason: 'endorsementCertificateDenied', detail, field: 'ekCertificates', accepted };
}

/**
 * The refusal of a TPM whose attested firmware is denied, null when there is none. It is by the maker that the EK
 * certificate names and by the values of TPMS_ATTEST as they stand: an AK outside the endorsement hierarchy attests
 * obfuscated ones, which match no rule, and nothing in TPMS_ATTEST tells the two apart.
 */
export function firmwareDenial(
  { firmware }: TpmDenials,
  facts: { readonly manufacturer: string | null; readonly versions: readonly bigint[] },
): Refusal<'firmwareDenied'> | null {
  for (const [at, version] of facts.versions.entries()) {
    const rule = firmware.find(
      ({ manufacturer, from, to }) => manufacturer === facts.manufacturer && from <= version && version <= to,
    );
    if (rule === undefined) continue;
    const detail = `firmware ${shownFirmwareVersion(version)} of maker ${rule.manufacturer} is denied: ${rule.reason}`;
    return {
      reason: 'firmwareDenied',
      detail,
      field: `certifications.${at}.attest.firmwareVersion`,
      accepted: 'other firmware, and an enrollment with fresh keys',
    };
  }
  return null;
}

const accepted = 'another TPM, or a change of tpm-denied.yaml and a restart of the server';
