// `omens agent status` on a host whose service does not answer.
import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { saveState } from '../../../src/agent/agent-state.ts';
import { run } from '../../../src/cli/program.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { fakeWorld } from '../../fakes/service.ts';
import { ca, devidPlan, issued } from '../x509/authority.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'omens-status-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const key = { public: 'AA', private: 'AA' };

async function installed(certificate: Uint8Array, recorded = certificate): Promise<void> {
  mkdirSync(join(root, 'var/lib/tpm2-devid'), { recursive: true });
  writeFileSync(join(root, 'var/lib/tpm2-devid/devid.crt'), encodePem('CERTIFICATE', certificate));
  await saveState(root, {
    version: 1,
    server: { url: `https://127.0.0.1:${await closedPort()}`, rootSha256: 'ab'.repeat(32) },
    hostName: 'tower.example.lan',
    tpm: 'device:/dev/tpmrm0',
    keys: { ek: 'L-1', ak: { ...key, hierarchy: 'endorsement' }, requestKey: key, devId: key },
    ...{ enrollment: null, spentToken: null },
    device: { id: 'some-device', hostName: 'tower.example.lan', keylimeUuid: null },
    installed: [
      {
        ...{ profile: 'devid', lineage: 'l', certificateFile: '/var/lib/tpm2-devid/devid.crt' },
        certificateSha256: createHash('sha256').update(recorded).digest('hex'),
        ...{ notAfter: '2027-01-29T23:59:59Z', renewAt: '2026-12-31T00:00:00Z' },
      },
    ],
  });
}

const devid = (): Uint8Array => issued(devidPlan(), ca('Book of Omens', { issuer: ca('Eye of Thundera') }));

test('it tells what the files say, and that the service was not asked', async () => {
  await installed(devid());
  const world = fakeWorld({});
  expect(await run(['agent', 'status', '--root', root], world)).toBe(0);
  expect(world.out()).toMatch(/ok +devid +2027-01-29T23:59:59Z +67\.4 /);
  expect(world.errors()).toMatch(/^omens: the service was not asked: /);
});

test('as JSON it is one object with null for the device', async () => {
  await installed(devid());
  const world = fakeWorld({});
  expect(await run(['agent', 'status', '--root', root, '--json'], world)).toBe(0);
  expect(JSON.parse(world.out())).toMatchObject({
    hostName: 'tower.example.lan',
    device: null,
    certificates: [{ profile: 'devid', level: 'ok', daysLeft: 67.4 }],
  });
});

test('a file that is not the one that was installed is critical', async () => {
  await installed(devid(), devid());
  const world = fakeWorld({});
  await run(['agent', 'status', '--root', root], world);
  expect(world.out()).toMatch(/critical +devid .*is not the certificate that was installed/);
});

test('a host that was never enrolled says so, with exit code 1', async () => {
  const world = fakeWorld({});
  expect(await run(['agent', 'status', '--root', root], world)).toBe(1);
  expect(world.errors()).toContain('never enrolled');
});
