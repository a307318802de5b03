// The tables of warnings, crossings and deliveries in memory, with what their indexes would give. Shared by the fakes of the
// two stores; no test reads it where a port shows the same.
import type { AlarmEvent } from '../../src/domain/events.ts';
import type { Message, MessageKind } from '../../src/domain/message.ts';
import type { WarningRecord } from '../../src/domain/warning.ts';

export type CrossingRow = {
  readonly warningId: string;
  readonly channel: string;
  readonly kind: string;
  readonly at: Date;
  readonly deliveryId: string | null;
  readonly mootAt: Date | null;
};

export type DeliveryRow = {
  readonly id: string;
  readonly channel: string;
  readonly kind: MessageKind;
  readonly cause: string;
  readonly message: Message;
  readonly createdAt: Date;
  readonly dueAt: Date;
  readonly leaseUntil: Date | null;
  readonly attempts: number;
  readonly failures: number;
  readonly lastError: string | null;
  readonly concludedAt: Date | null;
  readonly outcome: 'delivered' | 'withdrawn' | 'refused' | null;
};

export type TurnRow = {
  readonly turnedAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly failingSince: Date | null;
  readonly restUntil: Date | null;
  readonly lastError: string | null;
};

export type AlarmRow = AlarmEvent & { readonly topic: string; readonly deliveredAt: Date | null };

export type WarningTables = ReturnType<typeof warningTables>;

/** The number of a span of five minutes. */
export const fiveMinutes = (at: Date): number => Math.floor(at.getTime() / 300_000);

const crossingKey = ({ warningId, channel, kind }: Pick<CrossingRow, 'warningId' | 'channel' | 'kind'>): string =>
  `${warningId} ${channel} ${kind}`;

/** Rows of a table that fit, kept as the rows change: a partial index. */
function indexed<Row>(keyOf: (row: Row) => string, groupOf: (row: Row) => string | null) {
  const groups = new Map<string, Map<string, Row>>();
  return {
    change: (before: Row | undefined, after: Row | null): void => {
      const old = before === undefined ? null : groupOf(before);
      if (before !== undefined && old !== null) groups.get(old)?.delete(keyOf(before));
      const group = after === null ? null : groupOf(after);
      if (after === null || group === null) return;
      const rows = groups.get(group) ?? new Map<string, Row>();
      groups.set(group, rows.set(keyOf(after), after));
    },
    of: (group: string): readonly Row[] => [...(groups.get(group)?.values() ?? [])],
  };
}

function table<Row>(keyOf: (row: Row) => string, groups: Readonly<Record<string, (row: Row) => string | null>>) {
  const rows = new Map<string, Row>();
  const indexes = new Map(Object.entries(groups).map(([name, groupOf]) => [name, indexed(keyOf, groupOf)]));
  return {
    rows: (): readonly Row[] => [...rows.values()],
    get: (key: string): Row | undefined => rows.get(key),
    put: (row: Row): void => {
      for (const index of indexes.values()) index.change(rows.get(keyOf(row)), row);
      rows.set(keyOf(row), row);
    },
    drop: (row: Row): void => {
      for (const index of indexes.values()) index.change(rows.get(keyOf(row)), null);
      rows.delete(keyOf(row));
    },
    by: (index: string, group: string): readonly Row[] => indexes.get(index)?.of(group) ?? [],
  };
}

export function warningTables() {
  const crossings = table<CrossingRow>(crossingKey, {
    waiting: ({ channel, deliveryId, mootAt }) => (deliveryId === null && mootAt === null ? channel : null),
    warning: ({ warningId }) => warningId,
    delivery: ({ deliveryId }) => deliveryId,
  });
  return {
    warnings: table<WarningRecord>(({ id }) => id, { open: ({ closedAt }) => (closedAt === null ? 'all' : null) }),
    crossings: { ...crossings, find: (row: Parameters<typeof crossingKey>[0]) => crossings.get(crossingKey(row)) },
    deliveries: table<DeliveryRow>(({ id }) => id, {
      waiting: ({ channel, concludedAt }) => (concludedAt === null ? channel : null),
      cause: ({ channel, cause }) => `${channel} ${cause}`,
      channel: ({ channel }) => channel,
      minutes: ({ channel, createdAt }) => `${channel} ${fiveMinutes(createdAt)}`,
    }),
    turns: new Map<string, TurnRow>(),
    outbox: [] as AlarmRow[],
    audit: [] as { readonly event: string; readonly by: string }[],
  };
}
