// The overview: what needs a person now, and how everything stands.
import { html } from '../../web/html.ts';
import type { HttpServices } from '../services.ts';
import { type Page, page } from './page.ts';

/** `/` */
export const overviewPages = (services: HttpServices): readonly Page[] => [
  page('GET', '/', { section: '/', takes: 'viewer' }, async (r) => {
    const { items } = await services.listEnrollments({ state: 'pending', limit: 50 }, r);
    return { title: 'Overview', body: html`<h1>Overview</h1><p>${items.length}</p>` };
  }),
];
