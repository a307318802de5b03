// Every profile that is shipped, issued once and judged by OpenSSL: strict, for its own purpose, and for no other. This is
// where "clientAuth is never issued under the estate's root" is shown for all of them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import type { Profile, TrustDomain } from '../../src/domain/profile.ts';
import { makeTrustDomain, type MadeTrustDomain } from '../../src/issuance/ceremony.ts';
import { issue } from '../../src/issuance/issue.ts';
import { loadPolicies } from '../../src/policies.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { activeIssuer, now, portsOf, request } from '../unit/issuance/scene.ts';

const policies = loadPolicies(join(import.meta.dirname, '../../policies'));
const profiles = policies.ok ? [...policies.value.profiles.values()] : [];
const domains = ['estate', 'keylime-control'] as const;
const made = new Map<TrustDomain, MadeTrustDomain>();
let work: string;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'omens-profiles-'));
  for (const domain of domains) {
    const hierarchy = await makeTrustDomain({
      domain,
      keyType: 'ec-p256',
      plainUrl: 'http://127.0.0.1:8080',
      random: (n) => randomBytes(n),
      now,
    });
    made.set(domain, hierarchy);
    writeFileSync(join(work, `${domain}-root.pem`), encodePem('CERTIFICATE', hierarchy.root.der));
    writeFileSync(join(work, `${domain}-issuing.pem`), encodePem('CERTIFICATE', hierarchy.issuing.der));
  }
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

function spki(profile: Profile): Uint8Array {
  const { publicKey } = profile.keyTypes[0]!.startsWith('rsa')
    ? generateKeyPairSync('rsa', { modulusLength: Number(profile.keyTypes[0]!.slice(4)) })
    : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return publicKey.export({ type: 'spki', format: 'der' });
}

async function certificateOf(profile: Profile): Promise<string> {
  const hierarchy = made.get(profile.domain)!;
  const issued = await issue({ ...portsOf(activeIssuer(hierarchy)) })(
    request({
      profile,
      subject: {
        names: {
          dnsNames: profile.allowedNames.dnsNames.length === 0 ? [] : ['keylime.funlab.casa'],
          ipAddresses: [],
          uris: [],
        },
        hostName: 'keylime.funlab.casa',
        keylimeUuid: 'a'.repeat(64),
        principal: 'alice',
        hardwareSerial: '49465800:AB:01',
      },
      key: { subjectPublicKeyInfo: spki(profile), keyType: profile.keyTypes[0]!, origin: profile.keyOrigin },
    }),
  );
  if (!issued.ok) throw new Error(JSON.stringify(issued.error));
  return issued.value.certificatePem;
}

function verify(profile: Profile, pem: string, ...extra: readonly string[]): boolean {
  const leaf = join(work, `${profile.name}.pem`);
  writeFileSync(leaf, pem);
  const [root, issuing] = ['root', 'issuing'].map((role) => join(work, `${profile.domain}-${role}.pem`)) as [
    string,
    string,
  ];
  const attime = ['-attime', String(Math.floor(now.getTime() / 1000))];
  const result = spawnSync('openssl', [
    'verify',
    '-x509_strict',
    ...attime,
    ...extra,
    '-CAfile',
    root,
    '-untrusted',
    issuing,
    leaf,
  ]);
  return result.status === 0;
}

test('the policies load, and hold every profile that the estate needs', () => {
  expect(policies.ok).toBe(true);
  expect(profiles.map(({ name }) => name).toSorted()).toEqual([
    'devid',
    'keylime-admin',
    'keylime-agent',
    'keylime-monitor',
    'keylime-server',
    'keylime-tenant',
    'keylime-verifier-client',
    'nginx-vhost',
    'omens-server',
    'openbao-server',
    'spire-agents',
    'spire-bundle-endpoint',
    'spire-server-keylime-plugin',
    'tower-infrastructure',
  ]);
});

describe.each(profiles.map((profile) => [profile.name, profile] as const))(
  'a certificate of profile %s',
  (_, profile) => {
    let pem: string;

    beforeAll(async () => {
      pem = await certificateOf(profile);
    });

    test('is accepted by OpenSSL in strict mode', () => {
      expect(verify(profile, pem)).toBe(true);
    });

    test('serves exactly its own purpose', () => {
      const purposes = ['sslclient', 'sslserver'].map((purpose) => verify(profile, pem, '-purpose', purpose));
      expect(purposes).toEqual([
        profile.extendedKeyUsage.includes('clientAuth'),
        profile.extendedKeyUsage.includes('serverAuth'),
      ]);
    });

    test('is a TLS client under the control root, and never under the estate’s', () => {
      expect(verify(profile, pem, '-purpose', 'sslclient')).toBe(profile.domain === 'keylime-control');
    });

    test('has the lifetime of its profile and a commonName', () => {
      const certificate = new X509Certificate(pem);
      const seconds = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 1000 + 1;
      expect(seconds).toBe(profile.lifetimeSeconds);
      expect(certificate.subject).toMatch(/^CN=.+$/);
      expect(pem.length).toBeLessThan(profile.maxPemCharacters === null ? Infinity : 2048);
    });
  },
);
