// Which key of an enrolled host may sign for it: over PostgreSQL, with the very keys that were enrolled, and correct
// requests at a real listener.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { requestKeyOf } from '../../src/enrollment/read-enrollment.ts';
import { issuanceIn } from '../../src/storage/issuance.ts';
import { insertIssuer } from '../../src/storage/issuers.ts';
import type { SoftwareHost } from '../fakes/software-host.ts';
import { signByHand, startTestServer, type TestServer } from '../http/support/calls.ts';
import { makeWorld, type TestKey } from '../http/support/world.ts';
import { enrolled, made, makeHost, makeScene, now, ok, vendor } from '../unit/enrollment/scene.ts';
import { ak, devid } from '../unit/tpm2/samples.ts';
import { type EnrollmentDatabase, enrollmentDatabase } from './support/enrollment-database.ts';

let opened: EnrollmentDatabase;
let server: TestServer;
const reached: string[] = [];

beforeAll(async () => {
  opened = await enrollmentDatabase();
  for (const record of [made.root, made.issuing]) {
    await insertIssuer(opened.db, { ...record, isActive: true, createdAt: now });
  }
  const { services } = makeWorld();
  server = await startTestServer({
    services: {
      ...services,
      requestKeyOf: requestKeyOf(opened.store),
      renew: async (input, context) => {
        reached.push(input.deviceId);
        return services.renew(input, context);
      },
      isRepeatedRenewal: async () => false,
    },
  });
});
afterAll(async () => {
  await server.close();
  await opened.close();
});

async function enroll() {
  const hostName = `h${randomBytes(5).toString('hex')}.example.org`;
  const scene = makeScene(opened.store, {}, issuanceIn(opened.db));
  const { host, answer } = await enrolled(scene, makeHost(vendor, { hostName }));
  return { scene, host, deviceId: answer.device.id, lineage: answer.certificates[0]!.lineage };
}

const keyOf = (privateKey: KeyObject): TestKey => {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { privateKey, spki, sha256: createHash('sha256').update(spki).digest('hex') };
};

async function renewalSignedBy(privateKey: KeyObject, lineage: string) {
  reached.length = 0;
  const target = `/v1/lineages/${lineage}/renewals`;
  const body = Buffer.from('{"request":"eyJ9"}');
  const signed = { method: 'POST', authority: server.authority, target, nonce: await server.nonce(), body };
  const headers = { ...signByHand(keyOf(privateKey), signed), 'content-type': 'application/json' };
  const { status, json } = await server.call({ method: 'POST', path: target, headers, bytes: body });
  return { status, reason: json?.type?.split('/').at(-1), reached: [...reached] };
}

test('the request key signs for its device', async () => {
  const { host, deviceId, lineage } = await enroll();
  expect(await renewalSignedBy(host.requestKey.privateKey, lineage)).toEqual({
    ...{ status: 200, reason: undefined, reached: [deviceId] },
  });
});

test.each<[string, (host: SoftwareHost) => KeyObject]>([
  ['its DevID', (host) => host.devid.privateKey],
  ['its attestation key', (host) => host.ak.privateKey],
  ['its endorsement key', (host) => host.ek.privateKey],
  ['the key of its Keylime certificate', (host) => host.serviceKey],
])('a correct request that is signed by %s is refused', async (_which, pick) => {
  const { host, lineage } = await enroll();
  expect(await renewalSignedBy(pick(host), lineage)).toEqual({
    ...{ status: 401, reason: 'unknownRequestKey', reached: [] },
  });
});

test('a request key that was replaced signs for nobody', async () => {
  const { scene, host, deviceId, lineage } = await enroll();
  const again = await enrolled(scene, { ...host, ak: ak(), requestKey: devid() });
  expect(again.answer.device.id).toBe(deviceId);
  expect(await renewalSignedBy(host.requestKey.privateKey, lineage)).toMatchObject({ status: 403, reached: [] });
  expect(await renewalSignedBy(again.host.requestKey.privateKey, lineage)).toMatchObject({ reached: [deviceId] });
});

test('a retired device has no request key', async () => {
  const { scene, host, deviceId, lineage } = await enroll();
  ok(await scene.retire(deviceId));
  expect(await renewalSignedBy(host.requestKey.privateKey, lineage)).toMatchObject({ status: 403, reached: [] });
});
