// What every store of lineages and renewals promises. Run over the fake in test/unit and over PostgreSQL in test/db.
import { describe, expect, test } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { AdmissionFacts } from '../../src/domain/renewal-admission.ts';
import { serialNumberFrom } from '../../src/domain/serial.ts';
import type { Intent, IssuanceStore } from '../../src/issuance/records.ts';
import type { Confirmation, ProvedRenewal, RenewalStore } from '../../src/lifecycle/records.ts';

export type LifecycleScene = {
  readonly store: RenewalStore;
  readonly issuance: Pick<IssuanceStore, 'recordIntent' | 'recordIssued'>;
  readonly issuerId: string;
  /** An active device with a granted lineage of nginx-vhost, created at this instant. */
  readonly addHost: (createdAt: Date) => Promise<{ readonly deviceId: string; readonly lineageId: string }>;
  readonly suspendDevice: (deviceId: string) => Promise<void>;
  readonly withdrawGrant: (lineageId: string) => Promise<void>;
  readonly holdTpmKey: (spkiSha256: string, deviceId: string) => Promise<void>;
  readonly compromiseKey: (spkiSha256: string) => Promise<void>;
  readonly supersededAt: (fingerprint: string) => Promise<Date | null>;
  /** Events that name this lineage, certificate or renewal, oldest first. */
  readonly events: (id: string) => Promise<readonly string[]>;
};

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const admit = { kind: 'admit', isOutsideCeiling: false, isRecovery: false } as const;
const wait = { kind: 'wait', because: 'ceiling', retryAfterSeconds: 30 } as const;
const tpmKeyOf = (spkiSha256: string) => ({
  ...{ name: `000b${spkiSha256}`, role: 'devid' as const, public: randomBytes(90), spkiSha256 },
});

/** Each test lives in a year of its own, since the ceiling counts what all of them do. */
let year = 2000;

