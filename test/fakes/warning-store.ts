// Warnings and their crossings in memory; the same suite is run against PostgreSQL.
import { randomUUID } from 'node:crypto';
import { decideLook } from '../../src/domain/look.ts';
import { isWorse, type WarningRecord } from '../../src/domain/warning.ts';
import type { WarningStore } from '../../src/lifecycle/warning-records.ts';
import { type CrossingRow, type WarningTables, warningTables } from './warning-tables.ts';

/** What a suite must see that no port shows. */
export type WarningStoreUnderTest = WarningStore & {
  readonly crossingsOf: (warningId: string) => Promise<readonly Pick<CrossingRow, 'channel' | 'kind'>[]>;
  readonly auditEvents: () => Promise<readonly string[]>;
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const byOpening = (a: WarningRecord, b: WarningRecord): number =>
  a.openedAt.getTime() - b.openedAt.getTime() || compare(a.id, b.id);

const worstFirst = (a: WarningRecord, b: WarningRecord): number =>
  isWorse(a.level, b.level) ? -1 : isWorse(b.level, a.level) ? 1 : byOpening(a, b);

const closedOf = ({ closedAt }: WarningRecord): number => closedAt?.getTime() ?? Infinity;

const lastClosedFirst = (a: WarningRecord, b: WarningRecord): number =>
  closedOf(b) - closedOf(a) || compare(b.id, a.id);

/** A store of warnings over tables in memory. `newId` makes a run the same each time. */
export function fakeWarningStore(
  tables: WarningTables = warningTables(),
  newId: () => string = randomUUID,
): WarningStoreUnderTest {
  const { warnings, crossings, audit } = tables;
  const change = (id: string, by: string, event: string, over: Partial<WarningRecord>): boolean => {
    const before = warnings.get(id);
    if (before === undefined || before.closedAt !== null) return false;
    warnings.put({ ...before, ...over, note: over.note ?? before.note });
    audit.push({ event, by });
    return true;
  };
  return {
    recordLook: async (look) => {
      const open = warnings
        .by('open', 'all')
        .filter(({ condition }) => look.conditions.includes(condition))
        .toSorted(byOpening);
      const { opened, changed, crossings: crossed, changes } = decideLook(open, look, newId);
      for (const one of [...opened, ...changed]) warnings.put(one);
      for (const one of crossed)
        if (crossings.find(one) === undefined) crossings.put({ ...one, at: look.at, deliveryId: null, mootAt: null });
      audit.push(...changes.map((one) => ({ event: `warning.${one.change}`, by: 'service' })));
      return changes;
    },
    listWarnings: async ({ state, level, deviceId, lineageId, condition, after, limit }) => {
      const order = state === 'open' ? worstFirst : lastClosedFirst;
      const last = after === null ? undefined : warnings.get(after.id);
      const rows =
        state === 'open' ? warnings.by('open', 'all') : warnings.rows().filter((one) => one.closedAt !== null);
      return rows
        .filter((one) => (level === null || one.level === level) && (deviceId === null || one.deviceId === deviceId))
        .filter((one) => lineageId === null || one.lineageId === lineageId)
        .filter((one) => condition === null || one.condition === condition)
        .filter((one) => last === undefined || order(last, one) < 0)
        .toSorted(order)
        .slice(0, limit);
    },
    findWarning: async (id) => warnings.get(id) ?? null,
    acknowledge: async (id, by, at, note) => change(id, by, 'warning.acknowledged', { acknowledged: { at, by }, note }),
    snooze: async (id, { until, by, note }) => change(id, by, 'warning.snoozed', { snoozed: { until, by }, note }),
    crossingsOf: async (warningId) => crossings.by('warning', warningId),
    auditEvents: async () => audit.map(({ event }) => event),
  };
}
