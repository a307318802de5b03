import { describe, expect, test } from '@jest/globals';
import { planCertificate, type PlanRequest } from '../../../src/domain/plan.ts';
import type { Profile } from '../../../src/domain/profile.ts';

const now = new Date(Date.UTC(2026, 10, 23, 12, 0, 0, 750));

const profile = (over: Partial<Profile> = {}): Profile => ({
  name: 'keylime-agent',
  digest: 'd'.repeat(64),
  description: '',
  domain: 'estate',
  obtainedBy: ['device'],
  keyOrigin: 'software',
  keyTypes: ['ec-p256'],
  lifetimeSeconds: 86_400,
  backdateSeconds: 60,
  commonName: 'keylimeAgent',
  allowedNames: { dnsNames: [{ any: true }], ipAddresses: [{ cidr: '10.0.0.0/8' }], uris: [] },
  fixedNames: { dnsNames: [], ipAddresses: ['127.0.0.1', '::1'], uris: [] },
  hardwareModuleName: false,
  keyUsage: ['digitalSignature'],
  extendedKeyUsage: ['serverAuth'],
  certificatePolicies: [],
  authorityInformationAccess: 'issuer',
  crlDistributionPoint: 'none',
  maxPemCharacters: 2047,
  ...over,
});

const asked = (over: Partial<PlanRequest> = {}): PlanRequest => ({
  profile: profile(),
  subject: {
    names: { dnsNames: ['a.example.org', 'agent.keylime.a.example.org'], ipAddresses: ['10.0.0.7'], uris: [] },
    hostName: 'a.example.org',
    keylimeUuid: 'e'.repeat(64),
    principal: null,
    hardwareSerial: null,
  },
  key: { subjectPublicKeyInfo: new Uint8Array(91), keyType: 'ec-p256', origin: 'software' },
  issuer: {
    domain: 'estate',
    notBefore: new Date(Date.UTC(2020, 0, 1)),
    notAfter: new Date(Date.UTC(2030, 0, 1)),
    issuerUrl: 'http://pki/i.cer',
    crlUrl: 'http://pki/c.crl',
  },
  now,
  ...over,
});

const subject = (over: Partial<PlanRequest['subject']>): PlanRequest['subject'] => ({ ...asked().subject, ...over });
const reasons = (request: PlanRequest): readonly string[] => {
  const planned = planCertificate(request);
  return planned.ok ? [] : planned.error.map((denial) => denial.reason);
};

describe('a plan', () => {
  test('has whole seconds, the backdate, and both ends of the lifetime included', () => {
    const planned = planCertificate(asked());
    expect(planned.ok && [planned.value.notBefore.toISOString(), planned.value.notAfter.toISOString()]).toEqual([
      '2026-11-23T11:59:00.000Z',
      '2026-11-24T11:58:59.000Z',
    ]);
  });

  test('begins with its issuer, when that is younger than the backdate', () => {
    const notBefore = new Date(Date.UTC(2026, 10, 23, 11, 59, 30));
    const planned = planCertificate(asked({ issuer: { ...asked().issuer, notBefore } }));
    expect(planned.ok && planned.value.notBefore).toEqual(notBefore);
  });

  test('adds the names that the profile writes, each once', () => {
    const planned = planCertificate(
      asked({ profile: profile({ fixedNames: { dnsNames: ['a.example.org'], ipAddresses: ['::1'], uris: [] } }) }),
    );
    expect(planned.ok && planned.value.names).toEqual({
      dnsNames: ['a.example.org', 'agent.keylime.a.example.org'],
      ipAddresses: ['10.0.0.7', '::1'],
      uris: [],
    });
  });

  test('takes URLs from the issuer only where the profile says so', () => {
    const planned = planCertificate(asked());
    expect(planned.ok && [planned.value.issuerUrl, planned.value.crlUrl]).toEqual(['http://pki/i.cer', null]);
  });

  test.each([
    ['the Keylime UUID where it is known', {}, 'e'.repeat(64)],
    ['agent.keylime.<host> where it is not', { keylimeUuid: null }, 'agent.keylime.a.example.org'],
  ])('names a Keylime agent by %s', (_, over, expected) => {
    const planned = planCertificate(asked({ subject: subject(over) }));
    expect(planned.ok && planned.value.commonName).toBe(expected);
  });

  test('names a Keylime agent by agent.keylime.<host> even where the UUID is known, when the profile says so', () => {
    const planned = planCertificate(asked({ profile: profile({ commonName: 'keylimeAgentName' }) }));
    expect(planned.ok && planned.value.commonName).toBe('agent.keylime.a.example.org');
  });
});

