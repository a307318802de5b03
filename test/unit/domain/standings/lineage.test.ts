// When a lineage is not well, over time; and that a healthy one never is.
import { describe, expect, test } from '@jest/globals';
import { renewAt } from '../../../../src/domain/renewal.ts';
import type { CertificateUse, LineageFacts } from '../../../../src/domain/lineage.ts';
import { lookAtLineage } from '../../../../src/domain/standings/lineage.ts';
import type { LineageSubject } from '../../../../src/domain/standings/lineage-subject.ts';
import { at, certificate, lineage, policies, terms, told } from './scene.ts';

const look = (subject: LineageSubject, hour: number, over: Partial<typeof terms> = {}) =>
  lookAtLineage(subject, at(hour), { ...terms, ...over }).standings;

const refused = { at: '2026-02-11T15:00:03Z', phase: 'request', reason: 'connectionRefused' } as const;
const error = { ...refused, detail: 'connect ECONNREFUSED 127.0.0.1:8200' };

describe('a lineage through a whole healthy life', () => {
  const minute = 60_000;
  const drawn = ['000000000000', 'ffffffffffff'];
  const ordinary = [...policies.profiles.values()].map(({ name, lifetimeSeconds }) => ({ name, lifetimeSeconds }));

  /** Each minute of a day; of longer lives as many instants, at changing minutes of the hour. */
  const stepOf = (lifetimeSeconds: number): number =>
    (lifetimeSeconds <= 86_400 ? 1 : lifetimeSeconds / 86_400 + 1) * minute;

  /** Certificates that follow one another: each comes up to 20 minutes after its predecessor was due. */
  function* life(profile: string, lifetimeSeconds: number, roll: string): Generator<readonly [LineageFacts, Date]> {
    let before: CertificateUse | null = null;
    let issuedAt = at(0);
    for (const n of [1, 2, 3]) {
      const fingerprint = roll + String(n).repeat(52);
      const one = certificate({
        fingerprint,
        issuedAt,
        hours: lifetimeSeconds / 3600,
        confirmed: null,
        installedAt: null,
      });
      const due = renewAt({ profile, fingerprint, notBefore: one.notBefore, notAfter: one.notAfter });
      const next = new Date(due.getTime() + 20 * minute);
      for (let now = issuedAt; now < next; now = new Date(now.getTime() + stepOf(lifetimeSeconds))) {
        const age = now.getTime() - issuedAt.getTime();
        const newest: CertificateUse = {
          ...one,
          installedAt: age < 2 * minute ? null : issuedAt,
          confirmed: age < 45 * minute ? null : { at: issuedAt, by: 'host' },
        };
        const inUse = newest.confirmed === null ? before : newest;
        yield [{ ...lineage(), profile, newest, inUse, renewAt: due }, now];
      }
      before = { ...one, confirmed: { at: issuedAt, by: 'host' } };
      issuedAt = next;
    }
  }

  test.each(ordinary)('of profile $name tells nothing at any time', ({ name, lifetimeSeconds }) => {
    const found: unknown[] = [];
    for (const roll of drawn)
      for (const [facts, now] of life(name, lifetimeSeconds, roll)) {
        // Its host calls once an hour.
        const lastSeenAt = new Date(now.getTime() - (now.getTime() % (60 * minute)));
        const host = { lastSeenAt, shortestLifetime: lifetimeSeconds, firstCriticalAt: null };
        const { standings } = lookAtLineage({ ...lineage(), ...facts, host }, now, terms);
        if (standings.length > 0) found.push({ now, standings });
      }
    expect(found.slice(0, 3)).toEqual([]);
  });
});

