// What the HTTP edge needs of rotation as a whole: reports of hosts, the fleet view, pulled windows and campaigns.
import type { HostReportAnswer, HostReportBody } from '../domain/lineage-wire.ts';
import type { Principal } from '../domain/principal.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type {
  CampaignBody,
  CampaignPage,
  CampaignResource,
  FleetResource,
  ForecastResource,
  RenewalPullBody,
  RenewalPullResource,
} from '../domain/rotation-wire.ts';

type Answer<T> = Promise<Result<T, Refusal>>;
type Operator = Extract<Principal, { readonly kind: 'operator' }>;
type Context = { readonly now: Date };

export type RotationServices = {
  readonly reportHost: (
    body: HostReportBody,
    principal: Extract<Principal, { readonly kind: 'device' }>,
    context: Context,
  ) => Answer<HostReportAnswer>;
  readonly showFleet: (now: Date) => Promise<FleetResource>;
  readonly showForecast: (days: number, now: Date) => Promise<ForecastResource>;
  readonly pullRenewals: (body: RenewalPullBody, principal: Operator, context: Context) => Answer<RenewalPullResource>;
  readonly planCampaign: (body: CampaignBody, principal: Operator, context: Context) => Answer<CampaignResource>;
  readonly listCampaigns: (query: { readonly cursor?: string; readonly limit: number }) => Promise<CampaignPage>;
  readonly showCampaign: (id: string) => Promise<CampaignResource | null>;
  readonly startCampaign: (id: string, principal: Operator, context: Context) => Answer<CampaignResource>;
  readonly pauseCampaign: (id: string, principal: Operator, context: Context) => Answer<CampaignResource>;
  readonly resumeCampaign: (id: string, principal: Operator, context: Context) => Answer<CampaignResource>;
};
