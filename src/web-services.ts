// The operator page as the server offers it: sessions over one database, and the files that its pages refer to. Part of
// the composition root.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closeWebSession, openWebSession, readWebSession } from './enrollment/web-sessions.ts';
import type { WebOptions } from './http/pages/all.ts';
import type { Asset, WebSessionServices } from './http/pages/web.ts';
import type { HttpServices } from './http/services.ts';
import type { Job } from './lifecycle/scheduler.ts';
import { operatorTokenStore } from './storage/operator-tokens.ts';
import type { Database } from './storage/pool.ts';
import { webSessionStore } from './storage/web-sessions.ts';

type WebParts = { readonly db: Database; readonly now: () => Date };

/** What `startHttp` takes for the operator page. */
export const webOptions = ({ db }: WebParts, services: HttpServices): WebOptions => ({
  services: { ...services, ...webSessionServices(db) },
  assets: readAssets(),
  salt: randomBytes(32),
});

function webSessionServices(db: Database): WebSessionServices {
  const ports = {
    random: (octets: number): Uint8Array => randomBytes(octets),
    ...operatorTokenStore(db),
    ...webSessionStore(db),
  };
  return {
    openWebSession: openWebSession(ports),
    readWebSession: readWebSession(ports),
    closeWebSession: closeWebSession(ports),
  };
}

/** Sessions that are over are forgotten. */
export const webJobs = ({ db, now }: WebParts): readonly Job[] => [
  {
    name: 'webSessions',
    everySeconds: 300,
    run: async () => {
      await webSessionStore(db).forgetWebSessions(now());
    },
  },
];

/** The style sheets one after another in the order of their names, and the icon. Throws when they are missing. */
export function readAssets(): WebOptions['assets'] {
  const directory = assetsDirectory();
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const sheets = readdirSync(directory).filter((name) => name.endsWith('.css'));
  return [
    asset('page.css', 'text/css; charset=utf-8', sheets.toSorted().map(read).join('\n')),
    asset('icon.svg', 'image/svg+xml', read('icon.svg')),
  ];
}

function asset(name: string, type: string, content: string): Asset {
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 16);
  return { path: `/assets/${digest}-${name}`, type, content };
}

/** `src/web/assets`, from the sources or from the build. */
function assetsDirectory(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, 'web/assets'), join(here, '../../src/web/assets')];
  const found = candidates.find((candidate) => existsSync(join(candidate, 'page.css')));
  if (found !== undefined) return found;
  throw new Error(`the files of the operator page are missing: ${candidates.join(', ')}`);
}
