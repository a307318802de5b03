// What monitoring asks of a real database.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { HostFacts } from '../../src/domain/lineage-wire.ts';
import type { MetricFacts } from '../../src/domain/metric-facts.ts';
import { metricsIn } from '../../src/storage/metrics.ts';
import { day, type Inventory, inventoryDatabase, type InventoryDevice } from './support/inventory.ts';

const limits = { series: 3, hostsWithFacts: 2, endpoints: 2 };
const now = day(100);

let inventory: Inventory;
beforeAll(async () => {
  inventory = await inventoryDatabase();
});
afterAll(() => inventory.close());

const query = (text: string, values: readonly unknown[] = []): Promise<unknown> => inventory.db.query(text, values);
const gather = (): Promise<MetricFacts> => metricsIn(inventory.db).gatherMetrics(now, limits);

/** Serves, with its levels, as the write path leaves it behind. */
const serve = async (fingerprint: string, ends: number): Promise<void> => {
  await query(
    `update certificate_use set is_serving = true, not_after = $2, warning_at = $3, critical_at = $4 where fingerprint = $1`,
    [fingerprint, day(ends), day(ends - 30), day(ends - 7)],
  );
};

const lineage = async (ends: number): Promise<InventoryDevice> => {
  const device = await inventory.addDevice();
  await serve(await inventory.addCertificate({ device, from: day(ends - 90) }), ends);
  return device;
};

const healthy: HostFacts = {
  tpm: { present: true, inLockout: false, lockoutCounter: 0, maxAuthFail: 32 },
  diskEncryption: 'luks',
  clevisBound: null,
  spireAgent: { installed: false, healthy: null },
  keylimeAgent: { installed: false, listening: null },
};

const report = (device: InventoryDevice, facts: HostFacts | undefined): Promise<unknown> =>
  query(`insert into host_report (device_id, reported_at, agent_version, report) values ($1, $2, '1', $3)`, [
    ...[device.deviceId, now, JSON.stringify({ targets: [], facts })],
  ]);

test('an empty inventory has counts of nothing', async () => {
  expect(await gather()).toMatchObject({
    lineages: [],
    alone: [],
    ends: [],
    renewals: [],
    queues: { renewalsWaiting: 0, intentsOpen: 0, enrollmentsPending: 0, alarmsWaiting: 0, oldestAlarmAt: null },
    warnings: [],
    keylime: { statuses: [], held: 0, spokenOf: 0, lastLookAt: null },
  });
});

describe('certificates', () => {
  const hosts: InventoryDevice[] = [];
  beforeAll(async () => {
    for (const ends of [95, 104, 120, 150, 160]) hosts.push(await lineage(ends));
    hosts.push(await inventory.addDevice());
    // Of one name under one profile only the last serves.
    for (const [profile, ends] of [
      ['openbao-server', 60],
      ['nginx-vhost', 95],
      ['tower-infrastructure', 101],
    ] as const) {
      await serve(await inventory.addCertificate({ profile, from: day(ends - 90) }), ends);
    }
  });

  test('are counted by level, those that ended and those that are missing apart', async () => {
    const { lineages, alone } = await gather();
    expect(lineages).toEqual([
      { profile: 'devid', ok: 2, warning: 1, critical: 1, ended: 1, missing: 1, due: 3, failing: 0 },
    ]);
    const none = { ok: 0, warning: 0, critical: 0, ended: 0, missing: 0 };
    expect(alone.toSorted((a, b) => (a.profile < b.profile ? -1 : 1))).toEqual([
      { ...none, profile: 'nginx-vhost', ended: 1 },
      { ...none, profile: 'tower-infrastructure', critical: 1 },
    ]);
  });

  test('are listed by their ends, what is missing first, as many as are wanted of each kind', async () => {
    const { ends } = await gather();
    expect(ends.map(({ host, notAfter }) => [host, notAfter])).toEqual([
      [hosts[5]!.hostName, null],
      ...[0, 1, 2].map((at) => [hosts[at]!.hostName, day([95, 104, 120][at]!)]),
      ['www.example.org', day(95)],
      ['www.example.org', day(101)],
    ]);
  });

  test('of hosts that are not active count nothing', async () => {
    await query(`update device set state = 'suspended' where id = $1`, [hosts[4]!.deviceId]);
    const { lineages, devices, hostsSeen } = await gather();
    expect(lineages[0]).toMatchObject({ ok: 1 });
    expect(devices.toSorted((a, b) => b.count - a.count)).toEqual([
      { state: 'active', count: 5 },
      { state: 'suspended', count: 1 },
    ]);
    expect(hostsSeen).toHaveLength(limits.series);
  });

  test('say when hosts last came for each profile', async () => {
    const [first] = hosts;
    await query(
      `insert into renewal (id, lineage_id, body_sha256, admitted_at, is_outside_ceiling, is_recovery, request, refusals)
       values ($1, $2, repeat('0', 64), $3, false, false, '', '[]')`,
      [randomUUID(), first!.lineageId, new Date(now.getTime() - 3_600_000)],
    );
    expect((await gather()).renewals).toEqual([
      { profile: 'devid', lastSuccessAt: day(70), lastAttemptAt: new Date(now.getTime() - 3_600_000) },
    ]);
  });

  test('have issuers, with the end of the newest CRL and what is known against them', async () => {
    await query(`insert into crl values ($1, 1, $2, $3, ''), ($1, 2, $3, $4, '')`, [
      ...[inventory.issuerId, day(99), day(100), day(102)],
    ]);
    await query(
      `insert into warning (id, condition, subject, level, cause, reason, facts, opened_at, level_at)
       values ($1, 'issuerUnavailable', $2, 'critical', '', '', '{}', $3, $3)`,
      [randomUUID(), `issuer:${inventory.issuerId}`, now],
    );
    const { issuers, warnings } = await gather();
    expect(issuers).toMatchObject([{ role: 'root', isUnavailable: true, crlNextUpdate: day(102) }]);
    expect(warnings).toEqual([{ condition: 'issuerUnavailable', level: 'critical', count: 1 }]);
  });

  test('come from hosts that say how they are, those in trouble first', async () => {
    const locked = { ...healthy, tpm: { ...healthy.tpm, inLockout: true, lockoutCounter: 32 } };
    const [a, b, c, d] = hosts.toSorted((one, other) => (one.hostName < other.hostName ? -1 : 1));
    for (const [device, facts] of [
      [a, healthy],
      [b, undefined],
      [c, healthy],
      [d, locked],
    ] as const) {
      await report(device!, facts);
    }
    const { factsOfHosts, hostFacts } = await gather();
    const active = [a, c].find((one) => one!.deviceId !== hosts[4]!.deviceId)!;
    if (d!.deviceId !== hosts[4]!.deviceId) expect(factsOfHosts[0]).toEqual({ hostName: d!.hostName, facts: locked });
    expect(factsOfHosts.map(({ hostName }) => hostName)).toContain(active.hostName);
    expect(factsOfHosts.length).toBeLessThanOrEqual(limits.hostsWithFacts);
    expect(hostFacts.reduce((total, { hosts: count }) => total + count, 0)).toBe(5);
  });
});

