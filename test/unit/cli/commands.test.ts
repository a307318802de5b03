// Commands over a fake service: what they ask, what goes to which stream, and which exit code they have.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import type { ServiceSettings } from '../../../src/cli/service.ts';
import { fakeWorld, refusedWith } from '../../fakes/service.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'omens-cli-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const certificate = {
  ...{ certificate: 'ab'.repeat(32), profile: 'nginx-vhost', serial: '01', issuer: 'cd'.repeat(32) },
  ...{ subject: 'CN=www.example.org', dnsNames: ['www.example.org'], ipAddresses: [], uris: [] },
  ...{ notBefore: '2026-11-20T12:00:00Z', notAfter: '2026-12-20T11:59:59Z', status: 'good', reasonCode: null },
  ...{ device: null, lineage: null, issuedAt: '2026-11-20T12:00:00Z', renewAt: '2026-12-10T12:00:00Z' },
  ...{ pem: 'LEAF\n', chain: 'CHAIN\n' },
};

const denied = {
  ...{ type: 'https://ca.example.org/problems/nameNotAllowed', title: 'A name is not allowed', status: 403 },
  ...{ detail: 'the name x is not allowed', instance: 'urn:uuid:0', field: 'dnsNames', accepted: 'www.example.org' },
};

describe('results and talk', () => {
  test('a list is a table on stdout, and where the next page is goes to stderr', async () => {
    const world = fakeWorld({ findCertificates: { items: [certificate], next: 'abc' } });
    expect(await run(['certs', 'list', '--within', '30d', '--limit', '1'], world)).toBe(0);
    expect(world.calls).toEqual([['findCertificates', expect.objectContaining({ within: '30d', limit: 1 })]]);
    expect(world.out()).toContain('CN=www.example.org');
    expect(world.out()).not.toContain('abc\n');
    expect(world.errors()).toContain('--cursor abc');
  });

  test('--json prints the resource unchanged, as one line', async () => {
    const page = { items: [certificate], next: null };
    const world = fakeWorld({ findCertificates: page });
    expect(await run(['certs', 'list', '--json'], world)).toBe(0);
    expect(world.out().match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(world.out())).toEqual(page);
    expect(world.errors()).toBe('');
  });

  test('what a host wrote into a name cannot move the cursor of a terminal', async () => {
    const world = fakeWorld({ findCertificates: { items: [{ ...certificate, subject: 'CN=\x1b[2Jx' }], next: null } });
    await run(['certs', 'list'], world);
    expect(world.out()).not.toContain('\x1b');
  });
});

describe('failures', () => {
  test('a refusal is one omens line and its hints, exit code 1', async () => {
    const world = fakeWorld({ showCertificate: refusedWith(denied) });
    expect(await run(['certs', 'show', 'x'], world)).toBe(1);
    expect(world.out()).toBe('');
    expect(world.errors()).toBe(
      'omens: the name x is not allowed (nameNotAllowed)\nhint: dnsNames: accepted: www.example.org\n',
    );
  });

  test('with --json the problem document itself is on stderr', async () => {
    const world = fakeWorld({ showCertificate: refusedWith(denied) });
    expect(await run(['certs', 'show', 'x', '--json'], world)).toBe(1);
    expect(JSON.parse(world.errors())).toEqual(denied);
  });

  test('every denial has its line', async () => {
    const denials = [
      { reason: 'nameNotAllowed', detail: 'no x', field: 'dnsNames', accepted: 'y' },
      { reason: 'keyTypeNotAllowed', detail: 'no rsa' },
    ];
    const world = fakeWorld({ showCertificate: refusedWith({ ...denied, denials }) });
    await run(['certs', 'show', 'x'], world);
    expect(world.errors()).toContain('hint: nameNotAllowed: no x; dnsNames: accepted: y\n');
    expect(world.errors()).toContain('hint: keyTypeNotAllowed: no rsa\n');
  });

  test('wrong usage has exit code 2 and asks the service nothing', async () => {
    for (const args of [
      ['nonsense'],
      ['certs', 'list', '--status', 'odd'],
      ['tokens', 'create'],
      ['tokens', 'create', '--operator', 'x', '--role', 'emperor'],
      ['tokens', 'create', '--host', 'a.example.org', '--profile', 'Nginx'],
      ['devices', 'approve', 'id'],
      ['devices', 'approve', 'id', '--version', 'x'],
      ['report', 'expiry', '--within', 'soon'],
      ['agent', 'enroll', '--server', 'https://ca.example.org'],
      ['agent', 'enroll', '--tpm', 'somewhere', '--root', directory],
    ]) {
      const world = fakeWorld({});
      expect([args, await run(args, world)]).toEqual([args, 2]);
      expect(world.calls).toEqual([]);
      expect(world.errors()).toMatch(/^omens: /);
    }
  });

  test('help is a result', async () => {
    const world = fakeWorld({});
    expect(await run(['agent', 'status', '--help'], world)).toBe(0);
    expect(world.out()).toContain('how this host stands');
  });
});

describe('where the service is', () => {
  const asked = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<ServiceSettings[]> => {
    const seen: ServiceSettings[] = [];
    const inner = fakeWorld({ listDevices: { items: [], next: null } });
    const openService = async (settings: ServiceSettings) => {
      seen.push(settings);
      return inner.openService(settings);
    };
    expect(await run(['devices', 'list', ...args], { ...inner, env, openService })).toBe(0);
    return seen;
  };

  test('flags win over the environment, and the token is read from its file', async () => {
    writeFileSync(join(directory, 'token'), 'omens-operator-v1.x\n');
    writeFileSync(join(directory, 'ca.pem'), 'PEM');
    const flags = ['--url', 'https://b.example.org', '--token-file', join(directory, 'token')];
    const env = { OMENS_URL: 'https://a.example.org', OMENS_CA_FILE: join(directory, 'ca.pem') };
    expect(await asked(flags, env)).toEqual([
      { url: 'https://b.example.org', token: 'omens-operator-v1.x', trust: { kind: 'bundle', pem: 'PEM' } },
    ]);
  });

  test('without anything it is the own host, and the roots that everybody knows', async () => {
    expect(await asked([], {})).toEqual([{ url: 'https://127.0.0.1:8443', token: null, trust: { kind: 'public' } }]);
  });
});

