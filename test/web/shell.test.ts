// The operator page in a real browser: who gets in, by keyboard alone and without a script, and who does not.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSite, signIn, type Site } from './support/site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => (site as Site | undefined)?.close());

describe('an operator', () => {
  test('signs in and out by keyboard alone', async () => {
    const { page, faults, context } = await site.open({ javaScriptEnabled: false });
    await page.goto('/devices?limit=1');
    await page.keyboard.type(site.estate.token);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/devices');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(page.url()).toContain('#main');
    await page.getByRole('button', { name: 'Sign out' }).focus();
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

  test('whose token was revoked is out at the next click', async () => {
    const { page, context } = await site.open();
    const { token, id } = await site.token('viewer');
    await signIn(page, token);
    await site.db.query('update operator_token set revoked_at = now() where id = $1', [id]);
    await page.getByRole('link', { name: 'Devices' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('revoked');
    await context.close();
  });
});
