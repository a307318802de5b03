// The notifier through PostgreSQL: the simulation of test/simulation, some days of it, with its oracle. A death within a
// transaction is a rollback here. OMENS_SIMULATION_SEED chooses another run.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deliveryStore } from '../../src/storage/deliveries.ts';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { warningStore } from '../../src/storage/warnings.ts';
import { judgeNotifier } from '../simulation/notifier-oracle.ts';
import { escalation, simulateNotifier, start } from '../simulation/notifier.ts';
import { day, minute } from '../simulation/schedule.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
});
afterAll(() => database.close());

const days = 3;

test('a notifier that is killed at random loses nothing, repeats nothing, and tells nothing that is over', async () => {
  const { log, channels } = await simulateNotifier({
    ...{ seed: Number(process.env['OMENS_SIMULATION_SEED'] ?? '7') >>> 0, subjects: 300, days },
    ...{ isMortal: true, dead: null, hasDigests: true },
    stores: {
      ...warningStore(db),
      ...deliveryStore(db),
      raise: async ({ key, facts, at }) => {
        await db.query('insert into outbox (topic, key, facts, created_at) values ($1, $2, $3, $4)', [
          ...['alarm', key, JSON.stringify(facts), at],
        ]);
      },
      nextTurn: (_channel, now) => now + 20 * minute,
    },
  });
  const { faults, counted } = judgeNotifier(log, channels, {
    ...{ span: { from: start, to: start + days * day }, escalations: escalation.times },
    digestMinutes: [6 * 60, 7 * 60],
  });
  expect(faults).toEqual([]);
  for (const what of ['kills', 'repeated', 'told', 'told well again', 'alarms told'])
    expect({ what, isMet: (counted[what] ?? 0) > 0 }).toEqual({ what, isMet: true });
});
