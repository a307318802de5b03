// A host that lost its AK and request key and still has its TPM: when it comes back by itself, and who does not.
import { describe, expect, test } from '@jest/globals';
import type { ActivatePorts } from '../../../src/enrollment/activate.ts';
import { fakeEnrollmentStore } from '../../fakes/enrollment-store.ts';
import { requestDocument, type SoftwareHost } from '../../fakes/software-host.ts';
import { ak, devid } from '../tpm2/samples.ts';
import { at, enroll, enrolled, makeHost, makeScene, now, ok, reasons, vendor } from './scene.ts';

const day = 86_400;
const days = (count: number): Date => at(count * day);

/** What the inventory knows of the device: overdue, and seen at `now`, unless a test says otherwise. */
const sceneWith = (facts: { isOverdue?: boolean; lastSeenAt?: Date } = {}, over: Partial<ActivatePorts> = {}) =>
  makeScene(fakeEnrollmentStore(), {
    recoveryFactsOf: async () => ({ isOverdue: true, lastSeenAt: now, ...facts }),
    ...over,
  });

/** The same TPM, with none of its old keys. */
const withoutKeys = (host: SoftwareHost, over: Partial<SoftwareHost> = {}): SoftwareHost =>
  makeHost(vendor, { ...host, ak: ak(), requestKey: devid(), devid: devid(), ...over });

describe('a host whose keys are lost', () => {
  test('recovers by itself when it is overdue: the same device, the same lineages, the old grants', async () => {
    const scene = sceneWith();
    const { host, answer } = await enrolled(scene);
    const grants = await scene.store.grantsOf(answer.device.id);
    const { result } = await enroll(scene, withoutKeys(host), { at: days(200) });
    const back = ok(result);
    if (back.state !== 'issued') throw new Error(back.state);
    expect(back.device.id).toBe(answer.device.id);
    expect(back.certificates.map(({ lineage }) => lineage)).toEqual(answer.certificates.map(({ lineage }) => lineage));
    expect(await scene.store.grantsOf(answer.device.id)).toEqual(grants);
    expect(scene.store.audit).toContain('device.recovered');
    expect(scene.store.audit).not.toContain('device.reenrolled');
    expect(scene.store.alarms).toEqual([]);
  });

  test('recovers when only its request key is lost', async () => {
    const scene = sceneWith();
    const { host, answer } = await enrolled(scene);
    const { result } = await enroll(scene, makeHost(vendor, { ...host, requestKey: devid() }));
    expect(ok(result)).toMatchObject({ state: 'issued', device: { id: answer.device.id } });
  });

  test('recovers within its absence to the second, and waits with an alarm beyond it', async () => {
    const scene = sceneWith();
    const { host } = await enrolled(scene);
    expect(ok((await enroll(scene, withoutKeys(host), { at: days(400) })).result).state).toBe('issued');
    const late = ok((await enroll(scene, withoutKeys(host), { at: at(400 * day + 1) })).result);
    expect(late.state).toBe('pending');
    expect(scene.store.alarms).toEqual([expect.objectContaining({ kind: 'absentTooLong' })]);
  });

  test('waits with an alarm while none of its certificates is overdue', async () => {
    const scene = sceneWith({ isOverdue: false });
    const { host, answer } = await enrolled(scene);
    expect(ok((await enroll(scene, withoutKeys(host))).result).state).toBe('pending');
    expect(scene.store.alarms).toEqual([expect.objectContaining({ kind: 'notOverdue', device: answer.device.id })]);
    expect(scene.store.audit).not.toContain('device.recovered');
  });

  test('waits with an alarm while the gate of attestation holds it, however overdue it is', async () => {
    const holds = new Set<string>();
    const attestationHold = async (id: string) => (holds.has(id) ? { detail: 'Keylime does not attest it' } : null);
    const scene = sceneWith({}, { attestationHold });
    const { host, answer } = await enrolled(scene);
    holds.add(answer.device.id);
    expect(ok((await enroll(scene, withoutKeys(host), { at: days(2) })).result).state).toBe('pending');
    expect(scene.store.alarms).toEqual([expect.objectContaining({ kind: 'attestationFailing' })]);
    expect(scene.store.audit).not.toContain('device.recovered');
    holds.clear();
    expect(ok((await enroll(scene, withoutKeys(host), { at: days(3) })).result).state).toBe('issued');
  });

  test('is refused while it is suspended, and as a retired one waits like a stranger', async () => {
    const scene = sceneWith();
    const { host, answer } = await enrolled(scene);
    ok(await scene.suspend(answer.device.id));
    expect(reasons(await scene.begin(withoutKeys(host)))).toEqual(['deviceNotActive']);
    ok(await scene.retire(answer.device.id));
    expect(ok((await enroll(scene, withoutKeys(host))).result).state).toBe('pending');
    expect(scene.store.audit).not.toContain('device.recovered');
  });

  test('that is suspended between the challenge and the taking gets nothing', async () => {
    const scene = sceneWith();
    const { host, answer } = await enrolled(scene);
    const take = scene.store.take;
    const racing = makeScene(
      {
        ...scene.store,
        take: async (taking) => {
          await scene.store.changeDeviceState(answer.device.id, 'suspended', { by: 'x', at: now });
          return take(taking);
        },
      },
      { recoveryFactsOf: async () => ({ isOverdue: true, lastSeenAt: now }) },
    );
    expect(reasons((await enroll(racing, withoutKeys(host))).result)).toEqual(['deviceNotActive']);
  });

  test('that was pre-registered recovers too', async () => {
    const scene = sceneWith();
    const { host, answer } = await enrolled(scene);
    const [key] = await scene.store.endorsementKeysOf(answer.device.id);
    ok(await scene.preregister({ ekFingerprint: key!.fingerprint, hostName: host.hostName }));
    expect(ok((await enroll(scene, withoutKeys(host))).result).state).toBe('issued');
    expect(scene.store.audit).toContain('device.recovered');
  });
});

