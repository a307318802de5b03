// The stores of rotation on a fresh database, as one store, and a scene that writes its rows.
import { randomBytes } from 'node:crypto';
import { campaignStore } from '../../../src/storage/campaigns.ts';
import { hostReportStore } from '../../../src/storage/host-reports.ts';
import type { Database } from '../../../src/storage/pool.ts';
import { rotationStore } from '../../../src/storage/rotation.ts';
import { loadStatements } from '../../../src/storage/statement.ts';
import type { RotationStoreUnderTest, SeenLineage } from '../../fakes/rotation-store.ts';
import { freshDatabase, queriesDirectory } from '../database.ts';
import { insertDevice, insertLineage, sha256 } from './rows.ts';

export type RotationDatabase = {
  readonly db: Database;
  readonly store: RotationStoreUnderTest;
  readonly close: () => Promise<void>;
};

type SeenColumns = {
  readonly renew_at: Date;
  readonly pulled_at: Date | null;
  readonly pulled_by: string;
  readonly pulled_because: string;
  readonly last_error: SeenLineage['lastError'];
  readonly failures: number;
  readonly has_spire_agent: boolean;
  readonly confirmed: boolean;
  readonly installed_at: Date | null;
};

type Columns = {
  readonly device_id: string;
  readonly profile: string;
  readonly issuer_id: string;
  readonly not_before: Date;
};

export async function rotationDatabase(): Promise<RotationDatabase> {
  const database = await freshDatabase();
  const db = await database.pool({ statements: await loadStatements(queriesDirectory) });
  const store = { ...campaignStore(db), ...rotationStore(db), ...hostReportStore(db), scene: sceneIn(db) };
  return { db, store, close: () => database.close() };
}

function sceneIn(db: Database): RotationStoreUnderTest['scene'] {
  const texts = async (sql: string, id: string): Promise<readonly string[]> =>
    (await db.query(sql, [id])).map(({ text }) => text as string);
  return {
    add: async (lineage) => {
      const [known] = await db.query('select id from device where host_name = $1', [lineage.hostName]);
      const at = new Date();
      const deviceId = (known?.['id'] as string | undefined) ?? (await insertDevice(db, { ...lineage, at })).deviceId;
      const lineageId = await insertLineage(db, { deviceId, profile: lineage.profile, at });
      await addCertificate(db, { ...lineage, lineageId, deviceId, isConfirmed: true });
      return { lineageId, deviceId };
    },
    suspend: async (deviceId) => {
      await db.query(`update device set state = 'suspended' where id = $1`, [deviceId]);
    },
    issue: async (lineageId, next) => {
      const [row] = await db.query(
        `select l.device_id, l.profile, c.issuer_id, c.not_before from lineage l
           join certificate c on c.fingerprint = l.newest_certificate where l.id = $1`,
        [lineageId],
      );
      const { device_id: deviceId, profile, issuer_id: issuerId, not_before: notBefore } = row as Columns;
      await addCertificate(db, { ...next, lineageId, deviceId, profile, issuerId, notBefore });
    },
    see: async (lineageId): Promise<SeenLineage> => {
      const [row] = await db.query(
        `select l.renew_at, l.pulled_at, l.pulled_by, l.pulled_because, l.last_error, l.failures, l.has_spire_agent,
                u.confirmed_at is not null as confirmed, u.installed_at
           from lineage l join certificate_use u on u.fingerprint = l.newest_certificate where l.id = $1`,
        [lineageId],
      );
      const value = row as SeenColumns;
      return {
        renewAt: value.renew_at,
        pulled:
          value.pulled_at === null ? null : { at: value.pulled_at, by: value.pulled_by, because: value.pulled_because },
        lastError: value.last_error,
        failures: value.failures,
        hasSpireAgent: value.has_spire_agent,
        isNewestConfirmed: value.confirmed,
        installedAt: value.installed_at,
      };
    },
    audit: (id) =>
      texts(`select event as text from audit_event where facts::text like '%' || $1 || '%' order by id`, id),
    alarms: (id) =>
      texts(
        `select facts ->> 'event' as text from outbox where topic = 'alarm' and facts::text like '%' || $1 || '%' order by id`,
        id,
      ),
    unmanaged: (id) => texts('select path as text from unmanaged_certificate where device_id = $1 order by path', id),
  };
}

type NewCertificate = {
  readonly lineageId: string;
  readonly deviceId: string;
  readonly profile: string;
  readonly certificate: string;
  readonly issuerId: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly renewAt: Date;
  readonly isConfirmed: boolean;
};

/** As issuance leaves it behind: issuer, key, intent, certificate, its use, and the lineage that points at it. */
async function addCertificate(db: Database, one: NewCertificate): Promise<void> {
  const serial = randomBytes(16).toString('hex');
  const spki = sha256(serial);
  await db.query(
    `insert into issuer (id, trust_domain, role, certificate, subject_key_identifier, not_before, not_after, is_active, created_at)
     values ($1, 'estate', 'root', '\\x00', '00', now(), now(), false, now()) on conflict do nothing`,
    [one.issuerId],
  );
  await db.query(
    `insert into public_key (spki_sha256, kind, device_id, first_seen_at) values ($1, 'device', $2, now())`,
    [spki, one.deviceId],
  );
  await db.query(
    `insert into issuance_intent (issuer_id, serial_number, tbs_certificate, profile, profile_digest, principal, spki_sha256,
                                  lineage_id, not_after, recorded_at, lease_until, outcome)
     values ($1, $2, '\\x00', $3, $4, 'test', $4, $5, $6, now(), now(), 'issued')`,
    [one.issuerId, serial, one.profile, spki, one.lineageId, one.notAfter],
  );
  await db.query(
    `insert into certificate (fingerprint, issuer_id, serial_number, der, profile, subject_common_name, dns_names,
                              ip_addresses, uris, spki_sha256, not_before, not_after, principal, device_id, lineage_id, issued_at)
     values ($1, $2, $3, '\\x00', $4, 'test', '{}', '{}', '{}', $5, $6, $7, 'test', $8, $9, now())`,
    [
      ...[one.certificate, one.issuerId, serial, one.profile, spki, one.notBefore, one.notAfter],
      ...[one.deviceId, one.lineageId],
    ],
  );
  await db.query(
    `insert into certificate_use (fingerprint, lineage_id, confirmed_at, confirmed_by, not_after, warning_at, critical_at)
     values ($1, $2, case when $3 then now() end, case when $3 then 'host' end, $4, $4, $4)`,
    [one.certificate, one.lineageId, one.isConfirmed, one.notAfter],
  );
  await db.query(
    `update lineage set newest_certificate = $2, renew_at = $3, pulled_at = null, pulled_by = null, pulled_because = null
      where id = $1`,
    [one.lineageId, one.certificate, one.renewAt],
  );
}
