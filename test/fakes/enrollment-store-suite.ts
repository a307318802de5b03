// What every store of enrollment promises. Run over the fake in test/unit and over PostgreSQL in test/db.
import { describe, expect, test } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Grant } from '../../src/domain/device.ts';
import type {
  ChallengedEnrollment,
  IssuedEnrollment,
  PresentedEndorsementKey,
  Proof,
} from '../../src/domain/enrollment.ts';
import type { EnrollmentTokenRecord } from '../../src/domain/enrollment-token.ts';
import type { Taking } from '../../src/domain/taking.ts';
import type { FakeEnrollmentStore } from './enrollment-store.ts';

const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const octets = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

export type EnrollmentStoreUnderTest = Omit<FakeEnrollmentStore, 'audit' | 'alarms'>;

const grant = (over: Partial<Grant> = {}): Grant => ({
  profile: 'devid',
  place: '',
  dnsNames: ['tower.example.org'],
  ipAddresses: [],
  uris: [],
  ...over,
});

/** A host name that no other test has. */
const freshName = (): string => `h${randomBytes(6).toString('hex')}.example.org`;

const presentedKey = (over: Partial<PresentedEndorsementKey> = {}): PresentedEndorsementKey => ({
  fingerprint: digest(randomUUID()),
  public: octets(120),
  certificates: [octets(50), octets(60)],
  path: [octets(50), octets(60), octets(70)],
  validity: 'enforced',
  exception: null,
  manufacturer: '49465800',
  model: 'SLB9670',
  version: 'id:00070055',
  certificateNotAfter: at(1_000_000),
  hardwareSerial: '49465800:AA:01',
  keylimeUuid: null,
  ...over,
});

const challenged = (over: Partial<ChallengedEnrollment> = {}): ChallengedEnrollment => ({
  state: 'challenged',
  id: randomUUID(),
  version: 1,
  hostName: freshName(),
  tokenId: null,
  endorsementKey: presentedKey(),
  attestationKey: { public: octets(90), name: `000b${digest(randomUUID())}` },
  challenge: { secretSha256: octets(32), nonce: octets(32), expiresAt: at(300), spentAt: null },
  activation: null,
  createdAt: at(0),
  updatedAt: at(0),
  ...over,
});

const proofOf = (enrollment: ChallengedEnrollment, requestKey = octets(90)): Proof => ({
  request: octets(300),
  evidence: {
    version: 1,
    enrollment: enrollment.id,
    nonce: 'AAAA',
    request: 'BBBB',
    checkedAt: '2026-01-01T00:00:00Z',
    endorsementKey: { public: 'CCCC', path: ['DDDD'], validity: 'enforced', exception: null },
    attestationKey: { public: 'EEEE' },
    certifications: [],
  },
  requestKey: { public: requestKey, spkiSha256: digest(Buffer.from(requestKey).toString('hex')) },
});

const tokenRecord = (over: Partial<EnrollmentTokenRecord> = {}): EnrollmentTokenRecord => ({
  id: randomUUID(),
  secretSha256: octets(32),
  hostName: 'tower.example.org',
  grants: [grant()],
  createdBy: 'operator:alice:1',
  createdAt: at(0),
  expiresAt: at(3600),
  revokedAt: null,
  spentAt: null,
  ...over,
});

/** A taking of a new device by this enrollment. */
function takingOf(enrollment: ChallengedEnrollment, over: Partial<Taking> = {}): Taking {
  const proof = proofOf(enrollment);
  const { endorsementKey, attestationKey, hostName } = enrollment;
  return {
    enrollmentId: enrollment.id,
    bodySha256: digest(enrollment.id),
    at: at(2),
    leaseUntil: at(62),
    by: 'token',
    principal: 'operator:alice:1',
    tokenId: enrollment.tokenId,
    isTokenNeeded: enrollment.tokenId !== null,
    device: { id: randomUUID(), isNew: true, hostName, keylimeUuid: endorsementKey.keylimeUuid, replaces: null },
    endorsementKey: { ...endorsementKey, spkiSha256: endorsementKey.fingerprint },
    tpmKeys: [
      {
        name: attestationKey.name,
        role: 'attestation',
        public: attestationKey.public,
        spkiSha256: digest(randomUUID()),
      },
      { name: `000b${digest(randomUUID())}`, role: 'request', ...proof.requestKey! },
      { name: `000b${digest(randomUUID())}`, role: 'devid', public: octets(90), spkiSha256: digest(randomUUID()) },
    ],
    softwareKeys: [digest(randomUUID())],
    grants: [
      grant({ dnsNames: [hostName] }),
      grant({ profile: 'keylime-agent', ipAddresses: ['192.0.2.1'], place: 'x' }),
    ],
    lineages: [
      { profile: 'devid', place: '' },
      { profile: 'keylime-agent', place: 'x' },
    ],
    proof,
    absentSince: null,
    firmware: null,
    answer: null,
    ...over,
  };
}

