// The SPIFFE bundle of a SPIRE server (SPIFFE Trust Domain and Bundle §4: a JWK Set with `use` and `x5c`), read strictly:
// only the end of its X.509 authorities is wanted.
import { X509Certificate } from 'node:crypto';
import type { BundleSeen } from '../domain/endpoint.ts';
import { parseStrictJson } from '../domain/strict-json.ts';

/** Octets of a bundle; one of a hundred authorities is smaller. */
export const maxBundleOctets = 1024 * 1024;

const mostKeys = 1000;

const wrong = (detail: string): BundleSeen => ({ ok: false, detail });

/** The authorities for X509-SVIDs; those for JWT-SVIDs have no end. */
export function readSpiffeBundle(octets: Uint8Array): BundleSeen {
  const document = parseStrictJson(octets);
  if (!document.ok) return wrong('the answer is no JSON');
  const keys = membersOf(document.value)['keys'];
  if (!Array.isArray(keys) || keys.length > mostKeys) return wrong('the answer is no SPIFFE bundle: it has no keys');
  const authorities: { readonly notAfter: Date }[] = [];
  for (const key of keys as readonly unknown[]) {
    const { use, x5c } = membersOf(key);
    if (use !== 'x509-svid') continue;
    const notAfter = Array.isArray(x5c) && x5c.length === 1 ? endOf(x5c[0]) : null;
    if (notAfter === null) return wrong('an authority of the bundle has no certificate that can be read');
    authorities.push({ notAfter });
  }
  return authorities.length === 0 ? wrong('the bundle has no X.509 authority') : { ok: true, authorities };
}

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

/** RFC 7517 §4.7: base64, not base64url. */
function endOf(certificate: unknown): Date | null {
  if (typeof certificate !== 'string' || !/^[A-Za-z0-9+/]{16,43000}={0,2}$/.test(certificate)) return null;
  try {
    const notAfter = new Date(new X509Certificate(Buffer.from(certificate, 'base64')).validTo);
    return Number.isNaN(notAfter.getTime()) ? null : notAfter;
  } catch {
    return null;
  }
}
