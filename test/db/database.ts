// A fresh database for a test file, on one embedded PostgreSQL per jest process. No test talks to any other server.
// The server is adopted from file to file; a small shell process stops it and removes it when jest is gone.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { openEmbedded } from '../../src/storage/embedded/server.ts';
import { migrate, readMigrations } from '../../src/storage/migrate.ts';
import { type Database, openPool, type PoolOptions } from '../../src/storage/pool.ts';

/** The repository's own migrations and statements. */
export const migrationsDirectory = join(import.meta.dirname, '../../sql/migrations');
export const queriesDirectory = join(import.meta.dirname, '../../sql/queries');

/** `OMENS_TEST_POSTGRES=system|npm` forces which programs make the test's server. */
export const forcedBinaries = (['system', 'npm'] as const).find((kind) => kind === process.env['OMENS_TEST_POSTGRES']);

/** A database of one's own. `close` ends the pools that were opened through it and drops it. */
export type TestDatabase = {
  readonly databaseUrl: string;
  readonly pool: (options?: Omit<PoolOptions, 'databaseUrl'>) => Promise<Database>;
  readonly close: () => Promise<void>;
};

const afterUs = `while kill -0 "$1" 2>/dev/null; do sleep 0.3; done
pid=$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null) && kill -INT "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
rm -rf "$2" "$3"`;

async function serverUrl(): Promise<string> {
  const dataDirectory = join(tmpdir(), `omens-db-${process.pid}`);
  const server = await openEmbedded({
    ...{ dataDirectory, randomBytes, log: () => undefined },
    ...(forcedBinaries === undefined ? {} : { binaries: forcedBinaries }),
  });
  if (!server.adopted) {
    const args = ['-c', afterUs, 'sh', String(process.pid), server.place, dataDirectory];
    spawn('/bin/sh', args, { detached: true, stdio: 'ignore', cwd: '/' }).unref();
  }
  return server.databaseUrl;
}

/** The URL of another database of the same server. */
function withDatabase(databaseUrl: string, name: string): string {
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return url.toString();
}

async function asAdministrator<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A database in which the migrations were applied once; copying it is quicker than applying them again. */
async function templateFor(client: Client, databaseUrl: string, directory: string): Promise<string> {
  const digest = (await readMigrations(directory)).at(-1)?.sha256.slice(0, 16) ?? 'none';
  const count = (await readMigrations(directory)).length;
  const name = `template_${count}_${digest}`;
  await client.query('select pg_advisory_lock(1)'); // two callers in one file; the session's end releases it
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
  if (rowCount === 0) {
    await client.query(`create database ${name}_half`);
    await migrate({ databaseUrl: withDatabase(databaseUrl, `${name}_half`), directory });
    await client.query(`alter database ${name}_half rename to ${name}`);
  }
  return name;
}

/**
 * A new database with the migrations of `migrations` applied: the repository's own by default, none for `null`. Usual:
 * `beforeAll` makes it, `afterAll` closes it.
 */
export async function freshDatabase(options: { readonly migrations?: string | null } = {}): Promise<TestDatabase> {
  const { migrations = migrationsDirectory } = options;
  const url = await serverUrl();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdministrator(url, async (client) => {
    const template = migrations === null ? 'template1' : await templateFor(client, url, migrations);
    await client.query(`create database ${name} template ${template}`);
  });
  const databaseUrl = withDatabase(url, name);
  const pools: Database[] = [];
  return {
    databaseUrl,
    pool: async (pool = {}) => {
      const opened = await openPool({ databaseUrl, ...pool });
      pools.push(opened);
      return opened;
    },
    close: async () => {
      await Promise.all(pools.map((pool) => pool.close()));
      await asAdministrator(url, (client) => client.query(`drop database ${name} with (force)`));
    },
  };
}
