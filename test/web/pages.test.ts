// Every page of the shell as Chromium shows it, in light and dark, wide and narrow.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { lookAt, nothingWrong } from './support/look.ts';
import { openSite, type Site } from './support/site.ts';

let site: Site;
let campaign = '';
let warning = '';
beforeAll(async () => {
  site = await openSite();
  campaign = await site.planCampaign();
  const [row] = await site.db.query("select id from warning where condition = 'renewalFailing'");
  warning = String(row?.['id']);
});
afterAll(() => (site as Site | undefined)?.close());

const pages: readonly { readonly name: string; readonly path: () => string; readonly status?: number }[] = [
  { name: 'overview', path: () => '/' },
  { name: 'warnings', path: () => '/warnings' },
  { name: 'warnings-closed', path: () => '/warnings?state=closed' },
  { name: 'warnings-none', path: () => '/warnings?condition=attestationFailing' },
  { name: 'warning', path: () => `/warnings/${warning}` },
  { name: 'rotation', path: () => '/rotation' },
  { name: 'campaign', path: () => `/rotation/campaigns/${campaign}` },
  { name: 'audit', path: () => '/audit' },
  { name: 'not-found', path: () => '/warnings/11111111-1111-4111-8111-111111111111', status: 404 },
];

test.each(pages)('$name fits, and axe finds nothing serious', async ({ name, path, status = 200 }) => {
  const sights = await lookAt(site, { name, path: path(), token: site.estate.token });
  expect(sights).toEqual(sights.map(({ as }) => ({ as, status, ...nothingWrong })));
});

test('the login page fits, and axe finds nothing serious', async () => {
  const sights = await lookAt(site, { name: 'login', path: '/login', token: null });
  expect(sights).toEqual(sights.map(({ as }) => ({ as, status: 200, ...nothingWrong })));
});
