// Warnings in PostgreSQL, held to what those in memory do.
import { afterAll, beforeAll } from '@jest/globals';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { warningStore } from '../../src/storage/warnings.ts';
import { describeWarningStore } from '../fakes/warning-store-suite.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
});
afterAll(() => database.close());

describeWarningStore('PostgreSQL', async () => {
  await db.query('truncate warning, crossing, delivery, audit_event');
  const column = async (sql: string, values: readonly unknown[] = []): Promise<readonly string[]> =>
    (await db.query(sql, values)).map(({ value }) => value as string);
  return {
    ...warningStore(db),
    crossingsOf: async (id) =>
      (await db.query('select channel, kind from crossing where warning_id = $1', [id])) as readonly {
        readonly channel: string;
        readonly kind: string;
      }[],
    auditEvents: () => column('select event as value from audit_event order by id'),
  };
});
