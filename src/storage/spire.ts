// What a SPIRE server's agents are compared with: DevIDs and their use; and the audit of what was done there.
import type { SpireDevid } from '../domain/spire-plan.ts';
import type { Database } from './pool.ts';
import { boolean, instant, instantOrNull, octets, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

const devids = statement<[Date, string | null], SpireDevid>('spire_devids.sql', (row) => ({
  deviceId: text(row, 'device_id'),
  hostName: text(row, 'host_name'),
  isActive: boolean(row, 'is_active'),
  lineageId: text(row, 'lineage_id'),
  hasSpireAgent: boolean(row, 'has_spire_agent'),
  isNewest: boolean(row, 'is_newest'),
  fingerprint: text(row, 'fingerprint'),
  der: octets(row, 'der'),
  issuerDer: octets(row, 'issuer_der'),
  notAfter: instant(row, 'not_after'),
  isRevoked: boolean(row, 'is_revoked'),
  installedAt: instantOrNull(row, 'installed_at'),
  confirmedAt: instantOrNull(row, 'confirmed_at'),
  confirmedBy: textOrNull(row, 'confirmed_by'),
}));
const activeHostNames = statement<[], string>('active_host_names.sql', (row) => text(row, 'host_name'));
const appendAudit = statement<[Date, string, string, string], unknown>('append_audit.sql', (row) => row['id']);

/** SPIRE in a database, as lifecycle needs it. */
export const spireStore = (db: Database) => ({
  /** DevIDs that end after an instant, of all devices or of one. */
  devidsEndingAfter: (instantOf: Date, deviceId: string | null): Promise<readonly SpireDevid[]> =>
    devids(db, [instantOf, deviceId]),
  activeHostNames: (): Promise<readonly string[]> => activeHostNames(db, []),
  recordSpireAct: async (act: { readonly event: string; readonly facts: object; readonly at: Date }): Promise<void> => {
    await appendAudit(db, [act.at, act.event, 'service', JSON.stringify(act.facts)]);
  },
});
