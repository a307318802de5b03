// EK certificates (TCG EK Credential Profile) as TPMs hold them: trimmed, read strictly, and asked what a registration
// needs to know. Whether a vendor vouches for one is endorsement-chain.ts; nothing is fetched from a URL in it.
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { readCertificate, type Certificate, type CertificateReason } from './certificate.ts';
import type { DerQuirk } from './der-reader.ts';
import { sha256Hex } from './digest.ts';
import { oids } from './oids.ts';
import { elementLength } from './reading-der.ts';
import {
  readSubjectPublicKey,
  type IsWeakModulus,
  type SubjectPublicKey,
  type SubjectPublicKeyReason,
} from './subject-public-key.ts';

/** An EK certificate that is well formed and is one. */
export type EndorsementCertificate = {
  readonly certificate: Certificate;
  /** SHA-256 of the DER without padding, lower-case hex. */
  readonly fingerprint: string;
  readonly key: SubjectPublicKey;
  /** TCG vendor id, 8 upper-case hex characters: `49465800` is IFX. */
  readonly manufacturer: string;
  /** As they stand in the certificate, for instance `SLB9670` and `id:0007003E`; null when left out. */
  readonly model: string | null;
  readonly version: string | null;
  /** hwSerialNum `<manufacturer>:<authority key identifier>:<serial number>`, upper-case hex; null without the second. */
  readonly hardwareSerial: string | null;
  /** The named departure from DER that was allowed for this vendor, or null. */
  readonly quirk: DerQuirk | null;
};

export type EndorsementCertificateReason =
  | CertificateReason
  | SubjectPublicKeyReason
  | 'trailingOctets'
  | 'quirkNotAllowed'
  | 'noTpmManufacturer'
  | 'notEndEntity'
  | 'notAnEkCertificate'
  | 'wrongKeyUsage'
  | 'unhandledCriticalExtension';

type Refused = Refusal<EndorsementCertificateReason>;

/** Which vendor's certificates may depart from DER, and how: STMicroelectronics and Nuvoton. */
const allowedQuirks: readonly { readonly quirk: DerQuirk; readonly manufacturer: string }[] = [
  { quirk: 'nonMinimalSerial', manufacturer: '53544D20' },
  { quirk: 'unsortedSet', manufacturer: '4E544300' },
  { quirk: 'paddedKeyUsage', manufacturer: '49465800' },
];

/**
 * Reads the content of a TPM's NV index or a plain DER certificate. Checked: padding of one repeated octet (00 or FF)
 * or a PC Client header only, strict DER or the one quirk of its vendor, tpmManufacturer in the subjectAltName (critical or
 * not), end entity, the EK purpose, the key usage of its key type, no critical extension that is not understood, key type and
 * strength. Validity is not looked at: it depends on the instant and on the occasion.
 */
export function readEndorsementCertificate(
  octets: Uint8Array,
  isWeakModulus: IsWeakModulus = () => false,
): Result<EndorsementCertificate, Refused> {
  const der = trimPadding(withoutHeader(octets));
  if (!der.ok) return der;
  const reading = readTolerantly(der.value);
  if (!reading.ok) return reading;
  const { certificate, quirk, tpm } = reading.value;
  const key = readSubjectPublicKey(certificate.subjectPublicKeyInfo, isWeakModulus);
  if (!key.ok) return key;
  const fault = profileFault(certificate, key.value);
  if (fault !== null) return err(fault);
  const aki = certificate.authorityKeyIdentifier;
  const serial = `${tpm.manufacturer}:${hex(aki ?? new Uint8Array())}:${certificate.serialNumber.toUpperCase()}`;
  const hardwareSerial = aki === null ? null : serial;
  return ok({ certificate, fingerprint: sha256Hex(der.value), key: key.value, ...tpm, hardwareSerial, quirk });
}

/**
 * TCG_PCCLIENT_STORED_CERT: tag 1001, type 00, size; then TCG_FULL_CERT with tag 1002, or the certificate itself. What
 * lies behind it is kept, and judged as padding.
 */
function withoutHeader(octets: Uint8Array): Stored {
  const [a, b, kind, high = 0, low = 0, c, d] = octets;
  if (a !== 0x10 || b !== 0x01 || kind !== 0x00) return { content: octets, behind: new Uint8Array() };
  const end = 5 + high * 256 + low;
  const start = c === 0x10 && d === 0x02 ? 7 : 5;
  return { content: octets.subarray(start, end), behind: octets.subarray(end) };
}

