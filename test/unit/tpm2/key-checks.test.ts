import { describe, expect, test } from '@jest/globals';
import { checkEndorsementKey } from '../../../src/tpm2/endorsement-key.ts';
import { checkAttestationKey, checkSigningKey } from '../../../src/tpm2/key-checks.ts';
import { type ObjectAttribute, objectAttributes, TPMA_OBJECT, type TpmtPublic } from '../../../src/tpm2/public-area.ts';
import { ekPolicies, ekTemplates, signingKeyEcc, signingKeyRsa } from '../../../src/tpm2/templates.ts';
import { ak, devid, eccKey, publicAreas, rsaKey } from './samples.ts';

const refusal = (reason: string) => ({ ok: false, error: { reason } });
const toggled = <T extends TpmtPublic>(area: T, name: ObjectAttribute): T => ({
  ...area,
  attributes: area.attributes ^ TPMA_OBJECT[name],
});

test('the attribute words of the recipes are the documented ones', () => {
  expect(objectAttributes('fixedTPM', 'sign')).toBe(0x40002);
  expect(ak().area.attributes).toBe(0x50472);
  expect(devid().area.attributes).toBe(0x40472);
  expect(ekTemplates['L-1'].attributes).toBe(0x300b2);
  expect(ekTemplates['H-3'].attributes).toBe(0x300f2);
});

