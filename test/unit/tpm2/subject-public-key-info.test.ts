import { createPublicKey } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { publicKeyOf } from '../../../src/tpm2/subject-public-key-info.ts';
import { eccKey, publicAreas, rsaKey } from './samples.ts';
import { signingKeyEcc, signingKeyRsa } from '../../../src/tpm2/templates.ts';

test.each(Object.entries(publicAreas()))('the DER of %s is exactly what OpenSSL writes for that key', (_name, area) => {
  const result = publicKeyOf(area);
  expect(result.ok).toBe(true);
  if (!result.ok) return;
  const again = result.value.keyObject.export({ format: 'der', type: 'spki' });
  expect(Buffer.from(result.value.spkiDer).equals(again)).toBe(true);
});

test.each(['P-256', 'P-384', 'P-521'] as const)('the key on %s is the one that signs', (curve) => {
  const { area, privateKey } = eccKey({ ...signingKeyEcc, curve });
  const result = publicKeyOf(area);
  const expected = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  expect(result.ok && Buffer.from(result.value.spkiDer).equals(expected)).toBe(true);
});

test('coordinates without their leading zeros are padded', () => {
  for (;;) {
    const { area } = eccKey(signingKeyEcc);
    if (area.x[0] !== 0) continue;
    expect(publicKeyOf({ ...area, x: area.x.slice(1) })).toMatchObject({ ok: true });
    break;
  }
});

test('an exponent of 0 and one of 65537 give the same key', () => {
  const { area } = rsaKey(signingKeyRsa);
  const spki = (exponent: number) => {
    const result = publicKeyOf({ ...area, exponent });
    return result.ok ? Buffer.from(result.value.spkiDer).toString('hex') : '';
  };
  expect(spki(0)).toBe(spki(65537));
  expect(spki(0)).not.toBe('');
});
