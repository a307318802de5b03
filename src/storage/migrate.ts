// Brings a database's schema up to this code: plain SQL files, forward only, in order, under one advisory lock.
// Our own runner and not knex's: that one races on creating its table, and it takes JavaScript modules, not SQL.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { messageOf } from '../domain/thrown.ts';
import { StorageFault } from './fault.ts';
import { demandServerVersion } from './server-version.ts';

/** One file `NNNN_name.sql`; `sha256` is lower-case hex of its octets. */
export type Migration = {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
};

/** The versions that this call applied, and the version that the database has now (0: no migrations at all). */
export type Migrated = { readonly applied: readonly number[]; readonly version: number };

// Two int4: "OMEN", and 2 for "migrations" (1 is the server's).
const lockKey = [0x4f4d454e, 2] as const;

const ownTable = `create table if not exists schema_migration (
  version integer primary key,
  name text not null,
  sha256 text not null,
  applied_at timestamptz not null default clock_timestamp()
)`;

/** Reads sql/migrations. Every .sql file must be numbered, from 0001 on without a gap. */
export async function readMigrations(directory: string): Promise<readonly Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).toSorted();
  return Promise.all(
    names.map(async (file, i) => {
      const [, digits, name] = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file) ?? [];
      if (name === undefined || Number(digits) !== i + 1) {
        throw new StorageFault(`migration ${i + 1} is missing or misnamed: found ${file}`, {
          where: directory,
          hint: 'migrations are named 0001_name.sql, 0002_name.sql and so on, without a gap; install the service again',
        });
      }
      const octets = await readFile(join(directory, file));
      const sha256 = createHash('sha256').update(octets).digest('hex');
      return { version: i + 1, name, sql: octets.toString('utf8'), sha256 };
    }),
  );
}

type Applied = { readonly version: number; readonly name: string; readonly sha256: string };

function refuseMismatch(known: readonly Migration[], applied: readonly Applied[], directory: string): void {
  const newest = applied.at(-1);
  if (newest !== undefined && newest.version > known.length) {
    throw new StorageFault(
      `the database has schema version ${newest.version} (${newest.name}), this code knows ${known.length}`,
      { where: directory, hint: 'the database was used by a newer release: start that one, or restore a backup' },
    );
  }
  applied.forEach((row, i) => {
    const file = known[i];
    if (file?.version === row.version && file.sha256 === row.sha256) return;
    throw new StorageFault(`migration ${row.version} (${row.name}) is not the one that was applied to the database`, {
      where: directory,
      hint: 'a released migration never changes: restore its file, and put the change into a new migration',
    });
  });
}

async function apply(client: Client, migration: Migration, directory: string): Promise<void> {
  const { version, name, sql, sha256 } = migration;
  try {
    await client.query('begin');
    await client.query(sql);
    await client.query('insert into schema_migration (version, name, sha256) values ($1, $2, $3)', [
      ...[version, name, sha256],
    ]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => undefined); // a lost connection has rolled back by itself
    throw new StorageFault(`migration ${version} (${name}) failed and changed nothing: ${messageOf(cause)}`, {
      where: directory,
      hint: 'the database is at the version before; mend the cause and start again',
      cause,
    });
  }
}

/**
 * Applies what is missing, each migration in a transaction of its own. Any number of processes may call it at once: one
 * works, the others wait and find nothing to do. Throws a `StorageFault` when an applied file has changed or when the
 * database is newer than the code.
 */
export async function migrate(options: {
  readonly databaseUrl: string;
  readonly directory: string;
}): Promise<Migrated> {
  const { databaseUrl, directory } = options;
  const known = await readMigrations(directory);
  const client = new Client({ connectionString: databaseUrl, application_name: 'omens migrate' });
  client.on('error', () => undefined); // its loss shows in the query that runs
  try {
    await demandServerVersion(databaseUrl, async (sql) => {
      await client.connect();
      return (await client.query<Record<string, unknown>>(sql)).rows;
    });
    await client.query('select pg_advisory_lock($1::int4, $2::int4)', [...lockKey]); // ends with the session
    await client.query(ownTable);
    const { rows } = await client.query<Applied>('select version, name, sha256 from schema_migration order by version');
    refuseMismatch(known, rows, directory);
    const missing = known.slice(rows.length);
    for (const migration of missing) await apply(client, migration, directory);
    return { applied: missing.map((migration) => migration.version), version: known.length };
  } finally {
    await client.end();
  }
}
