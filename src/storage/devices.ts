// Rows of devices, with their proved EKs, grants and lineages. Who may change them is decided elsewhere.
import { randomUUID } from 'node:crypto';
import type { CertificateRecord } from '../domain/certificate.ts';
import type { Cursor } from '../domain/cursor.ts';
import type { Device, DeviceState, EndorsementKeyRecord, Grant, Lineage } from '../domain/device.ts';
import { certificateFromRow } from './certificates.ts';
import type { Change } from './device-states.ts';
import type { RawRow, Session } from './pool.ts';
import { boolean, instant, octets, text, textOrNull, texts } from './row.ts';
import { statement } from './statement.ts';

const find = statement<[string], Device>('find_device.sql', deviceFromRow);
const ofHostName = statement<[string], Device>('device_of_host_name.sql', deviceFromRow);
const ofEndorsementKey = statement<[string], Device>('device_of_endorsement_key.sql', deviceFromRow);
const ofAttestationKey = statement<[string], { readonly device: Device; readonly isCurrent: boolean }>(
  'device_of_attestation_key.sql',
  (row) => ({ device: deviceFromRow(row), isCurrent: boolean(row, 'is_current') }),
);
const list = statement<[Date | null, string | null, number], Device>('list_devices.sql', deviceFromRow);
const grants = statement<[string], Grant>('grants_of_device.sql', (row) => ({
  profile: text(row, 'profile'),
  dnsNames: texts(row, 'dns_names'),
  ipAddresses: texts(row, 'ip_addresses'),
  uris: texts(row, 'uris'),
  place: text(row, 'place'),
}));
const endorsementKeys = statement<[string], EndorsementKeyRecord>('endorsement_keys_of_device.sql', (row) => ({
  fingerprint: text(row, 'fingerprint'),
  deviceId: text(row, 'device_id'),
  public: octets(row, 'public'),
  manufacturer: textOrNull(row, 'manufacturer'),
  model: textOrNull(row, 'model'),
  version: textOrNull(row, 'version'),
  hardwareSerial: text(row, 'hardware_serial'),
  exception: exceptionOf(row),
  provedAt: instant(row, 'proved_at'),
}));
const lineages = statement<[string], Lineage>('lineages_of_device.sql', (row) => ({
  id: text(row, 'id'),
  profile: text(row, 'profile'),
  place: text(row, 'place'),
}));
const newest = statement<[string], CertificateRecord>('newest_certificate_of_lineage.sql', certificateFromRow);
const devids = statement<[string, Date], DevidRow>('devid_certificates_of_device.sql', (row) => ({
  fingerprint: text(row, 'fingerprint'),
  der: octets(row, 'der'),
  issuerId: text(row, 'issuer_id'),
  notAfter: instant(row, 'not_after'),
  isRevoked: boolean(row, 'is_revoked'),
}));
const recovery = statement<[string, Date], RecoveryRow>('recovery_facts.sql', (row) => ({
  isOverdue: boolean(row, 'is_overdue'),
  lastSeenAt: instant(row, 'last_seen_at'),
}));
const attestationKey = statement<[string], Uint8Array>('attestation_key_of_device.sql', (row) => octets(row, 'public'));
const paths = statement<[string], EndorsementPath>('endorsement_paths_of_device.sql', pathFromRow);
const touch = statement<[string, Date], string>('touch_device.sql', (row) => text(row, 'id'));
const replace = statement<[string, string, string, Date], unknown>('replace_grants.sql', (row) => row['done']);

type DevidRow = {
  readonly fingerprint: string;
  readonly der: Uint8Array;
  readonly issuerId: string;
  readonly notAfter: Date;
  readonly isRevoked: boolean;
};

type RecoveryRow = { readonly isOverdue: boolean; readonly lastSeenAt: Date };

