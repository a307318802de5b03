// Campaigns, pulled windows and reports in memory, with the promises of the real stores
// (rotation-store-suite.ts). A scene adds lineages and says what becomes of them.
import { randomUUID } from 'node:crypto';
import type { CampaignMember, MemberState, PlannedMember } from '../../src/domain/campaign.ts';
import type { LineageReport } from '../../src/domain/host-report.ts';
import type { HostReportBody, LineageError } from '../../src/domain/lineage-wire.ts';
import type { FailedMemberResource } from '../../src/domain/rotation-wire.ts';
import { wireTime } from '../../src/domain/wire.ts';
import type { WaveCounts } from '../../src/lifecycle/campaign-resource.ts';
import type { CampaignTurnPorts } from '../../src/lifecycle/campaign-turns.ts';
import type { CampaignPorts, CampaignRecord } from '../../src/lifecycle/campaigns.ts';
import type { ForecastPorts } from '../../src/lifecycle/fleet.ts';
import type { ReportPorts } from '../../src/lifecycle/host-reports.ts';
import type { PullPorts } from '../../src/lifecycle/renewal-pulls.ts';

/** What a scene says of a lineage. */
export type SceneLineage = {
  readonly hostName: string;
  readonly profile: string;
  readonly certificate: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly renewAt: Date;
  readonly issuerId: string;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly firmware: bigint | null;
};

/** What the scene can see of a lineage. */
export type SeenLineage = {
  readonly renewAt: Date | null;
  readonly pulled: { readonly at: Date; readonly by: string; readonly because: string } | null;
  readonly lastError: LineageError | null;
  readonly failures: number;
  readonly hasSpireAgent: boolean;
  readonly isNewestConfirmed: boolean;
  readonly installedAt: Date | null;
};

type Line = { readonly event: string; readonly facts: Readonly<Record<string, unknown>> };

export type RotationStoreUnderTest = Omit<CampaignPorts, 'newId'> &
  Pick<CampaignTurnPorts, 'turnCampaign'> &
  PullPorts &
  Pick<ReportPorts, 'recordReport'> &
  Pick<ForecastPorts, 'dueGroups'> & {
    readonly scene: {
      /** A device of that name, granted the profile, with one confirmed certificate; gives the ids. */
      readonly add: (lineage: SceneLineage) => Promise<{ readonly lineageId: string; readonly deviceId: string }>;
      readonly suspend: (deviceId: string) => Promise<void>;
      /** The next certificate of a lineage, in use or not yet. */
      readonly issue: (
        lineageId: string,
        next: {
          readonly certificate: string;
          readonly notAfter: Date;
          readonly renewAt: Date;
          readonly isConfirmed: boolean;
        },
      ) => Promise<void>;
      readonly see: (lineageId: string) => Promise<SeenLineage>;
      /** Events of the audit about this id, oldest first, and alarms of the outbox. */
      readonly audit: (id: string) => Promise<readonly string[]>;
      readonly alarms: (id: string) => Promise<readonly string[]>;
      readonly unmanaged: (deviceId: string) => Promise<readonly string[]>;
    };
  };

type Stored = SceneLineage & {
  readonly lineageId: string;
  readonly deviceId: string;
  readonly past: readonly string[];
  readonly isDeviceActive: boolean;
  readonly seen: SeenLineage;
};
type StoredMember = PlannedMember & {
  readonly state: MemberState;
  readonly releasedAt: Date | null;
  readonly concludedAt: Date | null;
  readonly error: string | null;
};

const isOpen = ({ state }: CampaignRecord): boolean => ['planned', 'running', 'paused'].includes(state);

