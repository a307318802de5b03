// The operator page in a real browser: who gets in, what people do there by keyboard alone and without a script, and that each
// page fits and is accessible.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { lookAt, nothingWrong } from './support/look.ts';
import { openSite, signIn, type Site, type Window } from './support/site.ts';

let site: Site;
let campaign = '';
beforeAll(async () => {
  site = await openSite();
  campaign = await site.planCampaign();
}, 120_000);
afterAll(() => (site as Site | undefined)?.close());

const warningOf = async (condition: string): Promise<string> => {
  const [row] = await site.db.query('select id from warning where condition = $1 order by opened_at limit 1', [
    condition,
  ]);
  return String(row?.['id']);
};

/** Signed in, without a script, to the end of `work`; the console has nothing to say. */
async function asOperator(work: (window: Window) => Promise<void>): Promise<void> {
  const window = await site.open({ token: site.estate.token, javaScriptEnabled: false });
  try {
    await work(window);
    expect(window.faults.filter((fault) => !/status of 40[0134]/.test(fault))).toEqual([]);
  } finally {
    await window.context.close();
  }
}

describe('every page fits, and axe finds nothing serious', () => {
  const rows: readonly (readonly [name: string, path: () => string | Promise<string>, status?: number])[] = [
    ['overview', () => '/'],
    ['warnings', () => '/warnings'],
    ['warnings-closed', () => '/warnings?state=closed'],
    ['warnings-none', () => '/warnings?condition=attestationFailing'],
    ['warning', async () => `/warnings/${await warningOf('renewalFailing')}`],
    ['rotation', () => '/rotation'],
    ['campaign', () => `/rotation/campaigns/${campaign}`],
    ['audit', () => '/audit'],
    ['not-found', () => '/warnings/11111111-1111-4111-8111-111111111111', 404],
  ];
  test.each(rows)('%s', async (name, path, status = 200) => {
    const sights = await lookAt(site, { name, path: await path(), token: site.estate.token });
    expect(sights).toEqual(sights.map(({ as }) => ({ as, status, ...nothingWrong })));
  });

  test('login', async () => {
    const sights = await lookAt(site, { name: 'login', path: '/login', token: null });
    expect(sights).toEqual(sights.map(({ as }) => ({ as, status: 200, ...nothingWrong })));
  });
});

