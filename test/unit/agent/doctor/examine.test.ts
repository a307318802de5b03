// What the doctor says of a host's files: nothing of a good one, and of each incident its own finding with a way to mend it.
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Finding } from '../../../../src/agent/doctor/finding.ts';
import { makeLocalClient } from '../../../../src/agent/local-client.ts';
import type { DoctorPorts } from '../../../../src/agent/doctor/ports.ts';
import { ca, issued, serverPlan, spkiOf, p256 } from '../../x509/authority.ts';
import {
  agentConf,
  healthyHost,
  hostName,
  issuing,
  leaf,
  managed,
  now,
  pem,
  pkcs8,
  root,
  type TestHost,
} from './host.ts';

let host: TestHost;
beforeEach(async () => {
  host = await healthyHost();
});
afterEach(() => host.remove('/'));

const bad = (findings: readonly Finding[]): readonly Finding[] => findings.filter(({ level }) => level !== 'ok');

/** Checks by name, of everything that is not well. */
const checks = async (over?: Partial<DoctorPorts>): Promise<readonly string[]> =>
  bad(await host.findings(over)).map(({ check, level }) => `${check} ${level}`);

test('a good host has nothing but good findings', async () => {
  expect(bad(await host.findings())).toEqual([]);
});

const withConf = (from: string, to: string) => async (): Promise<void> =>
  host.put('/etc/keylime/agent.conf', agentConf.replace(from, to));