/** Devices in a database, as enrollment needs them. */
export const deviceStore = (db: Session) => ({
  findDevice: async (id: string): Promise<Device | null> => (await find(db, [id]))[0] ?? null,
  deviceOfHostName: async (hostName: string): Promise<Device | null> => (await ofHostName(db, [hostName]))[0] ?? null,
  deviceOfEndorsementKey: async (fingerprint: string): Promise<Device | null> =>
    (await ofEndorsementKey(db, [fingerprint]))[0] ?? null,
  deviceOfAttestationKey: async (name: string) => (await ofAttestationKey(db, [name]))[0] ?? null,
  /** Newest first, after `after`. */
  listDevices: (after: Cursor | null, limit: number): Promise<readonly Device[]> =>
    list(db, [after?.at ?? null, after?.id ?? null, limit]),
  grantsOf: (deviceId: string): Promise<readonly Grant[]> => grants(db, [deviceId]),
  endorsementKeysOf: (deviceId: string): Promise<readonly EndorsementKeyRecord[]> => endorsementKeys(db, [deviceId]),
  lineagesOf: (deviceId: string): Promise<readonly Lineage[]> => lineages(db, [deviceId]),
  /** TPM2B_PUBLIC of its AK. */
  attestationKeyOf: async (deviceId: string): Promise<Uint8Array | null> =>
    (await attestationKey(db, [deviceId]))[0] ?? null,
  endorsementPathsOf: (deviceId: string): Promise<readonly EndorsementPath[]> => paths(db, [deviceId]),
  /** It was heard of; recorded at most once a minute. */
  touchDevice: async (deviceId: string, at: Date): Promise<void> => {
    await touch(db, [deviceId, at]);
  },
  /** The newest certificate of a lineage. */
  newestCertificateOf: async (lineageId: string): Promise<CertificateRecord | null> =>
    (await newest(db, [lineageId]))[0] ?? null,
  /** DevID certificates of a device that have not ended, newest first. */
  devidsOf: (deviceId: string, now: Date): Promise<readonly DevidRow[]> => devids(db, [deviceId, now]),
  recoveryFactsOf: async (deviceId: string, now: Date): Promise<RecoveryRow> => {
    const [facts] = await recovery(db, [deviceId, now]);
    if (facts === undefined) throw new Error(`device ${deviceId} is not there`);
    return facts;
  },
  replaceGrants: async (id: string, wanted: readonly Grant[], change: Change): Promise<void> => {
    await replace(db, [id, grantsJson(wanted), change.by, change.at]);
  },
});

/** A proved EK with the certificates of its path, each in DER; empty without a certificate. */
export type EndorsementPath = { readonly fingerprint: string; readonly path: readonly Uint8Array[] };

function pathFromRow(row: RawRow): EndorsementPath {
  const fingerprint = text(row, 'fingerprint');
  const path: unknown = row['path'];
  if (Array.isArray(path) && path.every((one) => typeof one === 'string')) {
    return { fingerprint, path: path.map((one) => new Uint8Array(Buffer.from(one, 'base64url'))) };
  }
  return { fingerprint, path: row['certificate'] === null ? [] : [octets(row, 'certificate')] };
}

/** Grants as the statements take them, each with an id for a new row. */
export const grantsJson = (wanted: readonly Grant[]): string =>
  JSON.stringify(
    wanted.map(({ profile, place, dnsNames, ipAddresses, uris }) => ({
      id: randomUUID(),
      profile,
      place,
      names: { dnsNames, ipAddresses, uris },
    })),
  );

function deviceFromRow(row: RawRow): Device {
  return {
    id: text(row, 'id'),
    hostName: text(row, 'host_name'),
    state: deviceStateOf(text(row, 'state')),
    keylimeUuid: textOrNull(row, 'keylime_uuid'),
    createdAt: instant(row, 'created_at'),
    lastSeenAt: instant(row, 'last_seen_at'),
  };
}

/** The column `state`. */
export function deviceStateOf(value: string): DeviceState {
  if (value === 'active' || value === 'suspended' || value === 'retired') return value;
  throw new TypeError('column state is no state of a device');
}

/** The column `exception`. */
export function exceptionOf(row: RawRow): 'rocaWeak' | 'noCertificate' | null {
  const value = textOrNull(row, 'exception');
  if (value === null || value === 'rocaWeak' || value === 'noCertificate') return value;
  throw new TypeError('column exception is none');
}
