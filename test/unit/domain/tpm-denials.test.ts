// Firmware versions as people write them and as a TPM attests them.
import { expect, test } from '@jest/globals';
import { parseFirmwareVersion, shownFirmwareVersion } from '../../../src/domain/tpm-denials.ts';

test.each([
  ['7.61', 0, 0x0007003d00000000n],
  ['7.61', 65535, 0x0007003dffffffffn],
  ['7.61.2', 65535, 0x0007003d0002ffffn],
  ['8217.4131.22.13878', 0, 0x2019102300163636n],
  ['0.0', 0, 0n],
  ['65535.65535.65535.65535', 0, 0xffffffffffffffffn],
] as const)(
  '%s, with %d for what is missing, is the version of TPMS_ATTEST with these 16-bit numbers',
  (text, missing, version) => {
    expect(parseFirmwareVersion(text, missing)).toBe(version);
  },
);

test.each(['7', '7.', '.7', '7.61.2.3.4', '7.65536', '07.1', '7.0x1', '7.-1', ' 7.1', '7.1\n', ''])(
  '%j is no firmware version',
  (text) => {
    expect(parseFirmwareVersion(text, 0)).toBeNull();
  },
);

test('a version is shown as it may be written', () => {
  expect(shownFirmwareVersion(0x2019102300163636n)).toBe('8217.4131.22.13878');
  expect(parseFirmwareVersion(shownFirmwareVersion(0x00010002000a000bn), 0)).toBe(0x00010002000a000bn);
});