describe('the right TPM', () => {
  test.each([
    [
      'another profile',
      {
        certificates: [
          { profile: 'keylime-server', key: 'devid' as const, dnsNames: ['registrar.keylime.funlab.casa'] },
        ],
      },
    ],
    ['another name', { certificates: [{ profile: 'devid', key: 'devid' as const, dnsNames: ['other.example.org'] }] }],
  ])('that asks for %s than it had waits with an alarm, or is refused, and gets nothing', async (_what, change) => {
    const scene = sceneWith();
    const { host } = await enrolled(scene);
    const issuedBefore = scene.issued.length;
    const back = withoutKeys(host);
    const { result } = await enroll(scene, back, { change: { document: requestDocument(back, change) } });
    expect(result.ok && result.value.state === 'issued').toBe(false);
    expect(scene.issued).toHaveLength(issuedBefore);
    expect(scene.store.audit).not.toContain('device.recovered');
  });

  test('that asks for a grant that was withdrawn waits with an alarm that says so', async () => {
    const scene = sceneWith();
    const { host, answer } = await enrolled(scene);
    const [devidGrant] = await scene.store.grantsOf(answer.device.id);
    await scene.store.replaceGrants(answer.device.id, [devidGrant!], { by: 'x', at: now });
    expect(ok((await enroll(scene, withoutKeys(host))).result).state).toBe('pending');
    expect(scene.store.alarms).toEqual([
      expect.objectContaining({ kind: 'beyondOldGrants', detail: expect.stringContaining('keylime-agent') }),
    ]);
  });

  test('under another name is refused at once', async () => {
    const scene = sceneWith();
    const { host } = await enrolled(scene);
    expect(reasons(await scene.begin(withoutKeys(host, { hostName: 'other.example.org' })))).toEqual([
      'endorsementKeyOfAnotherDevice',
    ]);
  });
});

describe('another TPM that claims the name', () => {
  test('waits with an alarm however overdue the device is, and so it does with a token', async () => {
    const scene = sceneWith();
    const { host, answer } = await enrolled(scene);
    const stranger = makeHost(vendor);
    expect(stranger.hostName).toBe(host.hostName);
    expect(ok((await enroll(scene, stranger, { at: days(30) })).result).state).toBe('pending');
    const token = await scene.token();
    expect(ok((await enroll(scene, makeHost(vendor), { token })).result).state).toBe('pending');
    expect(scene.store.alarms).toEqual([
      expect.objectContaining({ kind: 'nameHeldByAnotherTpm', device: answer.device.id }),
      expect.objectContaining({ kind: 'nameHeldByAnotherTpm', device: answer.device.id }),
    ]);
    expect((await scene.store.findDevice(answer.device.id))!.state).toBe('active');
  });

  test('takes the place only by an approval, which retires the old device', async () => {
    const scene = sceneWith();
    const { answer } = await enrolled(scene);
    const { challenge, body } = await enroll(scene, makeHost(vendor));
    ok(await scene.approve(challenge.id, 1));
    expect((await scene.store.findDevice(answer.device.id))!.state).toBe('active');
    // The octets from before the approval are answered as then: the proof has to be repeated.
    expect(ok(await scene.send(challenge.id, body)).state).toBe('pending');
  });

  test('that borrows the EK certificate proves nothing', async () => {
    const scene = sceneWith();
    const { host } = await enrolled(scene);
    const thief = makeHost(vendor, { ekCertificates: host.ekCertificates });
    expect(reasons(await scene.begin(thief))).toEqual(['endorsementKeyMismatch']);
  });
});

test('a new TPM with a new name is no alarm', async () => {
  const scene = sceneWith();
  expect(ok((await enroll(scene, makeHost(vendor))).result).state).toBe('pending');
  expect(scene.store.alarms).toEqual([]);
});
