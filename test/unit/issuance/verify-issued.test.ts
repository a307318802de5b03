import { beforeAll, expect, test } from '@jest/globals';
import { opinion } from '../../../src/issuance/verify-issued.ts';
import { readByOpenssl, type ExpectedReading } from '../../../src/x509/second-opinion.ts';
import { parseSerialNumber } from '../../../src/domain/serial.ts';
import { preview } from '../../../src/issuance/issue.ts';
import { activeIssuer, makeEstate, portsOf, request } from './scene.ts';

let expected: ExpectedReading;
let read: (der: Uint8Array) => Promise<readonly string[]>;

beforeAll(async () => {
  const issuer = activeIssuer(await makeEstate());
  const plan = preview(portsOf(issuer))(request());
  const serialNumber = parseSerialNumber('c0ffee');
  if (!plan.ok || !serialNumber.ok) throw new Error('the scene is no good');
  expected = { plan: plan.value, serialNumber: serialNumber.value };
  read = (der) => opinion('OpenSSL', expected, async () => readByOpenssl(der, issuer.publicKey));
});

test('a reader that cannot read a certificate disagrees with it, so that its profile is stopped', async () => {
  const [only, ...more] = await read(Uint8Array.of(0x30, 0x00));
  expect(only).toContain('OpenSSL cannot read it');
  expect(more).toEqual([]);
});
