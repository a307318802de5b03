// When hosts, certificates of nobody, CAs and issuance are not well.
import { describe, expect, test } from '@jest/globals';
import {
  aloneExpiry,
  certificateOnTwoHosts,
  unmanagedCertificate,
  type UnmanagedSubject,
} from '../../../../src/domain/standings/alone.ts';
import {
  endorsementEnding,
  hostFindings,
  hostNotSeen,
  type HostSubject,
  trustOutdated,
} from '../../../../src/domain/standings/host.ts';
import { enrollmentPending, unusualIssuance } from '../../../../src/domain/standings/issuance.ts';
import {
  crlOverdue,
  type IssuerSubject,
  issuersEnding,
  issuerUnavailable,
  pathEnds,
} from '../../../../src/domain/standings/issuer.ts';
import { longestWarning, shortestWarning } from '../../../../src/domain/warning-policy.ts';
import { at, policies, terms, told } from './scene.ts';

const policy = policies.warnings;
const day = 24;
const levelOf = (standings: readonly { readonly level: string }[]): string => standings[0]?.level ?? 'well';

describe('a host', () => {
  const host = (over: Partial<HostSubject> = {}): HostSubject => ({
    ...{ deviceId: 'device', hostName: 'auth.example.org', lastSeenAt: at(0), shortestLifetime: day * 3600 },
    ...{ firstCriticalAt: null, serving: 3, firstNotAfter: at(20) },
    ...over,
  });

  test.each<[string, Partial<HostSubject>, number, string]>([
    ['of 24 hours calls', {}, 5.9, 'well'],
    ['of 24 hours is silent', {}, 6, 'warning'],
    ['of 24 hours is silent for long', {}, 12, 'critical'],
    ['is critical with its first certificate', { firstCriticalAt: at(7) }, 7, 'critical'],
    ['of 7 days is silent', { shortestLifetime: 7 * day * 3600 }, 42, 'warning'],
    ['of 90 days is silent', { shortestLifetime: 90 * day * 3600 }, 48, 'warning'],
    ['of 90 days is silent for long', { shortestLifetime: 90 * day * 3600 }, 7 * day, 'critical'],
    ['without certificates is waited for by nobody', { shortestLifetime: null }, 999, 'well'],
  ])('%s', (_what, over, hour, level) => {
    expect(levelOf(hostNotSeen(host(over), at(hour), terms))).toBe(level);
  });

  test('says since when it is silent and what ends first', () => {
    expect(hostNotSeen(host(), at(7), terms)).toMatchObject([
      {
        cause: 'host:device',
        reason: 'has not called since 2026-02-11 00:00 UTC; the first of its 3 certificates ends 2026-02-11 20:00 UTC',
      },
    ]);
  });

  test('has a standing for each check that is bad, in its own words and on one line', () => {
    const finding = (check: string, level: 'ok' | 'warning' | 'critical' | 'unknown') => ({
      ...{ check, level, detail: `\u001b[31m${check}\nis bad`, fix: 'repair it' },
    });
    const findings = [
      finding('chain', 'critical'),
      finding('mode', 'warning'),
      finding('clock', 'ok'),
      finding('tpm', 'unknown'),
    ];
    const found = hostFindings({ deviceId: 'device', hostName: 'auth', reportedAt: at(0), findings });
    expect(found.map(({ subject, level, cause, reason }) => ({ subject, level, cause, reason }))).toEqual([
      {
        ...{ subject: 'device:device:chain', level: 'critical', cause: 'finding:chain' },
        reason: 'chain: [31mchain is bad; repair it',
      },
      {
        ...{ subject: 'device:device:mode', level: 'warning', cause: 'finding:mode' },
        reason: 'mode: [31mmode is bad; repair it',
      },
    ]);
  });

  test('has two days for a trust bundle', () => {
    const missing = { generation: 2, publishedAt: at(0) };
    const old = { deviceId: 'd', hostName: 'auth', generation: 1, missing, newest: 3 };
    const level = (hour: number): string => levelOf(trustOutdated(old, at(hour), terms));
    expect([47, 48, 14 * day].map(level)).toEqual(['well', 'warning', 'critical']);
  });

  test('is told of its EK certificate three months before its end', () => {
    const ek = { deviceId: 'd', hostName: 'auth', fingerprint: 'aa', notAfter: at(1000 * day) };
    const level = (days: number): string => levelOf(endorsementEnding(ek, at(days * day), terms));
    expect([909, 910, 970, 1001].map(level)).toEqual(['well', 'warning', 'critical', 'critical']);
  });
});