export function describeLifecycleStore(name: string, makeScene: () => Promise<LifecycleScene>): void {
  const begin = async () => {
    const scene = await makeScene();
    year += 1;
    const start = Date.UTC(year, 0, 1);
    const at = (minutes: number): Date => new Date(start + minutes * 60_000);
    return { ...scene, at };
  };
  type Begun = Awaited<ReturnType<typeof begin>>;

  const ask = (lineageId: string, at: Date, over: { readonly body?: string } = {}) => ({
    id: randomUUID(),
    lineageId,
    bodySha256: digest(over.body ?? randomUUID()),
    request: Buffer.from('{}'),
    at,
    leaseUntil: new Date(at.getTime() + 60_000),
  });
  const terms = (at: Date, decide: (facts: AdmissionFacts) => typeof admit | typeof wait = () => admit) => ({
    sameSince: new Date(at.getTime() - 86_400_000),
    decide,
  });
  const proofOf = (renewalId: string, deviceId: string, at: Date): ProvedRenewal => ({
    ...{ renewalId, deviceId, at, evidence: { version: 1 }, firmwareVersion: 2n ** 63n + 5n },
    ...{ tpmKey: null, spkiSha256: digest(randomUUID()) },
  });
  const confirmationOf = (
    lineageId: string,
    fingerprint: string,
    at: Date,
    over: Partial<Confirmation> = {},
  ): Confirmation => ({
    ...{ lineageId, fingerprint, at, by: 'host', principal: 'device:x', evidence: { version: 1 } },
    ...{ effect: 'confirmed', hasSpireAgent: false },
    ...over,
  });

  const issue = async (
    { issuance, issuerId, at }: Begun,
    host: { deviceId: string; lineageId: string },
    when: { minute: number; endsMinute: number; conversationId?: string },
  ): Promise<string> => {
    const intent: Intent = {
      ...{ issuerId, serialNumber: serialNumberFrom(randomBytes(16)), tbsCertificate: randomBytes(40) },
      ...{ profile: 'nginx-vhost', profileDigest: digest('nginx-vhost'), principal: `device:${host.deviceId}` },
      ...{ spkiSha256: digest(randomUUID()), holder: { kind: 'device', deviceId: host.deviceId } },
      ...{ lineageId: host.lineageId, conversationId: when.conversationId ?? randomUUID(), idempotency: null },
      ...{ notAfter: at(when.endsMinute), recordedAt: at(when.minute), leaseUntil: at(when.minute + 1) },
    };
    expect(await issuance.recordIntent(intent)).toEqual({ kind: 'recorded' });
    const der = randomBytes(60);
    const fingerprint = createHash('sha256').update(der).digest('hex');
    const names = { dnsNames: ['www.example.org'], ipAddresses: [], uris: [] };
    const result = { fingerprint, intent, der, commonName: 'www.example.org', names, notBefore: at(when.minute) };
    const renewAt = at((when.minute + when.endsMinute) / 2);
    expect(await issuance.recordIssued({ ...result, issuedAt: at(when.minute), renewAt })).toBe(true);
    return fingerprint;
  };

  describe(`${name} as a store of lineages`, () => {
    test('a lineage begins empty, and knows its newest certificate once there is one', async () => {
      const scene = await begin();
      const { store, addHost, at } = scene;
      const host = await addHost(at(0));
      const facts = await store.lineageFacts(host.lineageId);
      expect(facts).toMatchObject({ id: host.lineageId, deviceId: host.deviceId, newest: null, inUse: null });
      expect(facts).toMatchObject({ isGranted: true, deviceState: 'active', renewAt: null, failures: 0 });
      const fingerprint = await issue(scene, host, { minute: 1, endsMinute: 101 });
      const issued = await store.lineageFacts(host.lineageId);
      expect(issued?.newest).toMatchObject({ fingerprint, notAfter: at(101), confirmed: null, isRevoked: false });
      expect(issued).toMatchObject({ renewAt: at(51), inUse: null, attempt: null });
      expect(await store.lineageFacts(randomUUID())).toBeNull();
    });

    test('state of device and grant are those of now', async () => {
      const { store, addHost, at, suspendDevice, withdrawGrant } = await begin();
      const { deviceId, lineageId } = await addHost(at(0));
      await suspendDevice(deviceId);
      await withdrawGrant(lineageId);
      expect(await store.lineageFacts(lineageId)).toMatchObject({ deviceState: 'suspended', isGranted: false });
    });

    test('lists go from the oldest on, of one device, or behind a cursor', async () => {
      const { store, addHost, at } = await begin();
      const [one, two] = [await addHost(at(0)), await addHost(at(1))];
      const query = { deviceId: null, profile: 'nginx-vhost', limit: 1 };
      const first = await store.listLineageFacts({ ...query, after: { at: at(-1), id: randomUUID() } });
      expect(first.map(({ id }) => id)).toEqual([one.lineageId]);
      const second = await store.listLineageFacts({ ...query, after: { at: at(0), id: one.lineageId } });
      expect(second.map(({ id }) => id)).toEqual([two.lineageId]);
      const own = await store.lineageFactsOfDevice(two.deviceId);
      expect(own.map(({ id }) => id)).toEqual([two.lineageId]);
      expect(await store.listLineageFacts({ ...query, profile: 'devid', deviceId: one.deviceId, after: null })).toEqual(
        [],
      );
    });

    test('the same octets are found again; another request has to wait for the one under way', async () => {
      const { store, addHost, at } = await begin();
      const { lineageId } = await addHost(at(0));
      const first = ask(lineageId, at(1));
      const admitted = await store.admitRenewal(first, terms(at(1)));
      expect(admitted).toMatchObject({
        kind: 'admitted',
        renewal: { id: first.id, refusals: null, fingerprint: null },
      });
      const again = await store.admitRenewal({ ...first, id: randomUUID() }, terms(at(1)));
      expect(again).toMatchObject({ kind: 'same', renewal: { id: first.id } });
      expect(await store.findRenewal(lineageId, first.bodySha256)).toMatchObject({ id: first.id });
      const other = await store.admitRenewal(ask(lineageId, at(1)), terms(at(1)));
      expect(other).toEqual({ kind: 'underWay', until: first.leaseUntil });
      expect((await store.lineageFacts(lineageId))?.attempt).toMatchObject({ id: first.id });
    });

    test('a day later the same octets are a request of their own', async () => {
      const { store, addHost, at } = await begin();
      const { lineageId } = await addHost(at(0));
      const first = ask(lineageId, at(1), { body: `same ${lineageId}` });
      await store.admitRenewal(first, terms(at(1)));
      const later = ask(lineageId, at(1442), { body: `same ${lineageId}` });
      expect(await store.admitRenewal(later, terms(at(1442)))).toMatchObject({ kind: 'admitted' });
      expect(await store.findRenewal(lineageId, later.bodySha256)).toMatchObject({ id: later.id });
    });

    test('what a crash left is ended by the next request, and issues nothing any more', async () => {
      const scene = await begin();
      const { store, addHost, at, issuance, issuerId } = scene;
      const host = await addHost(at(0));
      const [left, next] = [ask(host.lineageId, at(1)), ask(host.lineageId, at(3))];
      await store.admitRenewal(left, terms(at(1)));
      expect(await store.admitRenewal(next, terms(at(3)))).toMatchObject({ kind: 'admitted' });
      const ended = await store.findRenewal(host.lineageId, left.bodySha256);
      expect(ended).toMatchObject({ leaseUntil: null, refusals: [{ reason: 'renewalLost' }] });
      const intent: Intent = {
        ...{ issuerId, serialNumber: serialNumberFrom(randomBytes(16)), tbsCertificate: randomBytes(4) },
        ...{ profile: 'nginx-vhost', profileDigest: digest('nginx-vhost'), principal: 'p', idempotency: null },
        ...{ spkiSha256: digest(randomUUID()), holder: { kind: 'device', deviceId: host.deviceId } },
        ...{ lineageId: host.lineageId, conversationId: left.id },
        ...{ notAfter: at(9), recordedAt: at(3), leaseUntil: at(4) },
      };
      expect(await issuance.recordIntent(intent)).toEqual({ kind: 'renewalOver' });
    });

    test('the facts of an admission count the hour, the lineage, and who waits and ends sooner', async () => {
      const scene = await begin();
      const { store, addHost, at } = scene;
      const hosts = [await addHost(at(0)), await addHost(at(0)), await addHost(at(0))] as const;
      for (const [i, host] of hosts.entries()) await issue(scene, host, { minute: 0, endsMinute: 1000 + i });
      const [sooner, own, other] = hosts;
      expect(
        await store.admitRenewal(
          ask(sooner.lineageId, at(10)),
          terms(at(10), () => wait),
        ),
      ).toEqual(wait);
      expect((await store.lineageFacts(sooner.lineageId))?.askedAt).toEqual(at(10));
      await store.admitRenewal(ask(other.lineageId, at(11)), terms(at(11)));
      const refused = ask(own.lineageId, at(12));
      await store.admitRenewal(refused, terms(at(12)));
      const refusals = [{ reason: 'wrongProof', detail: 'no' }];
      await store.refuseRenewal({ id: refused.id, refusals, at: at(12), principal: 'device:x' });
      const seen: AdmissionFacts[] = [];
      const look = terms(at(13), (facts) => {
        seen.push(facts);
        return wait;
      });
      await store.admitRenewal(ask(own.lineageId, at(13)), look);
      const newest = { notBefore: at(0), notAfter: at(1001), isRevoked: false };
      expect(seen).toEqual([
        {
          newest,
          underCeiling: { count: 1, earliest: at(11) },
          ofLineage: { count: 1, earliest: at(12) },
          nearerWaiting: 1,
        },
      ]);
      seen.length = 0;
      await store.admitRenewal(ask(own.lineageId, at(90)), { ...look, sameSince: at(0) });
      const none = { count: 0, earliest: null };
      expect(seen).toEqual([{ newest, underCeiling: none, ofLineage: none, nearerWaiting: 0 }]);
    });

    test('a refusal is kept, counts as a failure, and is told', async () => {
      const { store, addHost, at, events } = await begin();
      const { lineageId } = await addHost(at(0));
      const request = ask(lineageId, at(1));
      await store.admitRenewal(request, terms(at(1)));
      const refusals = [{ reason: 'wrongProof', detail: 'the proof is wrong', field: 'certification.proof' }];
      await store.refuseRenewal({ id: request.id, refusals, at: at(1), principal: 'device:x' });
      expect(await store.findRenewal(lineageId, request.bodySha256)).toMatchObject({ refusals, leaseUntil: null });
      const facts = await store.lineageFacts(lineageId);
      expect(facts).toMatchObject({
        failures: 1,
        attempt: null,
        lastError: { phase: 'request', reason: 'wrongProof' },
      });
      expect(new Date(facts!.lastError!.at)).toEqual(at(1));
      expect(await events(request.id)).toEqual(['renewal.admitted', 'renewal.refused']);
    });

    test('what was left can be taken up once, and what was released at once', async () => {
      const { store, addHost, at } = await begin();
      const { lineageId } = await addHost(at(0));
      const request = ask(lineageId, at(1));
      await store.admitRenewal(request, terms(at(1)));
      expect(await store.resumeRenewal(request.id, at(1), at(2))).toBe(false);
      const both = [0, 1].map(() => store.resumeRenewal(request.id, at(3), at(4)));
      expect((await Promise.all(both)).toSorted()).toEqual([false, true]);
      await store.releaseRenewal(request.id, at(3));
      expect(await store.resumeRenewal(request.id, at(3), at(4))).toBe(true);
    });

    test('a key is taken for the device of the lineage, and for no other', async () => {
      const { store, addHost, at, suspendDevice, compromiseKey, holdTpmKey } = await begin();
      const [one, two] = [await addHost(at(0)), await addHost(at(0))];
      const [mine, theirs] = [ask(one.lineageId, at(1)), ask(two.lineageId, at(1))];
      for (const request of [mine, theirs]) await store.admitRenewal(request, terms(at(1)));
      const proof = proofOf(mine.id, one.deviceId, at(1));
      expect(await store.takeRenewalKey({ ...proof, deviceId: two.deviceId })).toBe('lost');
      expect(await store.takeRenewalKey(proof)).toBe('taken');
      expect(await store.takeRenewalKey(proof)).toBe('taken');
      const other = { ...proofOf(theirs.id, two.deviceId, at(1)), spkiSha256: proof.spkiSha256 };
      expect(await store.takeRenewalKey(other)).toBe('keyHeld');
      const ofTpm = digest(randomUUID());
      await holdTpmKey(ofTpm, one.deviceId);
      expect(await store.takeRenewalKey({ ...proof, spkiSha256: ofTpm })).toBe('keyHeld');
      const devid = digest(randomUUID());
      const tpmKey = tpmKeyOf(devid);
      expect(await store.takeRenewalKey({ ...proof, spkiSha256: devid, tpmKey })).toBe('taken');
      expect(await store.takeRenewalKey({ ...proof, spkiSha256: devid, tpmKey })).toBe('taken');
      await compromiseKey(devid);
      expect(await store.takeRenewalKey({ ...proof, spkiSha256: devid, tpmKey })).toBe('keyCompromised');
      await suspendDevice(one.deviceId);
      expect(await store.takeRenewalKey(proofOf(mine.id, one.deviceId, at(1)))).toBe('deviceNotActive');
    });

    test('the certificate concludes the renewal; one that follows an expired one is told as a recovery', async () => {
      const scene = await begin();
      const { store, addHost, at, events } = scene;
      const host = await addHost(at(0));
      await issue(scene, host, { minute: 1, endsMinute: 10 });
      const request = ask(host.lineageId, at(20));
      await store.admitRenewal(request, terms(at(20)));
      const fingerprint = await issue(scene, host, { minute: 20, endsMinute: 40, conversationId: request.id });
      const renewal = await store.findRenewal(host.lineageId, request.bodySha256);
      expect(renewal).toMatchObject({ fingerprint, leaseUntil: null, refusals: null });
      expect((await store.lineageFacts(host.lineageId))?.attempt).toBeNull();
      expect((await events(fingerprint)).toSorted()).toEqual([
        'certificate.issued',
        'certificate.recoveredAfterExpiry',
      ]);
    });

    test('only a confirmation supersedes what was before, and ends its failures', async () => {
      const scene = await begin();
      const { store, addHost, at, supersededAt } = scene;
      const host = await addHost(at(0));
      const first = await issue(scene, host, { minute: 1, endsMinute: 100 });
      await store.recordConfirmation(confirmationOf(host.lineageId, first, at(2)));
      const second = await issue(scene, host, { minute: 50, endsMinute: 150 });
      expect((await store.lineageFacts(host.lineageId))?.inUse).toMatchObject({ fingerprint: first });
      const installed = { effect: 'installed', hasSpireAgent: true } as const;
      await store.recordConfirmation(confirmationOf(host.lineageId, second, at(51), installed));
      expect(await supersededAt(first)).toBeNull();
      const facts = await store.lineageFacts(host.lineageId);
      expect(facts).toMatchObject({ hasSpireAgent: true, newest: { installedAt: at(51), confirmed: null } });
      const spire = { by: 'spire', hasSpireAgent: null } as const;
      await store.recordConfirmation(confirmationOf(host.lineageId, second, at(52), spire));
      const confirmed = { fingerprint: second, installedAt: at(51), confirmed: { at: at(52), by: 'spire' } };
      expect(await store.lineageFacts(host.lineageId)).toMatchObject({ newest: confirmed, inUse: confirmed });
      expect(await store.lineageFacts(host.lineageId)).toMatchObject({ failures: 0, hasSpireAgent: true });
      expect(await supersededAt(first)).toEqual(at(52));
      await store.recordConfirmation(confirmationOf(host.lineageId, second, at(53)));
      expect((await store.lineageFacts(host.lineageId))?.newest?.confirmed).toEqual({ at: at(53), by: 'spire' });
    });

    test('an older certificate in use reopens the lineage', async () => {
      const scene = await begin();
      const { store, addHost, at, events } = scene;
      const host = await addHost(at(0));
      const first = await issue(scene, host, { minute: 1, endsMinute: 100 });
      await store.recordConfirmation(confirmationOf(host.lineageId, first, at(2)));
      const second = await issue(scene, host, { minute: 50, endsMinute: 150 });
      await store.recordConfirmation(confirmationOf(host.lineageId, second, at(51)));
      await store.recordConfirmation(confirmationOf(host.lineageId, first, at(60), { effect: 'reopened' }));
      const facts = await store.lineageFacts(host.lineageId);
      expect(facts).toMatchObject({ newest: { fingerprint: second, confirmed: null }, inUse: { fingerprint: first } });
      expect(await events(first)).toContain('lineage.reopened');
    });

    test('a confirmation for another lineage changes nothing', async () => {
      const scene = await begin();
      const { store, addHost, at } = scene;
      const [one, two] = [await addHost(at(0)), await addHost(at(0))];
      const fingerprint = await issue(scene, one, { minute: 1, endsMinute: 100 });
      await store.recordConfirmation(confirmationOf(two.lineageId, fingerprint, at(2)));
      expect((await store.lineageFacts(one.lineageId))?.newest).toMatchObject({ confirmed: null });
      expect((await store.lineageFacts(two.lineageId))?.inUse).toBeNull();
    });
  });
}
