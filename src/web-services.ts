// The operator page as the server offers it: sessions over one database, and the files that its pages refer to. Part of
// the composition root.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeCursor, encodeCursor, pageOf } from './domain/cursor.ts';
import { givenUpAfterSeconds } from './domain/expiry.ts';
import { issuedOf, timelineDays, timelineOf } from './domain/overview.ts';
import { wireTime } from './domain/wire.ts';
import { closeWebSession, openWebSession, readWebSession } from './enrollment/web-sessions.ts';
import type { AuditServices } from './http/audit-services.ts';
import type { WebOptions } from './http/pages/all.ts';
import type { Asset, OverviewServices, WebSessionServices } from './http/pages/web.ts';
import type { HttpServices } from './http/services.ts';
import { contentServices } from './content-services.ts';
import type { ServiceParts } from './services.ts';
import type { Job } from './lifecycle/scheduler.ts';
import { auditIn } from './storage/audit.ts';
import { operatorTokenStore } from './storage/operator-tokens.ts';
import { overviewIn } from './storage/overview.ts';
import type { Database } from './storage/pool.ts';
import { webSessionStore } from './storage/web-sessions.ts';

type WebParts = { readonly db: Database; readonly now: () => Date };

/** What `startHttp` takes for the operator page. */
export const webOptions = (parts: ServiceParts, services: HttpServices): WebOptions => ({
  services: {
    ...services,
    ...webSessionServices(parts.db),
    ...overviewServices(parts.db, services),
    ...contentServices(parts, services),
  },
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

/** The audit as the API and the page read it. */
export function auditServices({ db }: Pick<WebParts, 'db'>): AuditServices {
  const { listAudit } = auditIn(db);
  return {
    listAudit: async ({ cursor, limit, event, principal, device }) => {
      const after = decodeCursor(cursor, 'number');
      const rows = await listAudit({
        ...{ event: event ?? null, principal: principal ?? null, deviceId: device ?? null, limit: limit + 1 },
        after: after === null ? null : { at: after.at, id: Number(after.id) },
      });
      const { page, last } = pageOf(rows, limit);
      return {
        items: page.map(({ id, at, ...line }) => ({ id: String(id), at: wireTime(at), ...line })),
        next: last === null ? null : encodeCursor({ at: last.at, id: String(last.id) }),
      };
    },
  };
}

/** So long a count of the whole inventory is good enough: it is read by people, and costs the database a moment. */
const countedForMs = 20_000;

function overviewServices(db: Database, { showFleet }: Pick<HttpServices, 'showFleet'>): OverviewServices {
  const counts = overviewIn(db);
  return {
    // It reads every lineage.
    fleet: kept(showFleet),
    timeline: kept(async (now) => {
      const givenUpBefore = new Date(now.getTime() - givenUpAfterSeconds * 1000);
      const [ends, ended] = await Promise.all([
        counts.endsByDay(now, timelineDays),
        counts.endedServing(now, givenUpBefore),
      ]);
      return timelineOf(ends, { now, ended });
    }),
    issued: kept(async (now) => issuedOf(await counts.issuedByHour(new Date(now.getTime() - 30 * 86_400_000)), now)),
  };
}

/** The last answer again while it is young; those who ask at once share one. */
function kept<T>(count: (now: Date) => Promise<T>): (now: Date) => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | null = null;
  return (now) => {
    if (last !== null && now.getTime() - last.at < countedForMs) return last.answer;
    const answer = count(now);
    last = { at: now.getTime(), answer };
    answer.catch(() => (last = null));
    return answer;
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
function readAssets(): WebOptions['assets'] {
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