describe('a lineage of 24 hours that is due at hour 15', () => {
  const calls = (hour: number) => ({ calledAt: at(hour - 0.5) });

  test.each<[string, number, Partial<LineageSubject>, readonly string[]]>([
    ['is well before it is due', 14.9, {}, []],
    ['has half an hour for it', 15.4, {}, []],
    ['is missed after that', 15.5, {}, ['renewalMissed warning']],
    ['is missed badly two hours later', 17.5, {}, ['renewalMissed critical']],
    ['ends soon from the end of its window on', 18, {}, ['expiry warning', 'renewalMissed critical']],
    ['ends soon for certain two hours before', 22, {}, ['expiry critical', 'renewalMissed critical']],
    ['has ended', 25, {}, ['expiry critical', 'renewalMissed critical']],
    ['is not missed when it was drawn late and is not over', 18.4, { renewAt: at(18) }, []],
    [
      'is missed and ends when it was drawn late',
      18.5,
      { renewAt: at(18) },
      ['expiry warning', 'renewalMissed warning'],
    ],
    ['may fail twice', 15.1, { lastError: error, failures: 2 }, []],
    ['fails', 15.1, { lastError: error, failures: 3 }, ['renewalFailing warning']],
    ['fails for ever', 15.1, { lastError: error, failures: 10 }, ['renewalFailing critical']],
    [
      'fails at once where it was put in place already',
      15.1,
      { lastError: { ...error, phase: 'postCheck' }, failures: 1 },
      ['renewalFailing warning'],
    ],
    ['is nobody’s matter when its device is suspended', 25, { deviceState: 'suspended' }, []],
    ['is nobody’s matter when its device is retired', 25, { deviceState: 'retired' }, []],
    ['is nobody’s matter without a grant', 25, { isGranted: false }, []],
    ['is not missed before it was issued once', 25, { newest: null, inUse: null, renewAt: null }, []],
    [
      'that never got a certificate fails too',
      25,
      { newest: null, inUse: null, renewAt: null, lastError: error, failures: 3 },
      ['renewalFailing warning'],
    ],
  ])('%s (hour %d)', (_what, hour, over, expected) => {
    expect(told(look(lineage({ ...calls(hour), ...over }), hour))).toEqual(expected);
  });

  test('counts from the end of a blackout, and a pulled one from when its host can have heard of it', () => {
    const blackouts = [{ kind: 'span', from: at(14), to: at(17) }] as const;
    expect(told(look(lineage(calls(17.4)), 17.4, { blackouts }))).toEqual([]);
    expect(told(look(lineage(calls(17.5)), 17.5, { blackouts }))).toEqual(['renewalMissed warning']);
    const pulled = { renewAt: at(13), pulled: { at: at(13), by: 'operator:me', because: 'CVE' } };
    expect(told(look(lineage({ ...calls(14.4), ...pulled }), 14.4))).toEqual([]);
    expect(told(look(lineage({ ...calls(14.5), ...pulled }), 14.5))).toEqual(['renewalMissed warning']);
  });

  test('whose newest is revoked waits for its host to call, and is missed then', () => {
    const revoked = { newest: certificate({ isRevoked: true }), inUse: null, newestRevokedAt: at(3) };
    expect(told(look(lineage({ ...calls(4.4), ...revoked }), 4.4))).toEqual([]);
    const [standing] = look(lineage({ ...calls(4.5), ...revoked }), 4.5);
    expect(standing).toMatchObject({ condition: 'renewalMissed', level: 'warning' });
    expect(standing?.reason).toBe('revoked 2026-02-11 03:00 UTC; its host has not come for another');
  });

  test('whose next certificate is not confirmed is told of that, and of the end only when that comes', () => {
    const newest = certificate({
      fingerprint: 'c1'.repeat(32),
      issuedAt: at(17.9),
      confirmed: null,
      installedAt: null,
    });
    const old = certificate();
    const subject = (hour: number) => lineage({ ...calls(hour), newest, inUse: old, renewAt: at(33) });
    expect(told(look(subject(18.5), 18.5))).toEqual([]);
    expect(told(look(subject(19.9), 19.9))).toEqual(['expiry warning', 'notConfirmed warning']);
    expect(told(look(subject(23.9), 23.9))).toEqual(['expiry critical', 'notConfirmed critical']);
    const [expiry] = look(subject(25), 25).filter(({ condition }) => condition === 'expiry');
    expect(expiry?.reason).toBe(
      'ended 2026-02-12 00:00 UTC; another was issued 2026-02-11 17:54 UTC and is not confirmed in use',
    );
  });

  test('of a silent host has no standing of its own, and stays as it is, until something of that host is critical', () => {
    const silent = { calledAt: at(10) };
    const host = { lastSeenAt: at(10), shortestLifetime: 86_400 };
    expect(lookAtLineage(lineage(silent), at(17), terms)).toEqual({ standings: [], isUndecided: true });
    const isFirst = { ...silent, host: { ...host, firstCriticalAt: at(21) } };
    expect(told(look(lineage(isFirst), 20.9))).toEqual([]);
    expect(look(lineage(isFirst), 21)).toMatchObject([
      { condition: 'expiry', level: 'critical', cause: 'host:device' },
    ]);
    const long = { ...isFirst, newest: certificate({ hours: 2160 }), profile: 'devid', renewAt: at(1500) };
    expect(told(look(lineage(long), 21))).toEqual([]);
  });
});

