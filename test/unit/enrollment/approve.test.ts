// Hosts that nobody authorized beforehand: what people see, what an approval allows, and what it does not.
import { describe, expect, test } from '@jest/globals';
import { ak, devid } from '../tpm2/samples.ts';
import { type ActivationChange, csrFor, requestDocument, spkiOfArea } from '../../fakes/software-host.ts';
import { sha256Hex } from '../../../src/x509/digest.ts';
import type { ChallengeResource } from '../../../src/domain/wire.ts';
import {
  activationBody,
  at,
  enroll,
  enrolled,
  makeHost,
  makeScene,
  now,
  ok,
  reasons,
  type Scene,
  type SoftwareHost,
  vendor,
} from './scene.ts';

const base64url = (octets: Uint8Array): string => Buffer.from(octets).toString('base64url');
const keyOf = (host: SoftwareHost): string => sha256Hex(spkiOfArea(host.requestKey.area));
const week = 7 * 86_400;

/** A host that waits for a person. */
async function waiting(scene: Scene, host = makeHost(vendor), change = {}) {
  const { challenge, body, result } = await enroll(scene, host, { change });
  const answer = ok(result);
  if (answer.state !== 'pending') throw new Error(answer.state);
  const document = JSON.parse(Buffer.from(body.request, 'base64url').toString('utf8'));
  return { host, id: challenge.id, body, answer, document };
}

/** After an approval: the fresh challenge that the host reads, answered with the same request. */
async function comeBack(
  scene: Scene,
  { host, id, document }: Pick<Awaited<ReturnType<typeof waiting>>, 'host' | 'id' | 'document'>,
  over: { readonly when?: Date; readonly change?: ActivationChange } = {},
) {
  const read = ok(await scene.read(id, keyOf(host), over.when));
  if (read.state !== 'approved') throw new Error(read.state);
  const challenge: ChallengeResource = { id, ...read };
  return scene.send(id, activationBody(host, challenge, { document, ...over.change }), over.when);
}

describe('a host without authorization', () => {
  test('waits, and people see what its console shows', async () => {
    const scene = makeScene();
    const { host, answer, id } = await waiting(scene);
    const fingerprint = sha256Hex(spkiOfArea(host.ek.area));
    expect(answer).toEqual({ state: 'pending', ekFingerprint: fingerprint, version: 1, retryAfter: 60 });
    expect(await scene.pending()).toEqual([
      {
        id,
        state: 'pending',
        version: 1,
        hostName: 'tower.example.org',
        ekFingerprint: fingerprint,
        tpm: { manufacturer: '49465800', model: 'SLB9670', version: 'id:00070055' },
        profiles: ['devid', 'keylime-agent'],
        dnsNames: ['tower.example.org', 'agent.keylime.tower.example.org'],
        ipAddresses: [],
        warnings: [],
        lapsesAt: '2026-11-30T12:00:00Z',
      },
    ]);
    expect(await scene.store.listDevices(null, 10)).toEqual([]);
  });

  test('is not shown any more after a week, and told that it lapsed', async () => {
    const scene = makeScene();
    const { host, id } = await waiting(scene);
    expect(await scene.pending(at(week + 1))).toEqual([]);
    expect(reasons(await scene.read(id, keyOf(host), at(week + 1)))).toEqual(['approvalLapsed']);
    expect(reasons(await scene.approve(id, 1, {}, at(week + 1)))).toEqual(['approvalLapsed']);
  });

  test('that comes again takes the place of what it left, under a new version', async () => {
    const scene = makeScene();
    const { host, id } = await waiting(scene);
    const again = await waiting(scene, host);
    expect(again.answer.version).toBe(2);
    expect((await scene.pending()).map((one) => one.id)).toEqual([again.id]);
    expect(reasons(await scene.approve(id, 1))).toEqual(['enrollmentNotPending']);
    expect(reasons(await scene.approve(again.id, 1))).toEqual(['versionOutdated']);
    ok(await scene.approve(again.id, 2));
  });

  test('can read its state by its request key, and by no other key', async () => {
    const scene = makeScene();
    const { host, id } = await waiting(scene);
    expect(ok(await scene.read(id, keyOf(host)))).toMatchObject({ state: 'pending' });
    expect(reasons(await scene.read(id, sha256Hex(spkiOfArea(host.devid.area))))).toEqual(['unknownEnrollment']);
    expect(reasons(await scene.read(id, sha256Hex(spkiOfArea(host.ak.area))))).toEqual(['unknownEnrollment']);
    const found = await scene.requestKey(keyOf(host));
    expect(found).toEqual({ publicKey: spkiOfArea(host.requestKey.area), deviceId: null, enrollmentIds: [id] });
    expect(await scene.requestKey(sha256Hex(spkiOfArea(host.devid.area)))).toBeNull();
  });

  test('cannot read an enrollment that is only challenged', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const { id } = ok(await scene.begin(host));
    expect(reasons(await scene.read(id, keyOf(host)))).toEqual(['unknownEnrollment']);
  });
});

