// The overview: gathered from what the API offers, and shown.
import { overviewPage } from '../../web/overview-page.ts';
import type { HttpServices } from '../services.ts';
import { type Page, page } from './page.ts';
import type { OverviewServices } from './web.ts';

/** `/` */
export const overviewPages = (services: HttpServices & OverviewServices): readonly Page[] => [
  page('GET', '/', { section: '/', takes: 'viewer' }, async (r) => {
    const { now } = r;
    const [warnings, pending, channels, fleet, campaigns, timeline, issued, isIssuerReady] = await Promise.all([
      services.listWarnings({ state: 'open', limit: 100 }),
      services.listEnrollments({ state: 'pending', limit: 50 }, r),
      services.listChannels(),
      services.fleet(now),
      services.listCampaigns({ limit: 20 }),
      services.timeline(now),
      services.issued(now),
      services.isIssuerReady(),
    ]);
    const view = {
      ...{ warnings: warnings.items, hasMoreWarnings: warnings.next !== null, pending: pending.items },
      ...{ channels: channels.items, fleet, timeline, issued, isIssuerReady },
      stopped: campaigns.items.filter(({ state }) => state === 'stopped'),
    };
    return { title: 'Overview', body: overviewPage(view, r.frame) };
  }),
];
