// Who calls? The static checks of an EK, its certificate and an AK, before anything is asked of the TPM. Pure: what the
// inventory knows of these keys comes in as facts, and whether the TPM holds them is shown by the activation only.
import type { EndorsementException, PresentedEndorsementKey } from '../domain/enrollment.ts';
import { sameOctets } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { TpmDenials } from '../domain/tpm-denials.ts';
import { parsed } from '../tpm2/cursor.ts';
import { checkEndorsementKey, type EndorsementKey, type EndorsementKeyRefusal } from '../tpm2/endorsement-key.ts';
import { checkAttestationKey, type CheckedKey, type KeyRefusal } from '../tpm2/key-checks.ts';
import { parseTpm2bPublic, type TpmtPublic } from '../tpm2/public-area.ts';
import { isRocaWeak } from '../tpm2/roca.ts';
import { sha256Hex } from '../x509/digest.ts';
import {
  type EndorsementCertificate,
  type EndorsementCertificateReason,
  readEndorsementCertificate,
} from '../x509/endorsement-certificate.ts';
import {
  type EndorsementChainReason,
  type EndorsementPolicy,
  verifyEndorsementChain,
} from '../x509/endorsement-chain.ts';
import { encodePem } from '../x509/pem.ts';
import { endorsementDenial, type EndorsementDenialReason } from './denied-tpm.ts';

export type PresentedTpmReason =
  | 'malformedPublicArea'
  | 'endorsementCertificateMissing'
  | 'endorsementKeyMismatch'
  | 'rocaWeak'
  | EndorsementDenialReason
  | EndorsementKeyRefusal['reason']
  | KeyRefusal['reason']
  | 'wrongIssuerSignature'
  | EndorsementCertificateReason
  | Exclude<EndorsementChainReason, 'wrongSignature'>;

type Refused = Refusal<PresentedTpmReason>;

/** What is known beside the request. */
export type TpmFacts = {
  readonly policy: EndorsementPolicy;
  readonly denials: TpmDenials;
  /** The rule that an admin lets exactly this EK break. */
  readonly exception: (ekFingerprint: string) => Promise<EndorsementException | null>;
  /** Whether a device has proved this EK before: its certificate's dates decided then. */
  readonly isProved: (ekFingerprint: string) => Promise<boolean>;
  readonly now: Date;
};

export type PresentedTpm = {
  readonly key: EndorsementKey;
  readonly endorsementKey: PresentedEndorsementKey;
  readonly attestationKey: CheckedKey;
};

/** Octets of the request: TPM2B_PUBLIC of both keys, certificates in DER (or as they stand in NV). */
export type TpmPresentation = {
  readonly ekPublic: Uint8Array;
  readonly ekCertificates: readonly Uint8Array[];
  readonly akPublic: Uint8Array;
};

/** The EK of a public area that passed all checks of its template. */
export function readEndorsementKey(octets: Uint8Array): Result<EndorsementKey, Refused> {
  const area = readPublicArea(octets, 'ekPublic');
  return area.ok ? within('ekPublic', checkEndorsementKey(area.value)) : area;
}

/** The AK of a public area that passed all checks. */
export function readAttestationKey(octets: Uint8Array): Result<CheckedKey, Refused> {
  const area = readPublicArea(octets, 'akPublic');
  return area.ok ? within('akPublic', checkAttestationKey(area.value)) : area;
}

/** A public area, whole and nothing behind it. */
export function readPublicArea(octets: Uint8Array, field: string): Result<TpmtPublic, Refusal<'malformedPublicArea'>> {
  const area = parsed(() => parseTpm2bPublic(octets));
  return area.ok
    ? area
    : err({ reason: 'malformedPublicArea', detail: area.error.message, field, accepted: 'TPM2B_PUBLIC' });
}

/** Puts the member's name in front of what a check says. */
export const within = <T, R extends string>(member: string, result: Result<T, Refusal<R>>): Result<T, Refusal<R>> =>
  result.ok
    ? result
    : err({ ...result.error, field: result.error.field === undefined ? member : `${member}.${result.error.field}` });

/**
 * Checks, in order: the EK's public area, template and policy; the AK's attributes; the certificate, that it is for this
 * very key, its purpose and path to a root of the policy; that neither is denied; the ROCA fingerprint. Stops at the
 * first fault.
 */