describe('an approval', () => {
  test('hands out a fresh challenge, and the proof is repeated', async () => {
    const scene = makeScene();
    const { host, id, body, document } = await waiting(scene);
    expect(ok(await scene.approve(id, 1))).toMatchObject({ state: 'approved', lapsesAt: '2026-11-30T12:00:00Z' });
    expect(ok(await scene.send(id, body))).toMatchObject({ state: 'pending' });
    const answer = ok(await comeBack(scene, { host, id, document }));
    expect(answer).toMatchObject({
      state: 'issued',
      certificates: [{ profile: 'devid' }, { profile: 'keylime-agent' }],
    });
    expect(ok(await scene.read(id, keyOf(host)))).toEqual(answer);
    expect((await scene.requestKey(keyOf(host)))?.deviceId).toBe(answer.state === 'issued' ? answer.device.id : '');
  });

  test('is good for the very octets that were looked at', async () => {
    const scene = makeScene();
    const { host, id, document } = await waiting(scene);
    ok(await scene.approve(id, 1));
    const other = makeHost(vendor, { ...host, serviceKey: makeHost(vendor).serviceKey });
    const change = { document: requestDocument(other) };
    expect(reasons(await comeBack(scene, { host, id, document }, { change }))).toEqual(['requestDiffers']);
  });

  test('lapses after a week', async () => {
    const scene = makeScene();
    const { host, id, document } = await waiting(scene);
    ok(await scene.approve(id, 1));
    expect(reasons(await scene.read(id, keyOf(host), at(week + 1)))).toEqual(['approvalLapsed']);
    const read = ok(await scene.read(id, keyOf(host), at(week)));
    if (read.state !== 'approved') throw new Error(read.state);
    const body = activationBody(host, { id, ...read }, { document });
    expect(reasons(await scene.send(id, body, at(week + 1)))).toEqual(['approvalLapsed']);
  });

  test('does not replace the proof: the fresh challenge must be solved, in time, once', async () => {
    const scene = makeScene();
    const { host, id, document } = await waiting(scene);
    ok(await scene.approve(id, 1));
    const read = ok(await scene.read(id, keyOf(host)));
    if (read.state !== 'approved') throw new Error(read.state);
    const challenge = { id, ...read };
    expect(reasons(await scene.send(id, activationBody(host, challenge, { document }), at(301)))).toEqual([
      'challengeExpired',
    ]);
    const wrong = activationBody(host, challenge, { document, label: 'other' });
    expect(reasons(await scene.send(id, wrong))).toEqual(['qualifyingDataMismatch']);
    expect(reasons(await scene.send(id, activationBody(host, challenge, { document })))).toEqual(['challengeSpent']);
    expect(ok(await comeBack(scene, { host, id, document }))).toMatchObject({ state: 'issued' });
  });

  test('of what speaks for others has to say so', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const dnsNames = ['registrar.keylime.funlab.casa'];
    const certificates = [{ profile: 'keylime-server', key: { csr: base64url(csrFor(host.serviceKey)) }, dnsNames }];
    const waits = await waiting(scene, host, { document: requestDocument(host, { certificates }) });
    expect(reasons(await scene.approve(waits.id, 1))).toEqual(['explicitGrantNeeded']);
    ok(await scene.approve(waits.id, 1, { grants: [{ profile: 'keylime-server', dnsNames }] }));
    expect(ok(await comeBack(scene, waits))).toMatchObject({ certificates: [{ profile: 'keylime-server' }] });
  });

  test("of names that are not the host's own has to say so", async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    const certificates = [{ profile: 'devid', key: 'devid', dnsNames: ['vault.example.org'] }];
    const { id } = await waiting(scene, host, { document: requestDocument(host, { certificates }) });
    expect(reasons(await scene.approve(id, 1))).toEqual(['explicitGrantNeeded']);
  });

  test('is not waited for when no approval could ever help', async () => {
    const host = makeHost(vendor);
    const certificates = [{ profile: 'openbao-server', key: { csr: base64url(csrFor(host.serviceKey)) } }];
    const { result } = await enroll(makeScene(), host, {
      change: { document: requestDocument(host, { certificates }) },
    });
    expect(reasons(result)).toEqual(['keyTypeNotAllowed', 'nameNotAllowed']);
  });

  test('may give less than was asked, and then less is not silently issued', async () => {
    const scene = makeScene();
    const { host, id, document } = await waiting(scene);
    ok(await scene.approve(id, 1, { grants: [{ profile: 'devid' }] }));
    expect(reasons(await comeBack(scene, { host, id, document }))).toEqual(['profileNotGranted']);
  });

  test('names a profile that there is', async () => {
    const scene = makeScene();
    const { id } = await waiting(scene);
    const grants = [{ profile: 'root-ca' }, { profile: 'omens-server' }];
    expect(reasons(await scene.approve(id, 1, { grants }))).toEqual(['unknownProfile', 'profileNotForDevices']);
  });

  test('can be taken back until the host comes', async () => {
    const scene = makeScene();
    const { host, id } = await waiting(scene);
    ok(await scene.approve(id, 1));
    ok(await scene.reject(id, 1, 'second thoughts'));
    expect(reasons(await scene.read(id, keyOf(host)))).toEqual(['enrollmentRejected']);
    expect(reasons(await scene.approve(id, 1))).toEqual(['enrollmentNotPending']);
    expect(reasons(await scene.reject(id, 1))).toEqual(['enrollmentNotPending']);
  });
});