test('what waits is counted, for each channel with its age', async () => {
  const at = day(99);
  await query(
    `insert into outbox (topic, key, facts, created_at) values ('alarm', 'x', '{}', $1), ('other', 'x', '{}', $1)`,
    [at],
  );
  await query(
    `insert into delivery (id, channel, kind, cause, message, created_at, due_at) values ($1, 'ops', 'test', '', '{}', $2, $2)`,
    [randomUUID(), at],
  );
  await query(`insert into channel_turn (channel, turned_at, failing_since, last_error) values ('mail', $1, $1, 'x')`, [
    at,
  ]);
  await query(`insert into crossing (warning_id, channel, kind, at) select id, 'mail', 'critical', $1 from warning`, [
    at,
  ]);
  const { queues, channels } = await gather();
  // Recording a certificate puts an alarm nowhere: the one is the only one.
  expect(queues).toMatchObject({ alarmsWaiting: 1, oldestAlarmAt: at });
  const nothing = {
    turnedAt: null,
    deliveredAt: null,
    crossingsWaiting: 0,
    deliveriesWaiting: 0,
    oldestDeliveryAt: null,
  };
  expect(channels).toEqual([
    { ...nothing, channel: 'mail', turnedAt: at, isFailing: true, crossingsWaiting: 1 },
    { ...nothing, channel: 'ops', isFailing: false, deliveriesWaiting: 1, oldestDeliveryAt: at },
  ]);
});

test('probes and attestation are as they were seen the last time', async () => {
  await query(
    `insert into probe (endpoint, looked_at, reachable_at, findings, served_sha256, served_not_after) values ('a', $1, $1, '[]', null, $2), ('b', $1, $3, '[{"finding": "x"}]', null, null), ('c', $1, null, '[]', null, null)`,
    [day(100), day(120), day(99)],
  );
  const hosts = [await inventory.addDevice(), await inventory.addDevice(), await inventory.addDevice()];
  await query(
    `insert into keylime_agent (agent_uuid, device_id, is_registered, last_successful_attestation, state_since,
                                failing_since, passing_since, held_at, word_at, first_seen_at, seen_at)
     values ('1', $1, true, $4, $4, $4, null, $4, $5, $4, $5), ('2', $2, true, $5, $4, null, $4, null, $5, $4, $5),
            ('3', $3, true, null, $4, null, null, null, null, $4, $5), ('4', null, true, null, $4, null, null, null, $5, $4, $5)`,
    [...hosts.map(({ deviceId }) => deviceId), day(98), day(100)],
  );
  const { probes, keylime, attestations } = await gather();
  expect(probes).toEqual([
    { endpoint: 'a', lookedAt: day(100), isReachable: true, findings: 0, notAfter: day(120) },
    { endpoint: 'b', lookedAt: day(100), isReachable: false, findings: 1, notAfter: null },
  ]);
  expect(keylime).toMatchObject({ held: 1, spokenOf: 2, lastLookAt: day(100) });
  expect(keylime.statuses.toSorted((a, b) => (a.status < b.status ? -1 : 1))).toEqual(
    ['failing', 'passing', 'starting', 'unknown'].map((status) => ({ status, agents: 1 })),
  );
  expect(attestations).toEqual([
    { hostName: hosts[0]!.hostName, isPassing: false, lastSuccessAt: day(98) },
    { hostName: hosts[1]!.hostName, isPassing: true, lastSuccessAt: day(100) },
  ]);
});
