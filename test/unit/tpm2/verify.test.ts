import { constants, createHash, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { encodeTpmsAttest } from '../../../src/tpm2/attest.ts';
import { TpmWriter } from '../../../src/tpm2/cursor.ts';
import { nameOf } from '../../../src/tpm2/name.ts';
import { objectAttributes } from '../../../src/tpm2/public-area.ts';
import { encodeTpmtSignature, parseTpmtSignature } from '../../../src/tpm2/signature.ts';
import { attestationKey, signingKeyEcc, signingKeyRsa } from '../../../src/tpm2/templates.ts';
import { verifyCertify, verifyKeySignature, verifyQuote } from '../../../src/tpm2/verify.ts';
import { ak, certification, certifyAttest, devid, ecdsa, eccKey, rsaKey } from './samples.ts';

const refusal = (reason: string) => ({ ok: false, error: { reason } });
const rsassa = (octets: Uint8Array): Uint8Array =>
  encodeTpmtSignature({ scheme: 'rsassa', hash: 'sha256', octets: new Uint8Array(octets) });

describe('a certification', () => {
  test('by a good AK over the presented key is accepted, and tells clock and firmware', () => {
    const result = verifyCertify(certification());
    expect(result).toMatchObject({
      ok: true,
      value: { clockInfo: { resetCount: 3 }, firmwareVersion: 0x2019102300163636n, attested: { type: 'certify' } },
    });
  });

  test.each([
    ['another magic', { magic: 0xff544348 }, 'notTpmGenerated'],
    ['another nonce', { extraData: new Uint8Array(32).fill(8) }, 'qualifyingDataMismatch'],
    ['a shorter nonce', { extraData: new Uint8Array(31).fill(7) }, 'qualifyingDataMismatch'],
    [
      'a creation attestation',
      { attested: { type: 'other', code: 0x801a, octets: new Uint8Array(4) } },
      'wrongAttestType',
    ],
    ['a quote', { attested: { type: 'quote', pcrSelect: [], pcrDigest: new Uint8Array(32) } }, 'wrongAttestType'],
  ] as const)('with %s is refused, although the signature is good', (_what, over, reason) => {
    expect(verifyCertify(certification(over))).toMatchObject(refusal(reason));
  });

  test('of another key is refused', () => {
    expect(verifyCertify({ ...certification(), certifiedPublic: devid().area })).toMatchObject(
      refusal('certifiedNameMismatch'),
    );
  });

  test('of the same key with other attributes is refused, since the Name covers them', () => {
    const good = certification();
    const certifiedPublic = { ...good.certifiedPublic, attributes: good.certifiedPublic.attributes ^ 0x400 };
    expect(verifyCertify({ ...good, certifiedPublic })).toMatchObject(refusal('certifiedNameMismatch'));
  });

  test('signed by another AK is refused', () => {
    expect(verifyCertify({ ...certification(), akPublic: ak().area })).toMatchObject(refusal('badSignature'));
  });

  test('by a key that is not restricted is refused, since such a key signs forged attestations', () => {
    const good = certification();
    const akPublic = { ...good.akPublic, attributes: good.akPublic.attributes & ~objectAttributes('restricted') };
    expect(verifyCertify({ ...good, akPublic })).toMatchObject(refusal('wrongAttributes'));
  });

  test('with a changed octet anywhere in attestation or signature is refused', () => {
    const good = certification();
    for (const field of ['attest', 'signature'] as const)
      for (let at = 0; at < good[field].length; at += 1) {
        const mutant = good[field].slice();
        mutant[at]! ^= 0x01;
        expect(verifyCertify({ ...good, [field]: mutant })).toMatchObject({ ok: false });
      }
  });

  test('cut short or lengthened is malformed', () => {
    const good = certification();
    expect(verifyCertify({ ...good, attest: good.attest.slice(0, -1) })).toMatchObject(refusal('malformedAttest'));
    expect(verifyCertify({ ...good, attest: Uint8Array.of(...good.attest, 0) })).toMatchObject(
      refusal('malformedAttest'),
    );
    expect(verifyCertify({ ...good, signature: good.signature.slice(0, -1) })).toMatchObject(
      refusal('malformedSignature'),
    );
  });

  test('with a signature that claims RSASSA by an ECC AK is refused by its algorithm', () => {
    const signature = encodeTpmtSignature({ scheme: 'rsassa', hash: 'sha256', octets: new Uint8Array(256).fill(1) });
    expect(verifyCertify({ ...certification(), signature })).toMatchObject(refusal('signatureAlgorithmMismatch'));
  });

  test('with a signature by another hash than the scheme of the AK is refused', () => {
    const good = certification();
    const signature = encodeTpmtSignature({ ...parseTpmtSignature(good.signature), hash: 'sha384' } as never);
    expect(verifyCertify({ ...good, signature })).toMatchObject(refusal('signatureAlgorithmMismatch'));
  });

  test('whose r lacks its leading zeros is accepted, and one whose r is too long for the curve is refused', () => {
    for (;;) {
      const good = certification();
      const signature = parseTpmtSignature(good.signature);
      if (signature.scheme !== 'ecdsa' || signature.r[0] !== 0) continue;
      const short = encodeTpmtSignature({ ...signature, r: signature.r.slice(1) });
      expect(verifyCertify({ ...good, signature: short })).toMatchObject({ ok: true });
      const long = encodeTpmtSignature({ ...signature, r: Uint8Array.of(1, ...signature.r) });
      expect(verifyCertify({ ...good, signature: long })).toMatchObject(refusal('badSignature'));
      break;
    }
  });
});

test('an RSA AK certifies nothing, although its signature is good', () => {
  const signer = rsaKey({ ...signingKeyRsa, attributes: attestationKey.attributes });
  const { area } = devid();
  const message = encodeTpmsAttest(certifyAttest(nameOf(area)));
  const signature = rsassa(sign('sha256', message, signer.privateKey));
  expect(verifyKeySignature({ signature, keyPublic: signer.area, message })).toMatchObject({ ok: true });
  const input = {
    attest: new TpmWriter().sized(message).finish(),
    signature,
    akPublic: signer.area,
    certifiedPublic: area,
    qualifyingData: new Uint8Array(32).fill(7),
  };
  expect(verifyCertify(input)).toMatchObject(refusal('wrongKeyType'));
});

test('a quote is accepted for its PCR digest and refused for another', () => {
  const signer = ak();
  const pcrDigest = new Uint8Array(createHash('sha256').update(new Uint8Array(64)).digest());
  const pcrSelect = [{ hash: 'sha256', select: Uint8Array.of(3, 0, 0) }] as const;
  const message = encodeTpmsAttest(
    certifyAttest(new Uint8Array(0), { attested: { type: 'quote', pcrSelect, pcrDigest } }),
  );
  const input = {
    attest: new TpmWriter().sized(message).finish(),
    signature: ecdsa(signer.privateKey, message),
    akPublic: signer.area,
    qualifyingData: new Uint8Array(32).fill(7),
  };
  expect(verifyQuote({ ...input, pcrDigest })).toMatchObject({ ok: true });
  expect(verifyQuote({ ...input, pcrDigest: new Uint8Array(32) })).toMatchObject(refusal('pcrMismatch'));
  expect(verifyQuote({ ...input, akPublic: ak().area, pcrDigest })).toMatchObject(refusal('badSignature'));
});

describe('a signature by a TPM key', () => {
  const message = new TextEncoder().encode('possession');

  test('proves possession of that key over that message only', () => {
    const key = devid();
    const signature = ecdsa(key.privateKey, message);
    expect(verifyKeySignature({ signature, keyPublic: key.area, message })).toMatchObject({ ok: true });
    expect(verifyKeySignature({ signature, keyPublic: devid().area, message })).toMatchObject(refusal('badSignature'));
    const other = new TextEncoder().encode('possession!');
    expect(verifyKeySignature({ signature, keyPublic: key.area, message: other })).toMatchObject(
      refusal('badSignature'),
    );
  });

  test('of RSA is good with the padding of its scheme only', () => {
    const key = rsaKey(signingKeyRsa);
    const of = (octets: Uint8Array) => verifyKeySignature({ signature: rsassa(octets), keyPublic: key.area, message });
    expect(of(sign('sha256', message, key.privateKey))).toMatchObject({ ok: true });
    const pss = sign('sha256', message, { key: key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING });
    expect(of(pss)).toMatchObject(refusal('badSignature'));
  });

  test('by P-384 with SHA-384 is good, although no recipe has it', () => {
    const scheme = { scheme: 'ecdsa', hash: 'sha384' } as const;
    const key = eccKey({ ...signingKeyEcc, curve: 'P-384', scheme });
    const rs = new Uint8Array(sign('sha384', message, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }));
    const signature = encodeTpmtSignature({ ...scheme, r: rs.slice(0, 48), s: rs.slice(48) });
    expect(verifyKeySignature({ signature, keyPublic: key.area, message })).toMatchObject({ ok: true });
  });

  test('with SHA-1 is refused even if the key is made for it', () => {
    const key = eccKey({ ...devid().area, scheme: { scheme: 'ecdsa', hash: 'sha1' } });
    const signature = encodeTpmtSignature({
      ...parseTpmtSignature(ecdsa(key.privateKey, message)),
      hash: 'sha1',
    } as never);
    expect(verifyKeySignature({ signature, keyPublic: key.area, message })).toMatchObject(refusal('weakSignatureHash'));
  });

  test('by a key whose scheme is not fixed is refused', () => {
    const key = devid();
    const keyPublic = { ...key.area, scheme: null };
    expect(verifyKeySignature({ signature: ecdsa(key.privateKey, message), keyPublic, message })).toMatchObject(
      refusal('signatureAlgorithmMismatch'),
    );
  });
});
