import { describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { loadPolicies } from '../../../src/policies.ts';
import { describeSeconds, expiryLevel, standardExpiry } from '../../../src/domain/expiry.ts';
import { expiryInstants } from '../../../src/domain/warning-policy.ts';
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
    [90, 30, 7],
    [1, 0.25, 2 / 24],
    [7, 2, 1],
    [365, 30, 7],
  ])('of %d days changes so many days before its end: %d and %d', (days, warning, critical) => {
    expect(expiryInstants(standardExpiry, { ...valid(days), renewsItself: false })).toEqual({
      ...{ warningAt: at(days - warning), criticalAt: at(days - critical) },
    });
  });

  test('is by the standard what the shipped policy says', () => {
    const policies = loadPolicies(join(import.meta.dirname, '../../../policies'));
    expect(policies.ok && policies.value.warnings.expiry).toEqual(standardExpiry.expiry);
  });

  test('goes from ok over warning to critical, and stays critical', () => {
    const { notBefore, notAfter } = valid(90);
    const levels = [0, 59, 61, 82, 84, 91].map((days) => expiryLevel({ notBefore, notAfter }, at(days)));
    expect(levels).toEqual(['ok', 'ok', 'warning', 'warning', 'critical', 'critical']);
  });

  test('is ok while the renewal window of what renews by itself is open', () => {
    expect([61, 74, 76].map((days) => expiryLevel(valid(90, 'devid'), at(days)))).toEqual(['ok', 'ok', 'warning']);
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
