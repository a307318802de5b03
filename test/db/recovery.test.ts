// When a device counts as overdue and as last heard of, and what is written when it recovers, over PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deviceStore } from '../../src/storage/devices.ts';
import { day, type Inventory, inventoryDatabase } from './support/inventory.ts';

let inventory: Inventory;

beforeAll(async () => {
  inventory = await inventoryDatabase();
});
afterAll(() => inventory.close());

const factsOf = (deviceId: string, now: Date) => deviceStore(inventory.db).recoveryFactsOf(deviceId, now);

describe('a device', () => {
  test('is overdue from renewAt on, and not a second before', async () => {
    const device = await inventory.addDevice();
    await inventory.addCertificate({ device });
    const renewAt = day(71);
    expect((await factsOf(device.deviceId, new Date(renewAt.getTime() - 1000))).isOverdue).toBe(false);
    expect((await factsOf(device.deviceId, renewAt)).isOverdue).toBe(true);
  });

  test('is overdue when its newest certificate has ended, and not for an older one that has', async () => {
    const device = await inventory.addDevice();
    await inventory.addCertificate({ device, days: 2 });
    await inventory.addCertificate({ device, from: day(2) });
    expect((await factsOf(device.deviceId, day(10))).isOverdue).toBe(false);
    await inventory.db.query('update lineage set renew_at = $2 where id = $1', [device.lineageId, day(1000)]);
    expect((await factsOf(device.deviceId, day(93))).isOverdue).toBe(true);
  });

  test('without any certificate is not overdue', async () => {
    const device = await inventory.addDevice();
    expect(await factsOf(device.deviceId, day(500))).toEqual({ isOverdue: false, lastSeenAt: day(0) });
  });

  test('was last heard of when it was seen, issued to, or reported, whichever was last', async () => {
    const device = await inventory.addDevice();
    await inventory.addCertificate({ device, from: day(7) });
    expect((await factsOf(device.deviceId, day(9))).lastSeenAt).toEqual(day(7));
    const report = `insert into host_report (device_id, reported_at, agent_version, report) values ($1, $2, '1', '{}')`;
    await inventory.db.query(report, [device.deviceId, day(8)]);
    expect((await factsOf(device.deviceId, day(9))).lastSeenAt).toEqual(day(8));
    await inventory.db.query('update device set last_seen_at = $2 where id = $1', [device.deviceId, day(9)]);
    expect((await factsOf(device.deviceId, day(9))).lastSeenAt).toEqual(day(9));
  });
});
