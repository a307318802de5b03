import { expect, test } from '@jest/globals';
import {
  certificationRequest,
  makeSoftwareKey,
  publicKeyInfoOf,
  softwareKeyTypeOf,
} from '../../../src/agent/software-key.ts';
import { readCertificationRequest } from '../../../src/x509/certification-request.ts';
import { loadPolicies } from '../../../src/policies.ts';

for (const type of ['ec-p256', 'rsa-2048'] as const) {
  test(`a ${type} key is PKCS #8 from its first octet on, and its request proves possession and asks for no name`, async () => {
    const key = await makeSoftwareKey(type);
    expect(key.privateKeyPem.startsWith('-----BEGIN PRIVATE KEY-----\n')).toBe(true);
    const request = readCertificationRequest(certificationRequest(key.privateKeyPem));
    expect(request).toMatchObject({
      ok: true,
      value: { keyType: type, commonName: null, names: { dnsNames: [], ipAddresses: [], uris: [] } },
    });
    expect(request.ok && request.value.subjectPublicKeyInfo).toEqual(publicKeyInfoOf(key.privateKeyPem));
  });
}

test('every profile that a host may have with a software key takes the type that the agent makes', () => {
  const policies = loadPolicies('policies');
  expect(policies.ok).toBe(true);
  if (!policies.ok) return;
  const software = [...policies.value.profiles.values()].filter(
    ({ keyOrigin, obtainedBy }) => keyOrigin === 'software' && obtainedBy.includes('device'),
  );
  expect(software.length).toBeGreaterThan(5);
  for (const { name, keyTypes } of software) expect([name, keyTypes]).toEqual([name, [softwareKeyTypeOf(name)]]);
});