describe('a certificate without a lineage', () => {
  const one = (principal: string, hours: number) => ({
    ...{
      fingerprint: 'aa',
      profile: 'nginx-vhost',
      commonName: 'www',
      principal,
      notBefore: at(0),
      notAfter: at(hours),
    },
  });

  test('of a script is told of by its lifetime, and given up a month after its end', () => {
    const level = (hour: number): string => levelOf(aloneExpiry(one('operator:ci:1', 30 * day), at(hour), terms));
    expect([20 * day, 20.2 * day, 27.7 * day, 59 * day, 61 * day].map(level)).toEqual([
      ...['well', 'warning', 'critical', 'critical', 'well'],
    ]);
  });

  test('of the service itself is told of after its renewal window, and for ever', () => {
    const level = (hour: number): string => levelOf(aloneExpiry(one('service', 7 * day), at(hour), terms));
    expect([5 * day, 5.25 * day, 6 * day, 99 * day].map(level)).toEqual(['well', 'warning', 'critical', 'critical']);
  });

  const found = (over: Partial<UnmanagedSubject> = {}): UnmanagedSubject => ({
    ...{ deviceId: 'device', hostName: 'auth', path: '/etc/x.crt', fingerprint: 'aa', subject: 'CN=x' },
    ...{ notBefore: at(0), notAfter: at(90 * day), fault: null },
    ...over,
  });
  test.each<[string, Partial<UnmanagedSubject>, number, string]>([
    ['is well', {}, 59, 'well'],
    ['ends soon', {}, 60, 'warning'],
    ['ends very soon', {}, 83, 'critical'],
    ['was given up', {}, 121, 'well'],
    ['for a software key is critical whatever its dates', { fault: 'softwareKeyDevId' }, 1, 'critical'],
    ['with another fault is at least a warning', { fault: 'anotherHost' }, 1, 'warning'],
    ['that ended has no other fault', { fault: 'expired' }, 121, 'well'],
  ])('that nobody keeps %s', (_what, over, days, level) => {
    expect(levelOf(unmanagedCertificate(found(over), at(days * day), terms))).toBe(level);
  });
  test('that nobody keeps says where it is and what is wrong', () => {
    expect(unmanagedCertificate(found({ fault: 'softwareKeyDevId' }), at(1), terms)).toMatchObject([
      {
        ...{ subject: 'unmanaged:device:/etc/x.crt', cause: 'fault:softwareKeyDevId' },
        reason:
          '/etc/x.crt (CN=x): this DevID certifies a software key, not one of the TPM; not managed; ends 2026-05-12 00:00 UTC',
      },
    ]);
  });

  const place = (hostName: string) => ({ deviceId: hostName, hostName, path: '/etc/x.crt' });
  const owner = { deviceId: 'a', hostName: 'a' };
  test.each([
    ['of another host', owner, [place('b')], ['certificateOnTwoHosts critical']],
    ['of its own host', owner, [place('a')], []],
    ['of nobody on two hosts', null, [place('a'), place('b')], ['certificateOnTwoHosts warning']],
    ['of nobody on one host', null, [place('a'), { ...place('a'), path: '/copy' }], []],
  ])('%s', (_what, of, places, expected) => {
    expect(told(certificateOnTwoHosts({ fingerprint: 'aa', subject: 'CN=x', owner: of, places }))).toEqual(expected);
  });
});

