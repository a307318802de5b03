// What people do with campaigns: plan, start, pause, resume, look. What a campaign does by itself is campaign-turns.ts.
import { type CampaignPlan, planCampaign as membersOf, type PlannedMember, unknownPilots } from '../domain/campaign.ts';
import { type Cursor, decodeCursor, encodeCursor, pageOf } from '../domain/cursor.ts';
import { principalText, type Principal } from '../domain/principal.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type ScopeFilter, scopeFilter, type ScopeReason } from '../domain/rotation-scope.ts';
import type {
  CampaignBody,
  CampaignPage,
  CampaignResource,
  CampaignStateName,
  FailedMemberResource,
} from '../domain/rotation-wire.ts';
import { campaignResource, type WaveCounts, wavesOfPlan } from './campaign-resource.ts';
import { type LineageOfScope, nothingInScope } from './renewal-pulls.ts';

/** A campaign as it is stored; its members are apart. */
export type CampaignRecord = {
  readonly id: string;
  readonly name: string;
  readonly plan: CampaignPlan;
  readonly state: CampaignStateName;
  readonly stopReason: string | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly changedAt: Date;
  /** Last turn of a scheduler; null before the first. */
  readonly lookedAt: Date | null;
  readonly patientUntil: Date | null;
};

/** A change that a person makes; `from` are the states in which it may be made. */
export type CampaignChange = {
  readonly id: string;
  readonly from: CampaignStateName;
  readonly to: CampaignStateName;
  readonly by: string;
  readonly at: Date;
};

export type CampaignPorts = {
  readonly newId: () => string;
  readonly lineagesOfScope: (filter: ScopeFilter) => Promise<readonly LineageOfScope[]>;
  /** False when a campaign of this name is not over yet. */
  readonly insertCampaign: (campaign: CampaignRecord, members: readonly PlannedMember[]) => Promise<boolean>;
  readonly findCampaign: (id: string) => Promise<CampaignRecord | null>;
  /** Newest first, after `after`; `isOpen` leaves out what was stopped or is finished. */
  readonly listCampaigns: (query: {
    readonly after: Cursor | null;
    readonly limit: number;
    readonly isOpen: boolean;
  }) => Promise<readonly CampaignRecord[]>;
  readonly wavesOf: (campaignId: string) => Promise<readonly WaveCounts[]>;
  readonly failedMembersOf: (campaignId: string, limit: number) => Promise<readonly FailedMemberResource[]>;
  /** False when it is not in that state, or not there. */
  readonly changeCampaign: (change: CampaignChange) => Promise<boolean>;
};

export type CampaignReason =
  | ScopeReason
  | 'nothingInScope'
  | 'pilotNotInScope'
  | 'campaignNameTaken'
  | 'campaignStateDiffers'
  | 'notFound';

type Answer<T> = Promise<Result<T, Refusal<CampaignReason>>>;
type Context = { readonly now: Date };

/** What holds where a plan does not say. */
const ordinaryPlan = {
  ...{ pilots: [], waveSize: 10, maxInFlight: {}, serviceClasses: {} },
  ...{ errorBudget: { count: 0 }, confirmWithinSeconds: 86_400 },
} as const satisfies Partial<CampaignPlan>;

/** Makes the plan, and writes it down unless it is a dry run. */
export const planCampaign =
  (ports: CampaignPorts) =>
  async (body: CampaignBody, principal: Principal, { now }: Context): Answer<CampaignResource> => {
    const { name, dryRun = false, ...decided } = body;
    const plan: CampaignPlan = { ...ordinaryPlan, ...decided };
    const filter = scopeFilter(plan.scope);
    if (!filter.ok) return filter;
    const candidates = await ports.lineagesOfScope(filter.value);
    if (candidates.length === 0) return err(nothingInScope);
    const [unknown] = unknownPilots(plan, candidates);
    if (unknown !== undefined) return err(pilotNotInScope(unknown));
    const members = membersOf(plan, candidates);
    const campaign: CampaignRecord = {
      ...{ id: ports.newId(), name, plan, state: 'planned', stopReason: null },
      ...{ createdBy: principalText(principal), createdAt: now, changedAt: now, lookedAt: null, patientUntil: null },
    };
    if (dryRun) return ok({ ...campaignResource(campaign, wavesOfPlan(members), []), id: null });
    if (!(await ports.insertCampaign(campaign, members))) return err(nameTaken(name));
    return ok(await resourceOf(ports, campaign));
  };