const incidents: readonly (readonly [incident: string, make: () => Promise<unknown>, expected: readonly string[]])[] = [
  [
    'a configuration under a name that no agent reads',
    async () => {
      await host.remove('/etc/keylime/agent.conf');
      await host.put('/etc/keylime/keylime-agent.conf', agentConf);
    },
    ['keylime-conf-name critical'],
  ],
  [
    'a second configuration that nobody reads',
    () => host.put('/etc/keylime/keylime-agent.conf', agentConf),
    ['keylime-conf-name warning'],
  ],
  ['an option twice', withConf('ip =', 'ip = "127.0.0.1"\nip ='), ['keylime-conf-duplicate critical']],
  ['an option of another program', withConf('ip =', 'mtls_cert = "x"\nip ='), ['keylime-conf-unknown warning']],
  [
    'a section of another program',
    withConf('[agent]', '[cloud_verifier]\ncloudverifier_ip = "x"\n[agent]'),
    ['keylime-conf-unknown warning'],
  ],
  ['no UUID', withConf('uuid = "hash_ek"\n', ''), ['keylime-uuid critical']],
  ['the word auto', withConf('"hash_ek"', '"auto"'), ['keylime-uuid critical']],
  ['the word generate', withConf('"hash_ek"', '"generate"'), ['keylime-uuid critical']],
  [
    'the UUID of the example',
    withConf('"hash_ek"', '"d432fbb3-d2f1-4a97-9ef7-75bd81c00000"'),
    ['keylime-uuid critical'],
  ],
  ['a copied UUID', withConf('"hash_ek"', '"ee755942-0001-4a97-9ef7-75bd81c00000"'), ['keylime-uuid critical']],
  ['agents without TLS', withConf('ip =', 'enable_agent_mtls = false\nip ='), ['keylime-mtls critical']],
  ['the built-in certificate', withConf('/etc/keylime/certs/agent.crt', 'default'), ['keylime-mtls warning']],
  ['payloads from anybody', withConf('ip =', 'enable_insecure_payload = true\nip ='), ['keylime-payload critical']],
  [
    'a leaf without its intermediate',
    async () =>
      host.put(
        '/etc/keylime/certs/agent.crt',
        (await host.text('/etc/keylime/certs/agent.crt')).split(/(?<=END CERTIFICATE-----\n)/)[0]!,
      ),
    ['chain-incomplete critical'],
  ],
  [
    'a trust file whose first certificate is no root',
    () => host.put('/etc/keylime/certs/ca-root-only.crt', pem(issuing.der, root.der)),
    ['trust-first critical'],
  ],
  [
    'an older root of the same name',
    () => host.put('/etc/keylime/certs/ca-complete-chain.crt', pem(issuing.der, root.der, ca('Eye of the Tests').der)),
    ['old-root critical'],
  ],
  [
    'a private key that every user may read',
    () => host.put('/etc/nginx/ssl/vhost.key', pkcs8(p256().privateKey), 0o644),
    ['key-open critical'],
  ],
  [
    'a key that is not the one of its certificate',
    () => host.put('/etc/keylime/certs/agent-pkcs8.key', pkcs8(p256().privateKey), 0o640),
    ['key-pair critical'],
  ],
  [
    'one certificate for two services',
    async () => host.put('/etc/nginx/ssl/registrar.crt', await host.text('/etc/keylime/certs/agent.crt')),
    ['same-certificate warning'],
  ],
  [
    'a certificate of another host',
    async () => {
      const { der, key } = leaf({
        names: { dnsNames: ['agent.keylime.ca.example.lan', 'ca.example.lan'], ipAddresses: [], uris: [] },
        commonName: 'ca.example.lan',
      });
      await host.put('/etc/keylime/certs/agent.crt', pem(der, issuing.der));
      await host.put('/etc/keylime/certs/agent-pkcs8.key', pkcs8(key), 0o640);
    },
    ['other-host critical'],
  ],
  [
    'a certificate that ended',
    async () =>
      host.put('/etc/nginx/ssl/old.crt', pem(leaf({ notAfter: new Date('2026-11-05T00:00:00Z') }).der, issuing.der)),
    ['expired critical'],
  ],
  [
    'a certificate from another root',
    async () => {
      const other = ca('Third Earth');
      const thundera = ca('Thundera', { issuer: other });
      await host.put('/etc/nginx/ssl/other.crt', pem(leaf({}, thundera).der, thundera.der, other.der));
    },
    ['other-root warning'],
  ],
  [
    'a certificate that Keylime takes for an administrator',
    async () => {
      const keys = p256();
      const plan = serverPlan({
        subjectPublicKeyInfo: spkiOf(keys.publicKey),
        extendedKeyUsage: ['serverAuth', 'clientAuth'],
        domain: 'keylimeControl',
      } as never);
      const control = ca('Control', { domain: 'keylimeControl' } as never);
      await host.put('/etc/keylime/certs/keylime-control-ca.crt', pem(control.der));
      await host.put('/etc/nginx/ssl/shared.crt', pem(issued(plan, control), control.der));
    },
    ['client-purpose critical', 'other-root warning'],
  ],
  [
    'a DevID for a software key',
    async () => host.put('/var/lib/tpm2-devid/devid.crt', pem(leaf().der, issuing.der), 0o640),
    ['softwareKeyDevId critical'],
  ],
  ['a DevID without any TPM key', () => host.remove('/var/lib/tpm2-devid/devid.pub'), ['softwareKeyDevId critical']],
  ['no unit', () => host.remove('/etc/systemd/system'), ['agent-unit critical']],
  [
    'a unit that does not start with the host',
    () => host.remove('/etc/systemd/system/multi-user.target.wants'),
    ['agent-unit critical'],
  ],
  [
    'a unit that other units can hold back',
    () => host.put('/etc/systemd/system/omens-agent.service', '[Unit]\nRequires=openbao.service\n'),
    ['agent-unit warning'],
  ],
  ['a root token of OpenBao', () => host.put('/root/.openbao-token', 's.secret', 0o600), ['root-token critical']],
  [
    'verification of servers switched off',
    () => host.put('/etc/profile.d/openbao.sh', 'export BAO_SKIP_VERIFY=true\n'),
    ['skip-verify warning'],
  ],
  [
    'an option that the SPIRE plugin does not know',
    () => host.put('/etc/spire/server.conf', 'keylime_tls_client_cert_file = "x"\n'),
    ['spire-conf warning'],
  ],
  [
    'a handle where SPIRE wants a file',
    () => host.put('/etc/spire/agent.conf', 'devid_priv_path = "0x81010002"\n'),
    ['spire-conf critical'],
  ],
];

