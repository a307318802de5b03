// sql/schema.sql is the readable result of the migrations: both make the same catalogue.
import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDatabase } from './database.ts';
import { describeCatalogue } from './support/catalogue.ts';

/** The catalogue after `change` was run on a database with the migrations. */
async function catalogueAfter(change: string): Promise<readonly string[]> {
  const database = await freshDatabase();
  try {
    await (await database.pool()).query(change);
    return await describeCatalogue(database.databaseUrl);
  } finally {
    await database.close();
  }
}

test('schema.sql and the migrations make the same catalogue', async () => {
  const written = await freshDatabase({ migrations: null });
  try {
    const schema = await readFile(join(import.meta.dirname, '../../sql/schema.sql'), 'utf8');
    await (await written.pool()).query(schema);
    expect(await describeCatalogue(written.databaseUrl)).toEqual(await catalogueAfter('select 1'));
  } finally {
    await written.close();
  }
});

test('the comparison notices a changed column, check, index, trigger, function, comment and domain', async () => {
  const before = await catalogueAfter('create table sample (a int)');
  for (const change of [
    'create table sample (a bigint)',
    'create table sample (a int default 1)',
    'create table sample (a int not null)',
    'create table sample (a int check (a > 0))',
    'create table sample (a int); create index on sample (a)',
    "create table sample (a int); comment on column sample.a is 'x'",
    'create table sample (a int); create domain sampled as int check (value > 0)',
    'create table sample (a int); create function f() returns int language sql as $$ select 1 $$',
    `create table sample (a int); create function f() returns trigger language plpgsql as $$ begin return null; end $$;
     create trigger t after insert on sample execute function f()`,
  ]) {
    expect(await catalogueAfter(change)).not.toEqual(before);
  }
});