describe('a rejection', () => {
  test('is told to the host with its reason, whatever it sends', async () => {
    const scene = makeScene();
    const { host, id, body } = await waiting(scene);
    expect(reasons(await scene.reject(id, 2))).toEqual(['versionOutdated']);
    ok(await scene.reject(id, 1, 'nobody ordered this machine'));
    const read = await scene.read(id, keyOf(host));
    expect(read).toMatchObject({
      ok: false,
      error: { detail: expect.stringContaining('nobody ordered this machine') },
    });
    expect(reasons(await scene.send(id, body))).toEqual(['enrollmentRejected']);
    expect(reasons(await scene.reject('00000000-0000-4000-8000-000000000000', 1))).toEqual(['unknownEnrollment']);
  });
});

describe('another TPM under a name that is taken', () => {
  test('waits although it has a token, and its approval retires the old device', async () => {
    const scene = makeScene();
    const first = await enrolled(scene);
    const host = makeHost(vendor);
    const token = await scene.token();
    const document = requestDocument(host);
    const { result, challenge } = await enroll(scene, host, { token, change: { document } });
    expect(ok(result)).toMatchObject({ state: 'pending' });
    const [item] = await scene.pending();
    expect(item!.warnings).toEqual([expect.stringContaining(first.answer.device.id)]);
    ok(await scene.approve(challenge.id, 1));
    expect((await scene.store.findDevice(first.answer.device.id))!.state).toBe('active');
    expect(ok(await comeBack(scene, { host, id: challenge.id, document }))).toMatchObject({ state: 'issued' });
    expect((await scene.store.findDevice(first.answer.device.id))!.state).toBe('retired');
    expect((await scene.store.findEnrollmentToken(token.split('.')[0]!))!.spentAt).toEqual(now);
  });

  test('does not retire a device that came after the approval', async () => {
    const scene = makeScene();
    const { host, id, document } = await waiting(scene);
    ok(await scene.approve(id, 1));
    const quicker = await enrolled(scene, makeHost(vendor));
    expect(reasons(await comeBack(scene, { host, id, document }))).toEqual(['approvalOutdated']);
    expect((await scene.store.findDevice(quicker.answer.device.id))!.state).toBe('active');
  });
});

describe('a pre-registered EK', () => {
  test('enrolls without token or approval', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    ok(await scene.preregister({ ekFingerprint: sha256Hex(spkiOfArea(host.ek.area)), hostName: host.hostName }));
    expect(ok((await enroll(scene, host)).result)).toMatchObject({ state: 'issued' });
  });

  test('is for the first contact: a host that comes again without its keys waits', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    ok(await scene.preregister({ ekFingerprint: sha256Hex(spkiOfArea(host.ek.area)), hostName: host.hostName }));
    ok((await enroll(scene, host)).result);
    const again = makeHost(vendor, { ...host, ak: ak(), requestKey: devid(), devid: devid() });
    expect(ok((await enroll(scene, again)).result)).toMatchObject({ state: 'pending' });
  });

  test('of a retired device does not come back by itself', async () => {
    const scene = makeScene();
    const host = makeHost(vendor);
    ok(await scene.preregister({ ekFingerprint: sha256Hex(spkiOfArea(host.ek.area)), hostName: host.hostName }));
    const answer = ok((await enroll(scene, host)).result);
    if (answer.state !== 'issued') throw new Error(answer.state);
    ok(await scene.retire(answer.device.id));
    const again = makeHost(vendor, { ...host, ak: ak(), requestKey: devid(), devid: devid() });
    expect(ok((await enroll(scene, again)).result)).toMatchObject({ state: 'pending' });
    expect((await scene.pending())[0]!.warnings).toEqual([expect.stringContaining('retired')]);
    expect(reasons(await scene.begin(host))).toEqual(['attestationKeyOfAnotherDevice']);
  });
});

