// Rows of hosts as enrollment leaves them behind, for tests of what comes later.
import { createHash, randomUUID } from 'node:crypto';
import type { Session } from '../../../src/storage/pool.ts';

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Where it matters; a TPM of no maker and firmware that nobody attested otherwise. */
export type NewDevice = {
  readonly hostName?: string;
  readonly at: Date;
  readonly manufacturer?: string | null;
  readonly model?: string | null;
  readonly firmware?: bigint | null;
};

/** An active device with a proved endorsement key. */
export async function insertDevice(
  db: Session,
  { hostName, at, manufacturer = null, model = null, firmware = null }: NewDevice,
): Promise<{ readonly deviceId: string; readonly hostName: string }> {
  const deviceId = randomUUID();
  const name = hostName ?? `h${deviceId.slice(0, 8)}.example.org`;
  await db.query(
    `insert into device (id, host_name, state, created_at, last_seen_at, attested_firmware)
     values ($1, $2, 'active', $3, $3, $4)`,
    [deviceId, name, at, firmware?.toString() ?? null],
  );
  await db.query(
    `insert into endorsement_key (fingerprint, device_id, public, manufacturer, model, hardware_serial, proved_at)
     values ($1, $2, '', $3, $4, '', $5)`,
    [sha256(deviceId), deviceId, manufacturer, model, at],
  );
  return { deviceId, hostName: name };
}

/** A lineage in the default place, and the grant that it stands on. */
export async function insertLineage(
  db: Session,
  { deviceId, profile, at }: { readonly deviceId: string; readonly profile: string; readonly at: Date },
): Promise<string> {
  const lineageId = randomUUID();
  await db.query(`insert into lineage (id, device_id, profile, place, created_at) values ($1, $2, $3, '', $4)`, [
    ...[lineageId, deviceId, profile, at],
  ]);
  await db.query(
    `insert into device_grant (id, device_id, profile, dns_names, ip_addresses, uris, place, granted_by, granted_at)
     values ($1, $2, $3, '{}', '{}', '{}', '', 'test', $4)`,
    [randomUUID(), deviceId, profile, at],
  );
  return lineageId;
}
