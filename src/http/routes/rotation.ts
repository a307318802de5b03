// Routes of rotation as a whole: what hosts report, how the fleet stands, and what people set in motion.
import { pagingOf } from '../paging.ts';
import { answered, found, foundOr } from '../reply.ts';
import { type Route, route } from '../route.ts';
import type { RotationServices } from '../rotation-services.ts';

const ordinaryForecastDays = 90;

/** `/v1/devices/self/reports`, `/v1/rotation/…`, `/v1/renewal-pulls`, `/v1/campaigns…` */
export const rotationRoutes = (services: RotationServices): readonly Route[] => [
  route(
    'POST',
    '/v1/devices/self/reports',
    { takes: ['device'], body: 'HostReportBody', maxBodyOctets: 256 * 1024 },
    async (r) => answered(await services.reportHost(r.body, r.principal, r), found),
  ),
  route('GET', '/v1/rotation/fleet', { takes: ['viewer'] }, async (r) => found(await services.showFleet(r.now))),
  route('GET', '/v1/rotation/forecast', { takes: ['viewer'] }, async (r) =>
    found(await services.showForecast(r.query.days ?? ordinaryForecastDays, r.now)),
  ),
  route('POST', '/v1/renewal-pulls', { takes: ['admin'], body: 'RenewalPullBody' }, async (r) =>
    answered(await services.pullRenewals(r.body, r.principal, r), found),
  ),
  route('POST', '/v1/campaigns', { takes: ['admin'], body: 'CampaignBody' }, async (r) =>
    answered(await services.planCampaign(r.body, r.principal, r), (value) =>
      value.id === null
        ? found(value)
        : { status: 201, headers: { Location: `/v1/campaigns/${value.id}` }, body: value },
    ),
  ),
  route('GET', '/v1/campaigns', { takes: ['viewer'] }, async (r) =>
    found(await services.listCampaigns(pagingOf(r.query))),
  ),
  route('GET', '/v1/campaigns/{id}', { takes: ['viewer'] }, async (r) =>
    foundOr(await services.showCampaign(r.params.id), 'campaign'),
  ),
  route('POST', '/v1/campaigns/{id}/start', { takes: ['admin'] }, async (r) =>
    answered(await services.startCampaign(r.params.id, r.principal, r), found),
  ),
  route('POST', '/v1/campaigns/{id}/pause', { takes: ['admin'] }, async (r) =>
    answered(await services.pauseCampaign(r.params.id, r.principal, r), found),
  ),
  route('POST', '/v1/campaigns/{id}/resume', { takes: ['admin'] }, async (r) =>
    answered(await services.resumeCampaign(r.params.id, r.principal, r), found),
  ),
];