export async function checkPresentedTpm(
  presentation: TpmPresentation,
  facts: TpmFacts,
): Promise<Result<PresentedTpm, Refused>> {
  const ek = readEndorsementKey(presentation.ekPublic);
  if (!ek.ok) return ek;
  const ak = readAttestationKey(presentation.akPublic);
  if (!ak.ok) return ak;
  const { area, publicKey } = ek.value;
  const fingerprint = sha256Hex(publicKey.spkiDer);
  const exception = await facts.exception(fingerprint);
  const validity = (await facts.isProved(fingerprint)) ? 'ignored' : 'enforced';
  const vouched = vouch({ presentation, spkiDer: publicKey.spkiDer, exception, validity, facts });
  if (!vouched.ok) return vouched;
  const { certificate, path } = vouched.value;
  const denial = endorsementDenial(facts.denials, { fingerprint, path });
  if (denial !== null) return err(denial);
  const isWeak = area.type === 'rsa' && isRocaWeak(area.modulus);
  if (isWeak && exception !== 'rocaWeak') return err(rocaWeak('ekPublic', anotherEk));
  return ok({
    key: ek.value,
    attestationKey: ak.value,
    endorsementKey: {
      fingerprint,
      public: presentation.ekPublic,
      certificates: presentation.ekCertificates,
      path,
      validity,
      exception: isWeak || certificate === null ? exception : null,
      manufacturer: certificate?.manufacturer ?? null,
      model: certificate?.model ?? null,
      version: certificate?.version ?? null,
      certificateNotAfter: certificate?.certificate.notAfter ?? null,
      hardwareSerial: certificate?.hardwareSerial ?? fingerprint.toUpperCase(),
      keylimeUuid: area.type === 'rsa' && area.keyBits === 2048 ? keylimeUuidOf(publicKey.spkiDer) : null,
    },
  });
}

/**
 * `hash_ek`: SHA-256, in hex, of the EK's SubjectPublicKeyInfo in PEM as OpenSSL writes it (lines of 64 characters, LF
 * at the end), which is how rust-keylime computes an agent's UUID.
 */
export const keylimeUuidOf = (spkiDer: Uint8Array): string =>
  sha256Hex(Buffer.from(encodePem('PUBLIC KEY', spkiDer), 'ascii'));

type Vouching = {
  readonly presentation: TpmPresentation;
  readonly spkiDer: Uint8Array;
  readonly exception: EndorsementException | null;
  readonly validity: 'enforced' | 'ignored';
  readonly facts: TpmFacts;
};
type Vouched = { readonly certificate: EndorsementCertificate | null; readonly path: readonly Uint8Array[] };

/** The certificate of the EK and its path, or the exception that stands in for both. */
function vouch({ presentation, spkiDer, exception, validity, facts }: Vouching): Result<Vouched, Refused> {
  const [own, ...supplied] = presentation.ekCertificates;
  if (own === undefined) {
    return exception === 'noCertificate' ? ok({ certificate: null, path: [] }) : err(certificateMissing);
  }
  const certificate = within('ekCertificates.0', readEndorsementCertificate(own));
  if (!certificate.ok) return certificate;
  if (!sameOctets(certificate.value.key.subjectPublicKeyInfo, spkiDer)) return err(keyMismatch);
  const { policy, now } = facts;
  const chain = verifyEndorsementChain({ certificate: certificate.value.certificate, supplied, policy, now, validity });
  if (!chain.ok) return within('ekCertificates', err(chainRefusal(chain.error)));
  return ok({ certificate: certificate.value, path: chain.value.path.map(({ der }) => der) });
}

/** `wrongSignature` is what a CSR with a bad signature is refused for; here it is the signature of another's CA. */
export const chainRefusal = ({ reason, ...rest }: Refusal<EndorsementChainReason>): Refusal<PresentedTpmReason> => ({
  ...rest,
  reason: reason === 'wrongSignature' ? 'wrongIssuerSignature' : reason,
});

const certificateMissing: Refused = {
  reason: 'endorsementCertificateMissing',
  detail: 'the endorsement key came without a certificate of its maker',
  field: 'ekCertificates',
  accepted: 'a certificate, or a pre-registration of exactly this EK with the exception noCertificate',
};

const keyMismatch: Refused = {
  reason: 'endorsementKeyMismatch',
  detail: 'the certificate is for another key than the endorsement key that was sent',
  field: 'ekCertificates.0',
  accepted: 'the certificate of this very EK',
};

const anotherEk = 'another EK of this TPM, or a pre-registration of exactly this EK with the exception rocaWeak';

/** A key in `field` with the fingerprint of ROCA; `accepted` says what would do in its place. */
export const rocaWeak = (field: string, accepted = 'an ECC P-256 key'): Refusal<'rocaWeak'> => ({
  reason: 'rocaWeak',
  detail: 'the RSA modulus bears the fingerprint of CVE-2017-15361: its private key can be computed',
  field,
  accepted,
});
