// What warnings and their delivery read and write, as the functions that they need. A store is any set of functions that
// fit; each writing call is one transaction, with its line of the audit in it.
import type { Cursor } from '../domain/cursor.ts';
import type { Look, LookChange } from '../domain/look.ts';
import type { Condition, WarningLevel, WarningRecord } from '../domain/warning.ts';

export type WarningFilter = {
  readonly state: 'open' | 'closed';
  readonly level: WarningLevel | null;
  readonly deviceId: string | null;
  readonly lineageId: string | null;
  readonly condition: Condition | null;
  readonly after: Cursor | null;
  readonly limit: number;
};

export type WarningStore = {
  /**
   * Opens, raises and closes warnings and writes their crossings, in one transaction under one lock of all servers. A
   * warning whose level falls keeps its level until it is closed, and is told once for each level.
   */
  readonly recordLook: (look: Look) => Promise<readonly LookChange[]>;
  readonly listWarnings: (filter: WarningFilter) => Promise<readonly WarningRecord[]>;
  readonly findWarning: (id: string) => Promise<WarningRecord | null>;
  /** False when it is not there or closed. */
  readonly acknowledge: (id: string, by: string, at: Date, note: string | null) => Promise<boolean>;
  readonly snooze: (
    id: string,
    snoozing: { until: Date; by: string; at: Date; note: string | null },
  ) => Promise<boolean>;
};