/** A store of its own. */
export function fakeRotationStore(): RotationStoreUnderTest {
  const lineages = new Map<string, Stored>();
  const campaigns = new Map<string, CampaignRecord>();
  const membersOf = new Map<string, readonly StoredMember[]>();
  const reports = new Map<string, HostReportBody>();
  const unmanaged = new Map<string, readonly string[]>();
  const audit: Line[] = [];
  const alarms: Line[] = [];

  const lineage = (id: string): Stored => lineages.get(id)!;
  const look = (id: string, over: Partial<SeenLineage>): void =>
    void lineages.set(id, { ...lineage(id), seen: { ...lineage(id).seen, ...over } });
  const tell = (event: string, facts: Record<string, unknown>, isAlarm = false): void => {
    audit.push({ event, facts });
    if (isAlarm) alarms.push({ event, facts });
  };
  const pull = (id: string, to: Date, by: { at: Date; by: string; because: string }): boolean => {
    const { renewAt } = lineage(id).seen;
    if (renewAt === null || renewAt <= to) return false;
    look(id, { renewAt: to, pulled: by });
    return true;
  };
  const failureOf = ({ lineageId, deviceId, seen }: Stored): CampaignMember['failure'] => {
    const target = reports.get(deviceId)?.targets.find((one) => one.lineage === lineageId);
    const isBroken = target?.state === 'failed' || target?.state === 'rolledBack';
    if (!isBroken || seen.lastError === null) return null;
    return { at: new Date(seen.lastError.at), detail: `${seen.lastError.phase}: ${seen.lastError.detail}` };
  };
  const memberNow = (member: StoredMember): CampaignMember => {
    const at = lineage(member.lineageId);
    return {
      ...{ lineageId: member.lineageId, wave: member.wave, serviceClass: member.serviceClass, state: member.state },
      ...{ fromCertificate: member.certificate, releasedAt: member.releasedAt, isDeviceActive: at.isDeviceActive },
      ...{ newestCertificate: at.certificate, isNewestConfirmed: at.seen.isNewestConfirmed },
      failure: member.state === 'released' ? failureOf(at) : null,
    };
  };

  return {
    lineagesOfScope: async (filter) =>
      [...lineages.values()]
        .filter(
          (one) =>
            one.isDeviceActive &&
            (filter.deviceId === null || one.deviceId === filter.deviceId) &&
            (filter.profile === null || one.profile === filter.profile) &&
            (filter.issuerId === null || one.issuerId === filter.issuerId) &&
            (filter.manufacturer === null || one.manufacturer === filter.manufacturer) &&
            (filter.model === null || one.model === filter.model) &&
            (filter.firmware === null ||
              (one.firmware !== null && filter.firmware.from <= one.firmware && one.firmware <= filter.firmware.to)),
        )
        .map(({ lineageId, hostName, profile, certificate, notAfter }) => ({
          ...{ lineageId, hostName, profile, place: '', certificate, notAfter },
        })),
    pullRenewals: async ({ due, by, because, at }) => {
      const pulled = due.filter((one) => pull(one.lineageId, one.at, { at, by, because }));
      for (const { lineageId } of due) tell('renewals.pulled', { lineage: lineageId });
      return pulled.length;
    },
    dueGroups: async (now, before) => {
      const groups = new Map<string, { profile: string; at: Date; lifetimeSeconds: number; count: number }>();
      for (const { profile, seen, notBefore, notAfter, isDeviceActive } of lineages.values()) {
        if (seen.renewAt === null || seen.renewAt >= before || !isDeviceActive) continue;
        const hour = new Date(Math.floor(seen.renewAt.getTime() / 3_600_000) * 3_600_000);
        const at = seen.renewAt <= now ? now : hour;
        const lifetimeSeconds = (notAfter.getTime() - notBefore.getTime()) / 1000;
        const key = [profile, at.getTime(), lifetimeSeconds].join(' ');
        const group = groups.get(key) ?? { profile, at, lifetimeSeconds, count: 0 };
        groups.set(key, { ...group, count: group.count + 1 });
      }
      return [...groups.values()];
    },
    recordReport: async ({ deviceId, at, report, lineages: told, unmanaged: found }, eventsSince) => {
      const events = eventsSince(reports.get(deviceId) ?? null);
      reports.set(deviceId, report);
      unmanaged.set(deviceId, found.map(({ path }) => path).toSorted());
      for (const { event, facts } of events) tell(event, { ...facts, device: deviceId });
      for (const one of told) recordLineage(one, { deviceId, at });
    },
    insertCampaign: async (campaign, planned) => {
      if ([...campaigns.values()].some((one) => isOpen(one) && one.name === campaign.name)) return false;
      campaigns.set(campaign.id, campaign);
      membersOf.set(
        campaign.id,
        planned.map((member) => ({ ...member, state: 'waiting', releasedAt: null, concludedAt: null, error: null })),
      );
      tell('campaign.planned', { campaign: campaign.id });
      return true;
    },
    findCampaign: async (id) => campaigns.get(id) ?? null,
    listCampaigns: async ({ after, limit, isOpen: open }) => {
      const order = ({ createdAt, id }: { createdAt: Date; id: string }): string => `${createdAt.toISOString()} ${id}`;
      return [...campaigns.values()]
        .filter((one) => !open || isOpen(one))
        .filter((one) => after === null || order(one) < order({ createdAt: after.at, id: after.id }))
        .toSorted((a, b) => (order(a) < order(b) ? 1 : -1))
        .slice(0, limit);
    },
    wavesOf: async (id) => wavesOf(membersOf.get(id) ?? []),
    failedMembersOf: async (id, limit) =>
      (membersOf.get(id) ?? [])
        .filter(({ state }) => state === 'failed')
        .slice(0, limit)
        .map(
          ({ lineageId, hostName, profile, place, error, concludedAt }): FailedMemberResource => ({
            ...{ lineage: lineageId, hostName, profile, place, error: error ?? '', at: wireTime(concludedAt!) },
          }),
        ),
    changeCampaign: async ({ id, from, to, at }) => {
      const campaign = campaigns.get(id);
      if (campaign?.state !== from) return false;
      campaigns.set(id, { ...campaign, state: to, changedAt: at });
      tell(`campaign.${to}`, { campaign: id });
      return true;
    },
    turnCampaign: async (notSince, decide) => {
      const isFlying = ({ id }: CampaignRecord): boolean =>
        (membersOf.get(id) ?? []).some(({ state }) => state === 'released');
      const [campaign] = [...campaigns.values()]
        .filter(({ lookedAt }) => lookedAt === null || lookedAt <= notSince)
        .filter(
          (one) => one.state === 'running' || one.state === 'paused' || (one.state === 'stopped' && isFlying(one)),
        )
        .toSorted((a, b) => (a.lookedAt?.getTime() ?? 0) - (b.lookedAt?.getTime() ?? 0));
      if (campaign === undefined) return null;
      const members = membersOf.get(campaign.id) ?? [];
      const { at, decision, patientUntil } = decide(campaign, members.map(memberNow));
      const concluded = new Map(decision.conclude.map((one) => [one.lineageId, one]));
      const released = new Set(decision.do === 'release' ? decision.lineageIds : []);
      membersOf.set(
        campaign.id,
        members.map((member) => {
          const one = concluded.get(member.lineageId);
          if (one !== undefined)
            return { ...member, state: one.as, concludedAt: at, error: one.as === 'failed' ? one.error : null };
          if (!released.has(member.lineageId) || member.state !== 'waiting') return member;
          if (lineage(member.lineageId).certificate === member.certificate)
            pull(member.lineageId, at, { at, by: `campaign:${campaign.name}`, because: campaign.plan.because });
          return { ...member, state: 'released', releasedAt: at };
        }),
      );
      const state = decision.do === 'stop' ? 'stopped' : decision.do === 'finish' ? 'finished' : campaign.state;
      const stopReason = decision.do === 'stop' ? decision.reason : campaign.stopReason;
      const isChanged = state !== campaign.state;
      const changedAt = isChanged ? at : campaign.changedAt;
      campaigns.set(campaign.id, { ...campaign, state, stopReason, changedAt, lookedAt: at, patientUntil });
      if (released.size > 0) tell('campaign.released', { campaign: campaign.id });
      for (const one of decision.conclude)
        if (one.as === 'failed') tell('campaign.memberFailed', { campaign: campaign.id });
      if (isChanged) tell(`campaign.${state}`, { campaign: campaign.id });
      return { name: campaign.name, did: decision.do };
    },
    scene: {
      add: async (scene) => {
        const lineageId = randomUUID();
        const known = [...lineages.values()].find(({ hostName }) => hostName === scene.hostName);
        const deviceId = known?.deviceId ?? randomUUID();
        const seen: SeenLineage = {
          ...{ renewAt: scene.renewAt, pulled: null, lastError: null, failures: 0, hasSpireAgent: false },
          ...{ isNewestConfirmed: true, installedAt: null },
        };
        lineages.set(lineageId, { ...scene, lineageId, deviceId, past: [], isDeviceActive: true, seen });
        return { lineageId, deviceId };
      },
      suspend: async (deviceId) => {
        for (const one of lineages.values())
          if (one.deviceId === deviceId) lineages.set(one.lineageId, { ...one, isDeviceActive: false });
      },
      issue: async (id, { certificate, notAfter, renewAt, isConfirmed }) => {
        const one = lineage(id);
        lineages.set(id, { ...one, certificate, notAfter, past: [...one.past, one.certificate] });
        look(id, { renewAt, pulled: null, isNewestConfirmed: isConfirmed, installedAt: null });
      },
      see: async (id) => lineage(id).seen,
      audit: async (id) => audit.filter(({ facts }) => Object.values(facts).includes(id)).map(({ event }) => event),
      alarms: async (id) => alarms.filter(({ facts }) => Object.values(facts).includes(id)).map(({ event }) => event),
      unmanaged: async (deviceId) => unmanaged.get(deviceId) ?? [],
    },
  };

  function recordLineage(one: LineageReport, { deviceId, at }: { deviceId: string; at: Date }): void {
    const stored = lineages.get(one.lineageId);
    if (stored?.deviceId !== deviceId) return;
    const { error, failures, hasSpireAgent, certificate } = one;
    look(one.lineageId, { lastError: error, failures, hasSpireAgent });
    if (certificate === stored.certificate)
      look(one.lineageId, { installedAt: lineage(one.lineageId).seen.installedAt ?? at });
    if (certificate === null || !stored.past.includes(certificate) || !stored.seen.isNewestConfirmed) return;
    look(one.lineageId, { isNewestConfirmed: false, installedAt: null });
    tell('lineage.reopened', { lineage: one.lineageId }, true);
  }
}

function wavesOf(members: readonly StoredMember[]): readonly WaveCounts[] {
  const numbers = [...new Set(members.map(({ wave }) => wave))].toSorted((a, b) => a - b);
  return numbers.map((wave) => {
    const own = members.filter((member) => member.wave === wave);
    const count = (state: MemberState): number => own.filter((member) => member.state === state).length;
    return {
      ...{ wave, waiting: count('waiting'), released: count('released'), confirmed: count('confirmed') },
      ...{ failed: count('failed'), hosts: [...new Set(own.map(({ hostName }) => hostName))].toSorted() },
    };
  });
}
