import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { enrollmentDigest } from '../../../src/domain/attested-statement.ts';

test('the digest is the one of the protocol, octet for octet', () => {
  const id = '0d9f9c2e-6a1f-4a57-8f43-2f7a1c0b9e11';
  const nonce = new Uint8Array(32).fill(7);
  const request = Buffer.from('{"version":1}');
  const hex = [
    Buffer.from('omens-enrollment-v1').toString('hex'),
    '00',
    Buffer.from(id).toString('hex'),
    '07'.repeat(32),
    createHash('sha256').update(request).digest('hex'),
  ].join('');
  const expected = createHash('sha256').update(Buffer.from(hex, 'hex')).digest();
  expect(Buffer.from(enrollmentDigest({ id, nonce, request }))).toEqual(expected);
});
