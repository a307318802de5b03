// What every store of rotation promises. Run over the fake in test/unit and over PostgreSQL in test/db.
import { describe, expect, test } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { type CampaignDecision, type CampaignPlan, planCampaign } from '../../src/domain/campaign.ts';
import { lineageReports, reportEvents, unmanagedOf } from '../../src/domain/host-report.ts';
import type { HostReportBody, TargetReport } from '../../src/domain/lineage-wire.ts';
import { scopeFilter } from '../../src/domain/rotation-scope.ts';
import type { RotationScope } from '../../src/domain/rotation-wire.ts';
import { wireTime } from '../../src/domain/wire.ts';
import type { CampaignRecord } from '../../src/lifecycle/campaigns.ts';
import type { RotationStoreUnderTest, SceneLineage } from './rotation-store.ts';

export const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const day = 86_400;
const fingerprint = (): string => createHash('sha256').update(randomBytes(16)).digest('hex');
const freshProfile = (): string => `p-${randomBytes(6).toString('hex')}`;
const freshName = (): string => `h${randomBytes(6).toString('hex')}.example.org`;

/** A lineage of 90 days that is due on day 60. */
export const sceneLineage = (over: Partial<SceneLineage> = {}): SceneLineage => ({
  hostName: freshName(),
  profile: 'devid',
  certificate: fingerprint(),
  notBefore: at(0),
  notAfter: at(90 * day),
  renewAt: at(60 * day),
  issuerId: createHash('sha256').update('issuer').digest('hex'),
  manufacturer: '49465800',
  model: 'SLB9670',
  firmware: null,
  ...over,
});

const plan = (scope: RotationScope, over: Partial<CampaignPlan> = {}): CampaignPlan => ({
  ...{ scope, because: 'test', pilots: [], waveSize: 10, maxInFlight: {}, serviceClasses: {} },
  ...{ errorBudget: { count: 0 }, confirmWithinSeconds: day },
  ...over,
});

const filterOf = (scope: RotationScope) => {
  const filter = scopeFilter(scope);
  if (!filter.ok) throw new Error(filter.error.detail);
  return filter.value;
};

const targetReport = (lineage: string, over: Partial<TargetReport> = {}): TargetReport => ({
  ...{ name: 'devid', profile: 'devid', place: '', lineage, certificate: null, state: 'inUse' },
  ...{ error: null, failures: 0, hasSpireAgent: false },
  ...over,
});

export const reportOf = (targets: readonly TargetReport[], over: Partial<HostReportBody> = {}): HostReportBody => ({
  ...{ agentVersion: '0.1.0', at: wireTime(at(10)), targets, unmanaged: [], findings: [], trustGeneration: 0 },
  ...over,
});

const failed: Partial<TargetReport> = {
  state: 'rolledBack',
  error: { at: wireTime(at(9)), phase: 'postCheck', reason: 'notServed', detail: 'the old one is served' },
  failures: 2,
};

/** Sends a report as the service does. */
export const report = (
  store: RotationStoreUnderTest,
  deviceId: string,
  body: HostReportBody,
  now = at(10),
): Promise<void> =>
  store.recordReport(
    {
      ...{ deviceId, principal: `device:${deviceId}`, at: now, report: body },
      ...{ lineages: lineageReports(body, now), unmanaged: unmanagedOf(body) },
    },
    (before) => reportEvents(before, body),
  );

/** A campaign over so many hosts of a profile of its own, running. */
async function runningCampaign(store: RotationStoreUnderTest, hosts: number) {
  const profile = freshProfile();
  const added = [];
  for (let i = 0; i < hosts; i += 1) added.push(await store.scene.add(sceneLineage({ profile })));
  const wanted = plan({ profile });
  const campaign: CampaignRecord = {
    ...{ id: randomUUID(), name: profile, plan: wanted, state: 'planned', stopReason: null, createdBy: 'test' },
    ...{ createdAt: at(0), changedAt: at(0), lookedAt: null, patientUntil: null },
  };
  const members = planCampaign(wanted, await store.lineagesOfScope(filterOf({ profile })));
  expect(await store.insertCampaign(campaign, members)).toBe(true);
  await store.changeCampaign({ id: campaign.id, from: 'planned', to: 'running', by: 'test', at: at(1) });
  return {
    campaign,
    lineages: added.map(({ lineageId }) => lineageId),
    devices: added.map(({ deviceId }) => deviceId),
  };
}

