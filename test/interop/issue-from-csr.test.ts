import { beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import type { Principal } from '../../src/domain/principal.ts';
import type { Profile } from '../../src/domain/profile.ts';
import { issue } from '../../src/issuance/issue.ts';
import { type CsrRequest, issueFromCsr } from '../../src/issuance/issue-from-csr.ts';
import { activeIssuer, makeEstate, now, portsOf, profile } from '../unit/issuance/scene.ts';

type Operator = Extract<Principal, { kind: 'operator' }>;

const operator = (over: Partial<Operator> = {}): Operator => ({
  kind: 'operator',
  tokenId: '1',
  name: 'alice',
  role: 'issuer',
  limits: { profiles: null, names: null, sources: null },
  ...over,
});

let ask: (over?: Partial<CsrRequest>) => Promise<readonly string[]>;

/** A CSR by OpenSSL, for what our own code might read too kindly. */
function csr(subject: string, san?: string): Uint8Array {
  const extra = san === undefined ? [] : ['-addext', `subjectAltName=${san}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'];
  return execFileSync('openssl', ['req', '-new', ...key, '-subj', subject, ...extra, '-outform', 'DER'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

beforeAll(async () => {
  const ports = portsOf(activeIssuer(await makeEstate()));
  const profiles = new Map<string, Profile>([
    [
      'nginx-vhost',
      profile({ allowedNames: { dnsNames: [{ subdomainsOf: 'example.org' }], ipAddresses: [], uris: [] } }),
    ],
    ['keylime-tenant', profile({ name: 'keylime-tenant', extendedKeyUsage: ['clientAuth'] })],
    ['devid', profile({ name: 'devid', obtainedBy: ['device'], keyOrigin: 'tpm' })],
  ]);
  const fromCsr = issueFromCsr({
    profiles,
    issue: issue(ports),
    isWeakModulus: () => false,
    reservedNames: ['ca.example.org'],
  });
  ask = async (over = {}) => {
    const result = await fromCsr({
      profile: 'nginx-vhost',
      csrDer: csr('/CN=www.example.org', 'DNS:www.example.org'),
      principal: operator(),
      idempotencyKey: null,
      bodySha256: 'b'.repeat(64),
      now,
      ...over,
    });
    return result.ok
      ? [`issued ${result.value.record.names.dnsNames.join(' ')}`]
      : result.error.map(({ reason }) => reason);
  };
});

describe('a CSR of an operator', () => {
  test('gets a certificate for the names it asks for', async () => {
    expect(await ask()).toEqual(['issued www.example.org']);
  });

  test('may name its host by the commonName alone, as old tools do', async () => {
    expect(await ask({ csrDer: csr('/CN=WWW.example.org') })).toEqual(['issued www.example.org']);
  });

  test.each([
    ['an unknown profile', { profile: 'nginx' }, 'unknownProfile'],
    ['a profile that only a device can have', { profile: 'devid' }, 'profileNotForOperators'],
    ['clientAuth without the role of an admin', { profile: 'keylime-tenant' }, 'roleNotSufficient'],
    [
      'a profile beyond its token',
      { principal: operator({ limits: { profiles: ['openbao-server'], names: null, sources: null } }) },
      'profileBeyondToken',
    ],
    [
      'a name beyond its token',
      { principal: operator({ limits: { profiles: null, names: [{ exact: 'a.example.org' }], sources: null } }) },
      'nameBeyondToken',
    ],
  ] as const)('is refused for %s', async (_, over, reason) => {
    expect(await ask(over)).toEqual([reason]);
  });

  test.each([
    ['a name beyond the profile', '/CN=www.example.net', 'DNS:www.example.net', 'nameNotAllowed'],
    ['a commonName that is none of its names', '/CN=root', 'DNS:www.example.org', 'commonNameNotAName'],
    ['a name of the service itself', '/CN=ca.example.org', 'DNS:ca.example.org,DNS:www.example.org', 'nameReserved'],
    ['an e-mail address', '/CN=www.example.org', 'DNS:www.example.org,email:a@example.org', 'nameKindNotSupported'],
    [
      'an address the profile does not allow',
      '/CN=www.example.org',
      'DNS:www.example.org,IP:10.0.0.1',
      'nameNotAllowed',
    ],
  ])('is refused for %s', async (_, subject, san, reason) => {
    expect(await ask({ csrDer: csr(subject, san) })).toEqual([reason]);
  });

  test('is refused for the example UUID of the Keylime documentation, whatever else it says', async () => {
    const placeholder = csr('/CN=d432fbb3-d2f1-4a97-9ef7-75bd81c00000', 'DNS:www.example.org');
    expect(await ask({ csrDer: placeholder })).toContain('placeholderAgentUuid');
  });

  test('is refused when anything follows it, or it is anything else', async () => {
    const good = csr('/CN=www.example.org', 'DNS:www.example.org');
    expect(await ask({ csrDer: Buffer.concat([good, Buffer.from([0])]) })).toEqual(['trailingOctets']);
    expect(await ask({ csrDer: Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x05) })).toEqual(['malformedRequest']);
    expect(await ask({ csrDer: new Uint8Array(20_000) })).toEqual(['requestTooLarge']);
  });
});
