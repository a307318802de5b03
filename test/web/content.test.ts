// Certificates, hosts and CAs in a real browser, over hosts that really enrolled: what people look for, what they decide, and
// that each page fits and is accessible.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { enroll, type TrustedVendor, trustedVendor } from './support/enrolling.ts';
import { seedContent, type SeededContent } from './support/estate-content.ts';
import { lookAt, nothingWrong } from './support/look.ts';
import { openSite, type Site, type Window } from './support/site.ts';

let site: Site;
let vendor: TrustedVendor;
let content: SeededContent;
beforeAll(async () => {
  vendor = trustedVendor();
  site = await openSite({ config: [`policiesDirectory: ${vendor.directory}`] });
  content = await seedContent(site, vendor, new Date());
}, 120_000);
afterAll(async () => {
  await (site as Site | undefined)?.close();
  vendor.remove();
});

const hostId = (name: string): string => site.seeded.hosts.get(name)?.deviceId ?? '';
const certificate = (name: string): string => site.seeded.certificates.get(name) ?? '';

describe('every page fits, and axe finds nothing serious', () => {
  test.each<[name: string, path: () => string, status?: number]>([
    ['certificates', () => '/certificates'],
    ['certificates-nothing', () => '/certificates?q=nobody.example.org'],
    ['certificate', () => `/certificates/${certificate('auth/keylime-agent')}`],
    ['certificate-evidence', () => `/certificates/${content.enrolled.devid}`],
    ['certificate-revocation', () => `/certificates/${content.enrolled.devid}/revocation`],
    ['devices', () => '/devices'],
    ['device', () => `/devices/${hostId('auth')}`],
    ['device-suspended', () => `/devices/${content.suspended}`],
    ['device-retirement', () => `/devices/${hostId('auth')}/retirement`],
    ['device-spire', () => `/devices/${hostId('auth')}/spire`],
    ['enrollment', () => `/enrollments/${content.waiting}`],
    ['issuers', () => '/issuers'],
    ['endpoints', () => '/endpoints'],
    ['certificate-not-found', () => '/certificates/nothing', 404],
    ['device-not-found', () => '/devices/nothing', 404],
  ])('%s', async (name, path, status = 200) => {
    const sights = await lookAt(site, { name, path: path(), token: site.estate.token });
    expect(sights).toEqual(sights.map(({ as }) => ({ as, status, ...nothingWrong })));
  });
});

/** Signed in, without a script, to the end of `work`. */
async function asOperator(token: string, work: (window: Window) => Promise<void>): Promise<void> {
  const window = await site.open({ token, javaScriptEnabled: false });
  try {
    await work(window);
    // The console tells of every status of failure.
    expect(window.faults.filter((fault) => !/status of 400/.test(fault))).toEqual([]);
  } finally {
    await window.context.close();
  }
}

test('a certificate is found by its host and opened, and its PEM is kept', () =>
  asOperator(site.estate.token, async ({ page }) => {
    await page.goto('/certificates');
    await page.getByRole('searchbox').fill('CHEETARA');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'devid', exact: true }).click();
    expect(new URL(page.url()).search).toContain('q=CHEETARA');
    await page.getByRole('rowheader').getByRole('link').click();
    expect(await page.getByText('verified again', { exact: true }).count()).toBe(1);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download the certificate' }).click(),
    ]);
    const pem = readFileSync(await download.path(), 'utf8');
    expect(new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()).toBe(content.enrolled.devid);
    expect(download.suggestedFilename()).toMatch(/^[0-9a-f]{24}\.pem$/);
  }));

test('a host that waits is approved with exactly what is shown, or rejected with a reason', async () => {
  const { id } = await enroll(site.estate, vendor, { hostName: 'tygra.funlab.casa', hasToken: false });
  await asOperator(site.estate.token, async ({ page }) => {
    await page.goto('/devices');
    await page.getByRole('link', { name: 'tygra.funlab.casa' }).click();
    expect(await page.getByRole('row', { name: /keylime-agent/ }).textContent()).toContain('agent.keylime.tygra');
    await page.getByRole('button', { name: 'Approve exactly this' }).click();
    expect(await page.getByRole('status').textContent()).toContain('approved');
  });
  const [row] = await site.db.query('select state, approved_by from enrollment where id = $1', [id]);
  expect(row).toMatchObject({ state: 'approved', approved_by: expect.stringMatching(/^operator:/) });
  const other = await enroll(site.estate, vendor, { hostName: 'panthro.funlab.casa', hasToken: false });
  await asOperator(site.estate.token, async ({ page }) => {
    await page.goto(`/enrollments/${other.id}`);
    await page.getByLabel('Reason, told to the host').fill('nobody knows this machine');
    await page.getByRole('button', { name: 'Reject' }).click();
    expect(await page.getByRole('status').textContent()).toContain('rejected');
  });
});

test('a host is suspended, what is left to do is shown, and it is resumed', () =>
  asOperator(site.estate.token, async ({ page }) => {
    await page.goto(`/devices/${content.enrolled.deviceId}`);
    await page.getByRole('link', { name: 'Suspend…' }).click();
    expect(await page.getByRole('main').textContent()).toContain('Its 2 certificates in use are revoked now');
    await page.getByRole('button', { name: 'Suspend it' }).click();
    expect(await page.getByRole('status').textContent()).toContain('suspended');
    expect(await page.getByRole('heading', { name: 'Left to do at relying parties' }).count()).toBe(1);
    await page.getByRole('link', { name: 'Resume…' }).click();
    await page.getByRole('button', { name: 'Resume it' }).click();
    expect(await page.getByText('active', { exact: true }).count()).toBe(1);
  }));

test('a host is retired only by its name', () =>
  asOperator(site.estate.token, async ({ page }) => {
    await page.goto(`/devices/${content.suspended}/retirement`);
    await page.getByLabel('Its name, to be sure').fill('another.funlab.casa');
    await page.getByRole('button', { name: 'Retire it for good' }).click();
    expect(await page.getByRole('main').textContent()).toContain('nothing was changed');
    await page.goto(`/devices/${content.suspended}/retirement`);
    await page.getByLabel('Its name, to be sure').fill('mumm-ra.funlab.casa');
    await page.getByRole('button', { name: 'Retire it for good' }).click();
    expect(await page.getByText('retired', { exact: true }).count()).toBe(1);
  }));

test('a certificate is revoked for a reason, by an admin alone', async () => {
  const cert = certificate('pm01/devid');
  await asOperator(site.estate.token, async ({ page }) => {
    await page.goto(`/certificates/${cert}`);
    await page.getByRole('link', { name: 'Revoke…' }).click();
    await page.getByLabel('superseded').check();
    await page.getByRole('button', { name: 'Revoke it' }).click();
    expect(await page.getByRole('main').textContent()).toContain('revoked: superseded');
    await page.goto('/certificates?view=revoked&q=pm01');
    expect(await page.getByRole('rowheader').count()).toBe(1);
  });
  const { token } = await site.token('viewer');
  const { page, context } = await site.open({ token });
  await page.goto(`/certificates/${certificate('spire/devid')}`);
  expect(await page.getByRole('link', { name: 'Revoke…' }).count()).toBe(0);
  const reply = await page.goto(`/certificates/${certificate('spire/devid')}/revocation`);
  expect(reply?.status()).toBe(403);
  await context.close();
});
