// The pages of CAs and of endpoints. Files of CAs are those of the API, which anybody may have.
import { endpointsPage } from '../../web/endpoints-page.ts';
import { issuersPage } from '../../web/issuers-page.ts';
import type { EndpointServices } from '../endpoint-services.ts';
import type { ContentServices } from './content.ts';
import { type Page, page } from './page.ts';

/** `/issuers`, `/endpoints` */
export const issuerPages = (services: ContentServices & Pick<EndpointServices, 'listEndpoints'>): readonly Page[] => [
  page('GET', '/issuers', { section: '/issuers', takes: 'viewer' }, async ({ now }) => ({
    title: 'Issuers',
    body: issuersPage(await services.viewIssuers(now), now),
  })),
  page('GET', '/endpoints', { section: '/issuers', takes: 'viewer' }, async ({ now }) => ({
    title: 'Endpoints',
    body: endpointsPage(await services.listEndpoints(), now),
  })),
];
