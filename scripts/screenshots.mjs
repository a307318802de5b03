// Takes a picture of every page of the operator page, in light and dark, at 1280 and 400 px: node scripts/screenshots.mjs OUT
// Run by hand after `npm run build`; it starts the seeded server of the web suite and stops it again. Not part of any suite.
// With --documented only those that docs/operator-page.md shows.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { withPalette } from './png-palette.mjs';

const root = resolve(import.meta.dirname, '..');
const [out, only] = process.argv.slice(2);
if (out === undefined) {
  console.error('usage: node scripts/screenshots.mjs OUT [--documented | PART-OF-A-NAME]');
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

const kinds = ['light', 'dark'].flatMap((scheme) => sizes.map(([size, viewport]) => ({ scheme, size, viewport })));

const windowOf = (site, token, { scheme, viewport }) =>
  site.open({ ...(token === null ? {} : { token }), viewport, colorScheme: scheme });

/** One picture of what a window shows; says so when something is wider than the window. */
async function take({ page }, name, { scheme, size }) {
  const wide = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
  if (wide > 0) console.log(`${name} ${scheme} ${size}: ${wide} px too wide`);
  const picture = await page.screenshot({ fullPage: true });
  writeFileSync(join(out, `${name}-${scheme}-${size}.png`), withPalette(picture));
}

const documentation = readFileSync(join(root, 'docs/operator-page.md'), 'utf8');

/** Whether a picture was asked for. */
function isWanted(name, { scheme, size }) {
  if (only === '--documented') return documentation.includes(`screenshots/${name}-${scheme}-${size}.png`);
  return only === undefined || name.includes(only);
}

/** Every picture of a list of pages: [name, path, what to do there]. */
async function shoot(site, token, pages) {
  for (const kind of kinds) {
    const wanted = pages.filter(([name]) => isWanted(name, kind));
    if (wanted.length === 0) continue;
    const window = await windowOf(site, token, kind);
    for (const [name, path, act] of wanted) {
      await window.page.goto(path);
      await act?.(window.page);
      await take(window, name, kind);
    }
    await window.context.close();
  }
}

/** The database lets nobody in any more, under people who are signed in. The server keeps its lock, without which it ends. */
async function shootWithoutDatabase(site) {
  const windows = [];
  for (const kind of kinds) windows.push({ kind, window: await windowOf(site, site.estate.token, kind) });
  await site.db.query(
    `do $$ begin execute format('alter database %I connection limit 0', current_database()); end $$`,
    [],
  );
  await site.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity a
      where usename = current_user and pid <> pg_backend_pid()
        and not exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory')`,
    [],
  );
  for (const { kind, window } of windows) {
    await window.page.goto('/');
    await take(window, 'database-down', kind);
  }
}

async function shootEstate() {
  const vendor = trustedVendor();
  const site = await openSite({ config: [`policiesDirectory: ${vendor.directory}`] });
  try {
    const content = await seedContent(site, vendor, new Date());
    const { seeded, estate } = site;
    const auth = seeded.hosts.get('auth').deviceId;
    const campaign = await site.planCampaign();
    const [warning] = await site.db.query("select id from warning where condition = 'renewalFailing'", []);
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
      ['warning', `/warnings/${warning.id}`],
      ['rotation', '/rotation'],
      ['campaign', `/rotation/campaigns/${campaign}`],
      ['audit', '/audit'],
      ['certificates', '/certificates'],
      ['certificates-search', '/certificates?q=auth'],
      ['certificates-nothing', '/certificates?q=nobody.example.org'],
      ['certificates-revoked', '/certificates?view=revoked'],
      ['certificate-renewed', `/certificates/${seeded.certificates.get('auth/keylime-agent')}`],
      ['certificate', `/certificates/${content.enrolled.devid}`],
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
      ['endpoints', '/endpoints'],
      ['not-found', '/certificates/nothing'],
    ]);
  } finally {
    await site.close();
    vendor.remove();
  }
}

/** The first day, when there is nothing to show, and a day without a database. */
async function shootFirstDay() {
  const first = await openSite({ isEmpty: true });
  try {
    await shoot(first, first.estate.token, [
      ['empty-overview', '/'],
      ['empty-warnings', '/warnings'],
      ['empty-certificates', '/certificates?profile=devid'],
      ['empty-devices', '/devices'],
      ['empty-rotation', '/rotation'],
      ['empty-audit', '/audit'],
    ]);
    if (only === undefined || 'database-down'.includes(only)) await shootWithoutDatabase(first);
  } finally {
    // Its database is gone: what cannot be closed is not there.
    await first.close().catch(() => undefined);
  }
}

await shootEstate();
if (only !== '--documented') await shootFirstDay();
