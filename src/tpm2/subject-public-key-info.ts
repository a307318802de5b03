// From a TPM public area to SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and a node KeyObject. The only way into X.509:
// the certified key is derived from the attested public area. Not a reader of SubjectPublicKeyInfo.

import { createPublicKey, type KeyObject } from 'node:crypto';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type CurveName, curves } from './algorithms.ts';
import { hasClosePrimes } from './close-primes.ts';
import { leftPad, TpmWriter } from './cursor.ts';
import { derElement, derUnsigned } from './der.ts';
import type { EccPublicArea, RsaPublicArea, TpmtPublic } from './public-area.ts';

/** Why a public area holds no usable public key. */
export type PublicKeyRefusal = Refusal<'pointNotOnCurve' | 'rsaModulusInvalid' | 'rsaExponentInvalid' | 'closePrimes'>;

/** A public key taken out of a public area, with its DER SubjectPublicKeyInfo. */
export type TpmPublicKey = { readonly spkiDer: Uint8Array; readonly keyObject: KeyObject };

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
const OBJECT_IDENTIFIER = 0x06;
const oid = (...content: readonly number[]): Uint8Array => derElement(OBJECT_IDENTIFIER, Uint8Array.from(content));

/** rsaEncryption, with the NULL parameters that RFC 3279 §2.3.1 demands. */
const rsaEncryption = derElement(
  SEQUENCE,
  oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01),
  Uint8Array.of(0x05, 0x00),
);

const ecPublicKey = oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01);
const curveOids: Readonly<Record<CurveName, Uint8Array>> = {
  'P-256': oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07),
  'P-384': oid(0x2b, 0x81, 0x04, 0x00, 0x22),
  'P-521': oid(0x2b, 0x81, 0x04, 0x00, 0x23),
};

/** The public key of a public area; an RSA modulus of another size than declared or a point off its curve is refused. */
export const publicKeyOf = (area: TpmtPublic): Result<TpmPublicKey, PublicKeyRefusal> =>
  area.type === 'rsa' ? rsaKey(area) : eccKey(area);

/** The effective RSA exponent: 0 on the wire means 65537. */
const rsaExponent = (area: RsaPublicArea): number => (area.exponent === 0 ? 65537 : area.exponent);

function rsaKey(area: RsaPublicArea): Result<TpmPublicKey, PublicKeyRefusal> {
  const { modulus, keyBits } = area;
  const exponent = rsaExponent(area);
  const first = modulus[0] ?? 0;
  const last = modulus.at(-1) ?? 0;
  if (modulus.length * 8 !== keyBits || first < 0x80 || last % 2 === 0)
    return err({
      reason: 'rsaModulusInvalid',
      field: 'unique',
      detail: `the modulus is not an odd number of ${keyBits} bits`,
    });
  if (exponent < 65537 || exponent % 2 === 0)
    return err({
      reason: 'rsaExponentInvalid',
      field: 'exponent',
      detail: `public exponent ${exponent}`,
      accepted: 'an odd number of at least 65537',
    });
  if (hasClosePrimes(modulus))
    return err({
      reason: 'closePrimes',
      field: 'unique',
      detail: 'the primes of the modulus lie so close together that its private key can be computed',
      accepted: 'a key of a sound generator',
    });
  const pair = derElement(SEQUENCE, derUnsigned(modulus), derUnsigned(new TpmWriter().uint32(exponent).finish()));
  return ok(imported(derElement(SEQUENCE, rsaEncryption, derElement(BIT_STRING, Uint8Array.of(0), pair))));
}

function eccKey(area: EccPublicArea): Result<TpmPublicKey, PublicKeyRefusal> {
  const offCurve = err({
    reason: 'pointNotOnCurve',
    field: 'unique',
    detail: `the public point is not on ${area.curve}`,
  } as const);
  const point = uncompressedPoint(area);
  if (point === null) return offCurve;
  const algorithm = derElement(SEQUENCE, ecPublicKey, curveOids[area.curve]);
  try {
    return ok(imported(derElement(SEQUENCE, algorithm, derElement(BIT_STRING, Uint8Array.of(0), point))));
  } catch {
    return offCurve; // OpenSSL checks the curve equation on import; with a fixed encoding nothing else can fail.
  }
}

/** 04 ‖ x ‖ y, both padded to the field size (SEC 1 §2.3.3); `null` when a coordinate is too long. */
export function uncompressedPoint(area: EccPublicArea): Uint8Array | null {
  const { size } = curves[area.curve];
  const x = leftPad(area.x, size);
  const y = leftPad(area.y, size);
  return x && y && new TpmWriter().uint8(4).octets(x).octets(y).finish();
}

const imported = (spkiDer: Uint8Array): TpmPublicKey => ({
  spkiDer,
  keyObject: createPublicKey({ key: Buffer.from(spkiDer), format: 'der', type: 'spki' }),
});
