// Certificates as the API shows them, and the ways to name one.
import type { CertificateRecord } from '../domain/certificate.ts';
import { isSha256Hex } from '../domain/identifiers.ts';
import { renewAt } from '../domain/renewal.ts';
import { parseSerialNumber, type SerialNumber } from '../domain/serial.ts';
import { type CertificateResource, type IssuedCertificateResource, wireTime } from '../domain/wire.ts';
import { encodePem } from '../x509/pem.ts';
import type { IssuedCertificate } from './issue.ts';

/** The resource of a certificate; `chainPem` is what accompanies it. */
export function certificateResource(record: CertificateRecord, chainPem: string): CertificateResource {
  return {
    certificate: record.fingerprint,
    profile: record.profile,
    serial: record.serialNumber,
    issuer: record.issuerId,
    subject: record.commonName,
    dnsNames: record.names.dnsNames,
    ipAddresses: record.names.ipAddresses,
    uris: record.names.uris,
    notBefore: wireTime(record.notBefore),
    notAfter: wireTime(record.notAfter),
    status: record.status.kind,
    reasonCode: record.status.kind === 'revoked' ? record.status.reasonCode : null,
    device: record.deviceId,
    lineage: record.lineageId,
    issuedAt: wireTime(record.issuedAt),
    renewAt: wireTime(record.renewAt ?? renewAt(record)),
    pem: encodePem('CERTIFICATE', record.der),
    chain: chainPem,
  };
}

/** A certificate as the host that asked for it is answered. */
export const issuedResource = (
  { record, certificatePem, chainPem, renewAt: due }: IssuedCertificate,
  lineage: string,
): IssuedCertificateResource => ({
  profile: record.profile,
  lineage,
  certificate: certificatePem,
  chain: chainPem,
  notAfter: wireTime(record.notAfter),
  renewAt: wireTime(due),
});

/** How a request may name one certificate: the SHA-256 of its DER, or the CertID of RFC 9773 §4.1. */
export type CertificateName =
  | { readonly kind: 'fingerprint'; readonly fingerprint: string }
  | { readonly kind: 'certId'; readonly keyIdentifier: string; readonly serialNumber: SerialNumber };

/** Reads `{cert}`; null when it is neither form. A bare serial number names no certificate: two issuers may use it. */
export function parseCertificateName(text: string): CertificateName | null {
  if (isSha256Hex(text)) return { kind: 'fingerprint', fingerprint: text };
  const parts = /^([A-Za-z0-9_-]{1,90})\.([A-Za-z0-9_-]{1,28})$/.exec(text);
  if (parts === null) return null;
  const [keyIdentifier, serial] = [parts[1] ?? '', parts[2] ?? ''].map((part) =>
    Buffer.from(part, 'base64url').toString('hex'),
  );
  // The CertID carries the INTEGER's content octets, sign octet included; our text leaves that octet out.
  const parsed = parseSerialNumber((serial ?? '').replace(/^00(?=[89a-f])/, ''));
  return parsed.ok && keyIdentifier !== undefined
    ? { kind: 'certId', keyIdentifier, serialNumber: parsed.value }
    : null;
}
