// Endpoints and agents of Keylime over PostgreSQL: a look is written down, confirms what was served, opens what went back,
// tells what is not well; and the gate holds by what is stored.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Endpoint, EndpointSeen } from '../../src/domain/endpoint.ts';
import type { KeylimeSettings, VerifiedAgent } from '../../src/domain/keylime.ts';
import { ok } from '../../src/domain/result.ts';
import { listEndpoints, type EndpointPorts, lookAtEndpoints, probeNow } from '../../src/lifecycle/look-endpoints.ts';
import {
  attestationHold,
  letAgentThrough,
  listKeylimeAgents,
  lookAtKeylime,
} from '../../src/lifecycle/look-keylime.ts';
import { confirmingAs } from '../../src/lineage-services.ts';
import { certificatesIn } from '../../src/storage/certificates.ts';
import { deviceStore } from '../../src/storage/devices.ts';
import { keylimeStore } from '../../src/storage/keylime.ts';
import { lineagesIn } from '../../src/storage/lineages.ts';
import { probeStore } from '../../src/storage/probes.ts';
import { warningStore } from '../../src/storage/warnings.ts';
import { day, type Inventory, inventoryDatabase } from './support/inventory.ts';

let inventory: Inventory;
beforeAll(async () => {
  inventory = await inventoryDatabase();
});
afterAll(() => inventory.close());

const later = (instant: Date, seconds: number): Date => new Date(instant.getTime() + seconds * 1000);