describe('an attestation key', () => {
  const { area } = ak();

  test('of the recipe is accepted, with its Name and public key', () => {
    const result = checkAttestationKey(area);
    expect(result).toMatchObject({ ok: true });
    if (result.ok) expect(result.value.name).toHaveLength(34);
  });

  test.each(['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'userWithAuth', 'noDA', 'restricted', 'sign'] as const)(
    'without %s is refused by that name',
    (name) => {
      expect(checkAttestationKey(toggled(area, name))).toMatchObject({
        ok: false,
        error: { reason: 'wrongAttributes', detail: `${name} is clear` },
      });
    },
  );

  test.each(['stClear', 'decrypt', 'adminWithPolicy', 'encryptedDuplication'] as const)(
    'with %s is refused by that name',
    (name) => {
      expect(checkAttestationKey(toggled(area, name))).toMatchObject({
        error: { reason: 'wrongAttributes', detail: `${name} is set` },
      });
    },
  );

  test('of another type, curve or hash than the recipe is refused, with what would do', () => {
    const { attributes } = area;
    const accepted = 'ECC P-256';
    expect(checkAttestationKey(rsaKey({ ...signingKeyRsa, attributes }).area)).toMatchObject({
      error: { reason: 'wrongKeyType', detail: 'RSA-2048', accepted },
    });
    expect(checkAttestationKey(eccKey({ ...signingKeyEcc, attributes, curve: 'P-384' }).area)).toMatchObject({
      error: { reason: 'wrongKeyType', detail: 'P-384', accepted },
    });
    expect(checkAttestationKey({ ...area, scheme: { scheme: 'ecdsa', hash: 'sha384' } })).toMatchObject({
      error: { reason: 'wrongScheme', detail: 'ecdsa with sha384', accepted: 'ECDSA with sha256' },
    });
  });

  test('named by SHA-1 is refused', () => {
    expect(checkAttestationKey({ ...area, nameAlg: 'sha1' })).toMatchObject(refusal('weakNameAlg'));
  });

  test('without a fixed scheme, with a SHA-1 scheme or with symmetric parameters is refused', () => {
    expect(checkAttestationKey({ ...area, scheme: null })).toMatchObject(refusal('wrongScheme'));
    expect(checkAttestationKey({ ...area, scheme: { scheme: 'ecdsa', hash: 'sha1' } })).toMatchObject(
      refusal('wrongScheme'),
    );
    const symmetric = { algorithm: 'aes', keyBits: 128, mode: 'cfb' } as const;
    expect(checkAttestationKey({ ...area, symmetric })).toMatchObject(refusal('unexpectedSymmetric'));
  });

  test('whose point is not on the curve is refused', () => {
    const y = area.y.slice();
    y[31]! ^= 1;
    expect(checkAttestationKey({ ...area, y })).toMatchObject(refusal('pointNotOnCurve'));
    expect(checkAttestationKey({ ...area, x: new Uint8Array(0), y: new Uint8Array(0) })).toMatchObject(
      refusal('pointNotOnCurve'),
    );
  });
});

describe('a signing key', () => {
  const { area } = devid();

  test('of the recipe is accepted in both roles, with noDA set or clear', () => {
    for (const role of ['request', 'devid'] as const) {
      expect(checkSigningKey(area, role)).toMatchObject({ ok: true });
      expect(checkSigningKey(toggled(area, 'noDA'), role)).toMatchObject({ ok: true });
    }
  });

  test.each(['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'userWithAuth', 'sign'] as const)(
    'without %s is refused',
    (name) => {
      expect(checkSigningKey(toggled(area, name), 'devid')).toMatchObject(refusal('wrongAttributes'));
    },
  );

  test.each(['restricted', 'decrypt', 'stClear', 'adminWithPolicy'] as const)('with %s is refused', (name) => {
    expect(checkSigningKey(toggled(area, name), 'devid')).toMatchObject(refusal('wrongAttributes'));
  });

  test('of RSA may be a DevID but not a request key', () => {
    const rsa = rsaKey(signingKeyRsa).area;
    expect(checkSigningKey(rsa, 'devid')).toMatchObject({ ok: true });
    expect(checkSigningKey(rsa, 'request')).toMatchObject(refusal('wrongKeyType'));
  });

  test('of RSA with 1024 bits, with PSS, or with SHA-384 is refused', () => {
    const small = rsaKey({ ...signingKeyRsa, keyBits: 1024 }).area;
    expect(checkSigningKey(small, 'devid')).toMatchObject(refusal('keyTooSmall'));
    const pss = { ...rsaKey(signingKeyRsa).area, scheme: { scheme: 'rsapss', hash: 'sha256' } } as const;
    expect(checkSigningKey(pss, 'devid')).toMatchObject(refusal('wrongScheme'));
    const sha384 = { ...area, scheme: { scheme: 'ecdsa', hash: 'sha384' } } as const;
    expect(checkSigningKey(sha384, 'devid')).toMatchObject(refusal('wrongScheme'));
  });

  test('of RSA with a small exponent, an even or a short modulus is refused', () => {
    const rsa = rsaKey(signingKeyRsa).area;
    expect(checkSigningKey({ ...rsa, exponent: 3 }, 'devid')).toMatchObject(refusal('rsaExponentInvalid'));
    expect(checkSigningKey({ ...rsa, modulus: rsa.modulus.slice(1) }, 'devid')).toMatchObject(
      refusal('rsaModulusInvalid'),
    );
    const even = rsa.modulus.slice();
    even[255]! &= 0xfe;
    expect(checkSigningKey({ ...rsa, modulus: even }, 'devid')).toMatchObject(refusal('rsaModulusInvalid'));
  });

  test('on P-384 with SHA-256 may be a DevID, as SPIRE accepts it', () => {
    const p384 = eccKey({ ...signingKeyEcc, curve: 'P-384' }).area;
    expect(checkSigningKey(p384, 'devid')).toMatchObject({ ok: true });
    expect(checkSigningKey(p384, 'request')).toMatchObject(refusal('wrongKeyType'));
  });
});

describe('an endorsement key', () => {
  const areas = publicAreas();

  test.each([
    ['L-1', areas.ekRsa],
    ['L-2', areas.ekP256],
    ['H-3', areas.ekP384],
    ['H-4', areas.ekP521],
  ])('by template %s is recognized', (template, area) => {
    expect(checkEndorsementKey(area)).toMatchObject({ ok: true, value: { template } });
  });

  test.each(['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'decrypt', 'sign'] as const)(
    'with %s the other way round is refused',
    (name) => {
      expect(checkEndorsementKey(toggled(areas.ekRsa, name))).toMatchObject(refusal('wrongAttributes'));
    },
  );

  test('with a downgraded nameAlg, cipher or size is refused', () => {
    const { ekRsa, ekP384 } = areas;
    expect(checkEndorsementKey({ ...ekRsa, nameAlg: 'sha1' })).toMatchObject(refusal('weakNameAlg'));
    expect(checkEndorsementKey({ ...ekRsa, symmetric: null })).toMatchObject(refusal('weakSymmetric'));
    const ecb = { algorithm: 'aes', keyBits: 128, mode: 'ecb' } as const;
    expect(checkEndorsementKey({ ...ekRsa, symmetric: ecb })).toMatchObject(refusal('weakSymmetric'));
    expect(checkEndorsementKey({ ...ekRsa, keyBits: 1024 })).toMatchObject(refusal('keyTooSmall'));
    const aes128 = { algorithm: 'aes', keyBits: 128, mode: 'cfb' } as const;
    expect(checkEndorsementKey({ ...ekP384, symmetric: aes128 })).toMatchObject(refusal('unknownTemplate'));
  });

  test('with a policy that is none of the templates, or of another template, is refused', () => {
    const { ekP256 } = areas;
    expect(checkEndorsementKey({ ...ekP256, authPolicy: new Uint8Array(0) })).toMatchObject(refusal('unknownPolicy'));
    expect(checkEndorsementKey({ ...ekP256, authPolicy: ekPolicies.policyB.sha256 })).toMatchObject(
      refusal('unknownTemplate'),
    );
  });

  test('with userWithAuth on the low template follows no template', () => {
    expect(checkEndorsementKey(toggled(areas.ekP256, 'userWithAuth'))).toMatchObject(refusal('unknownTemplate'));
  });

  test('whose point is not on the curve is refused', () => {
    expect(checkEndorsementKey({ ...areas.ekP256, x: new Uint8Array(32).fill(1) })).toMatchObject(
      refusal('pointNotOnCurve'),
    );
  });
});
