// The CAs that a channel trusts in place of those of the system, read from a PEM file.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';

/** No bundle of a few private CAs comes near this many octets. */
const maxOctets = 1024 * 1024;

/** The text of the file, which holds at least one certificate and nothing unreadable; null without a file. */
export function readTrustedCas(path: string | null): Result<string | null, Refusal> {
  if (path === null) return ok(null);
  const fault = (detail: string): Result<never, Refusal> =>
    err({ reason: 'badCertificate', detail, field: path, accepted: 'CA certificates in PEM' });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    return fault(`cannot be read: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`);
  }
  if (text.length > maxOctets) return fault(`has more than ${maxOctets} characters`);
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) return fault('holds no certificate');
  return certificates.every(isReadable) ? ok(text) : fault('holds a certificate that cannot be read');
}

function isReadable(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
