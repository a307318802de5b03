// What probes saw of each endpoint the last time. What it means is decided in domain/standings/endpoint.ts.
import type { EndpointFinding, ProbeRecord } from '../domain/standings/endpoint.ts';
import type { Database, RawRow } from './pool.ts';
import { instant, instantOrNull, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

const records = statement<[], ProbeRecord>('probe_records.sql', recordFromRow);
const record = statement<readonly unknown[], string>('record_probe.sql', (row) => text(row, 'endpoint'));
const forget = statement<[readonly string[]], string>('forget_probes.sql', (row) => text(row, 'endpoint'));

/** Probes in a database, as lifecycle/look-endpoints.ts needs them. */
export const probeStore = (db: Database) => ({
  probeRecords: (): Promise<readonly ProbeRecord[]> => records(db, []),
  recordProbe: async (seen: ProbeRecord): Promise<void> => {
    const { endpoint, lookedAt, reachableAt, unreachableSince, findings, servedSha256, servedNotAfter } = seen;
    const values = [endpoint, lookedAt, reachableAt, unreachableSince, JSON.stringify(findings)];
    await record(db, [...values, servedSha256, servedNotAfter]);
  },
  /** All but these. */
  forgetProbes: async (declared: readonly string[]): Promise<void> => {
    await forget(db, [declared]);
  },
});

function recordFromRow(row: RawRow): ProbeRecord {
  return {
    endpoint: text(row, 'endpoint'),
    lookedAt: instant(row, 'looked_at'),
    reachableAt: instantOrNull(row, 'reachable_at'),
    unreachableSince: instantOrNull(row, 'unreachable_since'),
    // Written by recordProbe alone.
    findings: row['findings'] as readonly EndpointFinding[],
    servedSha256: textOrNull(row, 'served_sha256'),
    servedNotAfter: instantOrNull(row, 'served_not_after'),
  };
}
