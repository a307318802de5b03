// The store of a simulation on a real database: the modules of storage/ as one, and the scene of a simulated fleet.
import type { Device, Grant } from '../src/domain/device.ts';
import { certificatesIn } from '../src/storage/certificates.ts';
import { deviceStateStore } from '../src/storage/device-states.ts';
import { deviceStore } from '../src/storage/devices.ts';
import { hostReportStore } from '../src/storage/host-reports.ts';
import { issuanceIn } from '../src/storage/issuance.ts';
import { insertIssuer } from '../src/storage/issuers.ts';
import { lineagesIn } from '../src/storage/lineages.ts';
import { nonceStore } from '../src/storage/nonces.ts';
import type { Database } from '../src/storage/pool.ts';
import { renewalsIn } from '../src/storage/renewals.ts';
import { rotationStore } from '../src/storage/rotation.ts';
import { sha256Hex } from '../test/simulation/keys.ts';
import type { SimulationStore } from '../test/simulation/service.ts';

/** Puts a root and its issuing CA into the database; answers the id of the latter. */
export async function insertFakeIssuers(db: Database, now: Date): Promise<string> {
  const [root, issuing] = [sha256Hex('root'), sha256Hex('issuing')];
  const notAfter = new Date(now.getTime() + 3650 * 86_400_000);
  const facts = { domain: 'estate', notBefore: now, notAfter, isActive: true, createdAt: now } as const;
  const octets = (text: string) => ({ der: Buffer.from(text), subjectKeyIdentifier: sha256Hex(text).slice(0, 40) });
  await insertIssuer(db, { ...facts, ...octets('root'), id: root, role: 'root', parentId: null, spkiSha256: root });
  await insertIssuer(db, {
    ...{ ...facts, ...octets('issuing') },
    ...{ id: issuing, role: 'issuing', parentId: root, spkiSha256: issuing },
  });
  return issuing;
}

/** The store. What sets a scene is plain SQL; everything that is measured is the service's own. */
export function simulationStoreIn(db: Database): SimulationStore {
  const devices = deviceStore(db);
  const certificates = certificatesIn(db);
  return {
    ...lineagesIn(db),
    ...renewalsIn(db),
    ...issuanceIn(db),
    ...hostReportStore(db),
    ...rotationStore(db),
    ...nonceStore(db),
    findDevice: devices.findDevice,
    grantsOf: devices.grantsOf,
    findCertificate: (fingerprint) => certificates.byFingerprint(fingerprint),
    addDevice: (device, lineages, at) => addDevice(db, { device, lineages, at }),
    changeDeviceState: async (id, state, at) => {
      await deviceStateStore(db).changeDeviceState(id, state, { by: 'operator:simulation', at });
    },
    withdrawGrant: async (deviceId, profile, at) => {
      const left = (await devices.grantsOf(deviceId)).filter((grant) => grant.profile !== profile);
      await devices.replaceGrants(deviceId, left, { by: 'operator:simulation', at });
    },
    auditCounts: async () => {
      const rows = await db.query('select event, count(*)::int as count from audit_event group by event');
      return new Map(rows.map((row) => [String(row['event']), Number(row['count'])]));
    },
  };
}

async function addDevice(
  db: Database,
  scene: {
    readonly device: Pick<Device, 'id' | 'hostName'>;
    readonly lineages: readonly { readonly id: string; readonly grant: Grant }[];
    readonly at: Date;
  },
): Promise<void> {
  const { device, lineages, at } = scene;
  await db.query(
    `insert into device (id, host_name, state, created_at, last_seen_at) values ($1, $2, 'active', $3, $3)`,
    [device.id, device.hostName, at],
  );
  await db.query(
    `insert into endorsement_key (fingerprint, device_id, public, hardware_serial, proved_at)
     values ($1, $2, '\\x00', 'simulated', $3)`,
    [sha256Hex(device.id), device.id, at],
  );
  for (const { id, grant } of lineages) {
    const { profile, place, dnsNames } = grant;
    await db.query(
      `insert into device_grant (id, device_id, profile, dns_names, ip_addresses, uris, place, granted_by, granted_at)
       values ($1, $2, $3, $4, '{}', '{}', $5, 'simulation', $6)`,
      [id, device.id, profile, dnsNames, place, at],
    );
    await db.query(`insert into lineage (id, device_id, profile, place, created_at) values ($1, $2, $3, $4, $5)`, [
      ...[id, device.id, profile, place, at],
    ]);
  }
}
