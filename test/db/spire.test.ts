// DevIDs as SPIRE at rotation reads them, over PostgreSQL, and a confirmation that it leads to.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spireRound } from '../../src/lifecycle/spire-round.ts';
import { confirmingAs } from '../../src/lineage-services.ts';
import { spireServer } from '../../src/probes/spire-server.ts';
import { deviceStateStore } from '../../src/storage/device-states.ts';
import { spireStore } from '../../src/storage/spire.ts';
import { devidAgentId } from '../../src/domain/spire.ts';
import { spireProgram } from '../fakes/spire-program.ts';
import { day, type Inventory, inventoryDatabase } from './support/inventory.ts';

let inventory: Inventory;

beforeAll(async () => {
  inventory = await inventoryDatabase();
});
afterAll(() => inventory.close());

test('reads the DevIDs of all devices or of one, newest first, ended ones left out, each with its issuer', async () => {
  const device = await inventory.addDevice();
  await inventory.addCertificate({ device, days: 2 });
  const old = await inventory.addCertificate({ device });
  const newest = await inventory.addCertificate({ device, from: day(5) });
  await inventory.addCertificate({ device: await inventory.addDevice('keylime-agent'), profile: 'keylime-agent' });
  const { devidsEndingAfter, activeHostNames } = spireStore(inventory.db);
  const found = await devidsEndingAfter(day(10), device.deviceId);
  expect(found.map(({ fingerprint, isNewest }) => [fingerprint, isNewest])).toEqual([
    [newest, true],
    [old, false],
  ]);
  expect(found[0]).toMatchObject({
    hostName: device.hostName,
    isActive: true,
    hasSpireAgent: false,
    installedAt: null,
  });
  expect(found[0]!.issuerDer).toHaveLength(10);
  expect((await devidsEndingAfter(day(10), null)).length).toBe(2);
  expect(await activeHostNames()).toContain(device.hostName);
  await deviceStateStore(inventory.db).changeDeviceState(device.deviceId, 'suspended', { by: 'x', at: day(11) });
  expect((await devidsEndingAfter(day(10), device.deviceId))[0]).toMatchObject({ isActive: false, isRevoked: true });
  expect(await activeHostNames()).not.toContain(device.hostName);
});

test('a round with a server that lists the new ID confirms it by `spire`, evicts the old one, and audits both', async () => {
  const device = await inventory.addDevice();
  const { db } = inventory;
  const [oldDer, newDer] = [Buffer.from('old DevID'), Buffer.from('new DevID')];
  await inventory.addCertificate({ device, der: oldDer });
  const newest = await inventory.addCertificate({ device, der: newDer, from: day(5) });
  await db.query('update lineage set has_spire_agent = true where id = $1', [device.lineageId]);
  await db.query('update certificate_use set installed_at = $2 where fingerprint = $1', [newest, day(6)]);
  const program = spireProgram();
  const settings = program.settings('act');
  const expiresAt = day(20).getTime() / 1000;
  const agents = [oldDer, newDer].map((der) => devidAgentId(settings.trustDomain, der));
  program.write({ agents: agents.map((spiffeId) => ({ spiffeId, attestationType: 'tpm_devid', expiresAt })) });
  const faults: unknown[] = [];
  const ports = { ...spireStore(db), settings, server: spireServer(settings), confirmAs: confirmingAs({ db }) };
  const round = spireRound({ ...ports, onFault: (what, fault) => void faults.push([what, fault]) });
  await round(day(7));
  await round(day(7));
  const left = program.read().agents.map(({ spiffeId }) => spiffeId);
  program.remove();
  expect(faults).toEqual([]);
  expect(left).toEqual([agents[1]]);
  const [use] = await db.query('select confirmed_by, confirmed_at from certificate_use where fingerprint = $1', [
    newest,
  ]);
  expect(use).toEqual({ confirmed_by: 'spire', confirmed_at: day(7) });
  const events = await db.query(`select event from audit_event where event like 'spire.%' order by id`, []);
  expect(events.map(({ event }) => event)).toEqual(['spire.aliasCreated', 'spire.agentEvicted']);
});
