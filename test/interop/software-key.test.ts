// OpenSSL reads what the agent asks with.
import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { certificationRequest, makeSoftwareKey } from '../../src/agent/software-key.ts';
import { encodePem } from '../../src/x509/pem.ts';

for (const type of ['ec-p256', 'rsa-2048'] as const) {
  test(`OpenSSL verifies the request for a ${type} key`, async () => {
    const { privateKeyPem } = await makeSoftwareKey(type);
    const input = encodePem('CERTIFICATE REQUEST', certificationRequest(privateKeyPem));
    // It ends with 1 when the signature is wrong.
    const args = ['req', '-verify', '-noout', '-subject'];
    expect(execFileSync('openssl', args, { input, encoding: 'utf8', stdio: 'pipe' })).toMatch(/^subject=\s*$/m);
  });
}
