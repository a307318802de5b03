// The digests by which a list may know a certificate. An ECDSA signature (r, s) is as good as (r, n - s), so whoever holds
// a certificate can make a second one of it, without any key, that verifies and has another digest.
import { type Certificate, readCertificate } from './certificate.ts';
import { bitString, sequence, unsignedInteger } from './der-writer.ts';
import { derQuirks } from './der-reader.ts';
import { tag } from './der-tags.ts';
import { sha256Hex } from './digest.ts';
import { readingDer } from './reading-der.ts';

/** Orders of P-256, P-384 and P-521 (FIPS 186-4 §D.1.2). */
const orders = [
  0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
] as const;

/**
 * SHA-256 (lower-case hex) of the DER of a certificate and, when the signature is one of ECDSA, of the same certificate with each negated
 * signature that could be meant: the curve is the issuer's, who is not asked.
 */
export function digestsOf(der: Uint8Array): readonly string[] {
  const own = sha256Hex(der);
  const read = readCertificate(der, derQuirks);
  const pair = read.ok ? ecdsaPair(read.value) : null;
  if (!read.ok || pair === null) return [own];
  const { r, s } = pair;
  const twins = orders.filter((order) => s < order).map((order) => sequence(integer(r), integer(order - s)));
  return [own, ...twins.map((signature) => sha256Hex(withSignature(read.value, signature)))];
}

function ecdsaPair({ signature, signatureAlgorithm }: Certificate): { readonly r: bigint; readonly s: bigint } | null {
  if (signatureAlgorithm.name?.startsWith('ecdsa') !== true) return null;
  const read = readingDer(signature, { reason: 'malformedSignature', what: 'the ECDSA signature' }, (reader) =>
    reader.within(tag.sequence, (inner) => ({
      r: bigint(inner.positiveInteger()),
      s: bigint(inner.positiveInteger()),
    })),
  );
  return read.ok ? read.value : null;
}

const withSignature = ({ tbs, signatureAlgorithm }: Certificate, signature: Uint8Array): Uint8Array =>
  sequence(tbs, signatureAlgorithm.der, bitString(signature));

const bigint = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString('hex')}`);

function integer(value: bigint): Uint8Array {
  const digits = value.toString(16);
  return unsignedInteger(Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex'));
}
