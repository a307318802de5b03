// What campaigns do by themselves: in each turn a scheduler claims one, learns what became of its members, and releases,
// stops or finishes. Several servers may take turns: a campaign is held by one of them at a time.
import { type Blackout, blackoutAt } from '../domain/blackout.ts';
import { type CampaignDecision, type CampaignMember, decideCampaign } from '../domain/campaign.ts';
import type { CampaignRecord } from './campaigns.ts';

/** What is written at the end of a turn. */
export type CampaignTurn = {
  readonly at: Date;
  readonly decision: CampaignDecision;
  readonly patientUntil: Date | null;
};

export type CampaignTurnPorts = {
  readonly blackouts: readonly Blackout[];
  /**
   * Claims the campaign that waited longest since its last turn, not looked at after `notSince`; skips those that another
   * server holds. What `decide` answers is written before the claim ends. Null when there is none, else its name.
   */
  readonly turnCampaign: (
    notSince: Date,
    decide: (campaign: CampaignRecord, members: readonly CampaignMember[]) => CampaignTurn,
  ) => Promise<{ readonly name: string; readonly did: CampaignDecision['do'] } | null>;
};

/** Between two turns of a campaign. Seconds. */
const turnSeconds = 10;

/** The servers were away when nobody looked for so long. Seconds. */
const absenceSeconds = 600;

/** Gives each campaign its turn; says what was done. */
export const turnCampaigns =
  (ports: CampaignTurnPorts) =>
  async (now: Date): Promise<readonly { readonly name: string; readonly did: CampaignDecision['do'] }[]> => {
    const done: { readonly name: string; readonly did: CampaignDecision['do'] }[] = [];
    const notSince = new Date(now.getTime() - turnSeconds * 1000);
    for (;;) {
      const turn = await ports.turnCampaign(notSince, (campaign, members) =>
        decideTurn(ports, { campaign, members }, now),
      );
      if (turn === null) return done;
      done.push(turn);
    }
  };

/** In a blackout a running campaign does what a paused one does. */
function decideTurn(
  { blackouts }: CampaignTurnPorts,
  { campaign, members }: { readonly campaign: CampaignRecord; readonly members: readonly CampaignMember[] },
  now: Date,
): CampaignTurn {
  const { plan, state: stored } = campaign;
  const patientUntil = patience(campaign, now);
  const state = stored === 'running' && blackoutAt(blackouts, now) !== null ? 'paused' : stored;
  return { at: now, patientUntil, decision: decideCampaign({ plan, state, patientUntil }, members, now) };
}

/** Hosts cannot confirm to servers that are away: after an absence each member has its whole time once more. */
function patience({ lookedAt, patientUntil, plan }: CampaignRecord, now: Date): Date | null {
  if (lookedAt === null || now.getTime() - lookedAt.getTime() < absenceSeconds * 1000) return patientUntil;
  return new Date(now.getTime() + plan.confirmWithinSeconds * 1000);
}
