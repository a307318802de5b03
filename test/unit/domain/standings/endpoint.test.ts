// Endpoints: what a probe saw against what ought to be, one difference at a time; what stands while nobody answers; and
// which certificate a look confirms.
import { describe, expect, test } from '@jest/globals';
import type { CertificateRecord } from '../../../../src/domain/certificate.ts';
import type { Endpoint, EndpointSeen } from '../../../../src/domain/endpoint.ts';
import type { CertificateUse, LineageFacts } from '../../../../src/domain/lineage.ts';
import type { SerialNumber } from '../../../../src/domain/serial.ts';
import {
  confirmationOf,
  type EndpointFacts,
  endpointFindings,
  endpointStandings,
  nextRecord,
  type ServedFacts,
} from '../../../../src/domain/standings/endpoint.ts';

const now = new Date('2026-11-26T12:00:00Z');
const hours = (count: number): Date => new Date(now.getTime() + count * 3_600_000);

const endpoint: Endpoint = {
  ...{ name: 'verifier', kind: 'keylime-verifier', host: 'v.example.org', port: 8881, serverName: 'v.example.org' },
  ...{ path: '/', trust: { kind: 'domain', domain: 'estate' }, clientAuth: 'demanded', clientCertificate: null },
  expects: { kind: 'lineage', hostName: 'v.example.org', profile: 'keylime-server', place: null },
  ...{ triesThrowaway: true, wrongCertificate: null },
};

const use = (fingerprint: string, over: Partial<CertificateUse> = {}): CertificateUse => ({
  ...{ fingerprint, serialNumber: '01', notBefore: hours(-12), notAfter: hours(12), issuedAt: hours(-12) },
  ...{ installedAt: hours(-11), confirmed: { at: hours(-11), by: 'probe' }, isRevoked: false },
  ...over,
});

const lineage = (over: Partial<LineageFacts> = {}): LineageFacts => ({
  ...{ id: 'lineage', deviceId: 'device', hostName: 'v.example.org', deviceState: 'active', profile: 'keylime-server' },
  ...{
    place: '',
    createdAt: hours(-1000),
    isGranted: true,
    hasSpireAgent: false,
    newest: use('new'),
    inUse: use('new'),
  },
  ...{ renewAt: null, pulled: null, attempt: null, askedAt: null, lastError: null, failures: 0 },
  ...over,
});

const record = (fingerprint: string, over: Partial<CertificateRecord> = {}): CertificateRecord => ({
  ...{ fingerprint, issuerId: 'issuer', serialNumber: '01' as SerialNumber, der: new Uint8Array(), spkiSha256: 'key' },
  ...{ profile: 'keylime-server', commonName: 'v.example.org', names: { dnsNames: [], ipAddresses: [], uris: [] } },
  ...{
    notBefore: hours(-12),
    notAfter: hours(12),
    principal: 'device:device',
    deviceId: 'device',
    issuedAt: hours(-12),
  },
  ...{ lineageId: 'lineage', renewAt: null, status: { kind: 'good' } },
  ...over,
});

const served = (fingerprint: string, over: Partial<ServedFacts> = {}): ServedFacts => ({
  ...{ sha256: fingerprint, notBefore: hours(-12), notAfter: hours(12), record: record(fingerprint) },
  ...{ owner: lineage(), expected: [lineage()] },
  ...over,
});

const refused = { kind: 'refused', detail: 'HTTP 400' } as const;
const taken = { kind: 'taken', detail: 'HTTP 200' } as const;
type Reached = Extract<EndpointSeen, { readonly reached: true }>;
const seen = (over: Partial<Reached> = {}): Reached => ({
  ...{ reached: true, chain: [new Uint8Array()], isClientAsked: true, withoutCertificate: refused },
  ...{ withCertificate: taken, wrongClients: [{ what: 'a self-signed one', reception: refused }], bundle: null },
  ...over,
});
const day = { warning: 6 * 3600, critical: 2 * 3600 };
const facts = (over: Partial<EndpointFacts> = {}): EndpointFacts => ({
  ...{ endpoint, seen: seen(), served: served('new'), chainFaults: [], now },
  policy: {
    expiry: { relative: { warning: 0.25, critical: 0.1 }, absolute: [], profiles: new Map([['keylime-server', day]]) },
    spireBundle: { warning: 12 * 3600, critical: 6 * 3600 },
  },
  ...over,
});
const found = (over: Partial<EndpointFacts>): readonly string[] =>
  endpointFindings(facts(over)).map(({ condition, level }) => `${level} ${condition}`);
