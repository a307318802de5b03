// What every store of issuance promises. Run over the fake in test/unit and over PostgreSQL in test/db.
import { describe, expect, test } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { serialNumberFrom } from '../../src/domain/serial.ts';
import type { Intent, IssuanceStore, IssuedResult } from '../../src/issuance/records.ts';

const at = (minutes: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minutes));
const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What a suite needs to set the scene: an issuer, and active or suspended devices with lineages. */
export type IssuanceScene = {
  readonly store: IssuanceStore;
  readonly issuerId: string;
  readonly addDevice: () => Promise<{
    readonly deviceId: string;
    readonly lineageId: string;
    readonly conversationId: string;
  }>;
  readonly withdrawGrants: (deviceId: string) => Promise<void>;
  readonly loseEndorsementKeys: (deviceId: string) => Promise<void>;
  readonly suspendDevice: (deviceId: string) => Promise<void>;
  readonly compromiseKey: (spkiSha256: string) => Promise<void>;
};

export function describeIssuanceStore(name: string, scene: () => Promise<IssuanceScene>): void {
  const intentIn = (issuerId: string, over: Partial<Intent> = {}): Intent => ({
    issuerId,
    serialNumber: serialNumberFrom(randomBytes(16)),
    tbsCertificate: randomBytes(40),
    profile: 'nginx-vhost',
    profileDigest: digest('nginx-vhost'),
    principal: 'operator:alice:1',
    spkiSha256: digest(randomUUID()),
    holder: { kind: 'operator' },
    lineageId: null,
    conversationId: null,
    idempotency: null,
    notAfter: at(1440),
    recordedAt: at(0),
    leaseUntil: at(1),
    ...over,
  });
  const resultOf = (intent: Intent): IssuedResult => {
    const der = randomBytes(60);
    return {
      fingerprint: createHash('sha256').update(der).digest('hex'),
      intent,
      der,
      commonName: 'www.example.org',
      names: { dnsNames: ['www.example.org'], ipAddresses: ['10.0.0.1', '::1'], uris: [] },
      notBefore: at(0),
      issuedAt: at(0),
      renewAt: intent.lineageId === null ? null : at(720),
    };
  };

  describe(`${name} as a store of issuance`, () => {
    test('an intent is recorded, and its result once', async () => {
      const { store, issuerId } = await scene();
      const intent = intentIn(issuerId);
      expect(await store.recordIntent(intent)).toEqual({ kind: 'recorded' });
      const result = resultOf(intent);
      expect(await store.recordIssued(result)).toBe(true);
      expect(await store.recordIssued(result)).toBe(false);
    });

    test('two intents never share a serial number', async () => {
      const { store, issuerId } = await scene();
      const intent = intentIn(issuerId);
      await store.recordIntent(intent);
      await expect(store.recordIntent(intentIn(issuerId, { serialNumber: intent.serialNumber }))).rejects.toThrow();
    });

    test('an abandoned intent takes no result', async () => {
      const { store, issuerId } = await scene();
      const intent = intentIn(issuerId);
      await store.recordIntent(intent);
      const attempt = { issuerId, serialNumber: intent.serialNumber, by: 'test', at: at(2) };
      expect(await store.abandonIntent(attempt)).toBe(true);
      expect(await store.abandonIntent(attempt)).toBe(false);
      expect(await store.recordIssued(resultOf(intent))).toBe(false);
    });

    test('an issued intent cannot be abandoned', async () => {
      const { store, issuerId } = await scene();
      const intent = intentIn(issuerId);
      await store.recordIntent(intent);
      await store.recordIssued(resultOf(intent));
      expect(await store.abandonIntent({ issuerId, serialNumber: intent.serialNumber, by: 'test', at: at(2) })).toBe(
        false,
      );
    });

    test('a key keeps its holder', async () => {
      const { store, issuerId, addDevice } = await scene();
      const [one, two] = [await addDevice(), await addDevice()];
      const spkiSha256 = digest(randomUUID());
      const holder = { kind: 'device', deviceId: one.deviceId } as const;
      expect(await store.recordIntent(intentIn(issuerId, { spkiSha256, holder }))).toEqual({ kind: 'recorded' });
      expect(await store.recordIntent(intentIn(issuerId, { spkiSha256, holder }))).toEqual({ kind: 'recorded' });
      const other = { kind: 'device', deviceId: two.deviceId } as const;
      expect(await store.recordIntent(intentIn(issuerId, { spkiSha256, holder: other }))).toMatchObject({
        kind: 'keyHeld',
      });
      expect(await store.recordIntent(intentIn(issuerId, { spkiSha256 }))).toMatchObject({ kind: 'keyHeld' });
    });

    test('a compromised key gets nothing', async () => {
      const { store, issuerId, compromiseKey } = await scene();
      const intent = intentIn(issuerId);
      await store.recordIntent(intent);
      await compromiseKey(intent.spkiSha256);
      expect(await store.recordIntent(intentIn(issuerId, { spkiSha256: intent.spkiSha256 }))).toEqual({
        kind: 'keyCompromised',
      });
    });

    test('a suspended device gets nothing', async () => {
      const { store, issuerId, addDevice, suspendDevice } = await scene();
      const { deviceId } = await addDevice();
      await suspendDevice(deviceId);
      const holder = { kind: 'device', deviceId } as const;
      expect(await store.recordIntent(intentIn(issuerId, { holder }))).toEqual({ kind: 'deviceNotActive' });
    });

    test('a lineage whose grant was withdrawn gets nothing, nor does a device without an endorsement key', async () => {
      const { store, issuerId, addDevice, withdrawGrants, loseEndorsementKeys } = await scene();
      const { deviceId, lineageId } = await addDevice();
      const holder = { kind: 'device', deviceId } as const;
      expect(await store.recordIntent(intentIn(issuerId, { holder, lineageId }))).toEqual({ kind: 'recorded' });
      await withdrawGrants(deviceId);
      expect(await store.recordIntent(intentIn(issuerId, { holder, lineageId }))).toEqual({ kind: 'notGranted' });
      await loseEndorsementKeys(deviceId);
      expect(await store.recordIntent(intentIn(issuerId, { holder }))).toEqual({ kind: 'deviceNotActive' });
    });

    test("a lineage of another device's gets nothing", async () => {
      const { store, issuerId, addDevice } = await scene();
      const [one, two] = [await addDevice(), await addDevice()];
      const holder = { kind: 'device', deviceId: one.deviceId } as const;
      const intent = intentIn(issuerId, { holder, lineageId: two.lineageId });
      expect(await store.recordIntent(intent)).toEqual({ kind: 'notGranted' });
    });

    test('a stopped profile issues nothing until its file changes', async () => {
      const { store, issuerId } = await scene();
      const profileDigest = digest(randomUUID());
      await store.stopProfile({ profile: 'p', profileDigest, reason: 'readers disagree', at: at(0) });
      await store.stopProfile({ profile: 'p', profileDigest, reason: 'again', at: at(1) });
      expect(await store.recordIntent(intentIn(issuerId, { profileDigest }))).toEqual({ kind: 'profileStopped' });
      expect(await store.recordIntent(intentIn(issuerId, { profileDigest: digest('new') }))).toEqual({
        kind: 'recorded',
      });
    });

    test('an Idempotency-Key is taken by one intent for 24 hours', async () => {
      const { store, issuerId } = await scene();
      const idempotency = { key: randomUUID(), bodySha256: digest('body') };
      const first = intentIn(issuerId, { idempotency });
      expect(await store.recordIntent(first)).toEqual({ kind: 'recorded' });
      expect(await store.recordIntent(intentIn(issuerId, { idempotency }))).toEqual({ kind: 'idempotencyKeyUsed' });
      const found = await store.findByIdempotencyKey(first.principal, idempotency.key, at(1));
      expect(found).toMatchObject({
        serialNumber: first.serialNumber,
        bodySha256: idempotency.bodySha256,
        outcome: null,
        certificate: null,
      });
      expect(await store.findByIdempotencyKey('operator:bob:2', idempotency.key, at(1))).toBeNull();
      expect(await store.findByIdempotencyKey(first.principal, idempotency.key, at(24 * 60 + 1))).toBeNull();
      const later = intentIn(issuerId, { idempotency, recordedAt: at(24 * 60 + 1) });
      expect(await store.recordIntent(later)).toEqual({ kind: 'recorded' });
    });

    test('a released Idempotency-Key can be taken again', async () => {
      const { store, issuerId } = await scene();
      const idempotency = { key: randomUUID(), bodySha256: digest('body') };
      const first = intentIn(issuerId, { idempotency });
      await store.recordIntent(first);
      await store.releaseIdempotencyKey(first.principal, idempotency.key, intentIn(issuerId).serialNumber);
      expect(await store.recordIntent(intentIn(issuerId, { idempotency }))).toEqual({ kind: 'idempotencyKeyUsed' });
      await store.releaseIdempotencyKey(first.principal, idempotency.key, first.serialNumber);
      expect(await store.recordIntent(intentIn(issuerId, { idempotency }))).toEqual({ kind: 'recorded' });
    });

    test('the certificate of an Idempotency-Key is found whole', async () => {
      const { store, issuerId } = await scene();
      const intent = intentIn(issuerId, { idempotency: { key: randomUUID(), bodySha256: digest('body') } });
      await store.recordIntent(intent);
      const result = resultOf(intent);
      await store.recordIssued(result);
      const found = await store.findByIdempotencyKey(intent.principal, intent.idempotency!.key, at(1));
      expect(found?.outcome).toBe('issued');
      expect(found?.certificate).toMatchObject({
        fingerprint: result.fingerprint,
        commonName: 'www.example.org',
        names: result.names,
        notAfter: intent.notAfter,
        status: { kind: 'good' },
      });
      expect(Buffer.compare(found!.certificate!.der, result.der)).toBe(0);
    });

    test('attempts are found by enrollment and lineage', async () => {
      const { store, issuerId, addDevice } = await scene();
      const { deviceId, lineageId, conversationId } = await addDevice();
      const place = { holder: { kind: 'device', deviceId } as const, lineageId, conversationId };
      const [left, made] = [intentIn(issuerId, place), intentIn(issuerId, { ...place, recordedAt: at(5) })];
      await store.recordIntent(left);
      await store.abandonIntent({ issuerId, serialNumber: left.serialNumber, by: 'test', at: at(4) });
      await store.recordIntent(made);
      await store.recordIssued(resultOf(made));
      const attempts = await store.findByConversation(conversationId, lineageId);
      expect(attempts.map((attempt) => attempt.outcome)).toEqual(['abandoned', 'issued']);
      expect(await store.findByConversation(randomUUID(), lineageId)).toEqual([]);
    });

    test('sixty-four intents at once all get their own answer', async () => {
      const { store, issuerId } = await scene();
      const intents = Array.from({ length: 64 }, () => intentIn(issuerId));
      const held = intents[7]!.spkiSha256;
      const { deviceId } = await (await scene()).addDevice();
      const wrong = intentIn(issuerId, { spkiSha256: held, holder: { kind: 'device', deviceId } });
      await store.recordIntent(intents[7]!);
      const others = intents.filter((_, i) => i !== 7);
      const outcomes = await Promise.all([...others, wrong].map((intent) => store.recordIntent(intent)));
      expect(outcomes.slice(0, -1).every((outcome) => outcome.kind === 'recorded')).toBe(true);
      expect(outcomes.at(-1)).toMatchObject({ kind: 'keyHeld' });
      const stored = await Promise.all(others.map((intent) => store.recordIssued(resultOf(intent))));
      expect(stored.every(Boolean)).toBe(true);
    });
  });
}
