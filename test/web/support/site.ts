// A real server from the build with the seeded estate in its database, and one Chromium for all tests. Kept free of jest, so
// that screenshots can be made from it too.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { OperatorRole } from '../../../src/domain/principal.ts';
import { type Database, openPool } from '../../../src/storage/pool.ts';
import { loadStatements } from '../../../src/storage/statement.ts';
import {
  call,
  type Estate,
  initializeEstate,
  removeEstate,
  type ServerProcess,
  startServer,
} from '../../e2e/support/estate.ts';
import { seedEstate, type SeededEstate } from './estate.ts';

/** From the sources or from the build. */
export const repository = join(
  import.meta.dirname,
  import.meta.dirname.includes('/dist/') ? '../../../..' : '../../..',
);

export type Site = {
  readonly url: string;
  readonly estate: Estate;
  readonly db: Database;
  readonly seeded: SeededEstate;
  readonly server: ServerProcess;
  readonly browser: Browser;
  /** Text of a new operator token, and its id. */
  readonly token: (role: OperatorRole) => Promise<{ readonly token: string; readonly id: string }>;
  /** Plans a campaign over all DevIDs and starts it; resolves to its id. */
  readonly planCampaign: () => Promise<string>;
  /** A window of its own; signed in when it has a token. Its certificate is not looked at: Chromium knows no root of ours. */
  readonly open: (options?: BrowserContextOptions & { readonly token?: string }) => Promise<Window>;
  readonly close: () => Promise<void>;
};

export type Window = {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the console said and what failed to load. */
  readonly faults: readonly string[];
};

export type SiteOptions = {
  /** Further lines of omens.yaml. */
  readonly config?: readonly string[];
  /** Without rows: what pages show on the first day. */
  readonly isEmpty?: boolean;
};

/** Starts everything; `close` ends everything, also what had begun when something failed. */
export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const opened: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).toReversed()) await end();
  };
  try {
    return { ...(await openParts(options, opened)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openParts(
  { config = [], isEmpty = false }: SiteOptions,
  opened: (() => Promise<unknown>)[],
): Promise<Omit<Site, 'close'>> {
  const estate = await initializeEstate({ config });
  opened.push(async () => removeEstate(estate));
  const server = await startServer(estate);
  opened.push(server.stop);
  const statements = await loadStatements(join(repository, 'sql/queries'));
  const db = await openPool({ databaseUrl: server.databaseUrl, statements });
  opened.push(db.close);
  const seeded = isEmpty
    ? { hosts: new Map(), lineages: new Map(), certificates: new Map() }
    : await seedEstate(db, new Date());
  const browser = await chromium.launch({
    executablePath: execFileSync('/bin/sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim(),
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  opened.push(() => browser.close());
  return {
    ...{ url: estate.url, estate, db, seeded, server, browser },
    token: async (role) => {
      const reply = await call(estate, '/v1/operator-tokens', { body: { name: `${role}-of-tests`, role } });
      return JSON.parse(reply.body) as { token: string; id: string };
    },
    planCampaign: async () => {
      const because = 'the TPM maker published a firmware that makes better keys';
      const body = { name: 'devid-2026', scope: { profile: 'devid' }, because, pilots: ['pm01.funlab.casa'] };
      const planned = await call(estate, '/v1/campaigns', { body: { ...body, waveSize: 2 } });
      const { id } = JSON.parse(planned.body) as { id: string };
      await call(estate, `/v1/campaigns/${id}/start`, { method: 'POST' });
      return id;
    },
    open: (window) => openWindow(browser, estate.url, window ?? {}),
  };
}

async function openWindow(
  browser: Browser,
  url: string,
  { token, ...options }: BrowserContextOptions & { readonly token?: string },
): Promise<Window> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: url, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? '';
    // Somebody went on before all of a page had come.
    if (why !== 'net::ERR_ABORTED') faults.push(`${request.url()}: ${why}`);
  });
  if (token !== undefined) await signIn(page, token);
  return { page, context, faults };
}

/** As a person does it. */
export async function signIn(page: Page, token: string): Promise<void> {
  await page.goto('/login');
  await page.getByLabel('Operator token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}
