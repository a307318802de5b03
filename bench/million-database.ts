// A database with a million certificates in it, and what its statements take there: those of today, and those that went by
// history instead of by what serves.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { openPool } from '../src/storage/pool.ts';
import { fillInventory } from '../test/db/support/many-certificates.ts';

export type Shape = {
  readonly name: string;
  readonly devices: number;
  readonly perLineage: number;
  readonly alone: number;
};

const dayMs = 86_400_000;
const root = join(import.meta.dirname, import.meta.dirname.includes('/dist/') ? '../..' : '..');
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

const references = `select conrelid::regclass::text as on_table, conname as name, pg_get_constraintdef(oid) as text
                      from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace`;

/** Indexes that belong to no constraint, of the tables that are filled. */
const indexes = `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as text
                   from pg_index i join pg_class c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace
                  where c.relname in ('certificate', 'certificate_use', 'issuance_intent')
                    and not exists (select from pg_constraint k where k.conindid = i.indexrelid)`;

/** Fills it. Foreign keys are not checked row by row, and indexes made afterwards: both would take longer than all the rest. */
export async function fill(databaseUrl: string, shape: Shape, now: Date): Promise<void> {
  const db = await openPool({ databaseUrl, statementTimeoutMs: 3_600_000 });
  try {
    const [issuer] = await db.query(
      `select id from issuer where role = 'issuing' and is_active and trust_domain = 'estate'`,
    );
    const [keys, later] = [await db.query(references), await db.query(indexes)];
    for (const { on_table: table, name } of keys)
      await db.query(`alter table ${String(table)} drop constraint ${String(name)}`);
    for (const { name } of later) await db.query(`drop index ${String(name)}`);
    await fillInventory(db, String(issuer?.['id']), { ...shape, now });
    for (const { text } of later) await db.query(String(text));
    for (const { on_table: table, name, text } of keys)
      await db.query(`alter table ${String(table)} add constraint ${String(name)} ${String(text)} not valid`);
    await db.query('vacuum analyze');
  } finally {
    await db.close();
  }
}

export type Compared = {
  /** Median milliseconds in the database: of a page within 30 days, and of the counts. */
  readonly page: { readonly byHistory: number; readonly byServing: number };
  readonly counts: { readonly byHistory: number; readonly byServing: number };
  readonly plan: readonly string[];
};

/** The same page and the same counts, both ways, on one connection. */
export async function compare(databaseUrl: string, now: Date): Promise<Compared> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const time = async (text: string, values: readonly unknown[], rounds: number): Promise<number> => {
    const taken: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const started = performance.now();
      await client.query(text, [...values]);
      taken.push(performance.now() - started);
    }
    return taken.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? NaN;
  };
  const [soon, givenUp] = [new Date(now.getTime() + 30 * dayMs), new Date(now.getTime() - 30 * dayMs)];
  const serving = [soon, null, null, 101, givenUp, null, null, now];
  try {
    const byServing = textOf('sql/queries/serving_page.sql');
    return {
      page: {
        byHistory: await time(textOf('bench/page-by-history.sql'), [soon, null, null, 101, givenUp], 3),
        byServing: await time(byServing, serving, 21),
      },
      counts: {
        byHistory: await time(textOf('bench/counts-by-history.sql'), [now, 30 * 86_400, 7 * 86_400, givenUp], 3),
        byServing:
          (await time(textOf('sql/queries/serving_near_end.sql'), [now, givenUp], 5)) +
          (await time(textOf('sql/queries/serving_total.sql'), [givenUp], 5)),
      },
      plan: await planOf(client, byServing, serving),
    };
  } finally {
    await client.end();
  }
}

/** The plan that fits any parameters, carried out. */
async function planOf(
  client: Client,
  text: string,
  values: readonly (Date | number | null)[],
): Promise<readonly string[]> {
  await client.query('set plan_cache_mode = force_generic_plan');
  await client.query(`prepare asked as ${text}`);
  const given = values.map((value) =>
    value === null ? 'null' : `'${value instanceof Date ? value.toISOString() : value}'`,
  );
  const { rows } = await client.query<{ 'QUERY PLAN': string }>(
    `explain (analyze, costs off, timing off) execute asked(${given.join(', ')})`,
  );
  return rows.map((row) => row['QUERY PLAN']);
}
