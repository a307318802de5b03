// What admins do about hosts: tokens, grants, suspension, retirement, and EKs known beforehand.
import { describe, expect, test } from '@jest/globals';
import { decodeEnrollmentToken } from '../../../src/domain/enrollment-token.ts';
import type { GrantResource } from '../../../src/domain/wire.ts';
import {
  listDevices,
  preregister,
  replaceGrants,
  resumeDevice,
  retireDevice,
  showDevice,
  suspendDevice,
} from '../../../src/enrollment/devices.ts';
import {
  createEnrollmentToken,
  deleteEnrollmentToken,
  listEnrollmentTokens,
} from '../../../src/enrollment/enrollment-tokens.ts';
import { admin, at, enroll, enrolled, makeHost, makeScene, now, ok, profiles, reasons, vendor } from './scene.ts';

const hostName = 'tower.example.org';
const unknownId = '00000000-0000-4000-8000-000000000000';

describe('an enrollment token', () => {
  test('is the default grant unless profiles are named, and prints everything a host needs', async () => {
    const { ports } = makeScene();
    const token = ok(await createEnrollmentToken(ports)({ hostName, addresses: ['192.0.2.7'] }, admin, { now }));
    expect(token.grants).toEqual([
      { profile: 'devid', place: '', dnsNames: [hostName], ipAddresses: [], uris: [] },
      {
        profile: 'keylime-agent',
        place: '',
        dnsNames: [hostName, `agent.keylime.${hostName}`],
        ipAddresses: ['192.0.2.7'],
        uris: [],
      },
    ]);
    expect(token.expiresAt).toBe('2026-11-24T12:00:00Z');
    expect(token.command).toBe(`omens agent enroll --token-file omens.token --hostname ${hostName}`);
    expect(ok(decodeEnrollmentToken(token.token!))).toMatchObject({
      url: ports.publicUrl,
      rootSha256: ports.rootSha256,
    });
  });

  test('names its profiles in the command when they are not the default ones', async () => {
    const { ports } = makeScene();
    const dnsNames = ['registrar.keylime.funlab.casa'];
    const body = {
      hostName,
      profiles: [{ profile: 'devid' }, { profile: 'keylime-server', dnsNames, place: 'registrar' }],
    };
    const token = ok(await createEnrollmentToken(ports)(body, admin, { now }));
    expect(token.command).toMatch(/ --profile devid --profile keylime-server$/);
    expect(token.grants[1]).toMatchObject({ dnsNames, place: 'registrar' });
  });

  test('is listed without its secret, by pages, until it is withdrawn', async () => {
    const { ports, store } = makeScene();
    const made = [];
    for (const second of [0, 1, 2]) {
      made.push(ok(await createEnrollmentToken(ports)({ hostName }, admin, { now: at(second) })));
    }
    const first = await listEnrollmentTokens(ports)({ limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual([made[2]!.id, made[1]!.id]);
    expect(first.items.some((item) => 'token' in item || 'command' in item)).toBe(false);
    const rest = await listEnrollmentTokens(ports)({ limit: 2, cursor: first.next! });
    expect([rest.items.map(({ id }) => id), rest.next]).toEqual([[made[0]!.id], null]);
    ok(await deleteEnrollmentToken(ports)(made[0]!.id, admin, { now }));
    expect((await listEnrollmentTokens(ports)({ limit: 9 })).items).toHaveLength(2);
    expect(reasons(await deleteEnrollmentToken(ports)(unknownId, admin, { now }))).toEqual(['notFound']);
    const stored = await store.findEnrollmentToken(made[1]!.id);
    expect(JSON.stringify(stored)).not.toContain(ok(decodeEnrollmentToken(made[1]!.token!)).credential.split('.')[1]!);
  });

  test.each([
    ['lifetimeTooLong', { ttlSeconds: 86_401 }],
    ['malformedHostName', { hostName: 'tower' }],
    ['placeholderAgentUuid', { hostName: '12345678-1234-1234-1234-123456789012.example.org' }],
    ['malformedName', { addresses: ['192.0.2.300'] }],
    ['unknownProfile', { profiles: [{ profile: 'root-ca' }] }],
    ['profileNotForDevices', { profiles: [{ profile: 'keylime-admin' }] }],
    ['profileNotForDevices', { profiles: [{ profile: 'omens-server' }] }],
    ['nameNotAllowed', { profiles: [{ profile: 'nginx-vhost', dnsNames: ['www.example.org'] }] }],
    ['malformedName', { profiles: [{ profile: 'keylime-server', dnsNames: ['-.example.org'] }] }],
    ['grantTwice', { profiles: [{ profile: 'devid' }, { profile: 'devid' }] }],
  ])('is refused for %s', async (reason, change) => {
    const { ports } = makeScene();
    expect(reasons(await createEnrollmentToken(ports)({ hostName, ...change }, admin, { now }))).toEqual([reason]);
  });

  test('with clientAuth is for admins to make, and every fault is told', async () => {
    const { ports } = makeScene();
    const body = { hostName, profiles: [{ profile: 'keylime-verifier-client' }, { profile: 'root-ca' }] };
    const issuer = { ...admin, role: 'issuer' as const };
    expect(reasons(await createEnrollmentToken(ports)(body, issuer, { now }))).toEqual([
      'roleNotSufficient',
      'unknownProfile',
    ]);
    const clients = [...profiles.values()].filter(({ extendedKeyUsage }) => extendedKeyUsage.includes('clientAuth'));
    expect(clients.length).toBeGreaterThan(3);
    for (const { name, obtainedBy } of clients) {
      const made = await createEnrollmentToken(ports)({ hostName, profiles: [{ profile: name }] }, issuer, { now });
      expect(reasons(made)).toEqual([obtainedBy.includes('device') ? 'roleNotSufficient' : 'profileNotForDevices']);
    }
  });
});

describe('a device', () => {
  test('is shown with its TPM, keys, grants and lineages', async () => {
    const scene = makeScene();
    const { answer } = await enrolled(scene);
    const shown = await showDevice(scene.ports)(answer.device.id);
    expect(shown).toMatchObject({
      hostName,
      state: 'active',
      keylimeUuid: null,
      tpm: { manufacturer: '49465800', model: 'SLB9670', version: 'id:00070055' },
      endorsementKeys: [{ exception: null, provedAt: '2026-11-23T12:00:00Z' }],
      lineages: [{ profile: 'devid' }, { profile: 'keylime-agent' }],
    });
    expect(await showDevice(scene.ports)(unknownId)).toBeNull();
    expect((await listDevices(scene.ports)({ limit: 5 })).items).toEqual([shown]);
  });

  test('is suspended and resumed, and a retired one stays so', async () => {
    const scene = makeScene();
    const { answer } = await enrolled(scene);
    const { id } = answer.device;
    expect(reasons(await resumeDevice(scene.ports)(id, admin, { now }))).toEqual(['deviceNotSuspended']);
    expect(ok(await suspendDevice(scene.ports)(id, admin, { now })).state).toBe('suspended');
    expect(ok(await resumeDevice(scene.ports)(id, admin, { now }))).toMatchObject({ state: 'active', steps: [] });
    expect(ok(await retireDevice(scene.ports)(id, admin, { now })).state).toBe('retired');
    expect(ok(await retireDevice(scene.ports)(id, admin, { now })).state).toBe('retired');
    expect(reasons(await resumeDevice(scene.ports)(id, admin, { now }))).toEqual(['deviceRetired']);
    expect(reasons(await suspendDevice(scene.ports)(id, admin, { now }))).toEqual(['deviceRetired']);
    expect(reasons(await suspendDevice(scene.ports)(unknownId, admin, { now }))).toEqual(['notFound']);
    expect(scene.store.audit).toEqual(expect.arrayContaining(['device.suspended', 'device.resumed', 'device.retired']));
  });

  test('gets other grants, checked as those of a token are, and its next enrollment is held against them', async () => {
    const scene = makeScene();
    const { answer } = await enrolled(scene);
    const grant: GrantResource = {
      profile: 'keylime-server',
      place: '',
      dnsNames: ['registrar.keylime.funlab.casa'],
      ipAddresses: ['::0001'],
      uris: [],
    };
    const input = { id: answer.device.id, grants: [grant], principal: admin };
    const changed = ok(await replaceGrants(scene.ports)(input, { now }));
    expect(changed.grants).toEqual([{ ...grant, ipAddresses: ['::1'] }]);
    const wrong = [{ ...grant, profile: 'x' }, { ...grant, uris: ['https://x.example'] }, grant, grant];
    expect(reasons(await replaceGrants(scene.ports)({ ...input, grants: wrong }, { now }))).toEqual([
      'unknownProfile',
      'nameNotAllowed',
      'grantTwice',
      'grantTwice',
    ]);
    expect(reasons(await replaceGrants(scene.ports)({ ...input, id: unknownId }, { now }))).toEqual(['notFound']);
    ok(await retireDevice(scene.ports)(answer.device.id, admin, { now }));
    expect(reasons(await replaceGrants(scene.ports)(input, { now }))).toEqual(['deviceRetired']);
  });
});

describe('a pre-registration', () => {
  test('is made once for an EK, with grants like those of a token', async () => {
    const scene = makeScene();
    const body = { ekFingerprint: 'ab'.repeat(32), hostName, exception: 'noCertificate' } as const;
    const made = ok(await preregister(scene.ports)(body, admin, { now }));
    expect(made).toMatchObject({
      exception: 'noCertificate',
      grants: [{ profile: 'devid' }, { profile: 'keylime-agent' }],
    });
    expect(reasons(await preregister(scene.ports)(body, admin, { now }))).toEqual(['alreadyPreregistered']);
    const unknown = { ...body, profiles: [{ profile: 'x' }] };
    expect(reasons(await preregister(scene.ports)(unknown, admin, { now }))).toEqual(['unknownProfile']);
  });
});

test('a host whose grants were withdrawn while it was issued to is refused what is gone', async () => {
  const scene = makeScene();
  const host = makeHost(vendor);
  const withdrawing = makeScene(scene.store, {
    grantsOf: async () => [],
  });
  const { result } = await enroll(withdrawing, host, { token: await scene.token() });
  expect(reasons(result)).toEqual(['profileNotGranted', 'profileNotGranted']);
});