describe('endpoints', () => {
  const endpoint = (hostName: string, over: Partial<Endpoint> = {}): Endpoint => ({
    ...{ name: 'vhost', kind: 'nginx', host: hostName, port: 443, serverName: hostName, path: '/' },
    ...{ expects: { kind: 'lineage', hostName, profile: 'nginx-vhost', place: null }, clientAuth: 'none' },
    ...{ trust: { kind: 'domain', domain: 'estate' }, clientCertificate: null, triesThrowaway: false },
    wrongCertificate: null,
    ...over,
  });

  /** A world in which `serve` says which certificate an endpoint serves; null for silence. */
  function world(endpoints: readonly Endpoint[]) {
    const { db } = inventory;
    const state = { now: day(10), served: null as string | null, visits: 0 };
    const seen = (): EndpointSeen =>
      state.served === null
        ? { reached: false, isOtherProtocol: false, detail: 'connect ECONNREFUSED' }
        : {
            ...{ reached: true, chain: [new Uint8Array()], isClientAsked: false, wrongClients: [], bundle: null },
            ...{ withoutCertificate: { kind: 'taken', detail: 'HTTP 200' }, withCertificate: null },
          };
    const ports: EndpointPorts = {
      ...lineagesIn(db),
      ...probeStore(db),
      settings: { everySeconds: 300, timeoutSeconds: 1, concurrency: 2, endpoints },
      policy: {
        expiry: { relative: { warning: 0.1, critical: 0.05 }, absolute: [], profiles: new Map() },
        spireBundle: { warning: 1, critical: 1 },
      },
      channels: [],
      now: () => state.now,
      probe: async () => {
        state.visits += 1;
        return seen();
      },
      judgeChain: async () => ({
        leaf: { sha256: state.served ?? '', notBefore: day(1), notAfter: day(91) },
        faults: [],
      }),
      findCertificate: certificatesIn(db).byFingerprint,
      deviceOfHostName: deviceStore(db).deviceOfHostName,
      confirmAs: confirmingAs({ db }),
      recordLook: warningStore(db).recordLook,
    };
    return { ports, state, look: lookAtEndpoints(ports) };
  }
  const useOf = async (fingerprint: string) =>
    (
      await inventory.db.query('select confirmed_by, confirmed_at from certificate_use where fingerprint = $1', [
        fingerprint,
      ])
    )[0];
  const openWarnings = async (): Promise<readonly string[]> =>
    (await inventory.db.query(`select condition, level from warning where closed_at is null order by condition`)).map(
      (row) => `${String(row['level'])} ${String(row['condition'])}`,
    );

  test('confirm what they serve, tell what was not reloaded, and open a lineage that went back', async () => {
    const device = await inventory.addDevice('nginx-vhost');
    const old = await inventory.addCertificate({ device, profile: 'nginx-vhost', from: day(1) });
    const { state, look, ports } = world([endpoint(device.hostName)]);
    state.served = old;
    await look();
    expect(await useOf(old)).toEqual({ confirmed_by: 'probe', confirmed_at: day(10) });
    const next = await inventory.addCertificate({ device, profile: 'nginx-vhost', from: day(11) });
    state.now = day(12);
    await look();
    expect(await openWarnings()).toEqual(['warning servedDiffers']);
    state.now = later(day(12), 300);
    state.served = next;
    await look();
    expect(await useOf(next)).toMatchObject({ confirmed_by: 'probe' });
    state.now = later(day(12), 900);
    state.served = old;
    await look();
    expect(await useOf(next)).toEqual({ confirmed_by: null, confirmed_at: null });
    expect(await useOf(old)).toMatchObject({ confirmed_by: 'probe' });
    const [alarm] = await inventory.db.query(
      `select facts from outbox where topic = 'alarm' and facts ->> 'event' = 'lineage.reopened'`,
    );
    expect(alarm).toMatchObject({ facts: { certificate: old, lineage: device.lineageId } });
    const [warning] = await inventory.db.query(`select device_id, lineage_id, subject from warning`);
    expect(warning).toEqual({ device_id: device.deviceId, lineage_id: device.lineageId, subject: 'endpoint:vhost' });
    expect((await listEndpoints(ports)())[0]).toMatchObject({ level: 'warning', servedSha256: old });
    state.now = later(day(12), 1300);
    state.served = next;
    await look();
    state.now = later(day(12), 1700);
    await look();
    expect(await openWarnings()).toEqual([]);
  });

  test('are told of though one of them cannot be looked at', async () => {
    const names = ['broken', 'silent'];
    const { state, ports } = world(names.map((name) => endpoint('a.example.org', { name, expects: null })));
    const look = lookAtEndpoints({
      ...ports,
      probe: async (one) => {
        if (one.name === 'broken') throw new Error('a fault of ours');
        return ports.probe(one);
      },
    });
    state.now = day(15);
    await expect(look()).rejects.toThrow('a fault of ours');
    state.now = later(day(15), 300);
    await expect(look()).rejects.toThrow('a fault of ours');
    expect(await openWarnings()).toEqual(['warning endpointUnreachable']);
    const none = world([]);
    for (const seconds of [600, 1000]) {
      none.state.now = later(day(15), seconds);
      await none.look();
    }
    expect(await openWarnings()).toEqual([]);
  });

  test('are visited in their turn, whoever looks, and forgotten when they are declared no longer', async () => {
    const one = endpoint('a.example.org', { name: 'one', expects: null });
    const { state, look, ports } = world([one]);
    state.now = day(20);
    await look();
    state.now = later(day(20), 60);
    await Promise.all([look(), lookAtEndpoints(ports)()]);
    expect(state.visits).toBe(1);
    expect(await openWarnings()).toEqual([]);
    state.now = later(day(20), 300);
    await look();
    expect(await openWarnings()).toEqual(['warning endpointUnreachable']);
    expect(await probeNow(ports)('one')).toMatchObject({ ok: true, value: { level: 'warning', reachableAt: null } });
    expect(await probeNow(ports)('two')).toMatchObject({ ok: false, error: { reason: 'notFound' } });
    const none = world([]);
    none.state.now = later(day(20), 600);
    await none.look();
    expect(await probeStore(inventory.db).probeRecords()).toEqual([]);
    none.state.now = later(day(20), 1000);
    await none.look();
    expect(await openWarnings()).toEqual([]);
  });
});

