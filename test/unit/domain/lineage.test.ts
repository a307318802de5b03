import { describe, expect, test } from '@jest/globals';
import {
  type CertificateUse,
  type LineageFacts,
  lineageState,
  suggestedWindow,
  windowOf,
} from '../../../src/domain/lineage.ts';
import { lineageResource } from '../../../src/domain/lineage-resource.ts';
import { parseDuration } from '../../../src/domain/duration.ts';

const day = (days: number): Date => new Date(Date.UTC(2026, 0, 1) + days * 86_400_000);

/** A DevID of 90 days from day 0 on, confirmed on day 0: its window is day 60 to day 75. */
const use = (over: Partial<CertificateUse> = {}): CertificateUse => ({
  fingerprint: 'aa'.repeat(32),
  serialNumber: '01',
  ...{ notBefore: day(0), notAfter: day(90), issuedAt: day(0) },
  ...{ installedAt: day(0), confirmed: { at: day(0), by: 'host' }, isRevoked: false },
  ...over,
});
const facts = (over: Partial<LineageFacts> = {}): LineageFacts => {
  const newest = over.newest === undefined ? use() : over.newest;
  return {
    ...{ id: '0d9f9c2e-6a1f-4a57-8f43-2f7a1c0b9e11', deviceId: 'd', hostName: 'tower.example.org' },
    ...{ deviceState: 'active', profile: 'devid', place: '', createdAt: day(0), isGranted: true, hasSpireAgent: false },
    ...{ inUse: newest, renewAt: day(65), pulled: null, attempt: null, askedAt: null, lastError: null, failures: 0 },
    ...over,
    newest,
  };
};
const fresh = use({
  fingerprint: 'bb'.repeat(32),
  issuedAt: day(65),
  notBefore: day(65),
  notAfter: day(155),
  installedAt: null,
  confirmed: null,
});
const rotating = (over: Partial<CertificateUse> = {}): LineageFacts =>
  facts({ newest: { ...fresh, ...over }, inUse: use(), renewAt: day(270) });
const error = { at: '2026-02-01T00:00:00Z', phase: 'hook', reason: 'exit', detail: 'nginx -t failed' } as const;
const attempt = { id: 'r', admittedAt: day(65), leaseUntil: day(65.1) };
const pulled = { at: day(20), by: 'alice', because: 'incident' };

describe('the state of a lineage', () => {
  test.each<[string, LineageFacts, number, string]>([
    ['without a certificate is empty', facts({ newest: null, inUse: null, renewAt: null }), 1, 'empty'],
    ['before the window is current', facts(), 59, 'current'],
    ['in the window is open', facts(), 60, 'windowOpen'],
    ['is open from the drawn instant on where that lies earlier', facts({ renewAt: day(50) }), 50, 'windowOpen'],
    ['with a renewal under way is in progress', facts({ attempt }), 65, 'inProgress'],
    ['with a renewal that a crash left is not in progress', facts({ attempt }), 66, 'windowOpen'],
    ['with a new certificate is issued', rotating(), 66, 'issued'],
    ['with a new certificate in place is installed', rotating({ installedAt: day(66) }), 67, 'installed'],
    [
      'with a new certificate confirmed is current again',
      rotating({ confirmed: { at: day(66), by: 'host' } }),
      80,
      'current',
    ],
    ['is late when the window is over', facts(), 75.1, 'late'],
    ['is late when the certificate has ended', facts(), 91, 'late'],
    ['is late when the certificate is revoked', facts({ newest: use({ isRevoked: true }) }), 1, 'late'],
    ['is late when what it replaces is past its window and nothing is confirmed', rotating(), 75.1, 'late'],
    [
      'gives a recovery an hour to be confirmed',
      rotating({ issuedAt: day(200), notBefore: day(200), notAfter: day(290) }),
      200.03,
      'issued',
    ],
    ['has failed after a failure', facts({ lastError: error, failures: 2 }), 10, 'failed'],
    ['is late before it has failed', facts({ lastError: error }), 76, 'late'],
    ['of a suspended device is blocked, whatever else', facts({ deviceState: 'suspended', attempt }), 65, 'blocked'],
    ['of a retired device is blocked', facts({ deviceState: 'retired' }), 1, 'blocked'],
    ['without a grant is blocked', facts({ isGranted: false }), 1, 'blocked'],
    ['that was pulled is open from then on', facts({ pulled, renewAt: day(20) }), 20, 'windowOpen'],
    ['that was pulled is late a day later', facts({ pulled, renewAt: day(20) }), 21.1, 'late'],
  ])('%s', (_what, given, at, expected) => {
    expect(lineageState(given, day(at)).kind).toBe(expected);
  });

  test('says why it is late, with the last error', () => {
    const state = lineageState(facts({ lastError: error }), day(91));
    expect(state).toMatchObject({ because: 'expired', since: day(90), error });
    expect(lineageResource(facts({ lastError: error, failures: 3 }), day(91))).toMatchObject({
      state: 'late',
      since: '2026-04-01T00:00:00Z',
      reason: expect.stringContaining('nginx -t failed'),
      lastError: { reason: 'exit', failures: 3 },
      inUse: null,
    });
  });
});

describe('the window of a lineage', () => {
  test('is that of its certificate, and begins with the drawn instant where that lies earlier', () => {
    expect(windowOf(facts(), use())).toEqual({ start: day(60), end: day(75) });
    expect(windowOf(facts({ renewAt: day(55) }), use())).toEqual({ start: day(55), end: day(75) });
  });

  test('that was pulled lies at the instant of the pull, so that nobody draws a later one', () => {
    const { start, end } = suggestedWindow(facts({ pulled, renewAt: day(20) }), use());
    expect(end).toEqual(day(20));
    expect(end.getTime() - start.getTime()).toBe(parseDuration('60s')! * 1000);
    expect(suggestedWindow(facts(), use())).toEqual({ start: day(60), end: day(75) });
  });
});
