// What people and hosts ask of rotation, over a store in memory.
import { describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { LineageFacts } from '../../../src/domain/lineage.ts';
import { noLimits, type Principal } from '../../../src/domain/principal.ts';
import type { CampaignBody } from '../../../src/domain/rotation-wire.ts';
import { turnCampaigns } from '../../../src/lifecycle/campaign-turns.ts';
import {
  pauseCampaign,
  planCampaign,
  resumeCampaign,
  showCampaign,
  startCampaign,
} from '../../../src/lifecycle/campaigns.ts';
import { showFleet } from '../../../src/lifecycle/fleet.ts';
import { reportHost } from '../../../src/lifecycle/host-reports.ts';
import { pullRenewals } from '../../../src/lifecycle/renewal-pulls.ts';
import { fakeRotationStore, type SceneLineage } from '../../fakes/rotation-store.ts';

const day = 86_400;
const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const admin: Extract<Principal, { kind: 'operator' }> = {
  ...{ kind: 'operator', tokenId: 't', name: 'me', role: 'admin', limits: noLimits },
};

const sceneLineage = (over: Partial<SceneLineage> = {}): SceneLineage => ({
  ...{ hostName: 'h0.example.org', profile: 'devid', certificate: randomUUID(), issuerId: 'i' },
  ...{ notBefore: at(0), notAfter: at(90 * day), renewAt: at(60 * day) },
  ...{ manufacturer: null, model: null, firmware: null },
  ...over,
});

async function scene(hosts: number) {
  const store = fakeRotationStore();
  const added = [];
  for (let i = 0; i < hosts; i += 1) added.push(await store.scene.add(sceneLineage({ hostName: `h${i}.example.org` })));
  const ports = { ...store, newId: () => randomUUID() };
  return { store, ports, lineages: added.map(({ lineageId }) => lineageId) };
}

const body = (over: Partial<CampaignBody> = {}): CampaignBody => ({
  ...{ name: 'devid-2026', scope: { profile: 'devid' }, because: 'test' },
  ...over,
});

describe('a campaign', () => {
  test('that is tried shows its waves, and writes nothing', async () => {
    const { ports } = await scene(25);
    const tried = await planCampaign(ports)(body({ pilots: ['h3.example.org'], dryRun: true }), admin, { now: at(0) });
    expect(tried).toMatchObject({
      ok: true,
      value: { id: null, state: 'planned', waves: [{ wave: 0, total: 1 }, { total: 10 }, { total: 10 }, { total: 4 }] },
    });
    expect(await ports.listCampaigns({ after: null, limit: 10, isOpen: false })).toEqual([]);
  });
  test.each([
    ['a scope with nothing in it', body({ scope: { profile: 'other' } }), 'nothingInScope'],
    ['a pilot that is not in the scope', body({ pilots: ['x.example.org'] }), 'pilotNotInScope'],
    [
      'firmware that ends before it begins',
      body({ scope: { tpm: { manufacturer: 'AA', firmwareFrom: '2.0', firmwareTo: '1.0' } } }),
      'malformedFirmwareRange',
    ],
  ])('is not planned for %s', async (_what, wanted, reason) => {
    const { ports } = await scene(2);
    expect(await planCampaign(ports)(wanted, admin, { now: at(0) })).toMatchObject({ ok: false, error: { reason } });
  });
  test('is started once, paused and resumed, and refuses what does not fit its state', async () => {
    const { ports } = await scene(2);
    const planned = await planCampaign(ports)(body(), admin, { now: at(0) });
    const id = planned.ok ? planned.value.id! : '';
    expect(await planCampaign(ports)(body(), admin, { now: at(0) })).toMatchObject({
      error: { reason: 'campaignNameTaken' },
    });
    const context = { now: at(1) };
    expect(await resumeCampaign(ports)(id, admin, context)).toMatchObject({
      error: { reason: 'campaignStateDiffers' },
    });
    expect(await startCampaign(ports)(id, admin, context)).toMatchObject({ value: { state: 'running' } });
    expect(await startCampaign(ports)(id, admin, context)).toMatchObject({
      error: { reason: 'campaignStateDiffers', detail: 'the campaign devid-2026 is running, not planned' },
    });
    expect(await pauseCampaign(ports)(id, admin, context)).toMatchObject({ value: { state: 'paused' } });
    expect(await resumeCampaign(ports)(id, admin, context)).toMatchObject({ value: { state: 'running' } });
    expect(await startCampaign(ports)(randomUUID(), admin, context)).toMatchObject({ error: { reason: 'notFound' } });
  });
  test('releases nothing in a blackout, and goes on behind it', async () => {
    const { store, ports } = await scene(1);
    const planned = await planCampaign(ports)(body(), admin, { now: at(0) });
    const id = planned.ok ? planned.value.id! : '';
    await startCampaign(ports)(id, admin, { now: at(0) });
    const turn = turnCampaigns({ ...store, blackouts: [{ kind: 'span', from: at(0), to: at(100) }] });
    expect(await turn(at(50))).toEqual([{ name: 'devid-2026', did: 'wait' }]);
    expect(await turn(at(55))).toEqual([]);
    expect(await turn(at(100))).toEqual([{ name: 'devid-2026', did: 'release' }]);
    expect(await showCampaign(ports)(id)).toMatchObject({ members: { total: 1, released: 1 } });
  });
  test('gives every member its time anew after the servers were away', async () => {
    const { store, ports } = await scene(1);
    const planned = await planCampaign(ports)(body({ confirmWithinSeconds: 3600 }), admin, { now: at(0) });
    await startCampaign(ports)(planned.ok ? planned.value.id! : '', admin, { now: at(0) });
    const turn = turnCampaigns({ ...store, blackouts: [] });
    const did = async (seconds: number) => (await turn(at(seconds)))[0]?.did;
    expect(await did(10)).toBe('release');
    expect(await did(9 * 3600)).toBe('wait');
    for (let seconds = 9 * 3600 + 300; seconds < 10 * 3600; seconds += 300) expect(await did(seconds)).toBe('wait');
    expect(await did(10 * 3600 + 1)).toBe('stop');
  });
});

describe('a pull', () => {
  test('that is tried says what it would do, and moves nothing', async () => {
    const { store, lineages } = await scene(3);
    const wanted = { scope: { profile: 'devid' }, because: 'CVE', batchSize: 2, batchSeconds: 60, dryRun: true };
    expect(await pullRenewals(store)(wanted, admin, { now: at(0) })).toEqual({
      ok: true,
      value: {
        ...{ matched: 3, pulled: 0, dryRun: true },
        batches: [
          { at: '2026-01-01T00:00:00Z', count: 2 },
          { at: '2026-01-01T00:01:00Z', count: 1 },
        ],
      },
    });
    expect((await store.scene.see(lineages[0]!)).renewAt).toEqual(at(60 * day));
  });
  test('of nothing is refused', async () => {
    const { store } = await scene(1);
    const pulled = await pullRenewals(store)({ scope: { profile: 'x' }, because: 'y' }, admin, { now: at(0) });
    expect(pulled).toMatchObject({ ok: false, error: { reason: 'nothingInScope' } });
  });
});

/** Facts of a lineage of 90 days, confirmed in use. */
const facts = (over: Partial<LineageFacts> = {}): LineageFacts => {
  const newest = {
    ...{ fingerprint: 'aa', serialNumber: '01', notBefore: at(0), notAfter: at(90 * day), issuedAt: at(0) },
    ...{ installedAt: at(1), confirmed: { at: at(1), by: 'host' as const }, isRevoked: false },
  };
  return {
    ...{ id: randomUUID(), deviceId: 'd', hostName: 'h.example.org', deviceState: 'active', profile: 'devid' },
    ...{ place: '', createdAt: at(0), isGranted: true, hasSpireAgent: false, newest, inUse: newest },
    ...{ renewAt: at(65 * day), pulled: null, attempt: null, askedAt: null, lastError: null, failures: 0 },
    ...over,
  };
};

const error = { at: '2026-01-01T00:00:00Z', phase: 'hook', reason: 'no', detail: 'nginx -t' } as const;

/** Lists in pages, as a store does. */
const listed = (all: readonly LineageFacts[]) => ({
  listLineageFacts: async ({
    after,
    limit,
  }: {
    readonly after: { readonly id: string } | null;
    readonly limit: number;
  }) => {
    const from = after === null ? 0 : all.findIndex(({ id }) => id === after.id) + 1;
    return all.slice(from, from + limit);
  },
});

describe('the fleet', () => {
  const view = (all: readonly LineageFacts[], now: Date) =>
    showFleet({
      ...listed(all),
      ...{ perHour: 600, blackouts: [{ kind: 'daily', fromMinute: 1320, toMinute: 360 }] },
      openCampaigns: async () => [],
      renewalCounts: async () => ({ usedInLastHour: 1, outsideInLastDay: 2, waiting: 3 }),
    })(now);

  test('is counted by state and profile, without what is retired', async () => {
    const all = [
      facts(),
      facts({ profile: 'nginx-vhost', lastError: error, failures: 1 }),
      facts({ deviceState: 'suspended' }),
      facts({ deviceState: 'retired' }),
      facts({ newest: null, inUse: null, renewAt: null }),
    ];
    const { states, profiles, ceiling, blackouts } = await view(all, at(10 * day));
    expect(states).toMatchObject({ current: 1, failed: 1, blocked: 1, empty: 1, late: 0 });
    expect(profiles.map(({ profile, states: own }) => [profile, own.failed])).toEqual([
      ['devid', 0],
      ['nginx-vhost', 1],
    ]);
    expect(ceiling).toEqual({ perHour: 600, usedInLastHour: 1, outsideInLastDay: 2, waiting: 3 });
    expect(blackouts).toEqual([{ kind: 'daily', from: '22:00', to: '06:00', active: true }]);
  });
  test('names who is late and why, at most a hundred, and counts all', async () => {
    const { states, late } = await view(
      Array.from({ length: 1203 }, () => facts()),
      at(91 * day),
    );
    expect([states.late, late.length]).toEqual([1203, 100]);
    expect(late[0]!.reason).toContain('has ended');
  });
});

describe('a report', () => {
  const device = { kind: 'device', deviceId: 'd' } as const;
  const report = (lineage: string) => ({
    ...{ agentVersion: '1', at: '2026-01-01T00:00:00Z', unmanaged: [], findings: [], trustGeneration: 0 },
    targets: [
      {
        ...{ name: 'devid', profile: 'devid', place: '', lineage, certificate: null, state: 'inUse' as const },
        ...{ error: null, failures: 0, hasSpireAgent: false },
      },
    ],
  });
  const reports = async (own: readonly LineageFacts[]) => {
    const recorded: string[] = [];
    const answer = reportHost({
      lineageFactsOfDevice: async () => own,
      recordReport: async ({ deviceId }) => void recorded.push(deviceId),
      newestTrustGeneration: async () => 3,
    });
    return { answer, recorded };
  };
  test('is answered with the lineages of the host, and when to call again', async () => {
    const own = facts();
    const { answer, recorded } = await reports([own]);
    const told = await answer(report(own.id), device, { now: at(0) });
    expect(told).toMatchObject({
      ok: true,
      value: { time: '2026-01-01T00:00:00Z', trustGeneration: 3, lineages: [{ id: own.id }] },
    });
    const seconds = told.ok ? told.value.callAgainSeconds : 0;
    expect(seconds >= 2160 && seconds <= 3600).toBe(true);
    const again = await answer(report(own.id), device, { now: at(1800) });
    expect(again.ok && again.value.callAgainSeconds).toBe(seconds);
    expect(recorded).toEqual(['d', 'd']);
  });
  test('about a lineage of another host is refused, and nothing of it is kept', async () => {
    const { answer, recorded } = await reports([facts()]);
    expect(await answer(report(randomUUID()), device, { now: at(0) })).toMatchObject({
      ok: false,
      error: { reason: 'lineageOfAnotherDevice', field: 'targets' },
    });
    expect(recorded).toEqual([]);
  });
});
