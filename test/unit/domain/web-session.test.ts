// How long a session at the operator page lasts, and which text is a cookie of ours.
import { describe, expect, test } from '@jest/globals';
import { isSessionOver, readSessionCookie, sessionEnd } from '../../../src/domain/web-session.ts';

const now = new Date('2026-11-26T12:00:00Z');
const after = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);
const session = {
  ...{ idSha256: new Uint8Array(32), tokenId: 'x', createdAt: now, lastUsedAt: now },
  expiresAt: sessionEnd(now, after(100 * 86_400)),
};

describe('a session', () => {
  test('ends twelve hours after it began, or with its token', () => {
    expect(session.expiresAt).toEqual(after(12 * 3600));
    expect(sessionEnd(now, after(60))).toEqual(after(60));
  });

  test.each([
    [{ used: 0, at: 1799 }, false],
    [{ used: 0, at: 1800 }, true],
    [{ used: 43_000, at: 43_199 }, false],
    [{ used: 43_199, at: 43_200 }, true],
  ])('%j: over %j', ({ used, at }, isOver) => {
    expect(isSessionOver({ ...session, lastUsedAt: after(used) }, after(at))).toBe(isOver);
  });
});

test.each([
  ['A'.repeat(43), true],
  [`${'A'.repeat(42)}B`, false],
  ['A'.repeat(42), false],
  [`${'A'.repeat(42)}=`, false],
  ['', false],
])('%s is a cookie: %j', (text, isOne) => {
  expect(readSessionCookie(text) !== null).toBe(isOne);
});