describe('a denial', () => {
  test('comes for a software key under a TPM profile, and the other way round', () => {
    expect(reasons(asked({ profile: profile({ keyOrigin: 'tpm' }) }))).toEqual(['keyOriginNotAllowed']);
    expect(reasons(asked({ key: { ...asked().key, origin: 'tpm' } }))).toEqual(['keyOriginNotAllowed']);
  });

  test('comes for a key type that the profile does not take', () => {
    expect(reasons(asked({ key: { ...asked().key, keyType: 'rsa-2048' } }))).toEqual(['keyTypeNotAllowed']);
  });

  test.each(['hostName', 'keylimeAgent', 'keylimeAgentName', 'firstDnsName', 'principal'] as const)(
    'comes for a commonName that cannot be made: %s',
    (commonName) => {
      const nobody = {
        ...{ names: { dnsNames: [], ipAddresses: ['10.0.0.7'], uris: [] }, hostName: null },
        ...{ keylimeUuid: null, principal: null },
      };
      expect(reasons(asked({ profile: profile({ commonName }), subject: subject(nobody) }))).toEqual([
        'commonNameUnknown',
      ]);
    },
  );

  test('comes for a commonName of more than 64 characters, with the reason', () => {
    const hostName = `${'a'.repeat(60)}.example.org`;
    const planned = planCertificate(
      asked({ profile: profile({ commonName: 'hostName' }), subject: subject({ hostName }) }),
    );
    expect(planned.ok ? null : planned.error[0]).toMatchObject({
      reason: 'commonNameTooLong',
      field: 'subject.commonName',
    });
  });

  test('comes for an address outside the rules, and for each malformed name', () => {
    const names = {
      dnsNames: ['a.example.org', '-bad'],
      ipAddresses: ['192.0.2.1', '010.0.0.1'],
      uris: ['spiffe://x/y'],
    };
    expect(reasons(asked({ subject: subject({ names }) }))).toEqual([
      'malformedName',
      'nameNotAllowed',
      'malformedName',
      'nameNotAllowed',
    ]);
  });

  test('comes when a server certificate would have no name', () => {
    const nameless = profile({ fixedNames: { dnsNames: [], ipAddresses: [], uris: [] } });
    expect(
      reasons(asked({ profile: nameless, subject: subject({ names: { dnsNames: [], ipAddresses: [], uris: [] } }) })),
    ).toEqual(['noName']);
  });

  test('comes when the profile names the TPM and none is known', () => {
    expect(reasons(asked({ profile: profile({ hardwareModuleName: true }) }))).toEqual(['hardwareModuleUnknown']);
  });

  test('comes for an issuer of the other trust domain, and one that ends too early', () => {
    const issuer = {
      ...asked().issuer,
      domain: 'keylime-control',
      notAfter: new Date(Date.UTC(2026, 10, 24)),
    } as const;
    expect(reasons(asked({ issuer }))).toEqual(['wrongTrustDomain', 'outlivesIssuer']);
  });

  test('never repeats control characters of a hostile name', () => {
    const names = { dnsNames: ['a\u001b[31m.example.org'], ipAddresses: [], uris: [] };
    const planned = planCertificate(asked({ subject: subject({ names }) }));
    expect(planned.ok ? '' : planned.error.map((denial) => denial.detail).join()).not.toMatch(/\u001b/);
  });
});
