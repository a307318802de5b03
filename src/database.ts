// Opens the database of this configuration: somebody's PostgreSQL, or one of our own, migrated and, in our own case,
// locked against a second server. Part of the composition root.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from './config.ts';
import { openEmbedded } from './storage/embedded/server.ts';
import { holdServerLock } from './storage/embedded/server-lock.ts';
import { StorageFault } from './storage/fault.ts';
import { migrate } from './storage/migrate.ts';
import { type Database, openPool } from './storage/pool.ts';
import { loadStatements } from './storage/statement.ts';

export type OpenDatabase = {
  readonly db: Database;
  readonly databaseUrl: string;
  /** True when the PostgreSQL is ours and no other server can be using it. */
  readonly isExclusive: boolean;
  readonly close: () => Promise<void>;
};

export type DatabaseOptions = {
  readonly config: Pick<Config, 'databaseUrl' | 'dataDirectory'>;
  /** PATH of the process, where PostgreSQL's programs may be found too. */
  readonly searchPath: string | undefined;
  readonly log: (event: string, fields?: Readonly<Record<string, unknown>>) => void;
  /** The session that keeps other servers off our PostgreSQL has ended: stop at once. */
  readonly onLockLost: (why: string) => void;
};

/** `sql/` of the sources or, one level further up, of the build. */
function sqlDirectory(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, '../sql'), join(here, '../../sql')];
  const found = candidates.find((candidate) => existsSync(join(candidate, 'migrations')));
  if (found !== undefined) return found;
  throw new StorageFault('the SQL files are missing', {
    where: candidates.join(', '),
    hint: 'install the service again',
  });
}

/** Opens, migrates and locks. Throws a `StorageFault` that says what, where and what to do next. */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  const { config } = options;
  return config.databaseUrl === null
    ? openOwn(options)
    : openPrepared(config.databaseUrl, { isExclusive: false, release: [] });
}

async function openOwn({ config, searchPath, log, onLockLost }: DatabaseOptions): Promise<OpenDatabase> {
  const embedded = await openEmbedded({
    dataDirectory: config.dataDirectory,
    log,
    randomBytes: (size) => randomBytes(size),
    ...(searchPath === undefined ? {} : { sources: { searchPath } }),
  });
  const lock = await holdServerLock(embedded.databaseUrl, { onLost: onLockLost }).catch(async (error: unknown) => {
    await embedded.stop();
    throw error;
  });
  if (!lock.ok) {
    throw new StorageFault(lock.error.detail, { where: config.dataDirectory, hint: lock.error.accepted ?? '' });
  }
  return openPrepared(embedded.databaseUrl, {
    isExclusive: true,
    release: [lock.value.release, embedded.stop],
  });
}

type Preparation = { readonly isExclusive: boolean; readonly release: readonly (() => Promise<unknown>)[] };

async function openPrepared(databaseUrl: string, { isExclusive, release }: Preparation): Promise<OpenDatabase> {
  const sql = sqlDirectory();
  try {
    await migrate({ databaseUrl, directory: join(sql, 'migrations') });
    const db = await openPool({ databaseUrl, statements: await loadStatements(join(sql, 'queries')) });
    const close = async (): Promise<void> => {
      await db.close();
      for (const step of release) await step();
    };
    return { db, databaseUrl, isExclusive, close };
  } catch (error) {
    for (const step of release) await step();
    throw error;
  }
}
