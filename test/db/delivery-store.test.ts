// Deliveries in PostgreSQL, held to what those in memory do.
import { afterAll, beforeAll } from '@jest/globals';
import { deliveryStore } from '../../src/storage/deliveries.ts';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { warningStore } from '../../src/storage/warnings.ts';
import { describeDeliveryStore } from '../fakes/delivery-store-suite.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
});
afterAll(() => database.close());

describeDeliveryStore('PostgreSQL', async () => {
  await db.query('truncate warning, crossing, delivery, channel_turn, outbox, audit_event');
  return {
    ...warningStore(db),
    ...deliveryStore(db),
    raise: async ({ topic, key, facts, at }) => {
      await db.query('insert into outbox (topic, key, facts, created_at) values ($1, $2, $3, $4)', [
        ...[topic, key, JSON.stringify(facts), at],
      ]);
    },
    alarmsLeft: async () => (await db.query('select 1 from outbox where delivered_at is null')).length,
  };
});