describe('agents of Keylime', () => {
  const settings: KeylimeSettings = {
    ...{ registrarUrl: 'https://r', verifierUrl: 'https://v', certificateFile: '', keyFile: '', caFile: '' },
    ...{ apiVersion: '2.6', everySeconds: 60 },
    gate: { isEnabled: true, failingForSeconds: 900, passingForSeconds: 300, mostHeld: { hosts: 5 } },
  };
  const uuid = 'e'.repeat(64);
  const word = (operationalState: number): VerifiedAgent => ({
    ...{ agent: uuid, operationalState, attestationStatus: null, lastSuccessfulAttestation: day(29) },
  });

  test('are joined to hosts, held and let go with a line in the audit, and let through by an admin', async () => {
    const { db } = inventory;
    const { deviceId, hostName } = await inventory.addDevice('keylime-agent');
    await db.query('update device set keylime_uuid = $2 where id = $1', [deviceId, uuid]);
    const store = keylimeStore(db);
    const state = { now: day(30), words: [word(3)] as readonly VerifiedAgent[] };
    const look = lookAtKeylime({
      ...{ settings, channels: [], now: () => state.now, ...store, recordLook: warningStore(db).recordLook },
      keylimeUuidOf: () => null,
      keylime: {
        registered: async () => ok([uuid, 'stranger']),
        verified: async () => ok(state.words),
        endorsementKeyOf: async () => ok(null),
      },
    });
    const at = async (seconds: number, state1: number): Promise<void> => {
      state.now = later(day(30), seconds);
      state.words = [word(state1)];
      await look();
    };
    const hold = attestationHold({ settings, heldAgent: store.heldAgent });
    await at(0, 3);
    await at(60, 7);
    await at(960, 7);
    expect(await hold(deviceId, later(day(30), 970))).toMatchObject({
      detail: `Keylime does not attest this host since ${later(day(30), 60).toISOString().slice(0, 19)}Z: its agent is in state failed`,
      retryAfterSeconds: 300,
    });
    expect(await hold(randomUUID(), state.now)).toBeNull();
    // The verifier said nothing for five looks: its last word holds nobody.
    expect(await hold(deviceId, later(day(30), 960 + 301))).toBeNull();
    expect(
      await attestationHold({
        settings: { ...settings, gate: { ...settings.gate, isEnabled: false } },
        heldAgent: store.heldAgent,
      })(deviceId, state.now),
    ).toBeNull();
    const [first, second] = await listKeylimeAgents(store)();
    expect(first).toMatchObject({ agent: uuid, hostName, state: 'failed', held: true, device: deviceId });
    expect(second).toMatchObject({ agent: 'stranger', hostName: null, registered: true, state: null, held: false });
    expect(await letAgentThrough(store)(uuid, 'operator:admin:1', state.now)).toMatchObject({ value: { held: false } });
    expect(await letAgentThrough(store)('nobody', 'operator:admin:1', state.now)).toMatchObject({ ok: false });
    expect(await hold(deviceId, state.now)).toBeNull();
    await at(1020, 7);
    expect(await hold(deviceId, state.now)).toBeNull();
    await at(960 + 86_400, 7);
    expect(await hold(deviceId, state.now)).not.toBeNull();
    await at(960 + 86_460, 3);
    await at(960 + 86_760, 3);
    expect(await hold(deviceId, state.now)).toBeNull();
    const events = await db.query(
      `select event, principal from audit_event where event like 'attestation.%' order by id`,
    );
    expect(events.map(({ event, principal }) => `${String(event)} ${String(principal)}`)).toEqual([
      'attestation.held service',
      'attestation.letThrough operator:admin:1',
      'attestation.held service',
      'attestation.released service',
    ]);
    const [warning] = await db.query(
      `select level, subject, device_id from warning where condition = 'attestationFailing'`,
    );
    expect(warning).toEqual({ level: 'critical', subject: `keylimeAgent:${uuid}`, device_id: deviceId });
  });

  test('are forgotten when registrar and verifier both know them no longer', async () => {
    const { db } = inventory;
    const store = keylimeStore(db);
    const look = lookAtKeylime({
      ...{ settings, channels: [], now: () => day(40), ...store, recordLook: warningStore(db).recordLook },
      keylimeUuidOf: () => null,
      keylime: { registered: async () => ok([]), verified: async () => ok([]), endorsementKeyOf: null },
    });
    await look();
    expect(await store.keylimeAgents()).toEqual([]);
  });
});