const details = (over: Partial<EndpointFacts>): string =>
  endpointFindings(facts(over))
    .map(({ detail }) => detail)
    .join('\n');

describe('an endpoint', () => {
  test('that serves what it should, to whom it should, is well', () => {
    expect(found({})).toEqual([]);
  });

  test('that serves the certificate of another lineage is told with whose it is', () => {
    const other = lineage({ id: 'other', hostName: 'r.example.org' });
    const over = { served: served('theirs', { owner: other, record: record('theirs', { lineageId: 'other' }) }) };
    expect(found(over)).toEqual(['critical servedDiffers']);
    expect(details(over)).toBe(
      'serves the certificate of r.example.org, keylime-server, not of v.example.org, keylime-server',
    );
  });

  test('that serves what nobody issued, or what was revoked, is told', () => {
    expect(found({ served: served('x', { record: null, owner: null }) })).toEqual(['critical servedDiffers']);
    const status = { kind: 'revoked', reasonCode: 'keyCompromise', at: now } as const;
    expect(found({ served: served('new', { record: record('new', { status }) }) })).toEqual(['critical servedDiffers']);
  });

  test('that goes on with the certificate before is told when the next one lies there and is not read', () => {
    const old = (newest: CertificateUse) => {
      const owner = lineage({ newest, inUse: use('old') });
      return found({ served: served('old', { owner, expected: [owner] }) });
    };
    expect(old(use('new', { installedAt: hours(-1), confirmed: null }))).toEqual(['warning servedDiffers']);
    expect(old(use('new', { installedAt: new Date(now.getTime() - 60_000), confirmed: null }))).toEqual([]);
    expect(old(use('new', { installedAt: null, confirmed: null, issuedAt: new Date(now.getTime() - 60_000) }))).toEqual(
      [],
    );
    expect(old(use('new', { installedAt: null, confirmed: null }))).toEqual(['warning servedDiffers']);
  });

  test('whose lineage is nowhere in the inventory is told so', () => {
    expect(found({ served: served('new', { expected: [] }) })).toEqual(['warning servedDiffers']);
  });

  test('of which nothing is expected serves what it likes, until that ends', () => {
    const free = { ...endpoint, expects: null };
    const of = (notAfter: Date) =>
      found({ endpoint: free, served: served('x', { record: null, owner: null, expected: null, notAfter }) });
    expect(of(hours(100))).toEqual([]);
    expect(of(hours(3))).toEqual(['warning servedEnding']);
    expect(of(hours(-1))).toEqual(['critical servedEnding']);
  });

  test('that clients cannot verify is told with the clients, the worst of them deciding', () => {
    const fault = { client: 'Go', isForAll: false, detail: 'no issuer' };
    expect(found({ chainFaults: [fault] })).toEqual(['warning endpointChain']);
    expect(found({ chainFaults: [fault, { ...fault, isForAll: true }] })).toEqual(['critical endpointChain']);
  });

  test.each([
    ['asks nobody', seen({ isClientAsked: false, withoutCertificate: taken, wrongClients: [] }), 'clientNotAsked'],
    ['asks and lets in who has none', seen({ withoutCertificate: taken }), 'clientNotAsked'],
    ['takes anybody', seen({ wrongClients: [{ what: 'x', reception: taken }] }), 'clientNotRefused'],
  ])('that %s is critical', (_what, how, condition) => {
    expect(found({ seen: how })).toEqual([`critical ${condition}`]);
  });

  test('that only asks may let in who has none, but nobody with a wrong one', () => {
    const optional = { ...endpoint, clientAuth: 'optional' } as const;
    expect(found({ endpoint: optional, seen: seen({ withoutCertificate: taken }) })).toEqual([]);
  });

  test('that does not take the right certificate is told', () => {
    expect(found({ seen: seen({ withCertificate: refused }) })).toEqual(['warning endpointUnreachable']);
  });

  test('of SPIRE is told before its last authority ends, by the policy', () => {
    const bundle = (...ends: readonly number[]) =>
      found({ seen: seen({ bundle: { ok: true, authorities: ends.map((one) => ({ notAfter: hours(one) })) } }) });
    expect(bundle(2, 13)).toEqual([]);
    expect(bundle(2, 12)).toEqual(['warning spireBundle']);
    expect(bundle(2, 6)).toEqual(['critical spireBundle']);
    expect(found({ seen: seen({ bundle: { ok: false, detail: 'HTTP 502' } }) })).toEqual(['warning spireBundle']);
  });
});

