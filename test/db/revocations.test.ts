// What is revoked with a certificate, a key or a device, and what is due afterwards, over PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { certificatesIn } from '../../src/storage/certificates.ts';
import { deviceStateStore } from '../../src/storage/device-states.ts';
import { revocationStore } from '../../src/storage/revocations.ts';
import { day, type Inventory, inventoryDatabase } from './support/inventory.ts';
import { sha256 } from './support/rows.ts';

let inventory: Inventory;
const by = 'operator:alice:1';

beforeAll(async () => {
  inventory = await inventoryDatabase();
});
afterAll(() => inventory.close());

const statusOf = async (fingerprint: string) =>
  (await certificatesIn(inventory.db).byFingerprint(fingerprint))?.status ?? null;
const revoke = (fingerprint: string, reasonCode: 'superseded' | 'keyCompromise', at = day(10)) =>
  revocationStore(inventory.db).revokeCertificate(fingerprint, { reasonCode, at, by });
const changeState = (id: string, state: 'active' | 'suspended' | 'retired', at = day(10)) =>
  deviceStateStore(inventory.db).changeDeviceState(id, state, { by, at });
const lineage = async (id: string) =>
  (await inventory.db.query('select renew_at, pulled_because from lineage where id = $1', [id]))[0]!;
const count = async (table: 'audit_event' | 'outbox', fingerprint: string) => {
  const column = table === 'audit_event' ? 'event' : 'topic';
  const text = `select count(*)::int as n from ${table} where ${column} = 'certificate.revoked' and facts ->> 'certificate' = $1`;
  return (await inventory.db.query(text, [fingerprint]))[0]!['n'];
};

describe('a certificate', () => {
  test('is revoked once, with one line of the audit and one message, and its lineage is due at once', async () => {
    const device = await inventory.addDevice();
    const fingerprint = await inventory.addCertificate({ device });
    expect(await revoke(fingerprint, 'superseded')).toBe(1);
    expect(await revoke(fingerprint, 'superseded', day(11))).toBe(0);
    expect(await statusOf(fingerprint)).toEqual({ kind: 'revoked', reasonCode: 'superseded', at: day(10) });
    expect([await count('audit_event', fingerprint), await count('outbox', fingerprint)]).toEqual([1, 1]);
    expect(await lineage(device.lineageId)).toEqual({ renew_at: day(10), pulled_because: 'revoked: superseded' });
  });

  test('that was superseded in its lineage is revoked without a word to the lineage', async () => {
    const device = await inventory.addDevice();
    const old = await inventory.addCertificate({ device });
    await inventory.addCertificate({ device, from: day(5) });
    expect(await revoke(old, 'superseded')).toBe(1);
    expect(await lineage(device.lineageId)).toEqual({ renew_at: day(75), pulled_because: null });
  });

  test('whose key was compromised takes everything of that key along, what is being issued too, and the key is no good any more', async () => {
    const device = await inventory.addDevice();
    const spkiSha256 = sha256('compromised');
    const [first, second] = [
      await inventory.addCertificate({ device, spkiSha256 }),
      await inventory.addCertificate({ device, spkiSha256, from: day(2) }),
    ];
    const other = await inventory.addCertificate({ device });
    await inventory.addIntent({ device, spkiSha256 });
    expect(await revoke(first, 'superseded')).toBe(1);
    expect(await revoke(first, 'keyCompromise', day(12))).toBe(3);
    expect(await statusOf(first)).toEqual({ kind: 'revoked', reasonCode: 'keyCompromise', at: day(10) });
    expect(await statusOf(second)).toEqual({ kind: 'revoked', reasonCode: 'keyCompromise', at: day(12) });
    expect(await statusOf(other)).toEqual({ kind: 'good' });
    expect((await inventory.addIntent({ device, spkiSha256, from: day(13) })).outcome.kind).toBe('keyCompromised');
    expect(await revoke(first, 'keyCompromise', day(14))).toBe(0);
    expect(await revoke(first, 'superseded', day(14))).toBe(0);
  });
});

describe('a device', () => {
  test.each([
    ['suspended', 'privilegeWithdrawn'],
    ['retired', 'cessationOfOperation'],
  ] as const)('that is %s loses what has not ended, for %s', async (state, reasonCode) => {
    const device = await inventory.addDevice();
    const ended = await inventory.addCertificate({ device, days: 2 });
    const [old, newest] = [
      await inventory.addCertificate({ device }),
      await inventory.addCertificate({ device, from: day(5) }),
    ];
    const someoneElse = await inventory.addCertificate({ device: await inventory.addDevice() });
    expect(await changeState(device.deviceId, state)).toBe(true);
    expect(await changeState(device.deviceId, state, day(11))).toBe(true);
    for (const fingerprint of [old, newest])
      expect(await statusOf(fingerprint)).toEqual({ kind: 'revoked', reasonCode, at: day(10) });
    for (const fingerprint of [ended, someoneElse]) expect(await statusOf(fingerprint)).toEqual({ kind: 'good' });
    expect(await lineage(device.lineageId)).toEqual({ renew_at: day(75), pulled_because: null });
    expect((await inventory.addIntent({ device })).outcome.kind).toBe('deviceNotActive');
  });

  test('that is resumed is due at once where its certificate was revoked, and only there', async () => {
    const device = await inventory.addDevice();
    await inventory.addCertificate({ device });
    await changeState(device.deviceId, 'suspended');
    await changeState(device.deviceId, 'active', day(20));
    expect(await lineage(device.lineageId)).toEqual({ renew_at: day(20), pulled_because: 'device resumed' });
    const quiet = await inventory.addDevice();
    await inventory.addCertificate({ device: quiet });
    await inventory.db.query(`update device set state = 'suspended' where id = $1`, [quiet.deviceId]);
    await changeState(quiet.deviceId, 'active', day(20));
    expect(await lineage(quiet.lineageId)).toEqual({ renew_at: day(71), pulled_because: null });
  });

  test('that is suspended while it is issued to keeps nothing: each intent is refused or revoked', async () => {
    const device = await inventory.addDevice();
    const intents = Array.from({ length: 40 }, () => inventory.addIntent({ device }));
    await Promise.all([...intents.slice(0, 20), changeState(device.deviceId, 'suspended'), ...intents.slice(20)]);
    const settled = await Promise.all(intents);
    const recorded = settled
      .filter(({ outcome }) => outcome.kind === 'recorded')
      .map(({ intent }) => intent.serialNumber);
    const revoked = await inventory.db.query(
      'select serial_number from revocation where serial_number = any ($1::text[])',
      [recorded],
    );
    expect(revoked).toHaveLength(recorded.length);
    expect(settled.every(({ outcome }) => ['recorded', 'deviceNotActive'].includes(outcome.kind))).toBe(true);
  });
});
