// Names of makers and versions of firmware, as people know them.
import { expect, test } from '@jest/globals';
import { firmwareText, tpmVendorName } from '../../../src/domain/tpm-vendors.ts';

test.each([
  ['49465800', 'Infineon'],
  ['53544d20', 'STMicroelectronics'],
  ['id:4E544300', 'Nuvoton'],
  ['54455354', 'TEST'],
  ['00010203', '00010203'],
  ['00000000', '00000000'],
  ['0A0D2200', '0A0D2200'],
  ['Infineon', 'Infineon'],
  [null, null],
])('%s is %s', (id, name) => {
  expect(tpmVendorName(id)).toBe(name);
});

test('firmware is four numbers; what is none is nothing', () => {
  expect(firmwareText(String((7n << 48n) | (85n << 32n) | 4555n))).toBe('7.85.0.4555');
  expect(firmwareText('-1')).toBeNull();
  expect(firmwareText(null)).toBeNull();
});
