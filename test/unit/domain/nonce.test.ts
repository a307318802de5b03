// Nonces: made by a keyed hash, read back strictly.
import { describe, expect, test } from '@jest/globals';
import { makeNonce, readNonce } from '../../../src/domain/nonce.ts';

const key = Buffer.alloc(32, 7);
const now = new Date('2026-03-01T12:00:00Z');
const random = new Uint8Array(16).fill(9);
const nonce = makeNonce(key, now, random);
const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

describe('a nonce', () => {
  test('is of the form that the contract names', () => expect(nonce).toMatch(/^[A-Za-z0-9_-]{51}$/));
  test('is good for five minutes, both ends included', () => {
    expect(readNonce(key, nonce, now)).toMatchObject({ ok: true, value: { expiresAt: later(300) } });
    expect(readNonce(key, nonce, later(300)).ok).toBe(true);
    expect(readNonce(key, nonce, new Date(later(300).getTime() + 1))).toMatchObject({
      error: { reason: 'expiredNonce' },
    });
  });
  test('of another key is unknown', () => {
    expect(readNonce(Buffer.alloc(32, 8), nonce, now)).toMatchObject({ error: { reason: 'unknownNonce' } });
  });
  test('with any one character changed, left out or added is unknown', () => {
    for (let at = 0; at < nonce.length; at++) {
      const other = nonce[at] === 'A' ? 'B' : 'A';
      for (const text of [nonce.slice(0, at) + other + nonce.slice(at + 1), nonce.slice(0, at) + nonce.slice(at + 1)]) {
        expect(readNonce(key, text, now)).toMatchObject({ error: { reason: 'unknownNonce' } });
      }
    }
    for (const text of [`${nonce}A`, `${nonce}=`, '', ' '.repeat(51)]) expect(readNonce(key, text, now).ok).toBe(false);
  });
  test('is told from every other by its digest', () => {
    const other = makeNonce(key, now, new Uint8Array(16).fill(10));
    const digests = [nonce, other].map((text) => {
      const read = readNonce(key, text, now);
      return read.ok ? read.value.sha256 : null;
    });
    expect(new Set(digests).size).toBe(2);
  });
  test('takes exactly sixteen random octets', () => {
    expect(() => makeNonce(key, now, new Uint8Array(8))).toThrow('16 random octets');
  });
});
