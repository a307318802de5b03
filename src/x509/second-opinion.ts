// A reading of our certificates by OpenSSL, through node:crypto, and its comparison with the plan: no code is shared
// with our own template and reader. The two libraries in library-opinions.ts give readings of the same shape.
import { X509Certificate, type KeyObject } from 'node:crypto';
import type { Plan } from '../domain/plan.ts';
import type { SerialNumber } from '../domain/serial.ts';
import { parseIpAddress } from '../domain/names.ts';
import { purposeOids } from './extensions.ts';

/** What one reader found. */
export type Reading = {
  readonly reader: string;
  /** False for a reader that loses otherNames without a word; the others count them among the names. */
  readonly showsOtherNames: boolean;
  readonly serialNumber: string;
  readonly commonName: string | null;
  readonly issuerCommonName: string | null;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Lower-case hex of the SubjectPublicKeyInfo as the reader encodes it. */
  readonly subjectPublicKeyInfo: string;
  readonly extendedKeyUsage: readonly string[];
  readonly isCa: boolean;
  /** `DNS:…`, `IP:<hex octets>`, `URI:…`, `otherName`; in order. */
  readonly names: readonly string[];
  readonly isSignatureValid: boolean;
};

export type ExpectedReading = {
  readonly plan: Plan;
  readonly serialNumber: SerialNumber;
};

/** Every difference between plan and reading, as text; empty when they agree. */
export function disagreements({ plan, serialNumber }: ExpectedReading, reading: Reading): readonly string[] {
  const planned = {
    serialNumber,
    commonName: plan.commonName,
    notBefore: plan.notBefore.getTime(),
    notAfter: plan.notAfter.getTime(),
    subjectPublicKeyInfo: hex(plan.subjectPublicKeyInfo),
    extendedKeyUsage: plan.extendedKeyUsage.map((purpose) => purposeOids[purpose]),
    isCa: false,
    names: plannedNames(plan).filter((name) => reading.showsOtherNames || name !== 'otherName'),
    isSignatureValid: true,
  };
  return (Object.keys(planned) as (keyof typeof planned)[]).flatMap((member) => {
    const [is, should] = [JSON.stringify(reading[member]), JSON.stringify(planned[member])];
    return is === should ? [] : [`${reading.reader} reads ${member} as ${is}, planned was ${should}`];
  });
}

function plannedNames({ names, hardwareSerial }: Plan): readonly string[] {
  return [
    ...(hardwareSerial === null ? [] : ['otherName']),
    ...names.dnsNames.map((name) => `DNS:${name}`),
    ...names.ipAddresses.map((address) => `IP:${hex(parseIpAddress(address) ?? new Uint8Array())}`),
    ...names.uris.map((uri) => `URI:${uri}`),
  ];
}

/** OpenSSL's reading. Throws when OpenSSL cannot read octets that our own reader took: the caller counts that as disagreement. */
export function readByOpenssl(der: Uint8Array, issuerPublicKey: KeyObject): Reading {
  const certificate = new X509Certificate(der);
  return {
    reader: 'OpenSSL',
    showsOtherNames: true,
    serialNumber: certificate.serialNumber.toLowerCase(),
    commonName: onlyCommonName(certificate.subject),
    issuerCommonName: onlyCommonName(certificate.issuer),
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    subjectPublicKeyInfo: spkiHex(certificate.publicKey),
    extendedKeyUsage: certificate.keyUsage,
    isCa: certificate.ca,
    names: splitNames(certificate.subjectAltName ?? ''),
    isSignatureValid: certificate.verify(issuerPublicKey),
  };
}

/**
 * Names from Node's text, in which a value with a comma, quote or control character is a JSON string: text that holds a
 * separator cannot pass for two names. Anything that does not fit the grammar makes one name that equals no planned one.
 */
export function splitNames(text: string): readonly string[] {
  const names: string[] = [];
  const pattern = /(DNS|IP Address|URI|othername|[A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/gy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) return [...names, `unreadable ${text.slice(at)}`];
    names.push(nameOf(match[1] ?? '', match[2] ?? ''));
  }
  return names;
}

function nameOf(kind: string, quoted: string): string {
  const value = quoted.startsWith('"') ? String(JSON.parse(quoted)) : quoted;
  if (kind === 'othername') return 'otherName';
  if (kind !== 'IP Address') return `${kind}:${value}`;
  const octets = parseIpAddress(value);
  return octets === null ? `unreadable ${value}` : `IP:${hex(octets)}`;
}

/** The commonName when it is the only attribute; Node writes one attribute per line and escapes as in RFC 2253. */
function onlyCommonName(name: string | undefined): string | null {
  if (name === undefined || !name.startsWith('CN=') || name.includes('\n')) return null;
  const octets = name
    .slice(3)
    .replace(/\\([0-9A-Fa-f]{2}|.)/g, (_, escaped: string) =>
      escaped.length === 2 ? String.fromCharCode(parseInt(escaped, 16)) : escaped,
    );
  return octets;
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** The key that OpenSSL read, encoded by us: for P-256 its coordinates (OpenSSL 3's own encoder takes 0.1 ms). */
function spkiHex(key: KeyObject): string {
  const jwk = key.asymmetricKeyType === 'ec' ? key.export({ format: 'jwk' }) : null;
  if (jwk?.crv === 'P-256') {
    const { x = '', y = '' } = jwk;
    return `${p256Prefix}${hex(Buffer.from(x, 'base64url'))}${hex(Buffer.from(y, 'base64url'))}`;
  }
  return key.export({ type: 'spki', format: 'der' }).toString('hex');
}

/** SubjectPublicKeyInfo of an uncompressed P-256 point, up to its coordinates (RFC 5480 §2.1.1, §2.2). */
const p256Prefix = '3059301306072a8648ce3d020106082a8648ce3d03010703420004';
