// Rows of warnings and of their crossings. What a look changes is decided by domain/look.ts, while the lock holds.
import { randomUUID } from 'node:crypto';
import type { Cursor } from '../domain/cursor.ts';
import { decideLook, type Look, type LookChange } from '../domain/look.ts';
import type { Condition, StandingFacts, WarningLevel, WarningRecord } from '../domain/warning.ts';
import type { Database, RawRow } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

const lock = statement<[], boolean>('lock_warnings.sql', (row) => boolean(row, 'locked'));
const ofConditions = statement<[readonly string[]], WarningRecord>('warnings_of_conditions.sql', warningFromRow);
const record = statement<readonly unknown[], number>('record_look.sql', (row) => number(row, 'written'));
const find = statement<[string], WarningRecord>('find_warning.sql', warningFromRow);
const listOpen = statement<readonly unknown[], WarningRecord>('open_warnings.sql', warningFromRow);
const listClosed = statement<readonly unknown[], WarningRecord>('closed_warnings.sql', warningFromRow);
const acknowledge = statement<readonly unknown[], string>('acknowledge_warning.sql', (row) => text(row, 'id'));
const snooze = statement<readonly unknown[], string>('snooze_warning.sql', (row) => text(row, 'id'));

type Filter = {
  readonly state: 'open' | 'closed';
  readonly level: WarningLevel | null;
  readonly deviceId: string | null;
  readonly lineageId: string | null;
  readonly condition: Condition | null;
  readonly after: Cursor | null;
  readonly limit: number;
};

/** Warnings in a database, as `WarningStore` of lifecycle/warning-records.ts. */
export const warningStore = (db: Database) => ({
  recordLook: (look: Look): Promise<readonly LookChange[]> => recordLook(db, look),
  listWarnings: ({
    state,
    level,
    deviceId,
    lineageId,
    condition,
    after,
    limit,
  }: Filter): Promise<readonly WarningRecord[]> =>
    state === 'open'
      ? listOpen(db, [after?.id ?? null, level, deviceId, lineageId, limit, condition])
      : listClosed(db, [after?.at ?? null, after?.id ?? null, level, deviceId, lineageId, limit, condition]),
  findWarning: async (id: string): Promise<WarningRecord | null> => (await find(db, [id]))[0] ?? null,
  acknowledge: async (id: string, by: string, at: Date, note: string | null): Promise<boolean> =>
    (await acknowledge(db, [id, by, at, note])).length === 1,
  snooze: async (
    id: string,
    { until, by, at, note }: { until: Date; by: string; at: Date; note: string | null },
  ): Promise<boolean> => (await snooze(db, [id, by, at, note, until])).length === 1,
});

function recordLook(db: Database, look: Look): Promise<readonly LookChange[]> {
  return db.transaction(async (tx) => {
    await lock(tx, []);
    const open = await ofConditions(tx, [look.conditions]);
    const { opened, changed, crossings, changes } = decideLook(open, look, randomUUID);
    const raised = new Set(changes.filter(({ change }) => change === 'raised').map(({ warningId }) => warningId));
    if (opened.length + changed.length > 0)
      await record(tx, [
        look.at,
        JSON.stringify(opened.map(newRow)),
        JSON.stringify(changed.map((one) => changedRow(one, raised.has(one.id)))),
        JSON.stringify(crossings.map(({ warningId, channel, kind }) => ({ warning: warningId, channel, kind }))),
        JSON.stringify(changes.map(auditLine)),
      ]);
    return changes;
  });
}

const newRow = (one: WarningRecord): object => ({
  ...{ id: one.id, condition: one.condition, subject: one.subject, level: one.level, cause: one.cause },
  ...{ reason: one.reason, facts: one.facts, device: one.deviceId, lineage: one.lineageId },
});

const changedRow = (one: WarningRecord, isRaised: boolean): object => ({
  ...{ id: one.id, level: one.level, levelAt: one.levelAt, cause: one.cause, reason: one.reason, facts: one.facts },
  ...{ device: one.deviceId, lineage: one.lineageId, wellSince: one.wellSince, closedAt: one.closedAt },
  isRaised,
});

const auditLine = ({ warningId, condition, subject, reason, change, level }: LookChange): object => ({
  event: `warning.${change}`,
  facts: { warning: warningId, condition, subject, level, reason },
});

/** A row of `warning`, whole. */
export function warningFromRow(row: RawRow): WarningRecord {
  const acknowledgedAt = instantOrNull(row, 'acknowledged_at');
  const snoozedUntil = instantOrNull(row, 'snoozed_until');
  return {
    id: text(row, 'id'),
    condition: text(row, 'condition') as Condition,
    subject: text(row, 'subject'),
    level: text(row, 'level') as WarningLevel,
    cause: text(row, 'cause'),
    reason: text(row, 'reason'),
    // Written by us, as facts of a standing.
    facts: row['facts'] as StandingFacts,
    deviceId: textOrNull(row, 'device_id'),
    lineageId: textOrNull(row, 'lineage_id'),
    openedAt: instant(row, 'opened_at'),
    levelAt: instant(row, 'level_at'),
    wellSince: instantOrNull(row, 'well_since'),
    closedAt: instantOrNull(row, 'closed_at'),
    acknowledged: acknowledgedAt === null ? null : { at: acknowledgedAt, by: text(row, 'acknowledged_by') },
    snoozed: snoozedUntil === null ? null : { until: snoozedUntil, by: text(row, 'snoozed_by') },
    note: textOrNull(row, 'note'),
  };
}
