// Pages of devices.
import { html } from '../../web/html.ts';
import type { HttpServices } from '../services.ts';
import { type Page, page } from './page.ts';

/** `/devices` */
export const devicePages = (services: HttpServices): readonly Page[] => [
  page('GET', '/devices', { section: '/devices', takes: 'viewer' }, async () => {
    const { items } = await services.listDevices({ limit: 50 });
    return { title: 'Devices', body: html`<h1>Devices</h1><p>${items.length}</p>` };
  }),
];
