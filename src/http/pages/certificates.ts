// Pages of certificates.
import { html } from '../../web/html.ts';
import type { HttpServices } from '../services.ts';
import { type Page, page } from './page.ts';

/** `/certificates` */
export const certificatePages = (services: HttpServices): readonly Page[] => [
  page('GET', '/certificates', { section: '/certificates', takes: 'viewer' }, async (r) => {
    const { items } = await services.findCertificates({ limit: 50 }, r);
    return { title: 'Certificates', body: html`<h1>Certificates</h1><p>${items.length}</p>` };
  }),
];
