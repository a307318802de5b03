// The migration runner against a real server, with small migrations of its own; one test has processes race for real.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { migrate } from '../../src/storage/migrate.ts';
import { freshDatabase, migrationsDirectory, type TestDatabase } from './database.ts';
import { ensureBuilt } from './support/embedded-process.ts';

let directory: string;
let database: TestDatabase;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'omens-migrations-'));
  await writeFile(join(directory, '0001_one.sql'), 'create table one (id int);\ninsert into one values (1);\n');
  await writeFile(join(directory, '0002_two.sql'), 'alter table one add column name text;\n');
  database = await freshDatabase({ migrations: null });
});
afterEach(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

const run = () => migrate({ databaseUrl: database.databaseUrl, directory });
const ask = async (sql: string) => (await database.pool()).query(sql);

test('migrations are applied in order, once, and recorded with their digest', async () => {
  expect(await run()).toEqual({ applied: [1, 2], version: 2 });
  expect(await run()).toEqual({ applied: [], version: 2 });
  expect(await ask('select id, name from one')).toEqual([{ id: 1, name: null }]);
  expect(await ask('select version, name, length(sha256) as length from schema_migration order by version')).toEqual([
    { version: 1, name: 'one', length: 64 },
    { version: 2, name: 'two', length: 64 },
  ]);
});

test('twenty migrators at once all succeed, and each migration runs once', async () => {
  const results = await Promise.all(Array.from({ length: 20 }, run));
  expect(results.flatMap((result) => result.applied).toSorted()).toEqual([1, 2]);
  expect(await ask('select count(*) as count from one')).toEqual([{ count: 1 }]);
});

test('twenty processes at once bring an empty database to the schema of this repository', async () => {
  await ensureBuilt();
  const at = pathToFileURL(join(import.meta.dirname, '../../dist/src/storage/migrate.js')).href;
  const program = `const { migrate } = await import('${at}');
    console.log(JSON.stringify(await migrate(JSON.parse(process.argv[1]))));`;
  const given = JSON.stringify({ databaseUrl: database.databaseUrl, directory: migrationsDirectory });
  const results = await Promise.all(
    Array.from({ length: 20 }, () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, given]),
    ),
  );
  const answers = results.map((result) => JSON.parse(result.stdout) as { applied: number[]; version: number });
  const [version] = new Set(answers.map((answer) => answer.version));
  expect(answers.flatMap((answer) => answer.applied)).toEqual(Array.from({ length: version! }, (_, i) => i + 1));
});

test('a migration that fails changes nothing, and those before it stay', async () => {
  await writeFile(join(directory, '0003_three.sql'), 'create table three ();\nselect 1 / 0;\n');
  await expect(run()).rejects.toMatchObject({
    name: 'StorageFault',
    message: expect.stringMatching(/migration 3 \(three\) failed and changed nothing: division by zero/),
  });
  expect(await ask("select to_regclass('three') as three, max(version) as version from schema_migration")).toEqual([
    { three: null, version: 2 },
  ]);
});

test('an applied migration whose file has changed is refused', async () => {
  await run();
  await writeFile(join(directory, '0001_one.sql'), 'create table one (id int);\ninsert into one values (2);\n');
  await expect(run()).rejects.toThrow(/migration 1 \(one\) is not the one that was applied/);
});

test('a database newer than the code is refused', async () => {
  await run();
  await rm(join(directory, '0002_two.sql'));
  await expect(run()).rejects.toThrow(/the database has schema version 2 \(two\), this code knows 1/);
});

test('a gap or a misnamed file among the migrations is refused before anything runs', async () => {
  await writeFile(join(directory, '0004_four.sql'), 'create table four ();\n');
  await expect(run()).rejects.toThrow(/migration 3 is missing or misnamed: found 0004_four.sql/);
  await rm(join(directory, '0004_four.sql'));
  await writeFile(join(directory, '3_three.sql'), 'create table three ();\n');
  await expect(run()).rejects.toThrow(/misnamed: found 3_three.sql/);
  expect(await ask("select to_regclass('one') as one")).toEqual([{ one: null }]);
});
