// The page of CAs. Their files are those of the API, which anybody may have.
import { issuersPage } from '../../web/issuers-page.ts';
import type { ContentServices } from './content.ts';
import { type Page, page } from './page.ts';

/** `/issuers` */
export const issuerPages = (services: ContentServices): readonly Page[] => [
  page('GET', '/issuers', { section: '/issuers', takes: 'viewer' }, async ({ now }) => ({
    title: 'Issuers',
    body: issuersPage(await services.viewIssuers(now), now),
  })),
];
