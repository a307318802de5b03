// An RSA-4096 issuer, which takes seconds to make and is therefore not in the quick suite.
import { expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { issue } from '../../src/issuance/issue.ts';
import { activeIssuer, makeEstate, portsOf, request } from '../unit/issuance/scene.ts';

test('signs with an RSA-4096 issuer too', async () => {
  const rsa = activeIssuer(await makeEstate('rsa-4096'));
  const issued = await issue(portsOf(rsa))(request());
  expect(issued.ok && new X509Certificate(issued.value.certificatePem).verify(rsa.publicKey)).toBe(true);
}, 120_000);
