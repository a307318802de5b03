// The stores of rotation over PostgreSQL, and what only a database can show: two schedulers at once.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { rotationStore } from '../../src/storage/rotation.ts';
import { renewalsIn } from '../../src/storage/renewals.ts';
import { at, describeRotationStore, report, reportOf, sceneLineage } from '../fakes/rotation-store-suite.ts';
import { type RotationDatabase, rotationDatabase } from './support/rotation-database.ts';

let opened: RotationDatabase;

beforeAll(async () => {
  opened = await rotationDatabase();
});

afterAll(async () => {
  await opened.close();
});

describeRotationStore('PostgreSQL', async () => opened.store);

test('the use of the ceiling is counted: under it for an hour, outside it for a day, refused ones not', async () => {
  const { db, store } = opened;
  const now = new Date(Date.UTC(2028, 0, 1));
  const { lineageId } = await store.scene.add({
    ...{ hostName: 'ceiling.example.org', profile: 'devid', certificate: 'c'.repeat(64), issuerId: 'd'.repeat(64) },
    ...{ notBefore: now, notAfter: now, renewAt: now, manufacturer: null, model: null, firmware: null },
  });
  const admit = (minutesAgo: number, isOutside: boolean, refusals: string | null = null) =>
    db.query(
      `insert into renewal (id, lineage_id, body_sha256, admitted_at, is_outside_ceiling, is_recovery, request, refusals)
       values ($1, $2, $3, $4, $5, false, '\\x00', $6)`,
      [
        ...[randomUUID(), lineageId, createHash('sha256').update(randomUUID()).digest('hex')],
        ...[new Date(now.getTime() - minutesAgo * 60_000), isOutside, refusals],
      ],
    );
  await admit(30, false);
  await admit(30, false, '[]');
  await admit(90, false);
  await admit(30, true);
  await admit(90, true);
  await admit(25 * 60, true);
  await db.query('update lineage set asked_at = $2 where id = $1', [lineageId, new Date(now.getTime() - 60_000)]);
  const counts = await rotationStore(db).renewalCounts(now);
  expect(counts).toEqual({ usedInLastHour: 1, outsideInLastDay: 2, waiting: 1 });
});

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

test('a host that never stops complaining raises a hundred alarms an hour, and the audit has the rest', async () => {
  const { db, store } = opened;
  const fingerprint = createHash('sha256').update(randomUUID()).digest('hex');
  const { deviceId, lineageId } = await store.scene.add(sceneLineage({ certificate: fingerprint }));
  const principal = `device:${deviceId}`;
  const renewals = renewalsIn(db);
  const notice = (minute: number) =>
    renewals.recordNotice({
      ...{ at: at(minute * 60), event: 'renewal.replayed', principal, facts: { body: randomUUID() } },
      tell: { topic: 'alarm', key: randomUUID() },
    });
  for (let count = 0; count < 130; count += 1) await notice(0);
  const findings = Array.from({ length: 200 }, (_, n) => ({
    ...{ check: `check${n}`, level: 'critical' as const, detail: 'bad', fix: null },
  }));
  await report(store, deviceId, reportOf([], { findings }), at(60));
  await notice(2);
  await renewals.recordConfirmation({
    ...{ lineageId, fingerprint, at: at(130), by: 'host', principal, evidence: {}, effect: 'reopened' },
    hasSpireAgent: null,
  });
  const count = async (table: string): Promise<number> =>
    (
      await db.query(`select 1 from ${table} where facts::text like $1 or facts::text like $2`, [
        `%${deviceId}%`,
        principal,
      ])
    ).length;
  expect(await count('outbox')).toBe(100);
  const audited = await db.query('select event from audit_event where principal = $1', [principal]);
  expect(audited).toHaveLength(332);
  await notice(120);
  expect(await count('outbox')).toBe(101);
});