describe('the levels of longer certificates', () => {
  test.each<[string, number, number, number, readonly string[]]>([
    ['tower-infrastructure', 168, 100, 103, []],
    ['tower-infrastructure', 168, 100, 103.4, ['renewalMissed warning']],
    ['tower-infrastructure', 168, 100, 126, ['expiry warning', 'renewalMissed critical']],
    ['tower-infrastructure', 168, 100, 144, ['expiry critical', 'renewalMissed critical']],
    ['openbao-server', 720, 500, 514, []],
    ['openbao-server', 720, 500, 515, ['renewalMissed warning']],
    ['openbao-server', 720, 500, 600, ['expiry warning', 'renewalMissed critical']],
    ['devid', 2160, 1500, 1543, []],
    ['devid', 2160, 1500, 1544, ['renewalMissed warning']],
    ['devid', 2160, 1500, 1799, ['renewalMissed critical']],
    ['devid', 2160, 1500, 1800, ['expiry warning', 'renewalMissed critical']],
    ['devid', 2160, 1500, 1992, ['expiry critical', 'renewalMissed critical']],
  ])('%s of %i hours, due at hour %i, at hour %d', (profile, hours, due, hour, expected) => {
    const subject = lineage({ profile, newest: certificate({ hours }), renewAt: at(due), calledAt: at(hour - 0.5) });
    expect(told(look(subject, hour))).toEqual(expected);
  });
});

describe('the effective end of a certificate', () => {
  const root = { at: at(1000), issuerId: 'root', name: 'Eye of Thundera' };
  const devid = () =>
    lineage({ profile: 'devid', newest: certificate({ hours: 2160 }), renewAt: at(1500), calledAt: at(300) });

  test('is that of a CA above it when that is nearer', () => {
    const pathEnds = new Map([['ca', root]]);
    expect(look(devid(), 279, { pathEnds })).toEqual([]);
    const [standing] = look(devid(), 300, { pathEnds });
    expect(standing).toMatchObject({ condition: 'expiry', level: 'warning', cause: 'issuer:root' });
    expect(standing?.reason).toBe('Eye of Thundera, above its certificate, ends 2026-03-24 16:00 UTC');
  });

  test('is its own otherwise', () => {
    expect(look(devid(), 300, { pathEnds: new Map([['ca', { ...root, at: at(9999) }]]) })).toEqual([]);
  });
});

describe('the cause of what is not well', () => {
  const missed = (over: Parameters<typeof lineage>[0] = {}, changed: Partial<typeof terms> = {}) =>
    look(lineage({ calledAt: at(15.9), ...over }), 16, changed)[0];

  test.each<[string, Parameters<typeof lineage>[0], Partial<typeof terms>, string]>([
    ['a CA that cannot issue', { lastError: error }, { unavailable: new Set(['ca']) }, 'issuer:ca'],
    ['the last error', { lastError: error }, {}, 'error:connectionRefused'],
    ['a host that has not called since it was due', { calledAt: at(14.9) }, {}, 'host:device'],
    ['condition and profile', {}, {}, 'condition:renewalMissed:keylime-agent'],
  ])('is %s', (_what, over, changed, cause) => {
    expect(missed(over, changed)?.cause).toBe(cause);
  });

  test('is one for two hundred lineages that fail for one reason', () => {
    const causes = Array.from(
      { length: 200 },
      (_, n) => missed({ id: `l${n}`, lastError: error, failures: n % 3 })?.cause,
    );
    expect([...new Set(causes)]).toEqual(['error:connectionRefused']);
  });

  test.each<[string, Parameters<typeof lineage>[0], string]>([
    [
      'the error with its count',
      { lastError: error, failures: 2 },
      'request: connect ECONNREFUSED 127.0.0.1:8200 (2 attempts)',
    ],
    ['the silence of its host', { calledAt: at(13) }, 'its host has not called since 2026-02-11 13:00 UTC'],
    [
      'the ceiling',
      { askedAt: at(15.7) },
      'its host asked 2026-02-11 15:42 UTC and had to wait: the ceiling of renewals an hour is reached',
    ],
    [
      'a host that does nothing',
      {},
      'its host calls, reports no error and does not ask for it: is it a target in its agent.yaml, and is the agent running?',
    ],
  ])('is told with %s', (_what, over, why) => {
    expect(missed(over)?.reason).toBe(
      `due since 2026-02-11 15:00 UTC; ${why}; last success 2026-02-11 00:00 UTC, ends 2026-02-12 00:00 UTC`,
    );
  });
});
