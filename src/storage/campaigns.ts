// Rows of campaigns and their members. What a turn decides is decided by the caller, while the claim holds.
import type { CampaignDecision, CampaignMember, CampaignPlan, MemberState, PlannedMember } from '../domain/campaign.ts';
import type { Cursor } from '../domain/cursor.ts';
import type { LineageError } from '../domain/lineage-wire.ts';
import type { CampaignStateName, FailedMemberResource } from '../domain/rotation-wire.ts';
import { wireTime } from '../domain/wire.ts';
import type { Database, RawRow, Session } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull, texts } from './row.ts';
import { statement } from './statement.ts';

const insert = statement<readonly unknown[], string>('insert_campaign.sql', (row) => text(row, 'id'));
const find = statement<[string], Campaign>('find_campaign.sql', campaignFromRow);
const list = statement<readonly unknown[], Campaign>('list_campaigns.sql', campaignFromRow);
const waves = statement<[string], Wave>('waves_of_campaign.sql', waveFromRow);
const failedMembers = statement<[string, number], FailedMemberResource>('failed_members.sql', failedFromRow);
const change = statement<readonly unknown[], string>('change_campaign.sql', (row) => text(row, 'id'));
const claim = statement<[Date], Campaign>('claim_campaign.sql', campaignFromRow);
const members = statement<[string], CampaignMember>('campaign_members.sql', memberFromRow);
const turn = statement<readonly unknown[], string>('turn_campaign.sql', (row) => text(row, 'id'));

type Campaign = ReturnType<typeof campaignFromRow>;
type Wave = ReturnType<typeof waveFromRow>;

/** What is written at the end of a turn. */
type Turn = { readonly at: Date; readonly decision: CampaignDecision; readonly patientUntil: Date | null };

/** Campaigns in a database, as lifecycle/campaigns.ts and lifecycle/campaign-turns.ts need them. */
export const campaignStore = (db: Database) => ({
  insertCampaign: async (campaign: Campaign, planned: readonly PlannedMember[]): Promise<boolean> => {
    const { id, name, plan, createdBy, createdAt } = campaign;
    const rows = planned.map(({ lineageId, wave, serviceClass, certificate }) => ({
      ...{ lineage: lineageId, wave, class: serviceClass, certificate },
    }));
    return (
      (await insert(db, [id, name, JSON.stringify(plan), createdBy, createdAt, JSON.stringify(rows)])).length === 1
    );
  },
  findCampaign: async (id: string): Promise<Campaign | null> => (await find(db, [id]))[0] ?? null,
  listCampaigns: (query: {
    readonly after: Cursor | null;
    readonly limit: number;
    readonly isOpen: boolean;
  }): Promise<readonly Campaign[]> =>
    list(db, [query.after?.at ?? null, query.after?.id ?? null, query.isOpen, query.limit]),
  wavesOf: (campaignId: string): Promise<readonly Wave[]> => waves(db, [campaignId]),
  failedMembersOf: (campaignId: string, limit: number): Promise<readonly FailedMemberResource[]> =>
    failedMembers(db, [campaignId, limit]),
  changeCampaign: async (wanted: {
    readonly id: string;
    readonly from: CampaignStateName;
    readonly to: CampaignStateName;
    readonly by: string;
    readonly at: Date;
  }): Promise<boolean> => (await change(db, [wanted.id, wanted.from, wanted.to, wanted.by, wanted.at])).length === 1,
  /** The claim is the lock of the row: a server that dies loses it. */
  turnCampaign: (
    notSince: Date,
    decide: (campaign: Campaign, of: readonly CampaignMember[]) => Turn,
  ): Promise<{ readonly name: string; readonly did: CampaignDecision['do'] } | null> =>
    db.transaction(async (tx) => {
      const [campaign] = await claim(tx, [notSince]);
      if (campaign === undefined) return null;
      const taken = decide(campaign, await members(tx, [campaign.id]));
      await writeTurn(tx, campaign.id, taken);
      return { name: campaign.name, did: taken.decision.do };
    }),
});

async function writeTurn(tx: Session, id: string, { at, decision, patientUntil }: Turn): Promise<void> {
  const concluded = decision.conclude.map((conclusion) => ({
    lineage: conclusion.lineageId,
    state: conclusion.as,
    error: conclusion.as === 'failed' ? conclusion.error : null,
  }));
  const released = decision.do === 'release' ? decision.lineageIds : [];
  const state = decision.do === 'stop' ? 'stopped' : decision.do === 'finish' ? 'finished' : null;
  const reason = decision.do === 'stop' ? decision.reason : null;
  await turn(tx, [id, at, JSON.stringify(concluded), released, state, reason, patientUntil]);
}

function campaignFromRow(row: RawRow) {
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    // Written by us, in the shape of a plan.
    plan: row['plan'] as CampaignPlan,
    state: text(row, 'state') as CampaignStateName,
    stopReason: textOrNull(row, 'stop_reason'),
    createdBy: text(row, 'created_by'),
    createdAt: instant(row, 'created_at'),
    changedAt: instant(row, 'changed_at'),
    lookedAt: instantOrNull(row, 'looked_at'),
    patientUntil: instantOrNull(row, 'patient_until'),
  };
}

function waveFromRow(row: RawRow) {
  return {
    wave: number(row, 'wave'),
    waiting: number(row, 'waiting'),
    released: number(row, 'released'),
    confirmed: number(row, 'confirmed'),
    failed: number(row, 'failed'),
    hosts: texts(row, 'hosts'),
  };
}

function failedFromRow(row: RawRow): FailedMemberResource {
  return {
    lineage: text(row, 'lineage_id'),
    hostName: text(row, 'host_name'),
    profile: text(row, 'profile'),
    place: text(row, 'place'),
    error: textOrNull(row, 'error') ?? '',
    at: wireTime(instant(row, 'concluded_at')),
  };
}

function memberFromRow(row: RawRow): CampaignMember {
  const failure = (row['failure'] ?? null) as LineageError | null;
  return {
    lineageId: text(row, 'lineage_id'),
    wave: number(row, 'wave'),
    serviceClass: text(row, 'service_class'),
    state: text(row, 'state') as MemberState,
    fromCertificate: textOrNull(row, 'from_certificate'),
    releasedAt: instantOrNull(row, 'released_at'),
    isDeviceActive: boolean(row, 'is_active'),
    newestCertificate: textOrNull(row, 'newest_certificate'),
    isNewestConfirmed: boolean(row, 'is_confirmed'),
    failure: failure === null ? null : { at: new Date(failure.at), detail: `${failure.phase}: ${failure.detail}` },
  };
}
