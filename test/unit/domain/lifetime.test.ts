import { describe, expect, test } from '@jest/globals';
import { describeSeconds, expiryLevel, expiryThresholds } from '../../../src/domain/expiry.ts';
import { renewalWindow, renewAt } from '../../../src/domain/renewal.ts';
import { parseSerialNumber, serialNumberFrom } from '../../../src/domain/serial.ts';

const day = 86_400_000;
const start = Date.UTC(2026, 0, 1);
const valid = (days: number, profile = 'nginx-vhost') => ({
  profile,
  notBefore: new Date(start),
  notAfter: new Date(start + days * day),
});
const at = (days: number): Date => new Date(start + days * day);

describe('the level of a certificate', () => {
  test.each([
    [90, 30 * 86_400, 7 * 86_400],
    [1, 28_800, 7200],
    [365, 30 * 86_400, 7 * 86_400],
  ])('of %d days changes so many seconds before its end: %d and %d', (days, warning, critical) => {
    expect(expiryThresholds(valid(days))).toEqual({ warning, critical });
  });

  test('goes from ok over warning to critical, and stays critical', () => {
    const levels = [0, 59, 61, 82, 84, 91].map((days) => expiryLevel(valid(90), at(days)));
    expect(levels).toEqual(['ok', 'ok', 'warning', 'warning', 'critical', 'critical']);
  });
});

describe('the renewal window', () => {
  test('opens at half life up to seven days, at two thirds beyond', () => {
    expect(renewalWindow(valid(1)).start).toEqual(at(0.5));
    expect(renewalWindow(valid(7)).start).toEqual(at(3.5));
    expect(renewalWindow(valid(30)).start).toEqual(at(20));
  });

  test('of a DevID lies between 30 and 15 days before its end', () => {
    expect(renewalWindow(valid(90, 'devid'))).toEqual({ start: at(60), end: at(75) });
  });

  test('holds the drawn instant, which is the same whenever it is asked', () => {
    for (const digit of '0123456789abcdef') {
      const certificate = { ...valid(90), fingerprint: digit.repeat(64) };
      const { start: opens, end } = renewalWindow(certificate);
      const drawn = renewAt(certificate);
      expect(drawn >= opens && drawn <= end).toBe(true);
      expect(renewAt(certificate)).toEqual(drawn);
    }
  });
});

test('durations are told in two figures at most', () => {
  expect([0, 42, 3661, 90_061].map(describeSeconds)).toEqual(['0 s', '42 s', '1 h 1 min', '1 d 1 h']);
});

describe('a serial number', () => {
  test.each(['01', 'ff', '7f'.repeat(20), '00ff'])('%s is one', (text) => {
    expect(parseSerialNumber(text).ok).toBe(true);
  });

  test.each(['', '0', '00', 'FF', 'g0', '80'.repeat(20), 'ff'.repeat(21)])('%j is none', (text) => {
    expect(parseSerialNumber(text).ok).toBe(false);
  });

  test('is made of 16 octets and never begins with zero', () => {
    expect(serialNumberFrom(new Uint8Array(16))).toBe(`01${'00'.repeat(15)}`);
    expect(() => serialNumberFrom(new Uint8Array(15))).toThrow(RangeError);
  });
});
