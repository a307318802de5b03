// A certificate in words, from our own reader of it. Text of strangers comes out as one printable line each; nothing is
// verified here, and what cannot be read is shown as octets.
import type { CertificateText, CertificateTextLine, CertificateTextSection } from '../domain/certificate-text.ts';
import { oneLine } from '../domain/printable.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type Certificate, type CertificateReason, readCertificate } from './certificate.ts';
import { sha256Hex } from './digest.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import type { Extension } from './extension-values.ts';
import { type GeneralName, readHardwareModuleName } from './general-names.ts';
import { oids } from './oids.ts';
import { readSubjectPublicKey } from './subject-public-key.ts';

/** Octets of an extension, a key or an otherName that are shown; the rest is counted. */
const mostOctets = 640;

/** Reads and describes: a certificate that cannot be read has no text. */
export function describeCertificate(der: Uint8Array): Result<CertificateText, Refusal<CertificateReason>> {
  const read = readCertificate(der);
  return read.ok ? ok(textOf(read.value)) : err(read.error);
}

function textOf(certificate: Certificate): CertificateText {
  const { serialNumber, signatureAlgorithm, issuer, subject, notBefore, notAfter } = certificate;
  return [
    section('Certificate', [
      line('Version', '3'),
      line('Serial number', `${colons(serialNumber)} (decimal ${BigInt(`0x${serialNumber}`).toString(10)})`),
      line('SHA-256 fingerprint', colons(sha256Hex(certificate.der))),
    ]),
    section('Issuer', nameLines(issuer)),
    section('Validity', [
      line('Not before', instantText(notBefore)),
      line('Not after', instantText(notAfter)),
      line(
        'Lifetime',
        `${Math.round((notAfter.getTime() - notBefore.getTime()) / 1000) + 1} seconds, both ends included`,
      ),
    ]),
    section('Subject', nameLines(subject)),
    section('Public key', keyLines(certificate.subjectPublicKeyInfo)),
    ...certificate.extensions.map((extension) => extensionSection(certificate, extension)),
    section('Signature', [
      line('Algorithm', signatureAlgorithm.name ?? signatureAlgorithm.oid),
      line('Value', octetsText(certificate.signature)),
    ]),
  ];
}

const line = (name: string, value: string): CertificateTextLine => ({ name, value });

const section = (
  title: string,
  lines: readonly CertificateTextLine[],
  isCritical: boolean | null = null,
): CertificateTextSection => ({ title, isCritical, lines });

const instantText = (instant: Date): string => instant.toISOString().replace('T', ' ').replace('.000Z', ' UTC');

const colons = (hex: string): string => hex.match(/../g)?.join(':') ?? hex;

function octetsText(octets: Uint8Array): string {
  const shown = colons(Buffer.from(octets.subarray(0, mostOctets)).toString('hex'));
  const rest = octets.length - mostOctets;
  return rest > 0 ? `${shown} … and ${rest} octets more` : shown;
}

/** What people call the attributes of names (RFC 4519, RFC 5280 appendix A.1). */
const attributeNames: Readonly<Record<string, string>> = {
  [oids.commonName]: 'Common name (CN)',
  '2.5.4.5': 'Serial number of the subject',
  '2.5.4.6': 'Country (C)',
  '2.5.4.7': 'Locality (L)',
  '2.5.4.8': 'State or province (ST)',
  '2.5.4.10': 'Organisation (O)',
  '2.5.4.11': 'Organisational unit (OU)',
};

function nameLines({ attributes }: DistinguishedName): readonly CertificateTextLine[] {
  if (attributes.length === 0) return [line('Name', 'empty')];
  return attributes.map(({ type, value }) =>
    line(attributeNames[type] ?? type, value === null ? 'not readable as text' : oneLine(value)),
  );
}

function keyLines(spki: Uint8Array): readonly CertificateTextLine[] {
  const key = readSubjectPublicKey(spki);
  const kind = key.ok ? keyTypeTexts[key.value.keyType] : `not a key that is certified here: ${key.error.detail}`;
  return [
    line('Type', kind),
    line('SHA-256 of the SubjectPublicKeyInfo', colons(sha256Hex(spki))),
    line('SubjectPublicKeyInfo', octetsText(spki)),
  ];
}

const keyTypeTexts = {
  'ec-p256': 'ECDSA on P-256 (256 bits)',
  'ec-p384': 'ECDSA on P-384 (384 bits)',
  'rsa-2048': 'RSA, 2048 bits',
  'rsa-3072': 'RSA, 3072 bits',
  'rsa-4096': 'RSA, 4096 bits',
} as const;

/** Titles of the extensions of RFC 5280 §4.2; `describe` says what the certificate's reading of it means. */
const described: Readonly<
  Record<
    string,
    { readonly title: string; readonly describe: (certificate: Certificate) => readonly CertificateTextLine[] }
  >
