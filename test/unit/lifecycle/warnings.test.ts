// What people do with warnings, over the store in memory.
import { describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Principal } from '../../../src/domain/principal.ts';
import {
  acknowledgeWarning,
  listDeliveries,
  listWarnings,
  showWarning,
  snoozeWarning,
} from '../../../src/lifecycle/warnings.ts';
import { fakeDeliveryStore } from '../../fakes/delivery-store.ts';
import { channelRules, standingOf } from '../../fakes/warning-store-suite.ts';
import { fakeWarningStore } from '../../fakes/warning-store.ts';
import { warningTables } from '../../fakes/warning-tables.ts';

const now = new Date('2027-01-01T00:00:00Z');
const ann: Extract<Principal, { kind: 'operator' }> = {
  ...{ kind: 'operator', tokenId: randomUUID(), name: 'ann', role: 'admin' },
  limits: { profiles: null, names: null, sources: null },
};

async function scene(subjects: readonly string[]) {
  const tables = warningTables();
  const ports = { ...fakeWarningStore(tables), ...fakeDeliveryStore(tables) };
  const standings = subjects.map((subject) => standingOf(subject));
  await ports.recordLook({ conditions: ['renewalMissed'], standings, at: now, channels: [channelRules('mail')] });
  const { items } = await listWarnings(ports)({ state: 'open', limit: 100 });
  return { ports, ids: items.map(({ id }) => id) };
}

describe('a warning', () => {
  test('is shown with what is to be told of it', async () => {
    const { ports, ids } = await scene(['a']);
    expect(await showWarning(ports)(ids[0]!)).toMatchObject({
      ...{ condition: 'renewalMissed', openedAt: '2027-01-01T00:00:00Z', closedAt: null, acknowledgedBy: null },
      told: [{ channel: 'mail', kind: 'warning', at: '2027-01-01T00:00:00Z', deliveredAt: null }],
    });
    expect(await showWarning(ports)(randomUUID())).toBeNull();
  });

  test('is acknowledged by name', async () => {
    const { ports, ids } = await scene(['a']);
    expect(await acknowledgeWarning(ports)(ids[0]!, { note: 'mine' }, ann, { now })).toMatchObject({
      value: { acknowledgedAt: '2027-01-01T00:00:00Z', note: 'mine', acknowledgedBy: `operator:ann:${ann.tokenId}` },
    });
  });

  test('is put off within 30 days, and no further', async () => {
    const { ports, ids } = await scene(['a']);
    const until = (text: string) => snoozeWarning(ports)(ids[0]!, { until: text }, ann, { now });
    for (const text of ['2027-01-31T00:00:01Z', '2027-01-01T00:00:00Z', '2026-12-31T00:00:00Z', '2027-13-01T00:00:00Z'])
      expect(await until(text)).toMatchObject({ error: { reason: 'snoozeOutOfRange', field: 'until' } });
    expect(await until('2027-01-31T00:00:00Z')).toMatchObject({ value: { snoozedUntil: '2027-01-31T00:00:00Z' } });
  });

  test('that is over, or not there, is not changed', async () => {
    const { ports, ids } = await scene(['a']);
    for (const seconds of [1, 1000])
      await ports.recordLook({
        ...{ conditions: ['renewalMissed'], standings: [], channels: [] },
        at: new Date(now.getTime() + seconds * 1000),
      });
    expect(await acknowledgeWarning(ports)(ids[0]!, {}, ann, { now })).toMatchObject({
      error: { reason: 'warningClosed', detail: 'it was well again at 2027-01-01T00:16:40Z' },
    });
    expect(await acknowledgeWarning(ports)(randomUUID(), {}, ann, { now })).toMatchObject({
      error: { reason: 'notFound' },
    });
    expect((await listWarnings(ports)({ state: 'closed', limit: 1 })).items).toMatchObject([{ id: ids[0] }]);
  });
});

test('warnings and deliveries come by pages that follow one another', async () => {
  const { ports, ids } = await scene(['a', 'b', 'c']);
  const first = await listWarnings(ports)({ state: 'open', limit: 2 });
  const second = await listWarnings(ports)({ state: 'open', limit: 2, cursor: first.next! });
  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
  expect(second.next).toBeNull();
  expect(await listDeliveries(ports)({ limit: 1 })).toEqual({ items: [], next: null });
});
