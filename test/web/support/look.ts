// One page in light and dark, wide and narrow: what axe finds, whether anything is wider than the window, what the console
// says; and pictures of it, into the directory that `OMENS_SCREENSHOTS` names. Kept free of jest.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Cookie, Page } from 'playwright-core';
import type { Site, Window } from './site.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
type Cookies = Cookie[];

const directory = process.env['OMENS_SCREENSHOTS'];

const schemes = ['light', 'dark'] as const;
const widths = [1280, 400] as const;

export type Sight = {
  /** Page, scheme and width. */
  readonly as: string;
  readonly status: number | null;
  /** Serious and critical violations: rule and element. */
  readonly violations: readonly string[];
  /** Pixels by which the document is wider than the window. */
  readonly overflow: number;
  readonly faults: readonly string[];
};

export const nothingWrong = { violations: [], overflow: 0, faults: [] } as const;

/**
 * Opens `path` and shows it in each scheme and width; what is wrong is told with both. `token` null: nobody is signed in.
 * Axe looks at both schemes and both widths, but not at each scheme in each width: colors do not depend on the width.
 */
export async function lookAt(
  site: Site,
  { path, name, token }: { readonly path: string; readonly name: string; readonly token: string | null },
): Promise<readonly Sight[]> {
  const window = await signedIn(site, token);
  const { page } = window;
  const sights: Sight[] = [];
  try {
    const before = window.faults.length;
    const status = (await page.goto(path))?.status() ?? null;
    await page.evaluate(axe);
    for (const [scheme, colorScheme] of schemes.entries()) {
      for (const [at, width] of widths.entries()) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        sights.push({
          ...{ as: `${name} ${colorScheme} ${width}`, status, overflow: await overflowOf(page) },
          violations: at === scheme ? await violationsOf(page) : [],
          // The console tells of every status of failure.
          faults: window.faults.slice(before).filter((fault) => !/status of (?:401|403|404|503)/.test(fault)),
        });
        if (directory !== undefined) {
          const file = join(directory, `${name}-${colorScheme}-${width}.png`);
          await page.screenshot({ path: file, fullPage: true });
        }
      }
    }
  } finally {
    await window.context.close();
  }
  return sights;
}

/** One session for all looks of a token: signing in takes longer than looking. */
const sessions = new WeakMap<Site, Map<string, Cookies>>();

async function signedIn(site: Site, token: string | null): Promise<Window> {
  if (token === null) return site.open();
  const known = sessions.get(site) ?? new Map<string, Cookies>();
  sessions.set(site, known);
  const cookies = known.get(token);
  const window = await site.open(cookies === undefined ? { token } : {});
  if (cookies === undefined) known.set(token, await window.context.cookies());
  else await window.context.addCookies(cookies);
  return window;
}

const overflowOf = (page: Page): Promise<number> =>
  page.evaluate('Math.max(0, document.documentElement.scrollWidth - window.innerWidth)');

/** Axe runs beside the page: the page itself lets no script in. */
async function violationsOf(page: Page): Promise<readonly string[]> {
  const found: { readonly violations: readonly Violation[] } = await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'], elementRef: false })",
  );
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}

type Violation = {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
};