describe('a CA', () => {
  const issuing: IssuerSubject = {
    ...{ id: 'book', domain: 'estate', role: 'issuing', name: 'Book of Omens', parentId: 'eye' },
    ...{ notBefore: at(0), notAfter: at(2000 * day), isActive: true },
  };
  const root: IssuerSubject = {
    ...issuing,
    id: 'eye',
    role: 'root',
    name: 'Eye of Thundera',
    parentId: null,
    notAfter: at(3000 * day),
  };
  const longest = new Map([['estate', { profile: 'devid', lifetimeSeconds: 90 * day * 3600 }]] as const);
  const ending = (days: number, issuers = [issuing, root]) =>
    issuersEnding(issuers, at(days * day), { policy, longest });

  test('is told of a year before it ends before what it should sign', () => {
    expect([1544, 1545, 1820, 2001].map((days) => levelOf(ending(days)))).toEqual([
      ...['well', 'warning', 'critical', 'critical'],
    ]);
    expect(ending(1545)).toMatchObject([
      {
        ...{ subject: 'issuer:book', cause: 'issuer:book' },
        reason:
          'Book of Omens (issuing, estate) ends 2031-08-04; from 2031-05-06 on it signs no devid certificates of 90 d: they would outlive it',
      },
    ]);
  });

  test('that is out of use is not told of, and its root with it', () => {
    expect(ending(1999, [{ ...issuing, isActive: false }, root])).toEqual([]);
    expect(ending(2999, [issuing, root]).map(({ subject }) => subject)).toEqual(['issuer:book', 'issuer:eye']);
  });

  test('ends with the first of its path', () => {
    const early = { ...root, notAfter: at(100) };
    expect(pathEnds([issuing, early]).get('book')).toEqual({ at: at(100), issuerId: 'eye', name: 'Eye of Thundera' });
    expect(pathEnds([issuing, root]).get('book')?.issuerId).toBe('book');
    const circle = [
      { ...issuing, parentId: 'eye' },
      { ...root, parentId: 'book' },
    ];
    expect(pathEnds(circle).size).toBe(2);
  });

  test('renews its CRL before a day and a half are left', () => {
    const level = (left: number): string => levelOf(crlOverdue({ ...issuing, nextUpdate: at(left) }, at(0), terms));
    expect([48, 37, 36, 12, -1].map(level)).toEqual(['well', 'well', 'warning', 'critical', 'critical']);
    expect(levelOf(crlOverdue({ ...issuing, nextUpdate: null }, at(0), terms))).toBe('critical');
  });

  test('that signs nothing is told of with the time until the first expiry', () => {
    const work = { issuer: issuing, unsigned: 3, unsignedSince: at(-1), firstNotAfter: at(7.9) };
    expect(issuerUnavailable({ ...work, unsigned: 2 }, at(0))).toEqual([]);
    expect(issuerUnavailable(work, at(0))).toMatchObject([
      {
        ...{ level: 'critical', cause: 'issuer:book' },
        reason:
          'Book of Omens cannot issue: 3 signatures asked for since 2026-02-10 23:00 UTC, and none came: is its key reachable?; first expiry 2026-02-11 07:54 UTC, in 7 h',
      },
    ]);
    expect(levelOf(issuerUnavailable({ ...work, unsigned: 0 }, at(2000 * day)))).toBe('critical');
  });
});

describe('issuance', () => {
  const seen = { lastHour: 0, newNames: [], refused: [] };
  const names = (n: number): readonly string[] => Array.from({ length: n }, (_, i) => `n${i}.example.org`);

  test.each([
    ['is ordinary up to its rate', { lastHour: 100 }, []],
    ['is unusual above it', { lastHour: 101 }, ['unusualIssuance warning']],
    ['is very unusual at ten times of it', { lastHour: 1001 }, ['unusualIssuance critical']],
    [
      'is unusual for new names',
      { newNames: [{ principal: 'operator:ci', names: names(9), last: at(0) }] },
      ['unusualIssuance warning'],
    ],
  ])('%s', (_what, over, expected) => {
    expect(told(unusualIssuance({ ...seen, ...over }, { policy }))).toEqual(expected);
  });

  test('does not tell of new names where nobody wants to hear of them', () => {
    const quiet = { unusualIssuance: { perHour: 100, newNames: false } };
    const newNames = [{ principal: 'operator:ci', names: names(1), last: at(0) }];
    expect(unusualIssuance({ ...seen, newNames }, { policy: quiet })).toEqual([]);
  });

  test('names who asked for what he may not have', () => {
    const refused = {
      reason: 'keyHeldElsewhere',
      principal: 'operator:ci',
      deviceId: null,
      name: 'operator:ci',
    } as const;
    expect(unusualIssuance({ ...seen, refused: [{ ...refused, count: 2, last: at(0) }] }, { policy })).toMatchObject([
      {
        reason:
          'operator:ci asked for a certificate for a key that belongs to another holder (2 requests within a day, last 2026-02-11 00:00 UTC)',
      },
    ]);
  });

  test('waits for a person by TPM, whichever enrollment is its newest', () => {
    const pending = { hostName: 'auth', fingerprint: 'ek', since: at(0) };
    const subjects = ['one', 'two'].map((id) => enrollmentPending({ ...pending, id }).subject);
    expect(new Set(subjects)).toEqual(new Set(['enrollment:ek']));
  });
});

describe('the bounds of levels by lifetime', () => {
  test('leave out nothing that a look would tell', () => {
    expect(longestWarning(policy.expiry)).toBe(30 * 86_400);
    expect(longestWarning({ ...policy.expiry, absolute: [] })).toBe(0.33 * 3650 * 86_400);
    expect(shortestWarning(policy.hostNotSeen, [86_400])).toBe(6 * 3600);
    expect(shortestWarning(policy.hostNotSeen, [240])).toBe(60);
  });
});
