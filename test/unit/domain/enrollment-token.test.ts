import { describe, expect, test } from '@jest/globals';
import {
  decodeEnrollmentToken,
  encodeEnrollmentToken,
  enrollmentCredential,
  parseEnrollmentCredential,
} from '../../../src/domain/enrollment-token.ts';

const credential = enrollmentCredential('0b8f5f0e-0d0c-4c0b-8a09-080706050403', new Uint8Array(32).fill(7));
const token = { url: 'https://omens.example.org:8443', rootSha256: 'ab'.repeat(32), credential };

describe('an enrollment token', () => {
  test('is read back as it was written, with white space of a file around it', () => {
    expect(decodeEnrollmentToken(`\n${encodeEnrollmentToken(token)}\n`)).toEqual({ ok: true, value: token });
  });

  test('is one word', () => {
    expect(encodeEnrollmentToken(token)).toMatch(/^omens-enroll-v1\.[A-Za-z0-9_-]+$/);
  });

  test.each([
    ['nothing', ''],
    ['an operator token', 'omens-operator-v1.x.y'],
    ['a token cut short', encodeEnrollmentToken(token).slice(0, -9)],
    ['a server without TLS', encodeEnrollmentToken({ ...token, url: 'http://omens.example.org' })],
    ['a root that is no digest', encodeEnrollmentToken({ ...token, rootSha256: 'ab' })],
    ['a credential of another form', encodeEnrollmentToken({ ...token, credential: 'secret' })],
    ['an endless text', 'omens-enroll-v1.'.padEnd(1_000_000, 'A')],
  ])('is not %s', (_what, text) => {
    expect(decodeEnrollmentToken(text)).toMatchObject({ ok: false, error: { reason: 'malformedEnrollmentToken' } });
  });
});

describe('the credential within', () => {
  test('names the token and its secret', () => {
    expect(parseEnrollmentCredential(credential)).toEqual({
      id: '0b8f5f0e-0d0c-4c0b-8a09-080706050403',
      secret: new Uint8Array(32).fill(7),
    });
  });

  test('has one spelling: a character that only differs in unused bits is refused', () => {
    // 43 characters hold 258 bits, the last two are unused.
    const other = credential.slice(0, -1) + String.fromCharCode(credential.charCodeAt(credential.length - 1) + 1);
    expect(parseEnrollmentCredential(other)).toBeNull();
  });
});
