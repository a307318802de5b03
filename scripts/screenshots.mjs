// Takes a picture of every page of the operator page, in light and dark, at 1280 and 400 px: node scripts/screenshots.mjs OUT
// Run by hand after `npm run build`; it starts the seeded server of the web suite and stops it again. Not part of any suite.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const [out, only] = process.argv.slice(2);
if (out === undefined) {
  console.error('usage: node scripts/screenshots.mjs OUT [PART-OF-A-NAME]');
  process.exit(2);
}
mkdirSync(out, { recursive: true });

const built = (file) => import(join(root, 'dist/test/web/support', file));
const { openSite } = await built('site.js');
const { trustedVendor } = await built('enrolling.js');
const { seedContent } = await built('estate-content.js');

const sizes = [
  ['1280', { width: 1280, height: 800 }],
  ['400', { width: 400, height: 800 }],
];

/** Every shot of a list of pages: [name, path, what to do there]. */
async function shoot(site, token, pages) {
  for (const scheme of ['light', 'dark']) {
    for (const [size, viewport] of sizes) {
      const window = await site.open({ ...(token === null ? {} : { token }), viewport, colorScheme: scheme });
      for (const [name, path, act] of pages) {
        if (only !== undefined && !name.includes(only)) continue;
        await window.page.goto(path);
        await act?.(window.page);
        const wide = await window.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (wide > 0) console.log(`${name} ${scheme} ${size}: ${wide} px too wide`);
        await window.page.screenshot({ path: join(out, `${name}-${scheme}-${size}.png`), fullPage: true });
      }
      await window.context.close();
    }
  }
}

const vendor = trustedVendor();
const site = await openSite({ config: [`policiesDirectory: ${vendor.directory}`] });
try {
  const content = await seedContent(site, vendor, new Date());
  const { seeded, estate } = site;
  const auth = seeded.hosts.get('auth').deviceId;
  const campaigns = JSON.parse('[]');
  await shoot(site, null, [
    ['login', '/login'],
    [
      'login-refused',
      '/login',
      async (page) => {
        await page.getByLabel('Operator token').fill('omens-operator-v1.wrong');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await page.getByRole('alert').waitFor();
      },
    ],
  ]);
  const { token: viewer } = await site.token('viewer');
  await shoot(site, viewer, [['forbidden', `/devices/${auth}/suspension`]]);
  await shoot(site, estate.token, [
    ['overview', '/'],
    ['warnings', '/warnings'],
    ['rotation', '/rotation'],
    ['audit', '/audit'],
    ['certificates', '/certificates'],
    ['certificates-search', '/certificates?q=auth'],
    ['certificates-nothing', '/certificates?q=nobody.example.org'],
    ['certificates-revoked', '/certificates?view=revoked'],
    ['certificate-renewed', `/certificates/${seeded.certificates.get('auth/keylime-agent')}`],
    [
      'certificate-evidence',
      `/certificates/${content.enrolled.devid}`,
      (page) => page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true))),
    ],
    ['certificate-revoked', `/certificates/${content.revoked}`],
    ['certificate-revocation', `/certificates/${content.enrolled.devid}/revocation`],
    ['devices', '/devices'],
    ['device', `/devices/${auth}`],
    ['device-suspended', `/devices/${content.suspended}`],
    ['device-suspension', `/devices/${auth}/suspension`],
    ['device-retirement', `/devices/${auth}/retirement`],
    ['device-spire', `/devices/${auth}/spire`],
    ['enrollment', `/enrollments/${content.waiting}`],
    ['issuers', '/issuers'],
    ['not-found', '/certificates/nothing'],
    ...campaigns,
  ]);
} finally {
  await site.close();
  vendor.remove();
}

const first = await openSite({ isEmpty: true });
try {
  await shoot(first, first.estate.token, [
    ['empty-overview', '/'],
    ['empty-warnings', '/warnings'],
    ['empty-certificates', '/certificates?profile=devid'],
    ['empty-devices', '/devices'],
    ['empty-rotation', '/rotation'],
  ]);
} finally {
  await first.close();
}
