// Makers of TPMs by the vendor ID of the TCG's registry, as an EK certificate has it: eight upper-case hex digits of four
// characters.

const names: Readonly<Record<string, string>> = {
  '414D4400': 'AMD',
  '414E5400': 'Ant Group',
  '41544D4C': 'Atmel',
  '4252434D': 'Broadcom',
  '4353434F': 'Cisco',
  '464C5953': 'FlySlice',
  '474F4F47': 'Google',
  '48504500': 'HPE',
  '48495349': 'Huawei',
  '49424D00': 'IBM',
  '49465800': 'Infineon',
  '494E5443': 'Intel',
  '4C454E00': 'Lenovo',
  '4D534654': 'Microsoft',
  '4E534D20': 'National Semiconductor',
  '4E534700': 'NSING',
  '4E544300': 'Nuvoton',
  '4E545A00': 'Nationz',
  '51434F4D': 'Qualcomm',
  '524F4343': 'Rockchip',
  '534D4E53': 'Samsung',
  '534D5343': 'SMSC',
  '53544D20': 'STMicroelectronics',
  '54584E00': 'Texas Instruments',
  '57454300': 'Winbond',
};

/** `Infineon`, or for an ID that is in no table its characters, or the ID itself; null for none. */
export function tpmVendorName(manufacturer: string | null): string | null {
  if (manufacturer === null) return null;
  const id = manufacturer.toUpperCase().replace(/^ID:/, '');
  const known = names[id];
  if (known !== undefined) return known;
  if (!/^[0-9A-F]{8}$/.test(id)) return manufacturer;
  const text = Buffer.from(id, 'hex')
    .toString('latin1')
    .replaceAll(/[\0 ]+$/g, '');
  return /^[\x20-\x7e]+$/.test(text) ? text : manufacturer;
}

/**
 * `7.85.4555.0`: the 64 bits of TPMS_ATTEST.firmwareVersion as four numbers of 16 bits, which is how most makers print it.
 * @param decimal as the store has it.
 */
export function firmwareText(decimal: string | null): string | null {
  if (decimal === null || !/^[0-9]{1,20}$/.test(decimal)) return null;
  const bits = BigInt(decimal);
  return [48n, 32n, 16n, 0n].map((shift) => String((bits >> shift) & 0xffffn)).join('.');
}