> = {
  [oids.authorityKeyIdentifier]: {
    title: 'Authority key identifier',
    describe: ({ authorityKeyIdentifier: id }) => [
      line('Key of the issuer', id === null ? 'not given' : octetsText(id)),
    ],
  },
  [oids.subjectKeyIdentifier]: {
    title: 'Subject key identifier',
    describe: ({ subjectKeyIdentifier: id }) => (id === null ? [] : [line('Key of the subject', octetsText(id))]),
  },
  [oids.basicConstraints]: {
    title: 'Basic constraints',
    describe: ({ basicConstraints }) => [
      line('CA', basicConstraints?.isCa === true ? 'yes: it may sign certificates' : 'no: an end entity'),
      ...(basicConstraints?.pathLength == null
        ? []
        : [line('Path length', `${basicConstraints.pathLength} further CA certificates below it at most`)]),
    ],
  },
  [oids.keyUsage]: {
    title: 'Key usage',
    describe: ({ keyUsage }) => (keyUsage ?? []).map((bit) => line(bit, usageTexts[bit])),
  },
  [oids.extendedKeyUsage]: {
    title: 'Extended key usage',
    describe: ({ extendedKeyUsage }) =>
      (extendedKeyUsage ?? []).map((oid) =>
        line(purposes[oid]?.name ?? oid, purposes[oid]?.text ?? 'a purpose without a name here'),
      ),
  },
  [oids.subjectAltName]: {
    title: 'Subject alternative name',
    describe: ({ subjectAltName }) => (subjectAltName ?? []).map(generalNameLine),
  },
  [oids.certificatePolicies]: {
    title: 'Certificate policies',
    describe: ({ certificatePolicies }) =>
      (certificatePolicies ?? []).map((oid) =>
        line(policies[oid]?.name ?? oid, policies[oid]?.text ?? 'a policy without a name here'),
      ),
  },
  [oids.authorityInformationAccess]: {
    title: 'Authority information access',
    describe: ({ authorityInformationAccess }) =>
      (authorityInformationAccess ?? []).map(({ method, uri }) =>
        line(accessTexts[method] ?? method, uri === null ? 'no URI' : oneLine(uri)),
      ),
  },
  [oids.cRLDistributionPoints]: {
    title: 'CRL distribution points',
    describe: ({ crlDistributionPoints }) =>
      (crlDistributionPoints ?? []).map((uri) => line('CRL', uri === null ? 'not named by a URI' : oneLine(uri))),
  },
};

function extensionSection(certificate: Certificate, { type, isCritical, value }: Extension): CertificateTextSection {
  const known = described[type];
  if (known !== undefined) return section(known.title, known.describe(certificate), isCritical);
  return section(`Extension ${type}`, [line('Octets', octetsText(value))], isCritical);
}

const usageTexts = {
  digitalSignature: 'signs data other than certificates and CRLs, such as a TLS handshake',
  nonRepudiation: 'signs what the signer shall not be able to deny',
  keyEncipherment: 'encrypts keys, as TLS with RSA key exchange does',
  dataEncipherment: 'encrypts data directly',
  keyAgreement: 'agrees on keys',
  keyCertSign: 'signs certificates',
  cRLSign: 'signs CRLs',
  encipherOnly: 'only encrypts after key agreement',
  decipherOnly: 'only decrypts after key agreement',
} as const;

type Named = Readonly<Record<string, { readonly name: string; readonly text: string }>>;

const purposes: Named = {
  [oids.serverAuth]: { name: 'serverAuth', text: 'a TLS server' },
  [oids.clientAuth]: { name: 'clientAuth', text: 'a TLS client' },
  [oids.ocspSigning]: { name: 'OCSPSigning', text: 'signs OCSP responses' },
  [oids.anyExtendedKeyUsage]: { name: 'anyExtendedKeyUsage', text: 'any purpose' },
  [oids.ekCertificate]: { name: 'tcg-kp-EKCertificate', text: 'the endorsement key of a TPM' },
  [oids.verifiedTpmFixed]: {
    name: 'tpmFixed',
    text: 'a key that cannot leave its TPM; no TLS stack accepts this purpose',
  },
};

const policies: Named = {
  [oids.verifiedTpmResidency]: { name: 'verifiedTPMResidency', text: 'the key was verified to live in a TPM' },
  [oids.verifiedTpmFixed]: { name: 'verifiedTPMFixed', text: 'the key was verified to be fixed to its TPM' },
  [oids.verifiedTpmRestricted]: { name: 'verifiedTPMRestricted', text: 'the key was verified to be restricted' },
};

const accessTexts: Readonly<Record<string, string>> = {
  [oids.caIssuers]: 'Certificate of the issuer',
  [oids.ocsp]: 'OCSP responder',
};

function generalNameLine(name: GeneralName): CertificateTextLine {
  switch (name.kind) {
    case 'otherName':
      return otherNameLine(name);
    case 'directoryName': {
      const attributes = nameLines(name.name).map((one) => `${one.name}=${one.value}`);
      return line('Directory name', attributes.join(', '));
    }
    case 'registeredID':
    case 'x400Address':
    case 'ediPartyName':
      return line(name.kind, 'present');
    default:
      return line(nameKinds[name.kind], oneLine(name.value));
  }
}

const nameKinds = {
  dNSName: 'DNS name',
  uniformResourceIdentifier: 'URI',
  rfc822Name: 'Mail address',
  iPAddress: 'IP address',
} as const;

/** The HardwareModuleName of a TPM (RFC 4108) is text in practice; any other is shown as octets. */
function otherNameLine({ type, value }: Extract<GeneralName, { readonly kind: 'otherName' }>): CertificateTextLine {
  const hardware = type === oids.hardwareModuleName ? readHardwareModuleName(value) : null;
  if (hardware === null) return line(`Other name ${type}`, octetsText(value));
  const serial = Buffer.from(hardware.hwSerialNum).toString('latin1');
  const shown = /^[\x20-\x7e]+$/.test(serial) ? serial : octetsText(hardware.hwSerialNum);
  const kind = hardware.hwType === oids.tpm20 ? 'TPM 2.0' : hardware.hwType;
  return line('Hardware module name', `${kind}, serial number ${shown}`);
}
