// Which of the old scripts, timers and cron entries may go, which not yet, and which never; and that nothing is removed.
import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { observeHost } from '../../../../src/agent/doctor/host-scene.ts';
import type { DoctorPorts } from '../../../../src/agent/doctor/ports.ts';
import { observeFiles } from '../../../../src/agent/doctor/scene.ts';
import { oldThings } from '../../../../src/agent/doctor/takeover.ts';
import { healthyHost, issuing, leaf, pem, type TestHost } from './host.ts';

let host: TestHost;
beforeEach(async () => {
  host = await healthyHost();
});
afterEach(() => host.remove('/'));

async function verdicts(over?: Partial<DoctorPorts>): Promise<Readonly<Record<string, string>>> {
  const things = oldThings(await observeFiles(host.ports(over)), await observeHost(host.directory, []));
  return Object.fromEntries(things.map(({ path, verdict }) => [path, verdict]));
}

/** Every name of the estate that goes, by where it stands. */
const goes = [
  ...['renew-devid-cert.sh', 'check-devid-expiry.sh', 'renew-keylime-certs.sh', 'renew-all-keylime-certs.sh'],
  ...['check-keylime-certs.sh', 'renew-nginx-certs.sh', 'cert-monitor.sh', 'cert-dashboard', 'renew-openbao-cert.sh'],
  ...['renew-host-cert.sh', 'update-spire-trust-bundle.sh', 'update-spire-ca.sh'],
].map((name) => `/usr/local/bin/${name}`);
const units = [
  ...['renew-keylime-certs', 'keylime-cert-renewal', 'check-keylime-certs', 'nginx-cert-renewal', 'cert-monitor'],
  ...['renew-host-cert', 'spire-trust-bundle-update', 'update-spire-ca', 'keylime-verify'],
].flatMap((name) => [`/etc/systemd/system/${name}.service`, `/etc/systemd/system/${name}.timer`]);
const crons = ['/etc/cron.d/devid-monitoring', '/etc/cron.d/devid-renewal'];
const stays = [
  ...['/usr/local/bin/keylime-gc', '/usr/local/bin/keylime-agent-recovery.sh', '/usr/local/bin/monitor-nginx.sh'],
  ...['/etc/systemd/system/keylime-gc.timer', '/etc/systemd/system/keylime-agent-recovery.timer'],
  ...['/etc/systemd/system/openbao-autounseal.service', '/etc/systemd/system/nginx-monitor.timer'],
];

test('all that got or watched certificates may go once they are kept and seen in use; the rest stays', async () => {
  for (const path of [...goes, ...units, ...crons, ...stays]) await host.put(path, '# what it does\n');
  await host.put('/usr/local/bin/backup.sh', 'tar\n');
  const found = await verdicts();
  expect(found).toEqual({
    ...Object.fromEntries([...goes, ...units, ...crons].map((path) => [path, 'remove'])),
    ...Object.fromEntries(stays.map((path) => [path, 'keep'])),
  });
  expect(await readdir(`${host.directory}/usr/local/bin`)).toContain('renew-devid-cert.sh');
});

test('a script stays while the new certificate was not seen in use', async () => {
  await host.put('/usr/local/bin/renew-devid-cert.sh', 'x');
  await host.put('/usr/local/bin/renew-keylime-certs.sh', 'x');
  const managed = host.ports().managed.map((one) => ({ ...one, isConfirmed: one.name !== 'devid' }));
  expect(await verdicts({ managed })).toEqual({
    '/usr/local/bin/renew-devid-cert.sh': 'notYet',
    '/usr/local/bin/renew-keylime-certs.sh': 'remove',
  });
});

test('a script stays while it is the only one to keep some certificate', async () => {
  await host.put('/usr/local/bin/renew-nginx-certs.sh', 'x');
  expect(await verdicts()).toEqual({ '/usr/local/bin/renew-nginx-certs.sh': 'remove' });
  await host.put('/etc/nginx/ssl/openbao.crt', pem(leaf().der, issuing.der));
  expect(await verdicts()).toEqual({ '/usr/local/bin/renew-nginx-certs.sh': 'notYet' });
});

test('lines of cron tables are found by the program that they run, and by getting a certificate themselves', async () => {
  await host.put(
    '/var/spool/cron/crontabs/root',
    [
      '# 0 1 * * * /usr/local/bin/renew-devid-cert.sh',
      '0 2 * * * /usr/local/bin/renew-openbao-cert.sh >> /var/log/x 2>&1',
      '0 */12 * * * step ca renew --force /etc/spire/bundle-certs/bundle.crt',
      '0 3 * * * bao write pki_int/issue/openbao-server common_name=x',
      '0 4 * * * /usr/local/bin/backup.sh',
    ].join('\n'),
  );
  expect(await verdicts()).toEqual({
    '/var/spool/cron/crontabs/root:2': 'remove',
    '/var/spool/cron/crontabs/root:3': 'remove',
    '/var/spool/cron/crontabs/root:4': 'remove',
  });
});
