// Ordinary TPM structures for tests; a test states only its difference.

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { encodeTpmsAttest, TPM_GENERATED, type TpmsAttest } from '../../../src/tpm2/attest.ts';
import { TpmWriter } from '../../../src/tpm2/cursor.ts';
import { nameOf } from '../../../src/tpm2/name.ts';
import type { EccPublicArea, RsaPublicArea } from '../../../src/tpm2/public-area.ts';
import { encodeTpmtSignature } from '../../../src/tpm2/signature.ts';
import { attestationKey, ekTemplates, signingKeyEcc, signingKeyRsa } from '../../../src/tpm2/templates.ts';

const coordinate = (text: string | undefined) => new Uint8Array(Buffer.from(text!, 'base64url'));

/** A public area by an ECC template for a fresh software key, and that key. */
export function eccKey<T extends EccPublicArea>(template: T): { area: T; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: template.curve });
  const jwk = publicKey.export({ format: 'jwk' });
  return { area: { ...template, x: coordinate(jwk.x), y: coordinate(jwk.y) }, privateKey };
}

/** A public area by an RSA template for a fresh software key, and that key. */
export function rsaKey(template: RsaPublicArea): { area: RsaPublicArea; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: template.keyBits });
  return { area: { ...template, modulus: coordinate(publicKey.export({ format: 'jwk' }).n) }, privateKey };
}

/** A software key that says it is an AK. */
export const ak = () => eccKey(attestationKey);

/** A software key that says it is a DevID. */
export const devid = () => eccKey(signingKeyEcc);

/** TPMT_SIGNATURE by a P-256 key over a message. */
export function ecdsa(privateKey: KeyObject, message: Uint8Array): Uint8Array {
  const rs = new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
  return encodeTpmtSignature({ scheme: 'ecdsa', hash: 'sha256', r: rs.slice(0, 32), s: rs.slice(32) });
}

/** What an honest TPM says about a certified key. */
export const certifyAttest = (name: Uint8Array, over: Partial<TpmsAttest> = {}): TpmsAttest => ({
  magic: TPM_GENERATED,
  qualifiedSigner: new Uint8Array(34).fill(1),
  extraData: new Uint8Array(32).fill(7),
  clockInfo: { clock: 12345678901n, resetCount: 3, restartCount: 1, safe: true },
  firmwareVersion: 0x2019102300163636n,
  attested: { type: 'certify', name, qualifiedName: new Uint8Array(34).fill(2) },
  ...over,
});

/** A TPM2_Certify of a fresh DevID by a fresh AK, as `verifyCertify` takes it. */
export function certification(over: Partial<TpmsAttest> = {}) {
  const signer = ak();
  const { area } = devid();
  const signedOctets = encodeTpmsAttest(certifyAttest(nameOf(area), over));
  return {
    attest: new TpmWriter().sized(signedOctets).finish(),
    signature: ecdsa(signer.privateKey, signedOctets),
    akPublic: signer.area,
    certifiedPublic: area,
    qualifyingData: new Uint8Array(32).fill(7),
    signer,
  };
}

/** Random octets that are always the same ones: SHA-256 of a counter. */
export function countedOctets(): (length: number) => Uint8Array {
  let counter = 0;
  return (length) => {
    const blocks = Array.from({ length: Math.ceil(length / 32) }, () =>
      createHash('sha256')
        .update(`${(counter += 1)}`)
        .digest(),
    );
    return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
  };
}

/** Every kind of public area that the service meets. */
export const publicAreas = () => ({
  ak: ak().area,
  devid: devid().area,
  rsaDevid: rsaKey(signingKeyRsa).area,
  ekRsa: rsaKey(ekTemplates['L-1']).area,
  ekP256: eccKey(ekTemplates['L-2']).area,
  ekP384: eccKey(ekTemplates['H-3']).area,
  ekP521: eccKey(ekTemplates['H-4']).area,
});
