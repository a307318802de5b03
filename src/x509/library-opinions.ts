// Readings of our certificates by @peculiar/x509 and pkijs, in the shape of second-opinion.ts. Imported lazily: the two
// libraries take long to load, and a reading takes milliseconds.
import 'reflect-metadata';
import { webcrypto, type KeyObject } from 'node:crypto';
import * as peculiar from '@peculiar/x509';
import * as pkijs from 'pkijs';
import { parseIpAddress } from '../domain/names.ts';
import { oids } from './oids.ts';
import type { Reading } from './second-opinion.ts';

const hex = (octets: ArrayBuffer | Uint8Array): string => Buffer.from(new Uint8Array(octets)).toString('hex');

/** Serial number without the sign octet. */
const unsigned = (serial: string): string => serial.toLowerCase().replace(/^00(?=[89a-f])/, '');

/** The reading of @peculiar/x509. */
export async function readByPeculiar(der: Uint8Array, issuerPublicKey: KeyObject): Promise<Reading> {
  const certificate = new peculiar.X509Certificate(Uint8Array.from(der));
  const purposes = certificate.getExtension(peculiar.ExtendedKeyUsageExtension);
  const constraints = certificate.getExtension(peculiar.BasicConstraintsExtension);
  const names = certificate.getExtension(peculiar.SubjectAlternativeNameExtension);
  const publicKey = await importKey(issuerPublicKey);
  return {
    reader: '@peculiar/x509',
    showsOtherNames: false,
    serialNumber: unsigned(certificate.serialNumber),
    commonName: onlyCommonName(certificate.subjectName.toJSON()),
    issuerCommonName: onlyCommonName(certificate.issuerName.toJSON()),
    notBefore: certificate.notBefore.getTime(),
    notAfter: certificate.notAfter.getTime(),
    subjectPublicKeyInfo: hex(certificate.publicKey.rawData),
    extendedKeyUsage: (purposes?.usages ?? []).map(String),
    isCa: constraints?.ca ?? false,
    names: (names?.names.items ?? []).map(({ type, value }) => nameText(type, value)),
    isSignatureValid: await certificate.verify({ publicKey, signatureOnly: true }),
  };
}

function onlyCommonName(name: readonly Readonly<Record<string, readonly string[] | undefined>>[]): string | null {
  const [first, ...more] = name;
  const [value, ...others] = first?.['CN'] ?? [];
  const isAlone = more.length === 0 && others.length === 0 && first !== undefined && Object.keys(first).length === 1;
  return isAlone ? (value ?? null) : null;
}

function nameText(type: string, value: string): string {
  if (type === 'dns') return `DNS:${value}`;
  if (type === 'ip') return `IP:${hex(parseIpAddress(value) ?? new Uint8Array())}`;
  if (type === 'url') return `URI:${value}`;
  return 'otherName';
}

function importKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const algorithm =
    key.asymmetricKeyType === 'ec'
      ? { name: 'ECDSA', namedCurve: key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256' }
      : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return webcrypto.subtle.importKey('spki', key.export({ type: 'spki', format: 'der' }), algorithm, true, ['verify']);
}

/** The reading of pkijs. */
export async function readByPkijs(der: Uint8Array, issuerPublicKey: KeyObject): Promise<Reading> {
  const certificate = pkijs.Certificate.fromBER(Uint8Array.from(der));
  const value = (type: string): unknown => certificate.extensions?.find(({ extnID }) => extnID === type)?.parsedValue;
  const purposes = value(oids.extendedKeyUsage);
  const constraints = value(oids.basicConstraints);
  const names = value(oids.subjectAltName);
  const issuerKey = pkijs.PublicKeyInfo.fromBER(issuerPublicKey.export({ type: 'spki', format: 'der' }));
  return {
    reader: 'pkijs',
    showsOtherNames: true,
    serialNumber: unsigned(hex(certificate.serialNumber.valueBlock.valueHexView)),
    commonName: pkijsCommonName(certificate.subject),
    issuerCommonName: pkijsCommonName(certificate.issuer),
    notBefore: certificate.notBefore.value.getTime(),
    notAfter: certificate.notAfter.value.getTime(),
    subjectPublicKeyInfo: hex(certificate.subjectPublicKeyInfo.toSchema().toBER(false)),
    extendedKeyUsage: purposes instanceof pkijs.ExtKeyUsage ? purposes.keyPurposes : [],
    isCa: constraints instanceof pkijs.BasicConstraints && constraints.cA,
    names: names instanceof pkijs.AltName ? names.altNames.map(pkijsNameText) : [],
    isSignatureValid: await pkijs
      .getCrypto(true)
      .verifyWithPublicKey(
        certificate.tbsView.slice().buffer,
        certificate.signatureValue,
        issuerKey,
        certificate.signatureAlgorithm,
      ),
  };
}

function pkijsCommonName(name: pkijs.RelativeDistinguishedNames): string | null {
  const [only, ...more] = name.typesAndValues;
  const value: unknown = only?.value.valueBlock.value;
  return more.length === 0 && only?.type === oids.commonName && typeof value === 'string' ? value : null;
}

/** Choices of GeneralName by their tags (RFC 5280 §4.2.1.6). */
function pkijsNameText({ type, value }: pkijs.GeneralName): string {
  if (type === 2) return `DNS:${String(value)}`;
  if (type === 6) return `URI:${String(value)}`;
  if (type === 7) return `IP:${hex((value as { valueBlock: { valueHexView: Uint8Array } }).valueBlock.valueHexView)}`;
  return type === 0 ? 'otherName' : `unexpected name of type ${type}`;
}