describe('an incident is found', () => {
  test.each(incidents)('%s', async (_, make, expected) => {
    await make();
    const found = bad(await host.findings());
    expect(found.map(({ check, level }) => `${check} ${level}`)).toEqual(expected);
    for (const { fix } of found) expect(fix).toMatch(/\S+ \S+/);
  });

  test('a payload script that runs as root', async () => {
    await host.put('/etc/keylime/agent.conf', agentConf.replace(/^(?:payload_script|extract).*\n/gm, ''));
    expect(await checks()).toEqual(['keylime-payload warning']);
  });

  test('a key that is not PKCS #8', async () => {
    const { der, key } = leaf();
    await host.put('/etc/keylime/certs/agent.crt', pem(der, issuing.der));
    await host.put('/etc/keylime/certs/agent-pkcs8.key', key.export({ type: 'sec1', format: 'pem' }), 0o640);
    expect(await checks()).toEqual(['key-form warning']);
  });

  test('a certificate for addresses that this host does not have', async () => {
    expect(await checks({ addresses: ['192.0.2.7'] })).toEqual(['other-address warning']);
  });

  test('a file that its program may not read', async () => {
    await host.put('/etc/passwd', 'keylime:x:4242:4242::/:/bin/false\nopenbao:x:4243:4243::/:/bin/false\n');
    await host.put('/opt/openbao/tls/tls.crt', pem(issuing.der), 0o640);
    const found = bad(await host.findings()).filter(({ path }) => path === '/opt/openbao/tls/tls.crt');
    expect(found).toMatchObject([{ check: 'key-reader', level: 'critical' }]);
    expect(found[0]!.detail).toContain('user openbao');
  });

  test('a unit under another spelling', async () => {
    await host.put('/etc/systemd/system/keylime-agent.service', '[Service]\n');
    const found = bad(await host.findings({ managed: [managed({ units: ['keylime_agent.service'] })] }));
    const [first] = found.filter(({ check }) => check === 'unit-name');
    expect(first?.fix).toContain('keylime-agent.service');
  });

  test.each([
    [-30, []],
    [120, ['clock warning']],
    [-4000, ['clock critical']],
  ])('a clock that is %d s off', async (seconds, expected) => {
    expect(await checks({ clockDifference: () => Promise.resolve(seconds) })).toEqual(expected);
  });

  test('a server that cannot be asked is unknown, not well', async () => {
    const clockDifference = (): Promise<number> => Promise.reject(new Error('no route'));
    expect(await checks({ clockDifference })).toEqual(['clock unknown']);
  });

  test('a disk that is nearly full', async () => {
    const space = (): Promise<{ free: number; total: number }> => Promise.resolve({ free: 1000, total: 2 ** 35 });
    expect(new Set(await checks({ space }))).toEqual(new Set(['space critical']));
  });

  test('a trust bundle that is old', async () => {
    expect(await checks({ trust: { here: 1, newest: 2 } })).toEqual(['trust-bundle warning']);
    expect(await checks({ trust: { here: 2, newest: 2 } })).toEqual([]);
  });
});

describe('the files of a host', () => {
  test('are read through links inside of it, absolute ones too', async () => {
    const text = await host.text('/etc/keylime/certs/agent.crt');
    await host.put('/srv/generation-1/agent.crt', text);
    await host.remove('/etc/keylime/certs/agent.crt');
    await symlink('/srv/generation-1/agent.crt', join(host.directory, 'etc/keylime/certs/agent.crt'));
    expect(await checks()).toEqual([]);
  });

  test('are never read outside of it', async () => {
    const outside = await healthyHost();
    await outside.put('/secret.crt', pem(leaf({ notAfter: new Date('2026-11-02T00:00:00Z') }).der));
    await symlink(join(outside.directory, 'secret.crt'), join(host.directory, 'etc/keylime/certs/stolen.crt'));
    await symlink('../../../../../../../../../etc', join(host.directory, 'etc/nginx'));
    expect(await checks()).toEqual([]);
    await outside.remove('/');
  });

  test('may lead in a circle', async () => {
    await symlink('loop.crt', join(host.directory, 'etc/keylime/certs/loop.crt'));
    expect(await checks()).toEqual([]);
  });
});

describe('certificates that nobody keeps', () => {
  test('are none on a good host', async () => {
    expect(await host.unmanaged()).toEqual([]);
  });

  test('are told with where they stand, until when they are good, and what is wrong', async () => {
    await host.put('/var/lib/tpm2-devid/devid.crt', pem(leaf().der, issuing.der), 0o640);
    await host.put('/etc/nginx/ssl/a.crt', pem(leaf().der, issuing.der));
    const found = await host.unmanaged();
    expect(found.map(({ path, fault, notAfter }) => [path, fault, notAfter])).toEqual([
      ['/etc/nginx/ssl/a.crt', null, '2027-01-29T23:59:59Z'],
      ['/var/lib/tpm2-devid/devid.crt', 'softwareKeyDevId', '2027-01-29T23:59:59Z'],
    ]);
    expect(found[0]).toMatchObject({ subject: 'CN=tower.example.lan', issuer: 'CN=Book of the Tests' });
  });

  test('do not include the client that this agent signs itself for the Keylime agent beside it', async () => {
    const client = ca('node-local.tower.example.lan');
    const { der } = leaf({ commonName: 'node-local.tower.example.lan' }, client);
    await host.put('/etc/keylime/certs/node-local-client.crt', pem(der));
    expect((await host.unmanaged()).map(({ path }) => path)).toEqual(['/etc/keylime/certs/node-local-client.crt']);
    const own = await makeLocalClient(hostName, now);
    await host.put('/etc/keylime/certs/node-local-client.crt', own.certificatePem);
    expect(await host.unmanaged()).toEqual([]);
  });

  test('include those in places that the configuration names, and not backups', async () => {
    await host.put('/srv/tls/a.crt', pem(leaf().der));
    await host.put('/etc/nginx/ssl/backups/a.crt', pem(leaf().der));
    expect((await host.unmanaged({ places: ['/srv/tls'] })).map(({ path }) => path)).toEqual(['/srv/tls/a.crt']);
  });
});
