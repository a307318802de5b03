// Why a certificate was issued, as one answer: who asked, who allowed it, what the TPM proved, and whether what was kept of
// that still verifies. Reads only; nothing secret is in its reach, and nothing outside the database is asked.
import type { EndorsementKeyRecord } from '../domain/device.ts';
import type { ConfirmationEvidence, EnrollmentEvidence, EvidenceRecord } from '../domain/evidence-record.ts';
import type { AllowedBy, EvidenceRequest, EvidenceResource, TpmEvidenceResource } from '../domain/evidence-wire.ts';
import { octetsOfBase64url } from '../domain/octets.ts';
import type { Profile } from '../domain/profile.ts';
import { wireTime } from '../domain/wire.ts';
import type { EndorsementPolicy } from '../x509/endorsement-chain.ts';
import { enrollmentChecks, type EvidenceChecks, renewalChecks, withoutTpm } from './evidence-checks.ts';
import { certificationText, enrolledCertifications, pathText, renewedCertification } from './evidence-text.ts';
import { parseRenewalDocument } from './renewal-document.ts';
import { parseRequestDocument } from './request-document.ts';

export type EvidencePorts = {
  readonly evidenceOf: (fingerprint: string) => Promise<EvidenceRecord | null>;
  readonly confirmationsOf: (fingerprint: string) => Promise<readonly ConfirmationEvidence[]>;
  readonly endorsementKeysOf: (deviceId: string) => Promise<readonly EndorsementKeyRecord[]>;
  readonly endorsementPathsOf: (
    deviceId: string,
  ) => Promise<readonly { readonly fingerprint: string; readonly path: readonly Uint8Array[] }[]>;
  readonly profiles: ReadonlyMap<string, Pick<Profile, 'digest'>>;
  readonly endorsementPolicy: EndorsementPolicy;
};

/** By the certificate's fingerprint; null when there is no such certificate. */
export const certificateEvidence =
  (ports: EvidencePorts) =>
  async (fingerprint: string): Promise<EvidenceResource | null> => {
    const record = await ports.evidenceOf(fingerprint);
    if (record === null) return null;
    const { device, profile, profileDigest } = record;
    const today = ports.profiles.get(profile);
    const { checks, again } = checksOf(record, ports.endorsementPolicy);
    return {
      certificate: record.fingerprint,
      subject: record.commonName,
      serial: record.serialNumber,
      profile: {
        name: profile,
        digest: profileDigest,
        unchanged: today === undefined ? null : today.digest === profileDigest,
      },
      principal: record.principal,
      device: device?.id ?? null,
      hostName: device?.hostName ?? null,
      lineage: record.lineageId,
      spkiSha256: record.spkiSha256,
      recordedAt: wireTime(record.recordedAt),
      issuedAt: wireTime(record.issuedAt),
      request: requestOf(record),
      tpm: await tpmOf(ports, record),
      checks,
      again,
      confirmations: (await ports.confirmationsOf(fingerprint)).map((one) => ({ ...one, at: wireTime(one.at) })),
    };
  };

function checksOf({ enrollment, renewal, spkiSha256 }: EvidenceRecord, policy: EndorsementPolicy): EvidenceChecks {
  if (enrollment?.evidence != null) return enrollmentChecks(enrollment.evidence, { policy, spkiSha256 });
  if (renewal?.evidence != null) return renewalChecks(renewal.evidence, spkiSha256);
  return withoutTpm;
}

function requestOf(record: EvidenceRecord): EvidenceRequest {
  const { enrollment, renewal, lineageId } = record;
  if (enrollment !== null) return enrolled(enrollment, record);
  if (renewal === null) return { kind: record.principal === 'service' ? 'service' : 'csr' };
  const { evidence } = renewal;
  const document = evidence === null ? null : parseRenewalDocument(octetsOfBase64url(evidence.request));
  return {
    kind: 'renewal',
    id: renewal.id,
    lineage: evidence?.lineage ?? lineageId ?? '',
    admittedAt: wireTime(renewal.admittedAt),
    checkedAt: evidence?.checkedAt ?? null,
    outsideCeiling: renewal.isOutsideCeiling,
    recovery: renewal.isRecovery,
    key: document?.ok === true && 'csr' in document.value.key ? 'csr' : 'tpm',
  };
}

function enrolled(enrollment: EnrollmentEvidence, record: EvidenceRecord): EvidenceRequest {
  const { evidence } = enrollment;
  const document = evidence === null ? null : parseRequestDocument(octetsOfBase64url(evidence.request));
  const asked = document?.ok === true ? document.value.certificates : [];
  return {
    kind: 'enrollment',
    id: enrollment.id,
    hostName: enrollment.hostName,
    startedAt: wireTime(enrollment.createdAt),
    checkedAt: evidence?.checkedAt ?? null,
    allowedBy: allowedBy(enrollment, record),
    asked: asked.map(({ profile, key, dnsNames, ipAddresses }) => ({
      ...{ profile, dnsNames, ipAddresses },
      key: key === 'devid' ? 'devid' : 'csr',
    })),
  };
}

/** In the order in which an activation is authorized; a pre-registration stands for the first contact of a device only. */
function allowedBy(enrollment: EnrollmentEvidence, { device }: EvidenceRecord): AllowedBy {
  const { approval, token, preregistration } = enrollment;
  if (approval !== null) {
    const { by, at, grants, replaces } = approval;
    return { kind: 'approval', by, at: wireTime(at), grants, replaces };
  }
  if (token !== null) return { kind: 'token', id: token.id, by: token.by, at: wireTime(token.at) };
  const isKnown = device !== null && device.createdAt < enrollment.createdAt;
  if (preregistration !== null && !isKnown) {
    return { kind: 'preregistration', by: preregistration.by, at: wireTime(preregistration.at) };
  }
  return { kind: 'knownDevice', device: device?.id ?? '' };
}

/** The TPM as it proved itself in the request, or for a renewal the one that the device has. */
async function tpmOf(ports: EvidencePorts, record: EvidenceRecord): Promise<TpmEvidenceResource | null> {
  const { enrollment, renewal, device } = record;
  if (enrollment !== null) {
    const { evidence, tpm, ekFingerprint, akName } = enrollment;
    return {
      ...tpm,
      ekFingerprint,
      exception: evidence?.endorsementKey.exception ?? null,
      validity: evidence?.endorsementKey.validity ?? null,
      path: pathText(evidence?.endorsementKey.path.map(octetsOfBase64url) ?? []),
      akName,
      certifications: evidence === null ? [] : enrolledCertifications(evidence).map(certificationText),
    };
  }
  if (renewal === null || device === null) return null;
  const [key] = await ports.endorsementKeysOf(device.id);
  if (key === undefined) return null;
  const { manufacturer, model, version, fingerprint, exception } = key;
  const known = (await ports.endorsementPathsOf(device.id)).find((one) => one.fingerprint === fingerprint);
  const certified = renewal.evidence === null ? null : renewedCertification(renewal.evidence);
  return {
    ...{ manufacturer, model, version, exception },
    ekFingerprint: fingerprint,
    validity: null,
    path: pathText(known?.path ?? []),
    akName: certified?.akName ?? null,
    certifications: certified === null ? [] : [certificationText(certified)],
  };
}