describe('while nobody answers', () => {
  const away = { reached: false, isOtherProtocol: false, detail: 'connect ECONNREFUSED' } as const;
  const well = nextRecord(null, facts(), endpointFindings(facts()));
  const look = (before: typeof well, seconds: number) => {
    const then = facts({ seen: away, served: null, now: new Date(now.getTime() + seconds * 1000) });
    return nextRecord(before, then, endpointFindings(then));
  };
  const standings = (one: typeof well) =>
    endpointStandings(endpoint, one, null).map(({ level, condition }) => `${level} ${condition}`);

  test('a single look tells nothing, the second does, and after an hour it is critical', () => {
    const first = look(well, 300);
    expect(standings(first)).toEqual([]);
    expect(standings(look(first, 600))).toEqual(['warning endpointUnreachable']);
    expect(standings(look(first, 3900))).toEqual(['critical endpointUnreachable']);
  });

  test('what was wrong before stays wrong: only a look can say that it is not', () => {
    const wrong = facts({ seen: seen({ withoutCertificate: taken }) });
    const before = nextRecord(null, wrong, endpointFindings(wrong));
    expect(standings(look(before, 300))).toEqual(['critical clientNotAsked']);
    expect(nextRecord(look(before, 300), facts(), []).unreachableSince).toBeNull();
  });

  test('a port that speaks another protocol is told at once', () => {
    const other = facts({ seen: { ...away, isOtherProtocol: true }, served: null });
    expect(standings(nextRecord(well, other, endpointFindings(other)))).toEqual(['critical endpointUnreachable']);
  });
});

describe('what was served', () => {
  const confirmed = (over: Partial<ServedFacts>, sha256 = 'new') =>
    confirmationOf({ endpoint, served: served(sha256, over) }, { seenAt: now });
  const of = (over: Partial<LineageFacts>): Partial<ServedFacts> => {
    const owner = lineage(over);
    return { owner, expected: [owner] };
  };

  test('confirms the newest certificate that nobody, or its host alone, confirmed', () => {
    expect(confirmed(of({ newest: use('new', { confirmed: null }) }))).toBe('new');
    expect(confirmed(of({ newest: use('new', { confirmed: { at: hours(-1), by: 'host' } }) }))).toBe('new');
    expect(confirmed({})).toBeNull();
  });

  test('opens a lineage again whose older certificate is served after the newest was confirmed', () => {
    const back = of({ newest: use('new', { confirmed: { at: hours(-1), by: 'host' } }), inUse: use('new') });
    expect(confirmed(back, 'old')).toBe('old');
    const justNow = { at: new Date(now.getTime() - 60_000), by: 'host' } as const;
    expect(confirmed(of({ newest: use('new', { confirmed: justNow }) }), 'old')).toBeNull();
    expect(confirmed(of({ newest: use('new', { confirmed: null }), inUse: use('old') }), 'old')).toBeNull();
  });

  test('confirms nothing where another lineage is expected, or none', () => {
    const open = lineage({ newest: use('new', { confirmed: null }) });
    expect(confirmed({ owner: open, expected: [lineage({ id: 'other' })] })).toBeNull();
    const any = { ...endpoint, expects: { kind: 'managed' } } as const;
    expect(
      confirmationOf({ endpoint: any, served: served('new', { owner: open, expected: null }) }, { seenAt: now }),
    ).toBeNull();
  });
});
