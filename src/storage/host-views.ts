// Hosts as the operator page shows them: lists, and what a host and Keylime said. The inventory itself is devices.ts.
import type { HostReportBody } from '../domain/lineage-wire.ts';
import type { DeviceState } from '../domain/device.ts';
import type { HostLine, HostWord, KeylimeLine, UnmanagedLine } from '../domain/host-view.ts';
import type { WarningLevel } from '../domain/warning.ts';
import { deviceStateOf } from './devices.ts';
import type { Database } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

const list = statement<readonly unknown[], HostLine>('list_hosts.sql', (row) => ({
  id: text(row, 'id'),
  hostName: text(row, 'host_name'),
  state: deviceStateOf(text(row, 'state')),
  lastSeenAt: instant(row, 'last_seen_at'),
  notSeen: textOrNull(row, 'not_seen') as WarningLevel | null,
  tpm: {
    manufacturer: textOrNull(row, 'manufacturer'),
    model: textOrNull(row, 'model'),
    version: textOrNull(row, 'version'),
  },
  firmware: textOrNull(row, 'attested_firmware'),
  certificates: { total: number(row, 'total'), warning: number(row, 'warning'), critical: number(row, 'critical') },
  warnings: { warning: number(row, 'warnings'), critical: number(row, 'criticals') },
}));
const word = statement<[string], HostWord>('host_word.sql', (row) => ({
  reportedAt: instant(row, 'reported_at'),
  agentVersion: text(row, 'agent_version'),
  // Checked by the contract when it came.
  report: row['report'] as HostReportBody,
}));
const unmanaged = statement<[string], UnmanagedLine>('unmanaged_of_device.sql', (row) => ({
  path: text(row, 'path'),
  fingerprint: text(row, 'fingerprint'),
  subject: text(row, 'subject'),
  issuer: text(row, 'issuer'),
  notBefore: instant(row, 'not_before'),
  notAfter: instant(row, 'not_after'),
  fault: textOrNull(row, 'fault'),
}));
const keylime = statement<[string], KeylimeLine>('keylime_agents_of_device.sql', (row) => ({
  agent: text(row, 'agent_uuid'),
  isRegistered: boolean(row, 'is_registered'),
  operationalState: row['operational_state'] === null ? null : number(row, 'operational_state'),
  attestationStatus: textOrNull(row, 'attestation_status'),
  lastSuccessfulAttestation: instantOrNull(row, 'last_successful_attestation'),
  since: instant(row, 'state_since'),
  heldAt: instantOrNull(row, 'held_at'),
  seenAt: instant(row, 'seen_at'),
}));

/** Reads for pages of hosts. */
export const hostViewsIn = (db: Database) => ({
  /** By name, after the device `after`. */
  listHosts: (query: {
    readonly state: DeviceState | null;
    readonly text: string | null;
    readonly now: Date;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<readonly HostLine[]> => list(db, [query.state, query.text, query.now, query.after, query.limit]),
  wordOf: async (deviceId: string): Promise<HostWord | null> => (await word(db, [deviceId]))[0] ?? null,
  unmanagedOf: (deviceId: string): Promise<readonly UnmanagedLine[]> => unmanaged(db, [deviceId]),
  keylimeOf: (deviceId: string): Promise<readonly KeylimeLine[]> => keylime(db, [deviceId]),
});
