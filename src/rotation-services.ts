// Reports of hosts, the fleet view, pulled windows and campaigns as the API offers them, and what of it the server does by
// itself. Part of the composition root: nothing is decided here.
import { randomUUID } from 'node:crypto';
import type { Config } from './config.ts';
import type { RotationServices } from './http/rotation-services.ts';
import { turnCampaigns } from './lifecycle/campaign-turns.ts';
import {
  listCampaigns,
  openCampaigns,
  pauseCampaign,
  planCampaign,
  resumeCampaign,
  showCampaign,
  startCampaign,
} from './lifecycle/campaigns.ts';
import { showFleet, showForecast } from './lifecycle/fleet.ts';
import { reportHost } from './lifecycle/host-reports.ts';
import { pullRenewals } from './lifecycle/renewal-pulls.ts';
import type { Job } from './lifecycle/scheduler.ts';
import type { Logger } from './log.ts';
import type { Policies } from './policies.ts';
import { campaignStore } from './storage/campaigns.ts';
import { hostReportStore } from './storage/host-reports.ts';
import { lineagesIn } from './storage/lineages.ts';
import type { Database } from './storage/pool.ts';
import { rotationStore } from './storage/rotation.ts';

type RotationParts = { readonly db: Database; readonly config: Pick<Config, 'renewals'> };

/** The operations over one database. */
export function rotationServices({
  db,
  config,
  policies,
}: RotationParts & { readonly policies: Pick<Policies, 'warnings'> }): RotationServices {
  const { perHour, blackouts } = config.renewals;
  const lineages = lineagesIn(db);
  const rotation = rotationStore(db);
  const campaigns = { ...campaignStore(db), ...rotation, newId: () => randomUUID() };
  const fleet = { ...lineages, ...rotation, perHour, blackouts, openCampaigns: openCampaigns(campaigns) };
  return {
    reportHost: reportHost({ ...lineages, ...hostReportStore(db, policies.warnings) }),
    showFleet: showFleet(fleet),
    showForecast: showForecast(fleet),
    pullRenewals: pullRenewals(rotation),
    planCampaign: planCampaign(campaigns),
    listCampaigns: listCampaigns(campaigns),
    showCampaign: showCampaign(campaigns),
    startCampaign: startCampaign(campaigns),
    pauseCampaign: pauseCampaign(campaigns),
    resumeCampaign: resumeCampaign(campaigns),
  };
}

/** The turns of campaigns. Several servers may give them. */
export function rotationJobs(
  parts: RotationParts & { readonly log: Logger; readonly now: () => Date },
): readonly Job[] {
  const { db, config, log, now } = parts;
  const turn = turnCampaigns({ ...campaignStore(db), blackouts: config.renewals.blackouts });
  return [
    {
      name: 'campaigns',
      everySeconds: 15,
      run: async () => {
        for (const { name, did } of await turn(now())) if (did !== 'wait') log.info(`campaign.${did}`, { name });
      },
    },
  ];
}