describe('the same TPM under the same name', () => {
  test('re-enrolls as the same device with a new token, and its keys are replaced', async () => {
    const scene = makeScene();
    const { host, answer } = await enrolled(scene);
    const again = makeHost(vendor, { ...host, ak: ak(), requestKey: devid(), devid: devid() });
    const second = await enrolled(scene, again);
    expect(second.answer.device.id).toBe(answer.device.id);
    expect(second.answer.certificates.map(({ lineage }) => lineage)).toEqual(
      answer.certificates.map(({ lineage }) => lineage),
    );
    expect((await scene.requestKey(keyOf(host)))?.deviceId).toBeNull();
    expect((await scene.requestKey(keyOf(again)))?.deviceId).toBe(answer.device.id);
    expect(scene.store.audit).toContain('device.reenrolled');
  });

  test('waits without a token', async () => {
    const scene = makeScene();
    const { host } = await enrolled(scene);
    expect(ok((await enroll(scene, host)).result)).toMatchObject({ state: 'pending' });
    expect((await scene.pending())[0]!.warnings).toEqual([expect.stringContaining('enrolls again')]);
  });
});

describe('a further EK', () => {
  const nothing = (host: SoftwareHost) => requestDocument(host, { keys: [], certificates: [] });

  test('joins the device of the AK that it was activated with, and brings the agent UUID', async () => {
    const scene = makeScene();
    const { host, answer } = await enrolled(scene);
    const other = makeHost(vendor, { ekType: 'L-1', ak: host.ak });
    const { result } = await enroll(scene, other, { change: { document: nothing(other) } });
    const joined = ok(result);
    expect(joined).toMatchObject({ state: 'issued', device: { id: answer.device.id }, certificates: [] });
    const device = await scene.store.findDevice(answer.device.id);
    expect(device!.keylimeUuid).toMatch(/^[0-9a-f]{64}$/);
    expect(await scene.store.endorsementKeysOf(answer.device.id)).toHaveLength(2);
    expect(scene.store.audit).toContain('device.endorsementKeyJoined');
    expect((await scene.requestKey(keyOf(host)))?.deviceId).toBe(answer.device.id);
  });

  test('joins nothing with an AK that nobody knows, or that was replaced', async () => {
    const scene = makeScene();
    const { host } = await enrolled(scene);
    const stranger = makeHost(vendor);
    const change = { document: nothing(stranger) };
    expect(reasons((await enroll(scene, stranger, { change })).result)).toEqual(['nothingRequested']);
    await enrolled(scene, makeHost(vendor, { ...host, ak: ak(), requestKey: devid(), devid: devid() }));
    const late = makeHost(vendor, { ak: host.ak });
    expect(reasons((await enroll(scene, late, { change: { document: nothing(late) } })).result)).toEqual([
      'nothingRequested',
    ]);
  });

  test('that brings new keys along waits for a person, who sees that no device is replaced', async () => {
    const scene = makeScene();
    const { host, answer } = await enrolled(scene);
    const other = makeHost(vendor, { ak: host.ak });
    const waits = await waiting(scene, other, { document: requestDocument(other) });
    expect((await scene.pending())[0]!.warnings).toEqual([expect.stringContaining('enrolls again')]);
    ok(await scene.approve(waits.id, 1));
    const issued = ok(await comeBack(scene, waits));
    expect(issued).toMatchObject({ state: 'issued', device: { id: answer.device.id } });
    expect(await scene.store.endorsementKeysOf(answer.device.id)).toHaveLength(2);
  });

  test('of another device joins nothing', async () => {
    const scene = makeScene();
    const { host } = await enrolled(scene);
    const bridge = makeHost(vendor, { hostName: 'bridge.example.org' });
    await enrolled(scene, bridge);
    const mixed = makeHost(vendor, { ...bridge, hostName: host.hostName, ak: host.ak });
    expect(reasons(await scene.begin(mixed))).toEqual(['endorsementKeyOfAnotherDevice']);
  });
});