describe('an operator', () => {
  test('signs in, goes to a section and signs out by keyboard alone', async () => {
    const { page, faults, context } = await site.open({ javaScriptEnabled: false });
    await page.goto('/devices?limit=1');
    // The browser moves there by itself, a moment after the page is there.
    await page.locator('input:focus').waitFor();
    await page.keyboard.type(site.estate.token);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/devices');
    // The first stop is the way past the head; then the brand, the sections, and the way out.
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('Skip to the content');
    for (let stop = 0; stop < 3; stop += 1) await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('Warnings');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Warnings', level: 1 }).waitFor();
    for (let stop = 0; stop < 10; stop += 1) await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('Sign out');
    await page.keyboard.press('Enter');
    await page.getByLabel('Operator token').waitFor();
    expect(faults).toEqual([]);
    await context.close();
  });

  test('with a wrong token is told so, and the token is not repeated', async () => {
    const { page, context } = await site.open();
    await page.goto('/login');
    await page.getByLabel('Operator token').fill('omens-operator-v1.nonsense');
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('there is no such operator token');
    expect(await page.content()).not.toContain('nonsense');
    await context.close();
  });

  test('acknowledges a warning, with a note, and it leaves the overview', () =>
    asOperator(async ({ page }) => {
      await page.goto('/');
      await page.getByRole('link', { name: 'registrar' }).click();
      await page.getByLabel('Note (may be empty)').first().fill('the reload is planned for tonight');
      await page.getByRole('button', { name: 'Acknowledge' }).click();
      expect(await page.getByRole('status').textContent()).toContain('acknowledged');
      expect(await page.getByRole('main').textContent()).toContain('the reload is planned for tonight');
      expect(await page.getByRole('button', { name: 'Acknowledge' }).count()).toBe(0);
      await page.goto('/');
      expect(await page.getByRole('link', { name: 'registrar' }).count()).toBe(0);
    }));

  test('snoozes a warning by days, or until a date, and hears what is not accepted', () =>
    asOperator(async ({ page }) => {
      const path = `/warnings/${await warningOf('issuerEnding')}`;
      await page.goto(path);
      await page.getByLabel('Snooze it for').selectOption('3 days');
      await page.getByRole('button', { name: 'Snooze' }).click();
      expect(await page.getByRole('main').textContent()).toContain('snoozed, ends in 2 d 23 h');
      await page.getByLabel('Snooze it for').selectOption('until the date below');
      await page.getByLabel('Date (UTC)').fill('2000-01-01');
      await page.getByRole('button', { name: 'Snooze' }).click();
      expect(await page.getByRole('main').textContent()).toContain('not within the 30 days');
    }));

  test('pauses a campaign and lets it go on', () =>
    asOperator(async ({ page }) => {
      await page.goto('/rotation');
      await page.getByRole('link', { name: 'devid-2026' }).click();
      await page.getByRole('button', { name: 'Pause' }).click();
      expect(await page.getByRole('status').textContent()).toContain('paused');
      await page.getByRole('button', { name: 'Resume' }).click();
      expect(await page.getByRole('status').textContent()).toContain('goes on');
      await page.getByRole('link', { name: 'Audit' }).click();
      expect(await page.getByRole('link', { name: 'campaign.running' }).count()).toBeGreaterThan(0);
    }));

  test('finds in the audit what one of them did', () =>
    asOperator(async ({ page }) => {
      await page.goto('/audit');
      await page.getByLabel('Event').fill('web');
      await page.keyboard.press('Enter');
      await page.waitForURL(/event=web/);
      const events = await page.getByRole('rowheader').allTextContents();
      expect(new Set(events.map((event) => event.split('.')[0]))).toEqual(new Set(['web']));
      expect(events).toContain('web.loginRefused');
    }));
});

describe('somebody who may only look', () => {
  test('has no buttons, and hears who may', async () => {
    const { token } = await site.token('viewer');
    const { page, context } = await site.open({ token });
    await page.goto(`/warnings/${await warningOf('renewalFailing')}`);
    expect(await page.getByRole('button').allTextContents()).toEqual(['Sign out']);
    expect(await page.getByRole('main').textContent()).toContain('An administrator can');
    await page.goto(`/rotation/campaigns/${campaign}`);
    expect(await page.getByRole('button').allTextContents()).toEqual(['Sign out']);
    await context.close();
  });
});

describe('a session', () => {
  test('whose token was revoked is over at the next click', async () => {
    const { page, context } = await site.open();
    const { token, id } = await site.token('viewer');
    await signIn(page, token);
    await site.db.query('update operator_token set revoked_at = now() where id = $1', [id]);
    await page.getByRole('link', { name: 'Devices' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('revoked');
    await context.close();
  });

  test('that nobody used is over, changes nothing any more, and leads back after signing in', async () => {
    const { page, context } = await site.open({ token: site.estate.token });
    const path = `/warnings/${await warningOf('hostNotSeen')}`;
    await page.goto(path);
    await site.db.query("update web_session set last_used_at = last_used_at - interval '31 minutes'");
    await page.getByRole('button', { name: 'Acknowledge' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('Nothing was changed');
    const [row] = await site.db.query("select acknowledged_at from warning where condition = 'hostNotSeen'");
    expect(row?.['acknowledged_at']).toBeNull();
    await page.goto(path);
    await page.getByLabel('Operator token').fill(site.estate.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    expect(new URL(page.url()).pathname).toBe(path);
    await context.close();
  });
});