/** Takes turns until it is this campaign's; others of the store wait. */
async function turnOf(store: RotationStoreUnderTest, id: string, now: Date, decision: CampaignDecision): Promise<void> {
  for (;;) {
    let isIts = false as boolean;
    const turn = await store.turnCampaign(new Date(now.getTime() - 1), (campaign) => {
      isIts = campaign.id === id;
      return { at: now, patientUntil: null, decision: isIts ? decision : { conclude: [], do: 'wait' } };
    });
    if (isIts) return;
    if (turn === null) throw new Error('the campaign had no turn');
  }
}

export function describeRotationStore(name: string, open: () => Promise<RotationStoreUnderTest>): void {
  describe(`the scope of ${name}`, () => {
    test('finds by device, by profile and by the issuer of the newest certificate', async () => {
      const store = await open();
      const [profile, issuerId] = [freshProfile(), fingerprint()];
      const { lineageId, deviceId } = await store.scene.add(sceneLineage({ profile, issuerId }));
      for (const scope of [{ profile }, { device: deviceId }, { issuer: issuerId }]) {
        const found = await store.lineagesOfScope(filterOf(scope));
        expect(found.map((one) => one.lineageId)).toEqual([lineageId]);
      }
    });
    test('knows firmware only where it was attested, bounds included', async () => {
      const store = await open();
      const profile = freshProfile();
      const model = randomBytes(4).toString('hex');
      const firmware = async (version: bigint | null) =>
        (await store.scene.add(sceneLineage({ profile, model, firmware: version }))).lineageId;
      await firmware(null);
      const old = await firmware(0x0007_003d_0000_0000n);
      const newer = await firmware(0xffff_ffff_ffff_ffffn);
      const of = async (tpm: object): Promise<readonly string[]> =>
        (await store.lineagesOfScope(filterOf({ tpm: { manufacturer: '49465800', model, ...tpm } }))).map(
          ({ lineageId }) => lineageId,
        );
      expect(await of({})).toHaveLength(3);
      expect(await of({ firmwareFrom: '7.0', firmwareTo: '7.61' })).toEqual([old]);
      expect(await of({ firmwareFrom: '7.61', firmwareTo: '7.61' })).toEqual([old]);
      expect(await of({ firmwareFrom: '8.0' })).toEqual([newer]);
      expect(await of({ manufacturer: '494E5443' })).toEqual([]);
    });
    test('leaves out devices that are suspended', async () => {
      const store = await open();
      const profile = freshProfile();
      await store.scene.suspend((await store.scene.add(sceneLineage({ profile }))).deviceId);
      expect(await store.lineagesOfScope(filterOf({ profile }))).toEqual([]);
    });
  });

  describe(`pulled windows of ${name}`, () => {
    test('only ever come nearer, and say who pulled them and why', async () => {
      const store = await open();
      const late = await store.scene.add(sceneLineage());
      const due = await store.scene.add(sceneLineage({ renewAt: at(50) }));
      const both = [late, due].map(({ lineageId }) => ({ lineageId, at: at(100) }));
      const scope = { profile: 'devid' };
      expect(await store.pullRenewals({ due: both, scope, by: 'operator:me', because: 'CVE', at: at(60) })).toBe(1);
      expect(await store.scene.see(late.lineageId)).toMatchObject({
        renewAt: at(100),
        pulled: { at: at(60), by: 'operator:me', because: 'CVE' },
      });
      expect(await store.scene.see(due.lineageId)).toMatchObject({ renewAt: at(50), pulled: null });
    });
    test('are due in groups of profile, lifetime and hour; what is past is due now', async () => {
      const store = await open();
      const profile = freshProfile();
      for (const renewAt of [at(-500), at(-3 * day), at(7300), at(7400), at(40 * day)])
        await store.scene.add(sceneLineage({ profile, renewAt }));
      const groups = (await store.dueGroups(at(0), at(30 * day))).filter((group) => group.profile === profile);
      expect(groups.toSorted((a, b) => a.at.getTime() - b.at.getTime())).toEqual([
        { profile, at: at(0), lifetimeSeconds: 90 * day, count: 2 },
        { profile, at: at(7200), lifetimeSeconds: 90 * day, count: 2 },
      ]);
    });
  });

  describe(`reports of ${name}`, () => {
    test('tell a failure once, keep it with the lineage by our clock, and clear it', async () => {
      const store = await open();
      const { lineageId, deviceId } = await store.scene.add(sceneLineage());
      await report(store, deviceId, reportOf([targetReport(lineageId, failed)], { at: wireTime(at(1009)) }), at(2000));
      await report(store, deviceId, reportOf([targetReport(lineageId, failed)], { at: wireTime(at(1009)) }), at(2000));
      expect(await store.scene.see(lineageId)).toMatchObject({
        lastError: { at: wireTime(at(1000)), phase: 'postCheck', reason: 'notServed' },
        failures: 2,
      });
      await report(store, deviceId, reportOf([targetReport(lineageId, { hasSpireAgent: true })]));
      expect(await store.scene.see(lineageId)).toMatchObject({ lastError: null, failures: 0, hasSpireAgent: true });
      expect(await store.scene.audit(lineageId)).toEqual(['target.rolledBack', 'target.wellAgain']);
    });
    test('touch no lineage of another device', async () => {
      const store = await open();
      const [own, other] = [await store.scene.add(sceneLineage()), await store.scene.add(sceneLineage())];
      await report(store, own.deviceId, reportOf([targetReport(other.lineageId, failed)]));
      expect(await store.scene.see(other.lineageId)).toMatchObject({ lastError: null, failures: 0 });
    });
    test('show what is installed, and open a lineage again whose old certificate is in place', async () => {
      const store = await open();
      const old = fingerprint();
      const { lineageId, deviceId } = await store.scene.add(sceneLineage({ certificate: old }));
      const next = { certificate: fingerprint(), notAfter: at(150 * day), renewAt: at(120 * day), isConfirmed: true };
      await store.scene.issue(lineageId, next);
      await report(store, deviceId, reportOf([targetReport(lineageId, { certificate: next.certificate })]), at(30));
      expect(await store.scene.see(lineageId)).toMatchObject({ installedAt: at(30), isNewestConfirmed: true });
      await report(store, deviceId, reportOf([targetReport(lineageId, { certificate: fingerprint() })]));
      expect(await store.scene.see(lineageId)).toMatchObject({ isNewestConfirmed: true });
      await report(store, deviceId, reportOf([targetReport(lineageId, { certificate: old })]));
      expect(await store.scene.see(lineageId)).toMatchObject({ installedAt: null, isNewestConfirmed: false });
      expect(await store.scene.alarms(lineageId)).toEqual(['lineage.reopened']);
    });
    test('replace the unmanaged certificates of the host, and tell a fault once', async () => {
      const store = await open();
      const { deviceId } = await store.scene.add(sceneLineage());
      const found = (path: string, fault: string | null = null) => ({
        ...{ path, sha256: fingerprint(), subject: 'CN=x', issuer: 'CN=y', fault },
        ...{ notBefore: wireTime(at(0)), notAfter: wireTime(at(day)) },
      });
      const fake = found('/etc/b.crt', 'softwareKeyDevId');
      await report(store, deviceId, reportOf([], { unmanaged: [found('/etc/a.crt'), fake, fake] }));
      expect(await store.scene.unmanaged(deviceId)).toEqual(['/etc/a.crt', '/etc/b.crt']);
      await report(store, deviceId, reportOf([], { unmanaged: [fake, found('/etc/c.crt')] }));
      expect(await store.scene.unmanaged(deviceId)).toEqual(['/etc/b.crt', '/etc/c.crt']);
      expect(await store.scene.alarms(deviceId)).toEqual([]);
    });
  });

  describe(`campaigns of ${name}`, () => {
    test('of one name are not open twice', async () => {
      const store = await open();
      const { campaign } = await runningCampaign(store, 1);
      expect(await store.insertCampaign({ ...campaign, id: randomUUID(), state: 'planned' }, [])).toBe(false);
      await turnOf(store, campaign.id, at(2), { conclude: [], do: 'finish' });
      expect(await store.insertCampaign({ ...campaign, id: randomUUID(), state: 'planned' }, [])).toBe(true);
    });
    test('are listed newest first, open ones alone when that is asked', async () => {
      const store = await open();
      const { campaign } = await runningCampaign(store, 1);
      const query = { after: null, limit: 1000 };
      const ids = async (isOpen: boolean) => (await store.listCampaigns({ ...query, isOpen })).map(({ id }) => id);
      expect(await ids(true)).toContain(campaign.id);
      await turnOf(store, campaign.id, at(2), { conclude: [], do: 'stop', reason: 'enough' });
      expect(await ids(true)).not.toContain(campaign.id);
      expect(await ids(false)).toContain(campaign.id);
      expect(await store.findCampaign(campaign.id)).toMatchObject({
        ...{ state: 'stopped', stopReason: 'enough', plan: campaign.plan, changedAt: at(2), lookedAt: at(2) },
      });
      expect(await store.scene.alarms(campaign.id)).toEqual([]);
    });
    test('change their state only from the state that was meant', async () => {
      const store = await open();
      const { campaign } = await runningCampaign(store, 1);
      const change = (from: 'planned' | 'running', to: 'paused' | 'running') =>
        store.changeCampaign({ id: campaign.id, from, to, by: 'me', at: at(5) });
      expect(await change('planned', 'running')).toBe(false);
      expect(await change('running', 'paused')).toBe(true);
      expect(await store.scene.audit(campaign.id)).toEqual(['campaign.planned', 'campaign.running', 'campaign.paused']);
    });
    test('pull the window of what they release, except where it was renewed since', async () => {
      const store = await open();
      const { campaign, lineages } = await runningCampaign(store, 2);
      const [first, second] = lineages as [string, string];
      const next = { certificate: fingerprint(), notAfter: at(150 * day), renewAt: at(120 * day), isConfirmed: false };
      await store.scene.issue(second, next);
      await turnOf(store, campaign.id, at(2), { conclude: [], do: 'release', lineageIds: lineages });
      expect(await store.scene.see(first)).toMatchObject({
        renewAt: at(2),
        pulled: { at: at(2), by: `campaign:${campaign.name}`, because: 'test' },
      });
      expect(await store.scene.see(second)).toMatchObject({ renewAt: at(120 * day), pulled: null });
      expect(await store.wavesOf(campaign.id)).toMatchObject([{ wave: 1, waiting: 0, released: 2 }]);
    });
    test('show a turn what became of each member', async () => {
      const store = await open();
      const { campaign, lineages, devices } = await runningCampaign(store, 3);
      const [confirmed, broken, gone] = lineages as [string, string, string];
      await turnOf(store, campaign.id, at(2), { conclude: [], do: 'release', lineageIds: [confirmed, broken] });
      const next = { certificate: fingerprint(), notAfter: at(150 * day), renewAt: at(120 * day), isConfirmed: true };
      await store.scene.issue(confirmed, next);
      await report(store, devices[1]!, reportOf([targetReport(broken, failed)]), at(10));
      await store.scene.suspend(devices[2]!);
      let seen: readonly object[] = [];
      while (seen.length === 0)
        await store.turnCampaign(at(100), ({ id }, members) => {
          if (id === campaign.id) seen = members;
          return { at: at(200), patientUntil: at(300), decision: { conclude: [], do: 'wait' } };
        });
      expect(seen.toSorted(byLineage(lineages))).toMatchObject([
        {
          state: 'released',
          releasedAt: at(2),
          newestCertificate: next.certificate,
          isNewestConfirmed: true,
          failure: null,
        },
        { lineageId: broken, isDeviceActive: true, failure: { at: at(9), detail: 'postCheck: the old one is served' } },
        { lineageId: gone, state: 'waiting', releasedAt: null, isDeviceActive: false, failure: null },
      ]);
      expect(await store.findCampaign(campaign.id)).toMatchObject({ patientUntil: at(300) });
    });
    test('write down what was concluded, and conclude nothing twice', async () => {
      const store = await open();
      const { campaign, lineages } = await runningCampaign(store, 2);
      const [first, second] = lineages as [string, string];
      await turnOf(store, campaign.id, at(2), { conclude: [], do: 'release', lineageIds: lineages });
      const conclude = [
        { lineageId: first, as: 'confirmed' },
        { lineageId: second, as: 'failed', error: 'no' },
      ] as const;
      await turnOf(store, campaign.id, at(20), { conclude, do: 'stop', reason: '1 failed, and 0 may' });
      expect(await store.wavesOf(campaign.id)).toMatchObject([{ released: 0, confirmed: 1, failed: 1 }]);
      expect(await store.failedMembersOf(campaign.id, 10)).toMatchObject([
        { lineage: second, error: 'no', at: wireTime(at(20)) },
      ]);
    });
    test('have turns after they were stopped only while something is in flight', async () => {
      const store = await open();
      const { campaign, lineages } = await runningCampaign(store, 1);
      await turnOf(store, campaign.id, at(2), { conclude: [], do: 'release', lineageIds: lineages });
      await turnOf(store, campaign.id, at(20), { conclude: [], do: 'stop', reason: 'enough' });
      const conclude = [{ lineageId: lineages[0]!, as: 'confirmed' }] as const;
      await turnOf(store, campaign.id, at(40), { conclude, do: 'wait' });
      await expect(turnOf(store, campaign.id, at(60), { conclude: [], do: 'wait' })).rejects.toThrow('no turn');
    });
  });
}

const byLineage =
  (order: readonly string[]) =>
  (a: object, b: object): number => {
    const place = (one: object): number => order.indexOf((one as { lineageId: string }).lineageId);
    return place(a) - place(b);
  };