const pilotNotInScope = (hostName: string): Refusal<CampaignReason> => ({
  reason: 'pilotNotInScope',
  detail: `the pilot ${hostName} has nothing in this scope`,
  field: 'pilots',
  accepted: 'host names of active devices that have a certificate of the scope',
});

const nameTaken = (name: string): Refusal<CampaignReason> => ({
  reason: 'campaignNameTaken',
  detail: `a campaign ${name} is planned, running or paused`,
  field: 'name',
  accepted: 'another name, or this one once that campaign is over',
});

const resourceOf = async (ports: CampaignPorts, campaign: CampaignRecord): Promise<CampaignResource> => {
  const [waves, failures] = await Promise.all([ports.wavesOf(campaign.id), ports.failedMembersOf(campaign.id, 100)]);
  return campaignResource(campaign, waves, failures);
};

/** One campaign; null when there is none. */
export const showCampaign =
  (ports: CampaignPorts) =>
  async (id: string): Promise<CampaignResource | null> => {
    const campaign = await ports.findCampaign(id);
    return campaign === null ? null : resourceOf(ports, campaign);
  };

/** All campaigns, the newest first. */
export const listCampaigns =
  (ports: CampaignPorts) =>
  async (query: { readonly cursor?: string; readonly limit: number }): Promise<CampaignPage> => {
    const after = decodeCursor(query.cursor, 'uuid');
    const { page, last } = pageOf(
      await ports.listCampaigns({ after, limit: query.limit + 1, isOpen: false }),
      query.limit,
    );
    const items = await Promise.all(page.map((campaign) => resourceOf(ports, campaign)));
    return { items, next: last === null ? null : encodeCursor({ at: last.createdAt, id: last.id }) };
  };

/** Those that are planned, running or paused; at most twenty. */
export const openCampaigns = (ports: CampaignPorts) => async (): Promise<readonly CampaignResource[]> => {
  const open = await ports.listCampaigns({ after: null, limit: 20, isOpen: true });
  return Promise.all(open.map((campaign) => resourceOf(ports, campaign)));
};

const change =
  (from: CampaignStateName, to: CampaignStateName) =>
  (ports: CampaignPorts) =>
  async (id: string, principal: Principal, { now }: Context): Answer<CampaignResource> => {
    const isDone = await ports.changeCampaign({ id, from, to, by: principalText(principal), at: now });
    const campaign = await ports.findCampaign(id);
    if (campaign === null) return err({ reason: 'notFound', detail: 'there is no such campaign' });
    return isDone ? ok(await resourceOf(ports, campaign)) : err(stateDiffers(campaign, from));
  };

const stateDiffers = ({ name, state }: CampaignRecord, wanted: CampaignStateName): Refusal<CampaignReason> => ({
  reason: 'campaignStateDiffers',
  detail: `the campaign ${name} is ${state}, not ${wanted}`,
  accepted:
    state === 'stopped' || state === 'finished'
      ? 'nothing more: it is over; plan another for what is left'
      : `a campaign that is ${wanted}`,
});

/** Lets a planned campaign release its pilots. */
export const startCampaign = change('planned', 'running');

/** Keeps what is in flight, and releases nothing more. */
export const pauseCampaign = change('running', 'paused');

/** Lets a paused campaign go on. */
export const resumeCampaign = change('paused', 'running');