export function describeEnrollmentStore(name: string, make: () => Promise<EnrollmentStoreUnderTest>): void {
  /** An enrollment whose challenge was just burnt. */
  const burnt = async (store: EnrollmentStoreUnderTest, over: Partial<ChallengedEnrollment> = {}) => {
    const enrollment = challenged(over);
    await store.insertEnrollment(enrollment);
    const step = { id: enrollment.id, bodySha256: digest(enrollment.id), at: at(1) };
    const isOurs = await store.burnChallenge({ ...step, nonce: enrollment.challenge.nonce, leaseUntil: at(61) });
    if (!isOurs) throw new Error('not burnt');
    return { enrollment, step };
  };
  const taken = async (
    store: EnrollmentStoreUnderTest,
    over: Partial<ChallengedEnrollment> = {},
    change: Partial<Taking> = {},
  ) => {
    const { enrollment, step } = await burnt(store, over);
    const taking = takingOf(enrollment, change);
    const outcome = await store.take(taking);
    return { enrollment, step, taking, outcome };
  };
  const answerOf = (taking: Taking): IssuedEnrollment['answer'] => ({
    state: 'issued',
    device: { id: taking.device.id, hostName: taking.device.hostName, keylimeUuid: null },
    certificates: [],
  });

  describe(`${name} as a store of enrollment`, () => {
    test('a challenge is read back as it was given out', async () => {
      const store = await make();
      const enrollment = challenged();
      await store.insertEnrollment(enrollment);
      const found = await store.findEnrollment(enrollment.id);
      expect(JSON.parse(JSON.stringify(plain(found)))).toEqual(JSON.parse(JSON.stringify(plain(enrollment))));
      expect(await store.findEnrollment(randomUUID())).toBeNull();
    });

    test('a challenge is burnt by one of many, and only for its own nonce', async () => {
      const store = await make();
      const enrollment = challenged();
      await store.insertEnrollment(enrollment);
      const step = { id: enrollment.id, bodySha256: digest('a'), at: at(1), leaseUntil: at(61) };
      expect(await store.burnChallenge({ ...step, nonce: octets(32) })).toBe(false);
      const { nonce } = enrollment.challenge;
      const all = await Promise.all(Array.from({ length: 8 }, () => store.burnChallenge({ ...step, nonce })));
      expect(all.filter(Boolean)).toHaveLength(1);
      const found = await store.findEnrollment(enrollment.id);
      expect(found!.challenge.spentAt).toEqual(at(1));
      expect(found!.activation).toEqual({ bodySha256: digest('a'), at: at(1), leaseUntil: at(61), refusals: null });
    });

    test('an activation is resumed by one of many, once its lease has ended and while it has no result', async () => {
      const store = await make();
      const { step } = await burnt(store);
      expect(await store.resumeActivation({ ...step, at: at(60), leaseUntil: at(120) })).toBe(false);
      expect(await store.resumeActivation({ ...step, bodySha256: digest('x'), at: at(61), leaseUntil: at(120) })).toBe(
        false,
      );
      const resume = { ...step, at: at(61), leaseUntil: at(121) };
      const all = await Promise.all(Array.from({ length: 8 }, () => store.resumeActivation(resume)));
      expect(all.filter(Boolean)).toHaveLength(1);
      await store.recordRefusals({ ...step, refusals: [{ reason: 'badSignature', detail: 'x', field: 'y' }] });
      expect(await store.resumeActivation({ ...resume, at: at(500) })).toBe(false);
      const found = await store.findEnrollment(step.id);
      expect(found!.activation!.refusals).toEqual([{ reason: 'badSignature', detail: 'x', field: 'y' }]);
    });

    test('what waits is superseded by the same EK and host, and its version counted on', async () => {
      const store = await make();
      const first = await burnt(store);
      const one = await store.recordPending({ alarm: null, ...first.step, proof: proofOf(first.enrollment) });
      expect(one).toMatchObject({ state: 'pending', version: 1 });
      const { hostName, endorsementKey } = first.enrollment;
      const second = await burnt(store, { hostName, endorsementKey });
      const two = await store.recordPending({
        alarm: null,
        ...second.step,
        at: at(5),
        proof: proofOf(second.enrollment),
      });
      expect(two).toMatchObject({ state: 'pending', version: 2 });
      expect(await store.findEnrollment(first.enrollment.id)).toMatchObject({ state: 'rejected' });
      const other = await burnt(store, { hostName });
      expect(await store.recordPending({ alarm: null, ...other.step, proof: proofOf(other.enrollment) })).toMatchObject(
        {
          version: 1,
        },
      );
      expect(await store.recordPending({ alarm: null, ...first.step, proof: proofOf(first.enrollment) })).toBeNull();
    });

    test('of two that come to wait at once, one is superseded', async () => {
      const store = await make();
      const first = await burnt(store);
      const { hostName, endorsementKey } = first.enrollment;
      const second = await burnt(store, { hostName, endorsementKey });
      await Promise.all(
        [first, second].map(({ enrollment, step }) =>
          store.recordPending({ alarm: null, ...step, proof: proofOf(enrollment) }),
        ),
      );
      const states = await Promise.all(
        [first, second].map(async ({ step }) => (await store.findEnrollment(step.id))!.state),
      );
      expect(states.toSorted()).toEqual(['pending', 'rejected']);
    });

    test('an approval names the version that was looked at, and is given once', async () => {
      const store = await make();
      const { enrollment, step } = await burnt(store);
      await store.recordPending({ alarm: null, ...step, proof: proofOf(enrollment) });
      const approval = {
        id: step.id,
        version: 1,
        grants: [grant()],
        replaces: null,
        by: 'operator:alice:1',
        at: at(9),
      };
      expect(await store.approveEnrollment({ ...approval, version: 2 })).toBe(false);
      expect(await store.approveEnrollment(approval)).toBe(true);
      expect(await store.approveEnrollment(approval)).toBe(false);
      const found = await store.findEnrollment(step.id);
      // What was proved before cannot be resumed: the proof has to be repeated.
      expect(found!.challenge.spentAt).toBeNull();
      expect(found!.challenge.expiresAt.getTime()).toBeLessThan(at(9).getTime());
      expect(await store.resumeActivation({ ...step, at: at(900), leaseUntil: at(960) })).toBe(false);
      expect(await store.take(takingOf(enrollment))).toEqual({ kind: 'lost' });
      expect(found).toMatchObject({
        state: 'approved',
        approval: { by: 'operator:alice:1', at: at(9), grants: [grant()] },
      });
    });

    test('an approved enrollment gets a fresh challenge, unless it is worked on', async () => {
      const store = await make();
      const { enrollment, step } = await burnt(store);
      const challenge = { secretSha256: octets(32), nonce: octets(32), expiresAt: at(900), spentAt: null };
      expect(await store.renewChallenge(step.id, challenge, at(3))).toBe(false);
      await store.recordPending({ alarm: null, ...step, proof: proofOf(enrollment) });
      const approval = { id: step.id, version: 1, grants: [], replaces: null, by: 'x', at: at(9) };
      await store.approveEnrollment(approval);
      expect(await store.renewChallenge(step.id, challenge, at(10))).toBe(true);
      const again = { id: step.id, bodySha256: digest('second'), at: at(11) };
      expect(await store.burnChallenge({ ...again, nonce: challenge.nonce, leaseUntil: at(71) })).toBe(true);
      expect(await store.renewChallenge(step.id, challenge, at(70))).toBe(false);
      const rejection = { id: step.id, version: 1, reason: 'no', by: 'x', at: at(70) };
      expect(await store.rejectEnrollment(rejection)).toBe(false);
      expect(await store.renewChallenge(step.id, challenge, at(71))).toBe(true);
    });

    test('a rejection is for one version, and keeps the request key that may read it', async () => {
      const store = await make();
      const { enrollment, step } = await burnt(store);
      const proof = proofOf(enrollment);
      await store.recordPending({ alarm: null, ...step, proof });
      const rejection = { id: step.id, version: 1, reason: 'no such machine', by: 'x', at: at(9) };
      expect(await store.rejectEnrollment({ ...rejection, version: 3 })).toBe(false);
      expect(await store.rejectEnrollment(rejection)).toBe(true);
      const found = await store.findEnrollment(step.id);
      expect(found?.state === 'rejected' && found.rejection).toBe('no such machine');
      const key = await store.findRequestKey(proof.requestKey!.spkiSha256);
      expect(key).toMatchObject({ deviceId: null, enrollmentIds: [step.id] });
    });

    test('what waits is listed from the oldest on, by pages, without what has lapsed', async () => {
      const store = await make();
      const ids: string[] = [];
      for (let index = 0; index < 3; index++) {
        const { enrollment, step } = await burnt(store);
        await store.recordPending({ alarm: null, ...step, at: at(1000 + index), proof: proofOf(enrollment) });
        ids.push(step.id);
      }
      const query = { state: 'pending', since: at(1000), after: null, limit: 2 } as const;
      const first = await store.listEnrollments(query);
      expect(first.map(({ id }) => id)).toEqual(ids.slice(0, 2));
      const after = { at: first[1]!.updatedAt, id: first[1]!.id };
      expect((await store.listEnrollments({ ...query, after })).map(({ id }) => id)).toEqual(ids.slice(2));
      const late = await store.listEnrollments({ ...query, since: at(1002) });
      expect(late.map(({ id }) => id)).toEqual(ids.slice(2));
    });

    test('a taking makes the device with everything that is its', async () => {
      const store = await make();
      const token = tokenRecord();
      await store.insertEnrollmentToken(token);
      const { taking, outcome, enrollment } = await taken(store, { tokenId: token.id });
      expect(outcome).toEqual({ kind: 'taken' });
      const { id } = taking.device;
      expect(await store.findDevice(id)).toMatchObject({ state: 'active', hostName: enrollment.hostName });
      expect((await store.deviceOfHostName(enrollment.hostName))?.id).toBe(id);
      expect((await store.deviceOfEndorsementKey(enrollment.endorsementKey.fingerprint))?.id).toBe(id);
      const ofAk = await store.deviceOfAttestationKey(enrollment.attestationKey.name);
      expect([ofAk?.device.id, ofAk?.isCurrent]).toEqual([id, true]);
      expect(await store.deviceOfAttestationKey(taking.tpmKeys[1]!.name)).toBeNull();
      expect(await store.grantsOf(id)).toEqual(taking.grants);
      const lineages = await store.lineagesOf(id);
      expect(lineages.map(({ profile, place }) => ({ profile, place }))).toEqual(taking.lineages);
      const [key] = await store.endorsementKeysOf(id);
      expect(key).toMatchObject({ hardwareSerial: '49465800:AA:01', model: 'SLB9670', exception: null });
      const requestKey = await store.findRequestKey(taking.proof.requestKey!.spkiSha256);
      expect(requestKey).toMatchObject({ deviceId: id, enrollmentIds: [enrollment.id] });
      expect(await store.findEnrollment(enrollment.id)).toMatchObject({ state: 'authorized', deviceId: id });
      expect((await store.findEnrollmentToken(token.id))!.spentAt).toEqual(at(2));
    });

    test('a taking is concluded once by its answer, which is kept', async () => {
      const store = await make();
      const { taking, step, outcome } = await taken(store);
      expect(outcome.kind).toBe('taken');
      expect(await store.take(taking)).toEqual({ kind: 'lost' });
      const finished = { ...step, at: at(3), answer: answerOf(taking) };
      expect(await store.finishEnrollment({ ...finished, bodySha256: digest('x') })).toBe(false);
      expect(await store.finishEnrollment(finished)).toBe(true);
      expect(await store.finishEnrollment(finished)).toBe(false);
      expect(await store.findEnrollment(step.id)).toMatchObject({ state: 'issued', answer: answerOf(taking) });
    });

    test('a lease that is released lets the next one resume issuing', async () => {
      const store = await make();
      const { step } = await taken(store);
      const resume = { ...step, at: at(4), leaseUntil: at(64) };
      expect(await store.resumeActivation(resume)).toBe(false);
      await store.releaseLease({ ...step, at: at(3) });
      expect(await store.resumeActivation(resume)).toBe(true);
    });

    test('a refused activation takes nothing', async () => {
      const store = await make();
      const { enrollment, step } = await burnt(store);
      await store.recordRefusals({ ...step, refusals: [{ reason: 'x', detail: 'y' }] });
      expect(await store.take(takingOf(enrollment))).toEqual({ kind: 'lost' });
    });

    test('two hosts that race for one token make one device', async () => {
      const store = await make();
      const token = tokenRecord();
      await store.insertEnrollmentToken(token);
      const both = [await burnt(store, { tokenId: token.id }), await burnt(store, { tokenId: token.id })];
      const takings = both.map(({ enrollment }) => takingOf(enrollment));
      const outcomes = await Promise.all(takings.map((taking) => store.take(taking)));
      expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['conflict', 'taken']);
      expect(outcomes).toContainEqual({ kind: 'conflict', with: 'token' });
      const devices = await Promise.all(takings.map(({ device }) => store.findDevice(device.id)));
      expect(devices.filter((device) => device !== null)).toHaveLength(1);
    });

    test.each([
      ['withdrawn', async (store: EnrollmentStoreUnderTest, id: string) => store.revokeEnrollmentToken(id, at(1), 'x')],
      ['expired', async () => true],
    ])('a token that is %s is not spent, and an approval stands without it', async (what, change) => {
      const store = await make();
      const token = tokenRecord(what === 'expired' ? { expiresAt: at(2) } : {});
      await store.insertEnrollmentToken(token);
      await change(store, token.id);
      const refused = await taken(store, { tokenId: token.id });
      expect(refused.outcome).toEqual({ kind: 'conflict', with: 'token' });
      expect(await store.findDevice(refused.taking.device.id)).toBeNull();
      const approved = await taken(store, { tokenId: token.id }, { by: 'approval', isTokenNeeded: false });
      expect(approved.outcome).toEqual({ kind: 'taken' });
    });

    test('two hosts that race for one name make one device', async () => {
      const store = await make();
      const hostName = freshName();
      const both = [await burnt(store, { hostName }), await burnt(store, { hostName })];
      const outcomes = await Promise.all(both.map(({ enrollment }) => store.take(takingOf(enrollment))));
      expect(outcomes).toContainEqual({ kind: 'taken' });
      expect(outcomes).toContainEqual({ kind: 'conflict', with: 'hostName' });
    });

    test('two enrollments that race for one EK make one device', async () => {
      const store = await make();
      const endorsementKey = presentedKey();
      const both = [await burnt(store, { endorsementKey }), await burnt(store, { endorsementKey })];
      const outcomes = await Promise.all(both.map(({ enrollment }) => store.take(takingOf(enrollment))));
      expect(outcomes).toContainEqual({ kind: 'taken' });
      expect(outcomes).toContainEqual({ kind: 'conflict', with: 'endorsementKey' });
    });

    test('a Name, a public key and an agent UUID are of one device', async () => {
      const store = await make();
      const { taking } = await taken(store, { endorsementKey: presentedKey({ keylimeUuid: digest('uuid' + name) }) });
      const [akey, requestKey, devidKey] = taking.tpmKeys;
      const withKey = async (change: (own: Taking) => Partial<Taking>) => {
        const { enrollment } = await burnt(store);
        const own = takingOf(enrollment);
        return store.take({ ...own, ...change(own) });
      };
      expect(await withKey((own) => ({ tpmKeys: [akey!, ...own.tpmKeys.slice(1)] }))).toEqual({
        kind: 'conflict',
        with: 'tpmKey',
      });
      expect(await withKey((own) => ({ softwareKeys: [...own.softwareKeys, devidKey!.spkiSha256] }))).toEqual({
        kind: 'conflict',
        with: 'publicKey',
      });
      const sameSpki = (own: Taking) => ({ ...own.tpmKeys[1]!, spkiSha256: requestKey!.spkiSha256 });
      const outcome = await withKey((own) => ({ tpmKeys: [own.tpmKeys[0]!, sameSpki(own)] }));
      expect(outcome.kind).toBe('conflict');
      const uuid = await withKey((own) => ({ device: { ...own.device, keylimeUuid: digest('uuid' + name) } }));
      expect(uuid).toEqual({ kind: 'conflict', with: 'endorsementKey' });
    });

    test("a key of the CA, or a compromised one, is nobody else's", async () => {
      const store = await make();
      const [held, compromised] = [digest(randomUUID()), digest(randomUUID())];
      store.holdPublicKey(held, 'issuer');
      store.holdPublicKey(compromised, 'operator', true);
      expect((await taken(store, {}, { softwareKeys: [held] })).outcome).toEqual({
        kind: 'conflict',
        with: 'publicKey',
      });
      const { outcome } = await taken(store, {}, { softwareKeys: [compromised] });
      expect(outcome).toEqual({ kind: 'conflict', with: 'compromisedKey' });
    });

    test('a device that enrolls again keeps its id, and its keys are replaced', async () => {
      const store = await make();
      const first = await taken(store);
      const { hostName, endorsementKey } = first.enrollment;
      const device = { ...first.taking.device, isNew: false };
      const grants = [grant({ dnsNames: [hostName, 'x.example.org'] })];
      const second = await taken(store, { hostName, endorsementKey }, { device, grants });
      expect(second.outcome).toEqual({ kind: 'taken' });
      expect((await store.deviceOfAttestationKey(first.enrollment.attestationKey.name))?.isCurrent).toBe(false);
      expect((await store.findRequestKey(first.taking.proof.requestKey!.spkiSha256))?.deviceId).toBeNull();
      expect((await store.findRequestKey(second.taking.proof.requestKey!.spkiSha256))?.deviceId).toBe(device.id);
      const granted = await store.grantsOf(device.id);
      expect(granted.find(({ profile }) => profile === 'devid')?.dnsNames).toEqual([hostName, 'x.example.org']);
      expect(granted).toHaveLength(2);
      expect(await store.lineagesOf(device.id)).toHaveLength(2);
    });

    test('a suspended device takes nothing, and a retired one stays so', async () => {
      const store = await make();
      const first = await taken(store);
      const { hostName, endorsementKey } = first.enrollment;
      const device = { ...first.taking.device, isNew: false };
      const change = { by: 'x', at: at(3) };
      expect(await store.changeDeviceState(device.id, 'suspended', change)).toBe(true);
      expect((await taken(store, { hostName, endorsementKey }, { device })).outcome).toEqual({
        kind: 'conflict',
        with: 'device',
      });
      expect(await store.changeDeviceState(device.id, 'active', change)).toBe(true);
      expect(await store.changeDeviceState(device.id, 'retired', change)).toBe(true);
      expect(await store.changeDeviceState(device.id, 'active', change)).toBe(false);
      expect(await store.changeDeviceState(randomUUID(), 'suspended', change)).toBe(false);
      expect(await store.deviceOfHostName(hostName)).toBeNull();
      expect((await store.findDevice(device.id))?.state).toBe('retired');
    });

    test('a device is replaced in one step: the old one retires, its name and its EK are free', async () => {
      const store = await make();
      const old = await taken(store);
      const { hostName } = old.enrollment;
      const fingerprint = old.enrollment.endorsementKey.fingerprint;
      const known = {
        ekFingerprint: fingerprint,
        hostName,
        grants: [grant()],
        exception: null,
        createdBy: 'x',
        createdAt: at(0),
      };
      await store.insertPreregistration(known);
      const { enrollment } = await burnt(store, { hostName });
      const own = takingOf(enrollment);
      const outcome = await store.take({
        ...own,
        by: 'approval',
        device: { ...own.device, replaces: old.taking.device.id },
      });
      expect(outcome).toEqual({ kind: 'taken' });
      expect((await store.findDevice(old.taking.device.id))?.state).toBe('retired');
      expect((await store.deviceOfHostName(hostName))?.id).toBe(own.device.id);
      expect(await store.findPreregistration(fingerprint)).toBeNull();
      const again = await taken(store, { endorsementKey: old.enrollment.endorsementKey });
      expect(again.outcome).toEqual({ kind: 'taken' });
      expect((await store.deviceOfEndorsementKey(fingerprint))?.id).toBe(again.taking.device.id);
    });

    test('a taking that fails leaves nothing of it, the retirement included', async () => {
      const store = await make();
      const old = await taken(store);
      const { hostName } = old.enrollment;
      const { enrollment } = await burnt(store, { hostName });
      const own = takingOf(enrollment);
      const held = old.taking.tpmKeys.map(({ spkiSha256 }) => spkiSha256);
      const device = { ...own.device, replaces: old.taking.device.id };
      expect((await store.take({ ...own, device, softwareKeys: held })).kind).toBe('conflict');
      expect((await store.findDevice(old.taking.device.id))?.state).toBe('active');
      expect(await store.findDevice(own.device.id)).toBeNull();
      expect(await store.findEnrollment(enrollment.id)).toMatchObject({ state: 'challenged' });
    });

    test('a further EK joins a device, and the enrollment ends there', async () => {
      const store = await make();
      const first = await taken(store);
      const { attestationKey, hostName } = first.enrollment;
      const keylimeUuid = digest(randomUUID());
      const endorsementKey = presentedKey({ keylimeUuid });
      const device = { ...first.taking.device, isNew: false, keylimeUuid };
      const joining = {
        by: 'join',
        device,
        tpmKeys: [],
        softwareKeys: [],
        grants: [],
        lineages: [],
        answer: answerOf(first.taking),
      } as const;
      const { outcome, step } = await taken(store, { attestationKey, hostName, endorsementKey }, joining);
      expect(outcome).toEqual({ kind: 'taken' });
      expect(await store.findEnrollment(step.id)).toMatchObject({ state: 'issued' });
      expect(await store.endorsementKeysOf(device.id)).toHaveLength(2);
      expect((await store.findDevice(device.id))?.keylimeUuid).toBe(keylimeUuid);
      expect((await store.deviceOfAttestationKey(attestationKey.name))?.isCurrent).toBe(true);
    });

    test('grants are replaced as a whole', async () => {
      const store = await make();
      const { taking } = await taken(store);
      const grants = [grant({ dnsNames: ['a.example.org', 'b.example.org'], uris: ['spiffe://x.example/y'] })];
      await store.replaceGrants(taking.device.id, grants, { by: 'x', at: at(5) });
      expect(await store.grantsOf(taking.device.id)).toEqual(grants);
      await store.replaceGrants(taking.device.id, [], { by: 'x', at: at(6) });
      expect(await store.grantsOf(taking.device.id)).toEqual([]);
    });

    test('tokens and devices are listed from the newest on, by pages', async () => {
      const store = await make();
      const tokens = [1, 2, 3].map((index) =>
        tokenRecord({ createdAt: at(10_000_000 + index), expiresAt: at(20_000_000) }),
      );
      for (const token of tokens) await store.insertEnrollmentToken(token);
      const newest = await store.listEnrollmentTokens(null, 2);
      expect(newest.map(({ id }) => id)).toEqual([tokens[2]!.id, tokens[1]!.id]);
      const after = { at: newest[1]!.createdAt, id: newest[1]!.id };
      expect((await store.listEnrollmentTokens(after, 1)).map(({ id }) => id)).toEqual([tokens[0]!.id]);
      expect(await store.revokeEnrollmentToken(tokens[2]!.id, at(1), 'x')).toBe(true);
      expect(await store.revokeEnrollmentToken(tokens[2]!.id, at(2), 'x')).toBe(true);
      expect(await store.revokeEnrollmentToken(randomUUID(), at(2), 'x')).toBe(false);
      expect((await store.listEnrollmentTokens(null, 1))[0]!.id).toBe(tokens[1]!.id);
      expect((await store.findEnrollmentToken(tokens[2]!.id))!.revokedAt).toEqual(at(1));
      const late = at(30_000_000);
      const first = await taken(store, {}, { at: late });
      expect((await store.listDevices(null, 1)).map(({ id }) => id)).toEqual([first.taking.device.id]);
      const rest = await store.listDevices({ at: late, id: first.taking.device.id }, 100);
      expect(rest.some(({ id }) => id === first.taking.device.id)).toBe(false);
    });

    test('an EK is pre-registered once', async () => {
      const store = await make();
      const ekFingerprint = digest(randomUUID());
      const known = { ekFingerprint, hostName: freshName(), grants: [grant()], exception: 'noCertificate' } as const;
      const one = { ...known, createdBy: 'operator:alice:1', createdAt: at(1) };
      expect(await store.insertPreregistration(one)).toBe(true);
      expect(await store.insertPreregistration(one)).toBe(false);
      expect(await store.findPreregistration(ekFingerprint)).toEqual(one);
    });
  });
}

/** Octets as plain arrays, so that a Buffer equals a Uint8Array. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array || Buffer.isBuffer(value)) return Buffer.from(value).toString('hex');
  if (Object.prototype.toString.call(value) === '[object Date]') return (value as Date).toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
