// Pages of issuers.
import { html } from '../../web/html.ts';
import type { HttpServices } from '../services.ts';
import { type Page, page } from './page.ts';

/** `/issuers` */
export const issuerPages = (services: HttpServices): readonly Page[] => [
  page('GET', '/issuers', { section: '/issuers', takes: 'viewer' }, async () => {
    const issuers = await services.listIssuers();
    return { title: 'Issuers', body: html`<h1>Issuers</h1><p>${issuers.length}</p>` };
  }),
];