describe('tokens', () => {
  test('one for a host is alone on stdout, and the command for the host on stderr', async () => {
    const resource = {
      ...{ id: 'i', token: 'omens-enroll-v1.secret', hostName: 'tower.example.org', grants: [] },
      ...{ command: 'omens agent enroll --token-file F', expiresAt: '2026-11-24T12:00:00Z' },
    };
    const world = fakeWorld({ createEnrollmentToken: resource });
    const names = ['--profile', 'devid', 'nginx-vhost=www.example.org,example.org'];
    expect(await run(['tokens', 'create', '--host', 'Tower.example.org', ...names, '--ttl', '1h'], world)).toBe(0);
    expect(world.calls).toEqual([
      [
        'createEnrollmentToken',
        {
          hostName: 'tower.example.org',
          profiles: [{ profile: 'devid' }, { profile: 'nginx-vhost', dnsNames: ['www.example.org', 'example.org'] }],
          ttlSeconds: 3600,
        },
      ],
    ]);
    expect(world.out()).toBe('omens-enroll-v1.secret\n');
    expect(world.errors()).toContain('omens agent enroll --token-file F\n');
    expect(world.errors()).not.toContain('secret');
  });

  test('one for a person carries its limits', async () => {
    const resource = { id: 'i', token: 't', name: 'deploy', role: 'issuer', limits: {}, expiresAt: 'x' };
    const world = fakeWorld({ createOperatorToken: resource });
    const limits = ['--limit-profile', 'nginx-vhost', '--limit-name', '*.example.org'];
    expect(await run(['tokens', 'create', '--operator', 'deploy', '--role', 'issuer', ...limits], world)).toBe(0);
    expect(world.calls[0]?.[1]).toEqual({
      name: 'deploy',
      role: 'issuer',
      limits: { profiles: ['nginx-vhost'], names: ['*.example.org'] },
    });
    expect(world.out()).toBe('t\n');
  });
});

describe('devices', () => {
  test('an approval names the version that was looked at', async () => {
    const world = fakeWorld({ approveEnrollment: { hostName: 'tower.example.org' } });
    expect(await run(['devices', 'approve', 'some-id', '--version', '3'], world)).toBe(0);
    expect(world.calls).toEqual([['approveEnrollment', 'some-id', { version: 3 }]]);
  });

  test('an endorsement key is registered by the fingerprint as a host prints it', async () => {
    const world = fakeWorld({ preregister: { hostName: 'tower.example.org', ekFingerprint: 'ab' } });
    const args = ['--ek', 'AB:CD', '--host', 'tower.example.org', '--exception', 'noCertificate'];
    expect(await run(['devices', 'preregister', ...args], world)).toBe(0);
    expect(world.calls[0]?.[1]).toEqual({
      ekFingerprint: 'abcd',
      hostName: 'tower.example.org',
      exception: 'noCertificate',
    });
  });
});

describe('a certificate for a CSR', () => {
  const args = (): string[] => {
    writeFileSync(join(directory, 'r.csr'), Uint8Array.of(0x30, 1, 2));
    return ['issue', '--profile', 'nginx-vhost', '--csr', join(directory, 'r.csr'), '--out', join(directory, 'out')];
  };

  test('is written as certificate, chain and both', async () => {
    const world = fakeWorld({ issue: certificate });
    expect(await run(args(), world)).toBe(0);
    expect(readdirSync(join(directory, 'out')).sort()).toEqual(['certificate.pem', 'chain.pem', 'fullchain.pem']);
    expect(readFileSync(join(directory, 'out/fullchain.pem'), 'utf8')).toBe('LEAF\nCHAIN\n');
    expect(world.calls[0]?.[1]).toEqual({ profile: 'nginx-vhost', csr: 'MAEC' });
  });

  test('is asked for by the same key until its files are there, then by another', async () => {
    const lost = { fault: { reason: 'serverUnreachable', detail: 'gone' } };
    const failing = fakeWorld({ issue: lost });
    expect(await run(args(), failing)).toBe(1);
    expect(existsSync(join(directory, 'out/.omens-attempt.json'))).toBe(true);
    const good = fakeWorld({ issue: certificate });
    expect(await run(args(), good)).toBe(0);
    expect(await run(args(), good)).toBe(0);
    const [first, second, third] = [...failing.calls, ...good.calls].map(([, , key]) => String(key));
    expect(first).toMatch(/^[A-Za-z0-9_-]{16,64}$/);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });
});

test('the CA of a domain is found where no id is given', async () => {
  const items = [
    { id: 'old', role: 'issuing', active: false, trustDomain: 'estate' },
    { id: 'other', role: 'issuing', active: true, trustDomain: 'keylime-control' },
    { id: 'ours', role: 'issuing', active: true, trustDomain: 'estate' },
  ];
  const world = fakeWorld({ listIssuers: { items, next: null }, issuerPem: 'PEM\n' });
  expect(await run(['issuers', 'root'], world)).toBe(0);
  expect(world.calls.at(-1)).toEqual(['issuerPem', 'ours', 'root']);
  expect(world.out()).toBe('PEM\n');
});
