// Pages of rotation, and what people do with a campaign.
import { linkTo } from '../../web/link.ts';
import { campaignPage, rotationPage } from '../../web/rotation-page.ts';
import type { RotationServices } from '../rotation-services.ts';
import { nothingThere, type Page, page } from './page.ts';

const section = '/rotation';
const pageSize = 20;
const forecastDays = 90;

const deeds = [
  { deed: 'start', service: 'startCampaign', notice: 'campaignStarted' },
  { deed: 'pause', service: 'pauseCampaign', notice: 'campaignPaused' },
  { deed: 'resume', service: 'resumeCampaign', notice: 'campaignResumed' },
] as const;

/** `/rotation…` */
export const rotationPages = (services: RotationServices): readonly Page[] => [
  page('GET', '/rotation', { section, takes: 'viewer', query: ['cursor'] }, async ({ query, frame, now }) => {
    const [fleet, forecast, campaigns] = await Promise.all([
      services.showFleet(now),
      services.showForecast(forecastDays, now),
      services.listCampaigns({ limit: pageSize, ...(query.cursor === '' ? {} : { cursor: query.cursor }) }),
    ]);
    const view = { fleet, forecast, campaigns: campaigns.items, next: campaigns.next };
    return { title: 'Rotation', body: rotationPage(view, frame) };
  }),
  page('GET', '/rotation/campaigns/{id}', { section, takes: 'viewer' }, async ({ params, frame }) => {
    const campaign = await services.showCampaign(params.id);
    if (campaign === null) return nothingThere('campaign');
    return { title: campaign.name, body: campaignPage(campaign, frame) };
  }),
  ...deeds.map(({ deed, service, notice }) =>
    page('POST', `/rotation/campaigns/{id}/${deed}`, { section, takes: 'admin' }, async (r) => {
      const done = await services[service](r.params.id, r.principal, r);
      if (!done.ok) return { refusals: done.error };
      return { goTo: linkTo('/rotation/campaigns/{id}', { id: r.params.id }), notice };
    }),
  ),
];
