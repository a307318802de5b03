// The stores of rotation over PostgreSQL, and what only a database can show: two schedulers at once.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { describeRotationStore } from '../fakes/rotation-store-suite.ts';
import { type RotationDatabase, rotationDatabase } from './support/rotation-database.ts';

let opened: RotationDatabase;

beforeAll(async () => {
  opened = await rotationDatabase();
});

afterAll(async () => {
  await opened.close();
});

describeRotationStore('PostgreSQL', async () => opened.store);

describe('two schedulers at once', () => {
  const at = (seconds: number): Date => new Date(Date.UTC(2027, 0, 1) + seconds * 1000);
  const plan = {
    ...{ scope: { profile: 'devid' }, because: 'test', pilots: [], waveSize: 1, maxInFlight: {} },
    ...{ serviceClasses: {}, errorBudget: { count: 0 }, confirmWithinSeconds: 60 },
  };

  test('share the campaigns: each has one turn, and nobody waits for a campaign that is held', async () => {
    const names: readonly string[] = Array.from({ length: 9 }, () => randomUUID());
    for (const name of names)
      await opened.db.query(
        `insert into campaign (id, name, plan, state, created_by, created_at, changed_at)
         values ($1::text::uuid, $1::text, $2, 'running', 'test', now(), now())`,
        [name, JSON.stringify(plan)],
      );
    const taken: string[] = [];
    const scheduler = async (): Promise<number> => {
      for (let turns = 0; ; turns += 1) {
        const turn = await opened.store.turnCampaign(at(0), ({ name }) => {
          taken.push(name);
          return { at: at(10), patientUntil: null, decision: { conclude: [], do: 'wait' } };
        });
        if (turn === null) return turns;
      }
    };
    await Promise.all([scheduler(), scheduler()]);
    expect(taken.filter((name) => names.includes(name)).toSorted()).toEqual(names.toSorted());
  });

  test('a turn that fails writes nothing, and the campaign has its turn again', async () => {
    const fail = (): never => {
      throw new Error('the decision failed');
    };
    await expect(opened.store.turnCampaign(at(100), fail)).rejects.toThrow('the decision failed');
    const again = await opened.store.turnCampaign(at(100), () => ({
      ...{ at: at(200), patientUntil: null, decision: { conclude: [], do: 'wait' } },
    }));
    expect(again?.did).toBe('wait');
  });
});