type Stored = { readonly content: Uint8Array; readonly behind: Uint8Array };

/** The certificate without the filling of its NV index, which is one octet again and again. */
function trimPadding({ content, behind }: Stored): Result<Uint8Array, Refused> {
  const length = elementLength(content) ?? content.length;
  const rest = [...content.subarray(length), ...behind];
  const [filling] = rest;
  const isFilling = filling === undefined || filling === 0x00 || filling === 0xff;
  if (isFilling && rest.every((octet) => octet === filling)) return ok(content.subarray(0, length));
  return err({
    reason: 'trailingOctets',
    detail: `${rest.length} octets that are no padding follow the certificate`,
    accepted: 'one certificate, alone or padded with 00 or FF as in an NV index',
  });
}

type Tpm = Pick<EndorsementCertificate, 'manufacturer' | 'model' | 'version'>;
type Reading = { readonly certificate: Certificate; readonly quirk: DerQuirk | null; readonly tpm: Tpm };

/** Strict DER first; then each quirk alone, and only for the vendor that it is known of. */
function readTolerantly(der: Uint8Array): Result<Reading, Refused> {
  const strict = readCertificate(der);
  if (strict.ok) return withTpm(strict.value, null);
  for (const { quirk, manufacturer } of allowedQuirks) {
    const tolerant = readCertificate(der, [quirk]);
    if (!tolerant.ok) continue;
    const reading = withTpm(tolerant.value, quirk);
    if (!reading.ok || reading.value.tpm.manufacturer === manufacturer) return reading;
    const detail = `${strict.error.detail}; this departure is not known of vendor ${reading.value.tpm.manufacturer}`;
    return err({ reason: 'quirkNotAllowed', detail, accepted: 'strict DER' });
  }
  return strict;
}

function withTpm(certificate: Certificate, quirk: DerQuirk | null): Result<Reading, Refused> {
  const attributes = (certificate.subjectAltName ?? []).flatMap((name) =>
    name.kind === 'directoryName' ? name.name.attributes : [],
  );
  const only = (type: string): string | null => {
    const [first, ...more] = attributes.filter((attribute) => attribute.type === type);
    return more.length === 0 ? (first?.value ?? null) : null;
  };
  const vendor = /^id:([0-9A-Fa-f]{8})$/.exec(only(oids.tpmManufacturer) ?? '')?.[1];
  if (vendor === undefined) {
    return err({
      reason: 'noTpmManufacturer',
      detail: 'the subjectAltName does not name exactly one TPM manufacturer',
      accepted: 'a directoryName with 2.23.133.2.1 "id:" and eight hex digits (TCG EK Credential Profile)',
    });
  }
  const tpm = { manufacturer: vendor.toUpperCase(), model: only(oids.tpmModel), version: only(oids.tpmVersion) };
  return ok({ certificate, quirk, tpm });
}

/** Critical extensions that are processed here; of a critical subjectAltName only directoryNames are. */
const understood: ReadonlySet<string> = new Set([
  oids.basicConstraints,
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.subjectAltName,
  oids.certificatePolicies,
]);

function profileFault(certificate: Certificate, { keyType }: SubjectPublicKey): Refused | null {
  if (certificate.basicConstraints?.isCa === true) {
    return { reason: 'notEndEntity', detail: 'the certificate is that of a CA', accepted: 'an EK certificate' };
  }
  if (certificate.extendedKeyUsage?.includes(oids.ekCertificate) !== true) {
    const accepted = `extendedKeyUsage with ${oids.ekCertificate} (tcg-kp-EKCertificate)`;
    return { reason: 'notAnEkCertificate', detail: 'the certificate is not for an endorsement key', accepted };
  }
  const needed = keyType.startsWith('ec-') ? 'keyAgreement' : 'keyEncipherment';
  if (certificate.keyUsage?.includes(needed) !== true) {
    return { reason: 'wrongKeyUsage', detail: `keyUsage lacks ${needed}`, accepted: `keyUsage with ${needed}` };
  }
  const unhandled = certificate.extensions.find(({ type, isCritical }) => isCritical && !understood.has(type));
  const names = certificate.extensions.some(({ type, isCritical }) => isCritical && type === oids.subjectAltName);
  const foreign = names && certificate.subjectAltName?.some(({ kind }) => kind !== 'directoryName') === true;
  if (unhandled === undefined && !foreign) return null;
  return {
    reason: 'unhandledCriticalExtension',
    detail: `the critical extension ${unhandled?.type ?? oids.subjectAltName} says what is not understood here`,
  };
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex').toUpperCase();
