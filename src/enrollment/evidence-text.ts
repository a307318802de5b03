// Stored octets of evidence as people read them: certifications decoded, certificates of an EK's path named. It judges
// nothing: what cannot be read is shown as absent.
import type { Evidence } from '../domain/enrollment.ts';
import type { CertificationResource, TpmEvidenceResource } from '../domain/evidence-wire.ts';
import { hexOf, octetsOfBase64url } from '../domain/octets.ts';
import { oneLine } from '../domain/printable.ts';
import type { RenewalEvidence } from '../domain/renewal-evidence.ts';
import { wireTime } from '../domain/wire.ts';
import { contentOfTpm2bAttest, parseTpmsAttest, type TpmsAttest } from '../tpm2/attest.ts';
import { parsed } from '../tpm2/cursor.ts';
import { nameOf } from '../tpm2/name.ts';
import { publicKeyOf } from '../tpm2/subject-public-key-info.ts';
import { sha256Hex } from '../x509/digest.ts';
import { readEndorsementCertificate } from '../x509/endorsement-certificate.ts';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import { derQuirks } from '../x509/der-reader.ts';
import { commonNamesOf } from '../x509/distinguished-name.ts';
import { certificationsIn } from './evidence.ts';
import { readPublicArea } from './presented-tpm.ts';
import { parseRenewalDocument } from './renewal-document.ts';

/** A key and what the AK said of it, octets as they travelled. */
export type Certified = {
  readonly role: 'request' | 'devid';
  readonly public: Uint8Array;
  readonly attest: Uint8Array;
};

/** The certifications of an enrollment. */
export const enrolledCertifications = (evidence: Evidence): readonly Certified[] => certificationsIn(evidence);

/** The certification of a renewal, with the Name of the AK; null for a software key. */
export function renewedCertification(
  evidence: RenewalEvidence,
): (Certified & { readonly akName: string | null }) | null {
  const { certified, request } = evidence;
  const document = parseRenewalDocument(octetsOfBase64url(request));
  if (certified === null || !document.ok || 'csr' in document.value.key) return null;
  const ak = readPublicArea(octetsOfBase64url(certified.attestationKey), 'akPublic');
  return {
    role: 'devid',
    public: document.value.key.public,
    attest: octetsOfBase64url(certified.attest),
    akName: ak.ok ? hexOf(nameOf(ak.value)) : null,
  };
}

/** SHA-256 of the SubjectPublicKeyInfo of a TPM2B_PUBLIC, or null when it holds no key that we can read. */
export function spkiSha256Of(area: Uint8Array): string | null {
  const read = readPublicArea(area, 'public');
  const key = read.ok ? publicKeyOf(read.value) : read;
  return key.ok ? sha256Hex(key.value.spkiDer) : null;
}

/** A certification, decoded. */
export function certificationText(certified: Certified): CertificationResource {
  const read = parsed(() => parseTpmsAttest(contentOfTpm2bAttest(certified.attest)));
  const attest: TpmsAttest | null = read.ok ? read.value : null;
  return {
    role: certified.role,
    name: attest?.attested.type === 'certify' ? hexOf(attest.attested.name) : '',
    spkiSha256: spkiSha256Of(certified.public),
    qualifiedSigner: hexOf(attest?.qualifiedSigner ?? new Uint8Array()),
    extraData: hexOf(attest?.extraData ?? new Uint8Array()),
    firmwareVersion: (attest?.firmwareVersion ?? 0n).toString(16).padStart(16, '0'),
    clock: (attest?.clockInfo.clock ?? 0n).toString(10),
    resetCount: attest?.clockInfo.resetCount ?? 0,
    restartCount: attest?.clockInfo.restartCount ?? 0,
    safe: attest?.clockInfo.safe ?? false,
  };
}

/** The path of an EK, from its own certificate to the root. */
export const pathText = (path: readonly Uint8Array[]): TpmEvidenceResource['path'] =>
  path.map((der, at) => {
    const certificate = read(der, at);
    return {
      sha256: sha256Hex(der),
      subject: certificate === null ? '' : subjectText(certificate),
      notBefore: certificate === null ? null : wireTime(certificate.notBefore),
      notAfter: certificate === null ? null : wireTime(certificate.notAfter),
    };
  });

function read(der: Uint8Array, at: number): Certificate | null {
  const own = at === 0 ? readEndorsementCertificate(der) : null;
  if (own?.ok === true) return own.value.certificate;
  const certificate = readCertificate(der, derQuirks);
  return certificate.ok ? certificate.value : null;
}

/** Many makers leave the subject of an EK certificate empty. */
const subjectText = ({ subject }: Certificate): string => {
  const names = commonNamesOf(subject).join(', ');
  return names === '' ? '' : oneLine(names, 256);
};
