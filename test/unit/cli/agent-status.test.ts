// `omens agent status`: on a host whose service does not answer, and on one that waits for an operator.
import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { addedInVersion2, type AgentState, saveState } from '../../../src/agent/agent-state.ts';
import type { EnrollmentServer } from '../../../src/agent/enrollment-server.ts';
import { agentStatus } from '../../../src/agent/status.ts';
import { run } from '../../../src/cli/program.ts';
import { encodePem } from '../../../src/x509/pem.ts';
import { fakeService, problem } from '../../fakes/enrollment-server.ts';
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
    version: 2,
    server: { url: `https://127.0.0.1:${await closedPort()}`, rootSha256: 'ab'.repeat(32) },
    hostName: 'tower.example.lan',
    tpm: 'device:/dev/tpmrm0',
    keys: { ek: 'L-1', ak: { ...key, hierarchy: 'endorsement' }, requestKey: key, devId: key },
    ...{ enrollment: null, spentToken: null, ...addedInVersion2 },
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

describe('a host that waits for an operator', () => {
  const waiting = async (): Promise<AgentState> => ({
    version: 2,
    server: { url: `https://127.0.0.1:${await closedPort()}`, rootSha256: 'ab'.repeat(32) },
    hostName: 'tower.example.lan',
    tpm: 'device:/dev/tpmrm0',
    keys: { ek: 'L-1', ak: { ...key, hierarchy: 'endorsement' }, requestKey: key, devId: key },
    enrollment: {
      ...{ token: null, request: 'AA', certificates: [] },
      progress: { step: 'pending', id: 'an-enrollment', ekFingerprint: 'cd'.repeat(32), version: 2, retryAfter: 30 },
    },
    ...{ spentToken: null, device: null, installed: [], ...addedInVersion2 },
  });
  const local = { id: 'an-enrollment', ekFingerprint: 'cd'.repeat(32), version: 2, detail: null };
  const asking = async (read: EnrollmentServer['read']) => {
    const requestKey = () => ({ subjectPublicKeyInfo: new Uint8Array(91), sign: async () => new Uint8Array(64) });
    const connect = async () => ({ ...fakeService(), read });
    return agentStatus(
      { root, now: () => new Date('2026-11-23T12:00:00Z'), connect, requestKey, generationOf: async () => null },
      await waiting(),
    );
  };

  test('hears the version that is to be approved now', async () => {
    const asked: string[] = [];
    const status = await asking(async (id) => {
      asked.push(id);
      return { ok: true, value: { state: 'pending', ekFingerprint: 'cd'.repeat(32), version: 3, retryAfter: 30 } };
    });
    expect(asked).toEqual(['an-enrollment']);
    expect(status).toMatchObject({ pending: { ...local, state: 'pending', version: 3 }, offline: null });
  });

  test('hears of its approval, and keeps nothing of the challenge that comes with it', async () => {
    const challenge = { credentialBlob: 'AAAA', encryptedSecret: 'AAAA', nonce: 'AAAA', expiresAt: 'x' };
    const status = await asking(async () => ({ ok: true, value: { state: 'approved', ...challenge } }));
    expect(status.pending).toEqual({ ...local, state: 'approved' });
  });

  test.each([
    [403, 'enrollmentRejected'],
    [404, 'unknownEnrollment'],
    [410, 'approvalLapsed'],
  ])('hears that it waits in vain: %i %s', async (status, reason) => {
    const { pending } = await asking(async () => ({ ok: false, problem: problem(status, reason, 'no') }));
    expect(pending).toEqual({ ...local, state: 'refused', detail: `no (${reason})` });
  });

  test('asks nothing while another process of the agent is at work', async () => {
    mkdirSync(join(root, 'var/lib/omens/agent'), { recursive: true });
    writeFileSync(join(root, 'var/lib/omens/agent/lock'), `${process.ppid}\n`);
    const status = await asking(async () => {
      throw new RangeError('it was asked');
    });
    expect(status).toMatchObject({ pending: { state: 'pending' }, offline: expect.stringContaining('another omens') });
  });

  test('tells what it knows by itself when the service does not answer', async () => {
    await saveState(root, await waiting());
    const world = fakeWorld({});
    expect(await run(['agent', 'status', '--root', root], world)).toBe(0);
    expect(world.errors()).toMatch(/^omens: the service was not asked: /);
    expect(world.out()).toContain('tower.example.lan: enrollment pending\n');
    expect(world.out()).toContain(`endorsement key: ${'cd'.repeat(32)}\n`);
    expect(world.out()).toContain('  omens devices approve an-enrollment --version 2\n');
  });
});

test('the help of enroll says how a host that waits ends, and what scripts do', async () => {
  const world = fakeWorld({});
  expect(await run(['agent', 'enroll', '--help'], world)).toBe(0);
  expect(world.out()).toMatch(/exit\s+code 0 and `pending`[^]*--wait/);
});
