import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { attestedDigest, confirmationMessage } from '../../../src/domain/attested-statement.ts';

test.each(['enrollment', 'renewal'] as const)(
  'the digest of an %s is the one of the protocol, octet for octet',
  (purpose) => {
    const id = '0d9f9c2e-6a1f-4a57-8f43-2f7a1c0b9e11';
    const nonce = new Uint8Array(32).fill(7);
    const request = Buffer.from('{"version":1}');
    const hex = [
      Buffer.from(`omens-${purpose}-v1`).toString('hex'),
      '00',
      Buffer.from(id).toString('hex'),
      '07'.repeat(32),
      createHash('sha256').update(request).digest('hex'),
    ].join('');
    const expected = createHash('sha256').update(Buffer.from(hex, 'hex')).digest();
    expect(Buffer.from(attestedDigest(purpose, { id, nonce, request }))).toEqual(expected);
  },
);

test('a confirmation is about one certificate and one nonce', () => {
  const message = confirmationMessage('ab'.repeat(32), new Uint8Array(38).fill(7));
  const expected = ['omens-confirmation-v1', 'ab'.repeat(32)].map((text) => Buffer.from(text).toString('hex'));
  expect(Buffer.from(message).toString('hex')).toBe(`${expected.join('00')}${'07'.repeat(38)}`);
});
