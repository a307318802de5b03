// A large inventory, made by the database itself: devices with four lineages each, a history of certificates behind each
// that serves, and certificates without a lineage. Nothing in it was ever signed. Kept free of jest: the bench uses it too.
import type { Database } from '../../../src/storage/pool.ts';

export type Inventory = {
  /** Devices have four lineages each. */
  readonly devices: number;
  /** Certificates of each lineage, the one that serves included. */
  readonly perLineage: number;
  readonly alone: number;
  readonly now: Date;
};

const profiles = "(array['devid', 'keylime-agent', 'nginx-vhost', 'spire-agent'])";

/** A digest of a text in SQL. */
const digest = (text: string): string => `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`;
const uuid = (text: string): string => `(md5(${text}))::uuid`;

/** One in a hundred ends within thirty days, evenly, the others in the sixty days after: most were renewed in time. */
const end = `case when n % 100 = 7 then (n % 2592) * interval '1000 seconds'
                 else interval '30 days' + (n % 5184) * interval '1000 seconds' end`;

/** Ends as above; older certificates of a lineage ended sixty days before each other. */
const statements = (issuerId: string, { devices, perLineage, alone }: Inventory): readonly string[] => [
  `insert into public_key (spki_sha256, kind, first_seen_at) values (${digest("'k'")}, 'operator', $1::timestamptz)`,
  `insert into device (id, host_name, state, created_at, last_seen_at)
   select ${uuid("'d' || n")}, 'host' || n || '.example.org', 'active', $1::timestamptz - interval '1 year' + n * interval '1 second', $1
     from generate_series(1, ${devices}) n`,
  `insert into endorsement_key (fingerprint, device_id, public, certificate_not_after, hardware_serial, proved_at)
   select ${digest("'ek' || n")}, ${uuid("'d' || n")}, '', $1::timestamptz + interval '5 years', '', $1
     from generate_series(1, ${devices}) n`,
  `insert into host_report (device_id, reported_at, agent_version, report)
   select ${uuid("'d' || n")}, $1::timestamptz, '1', '{"trustGeneration": 0, "targets": [], "unmanaged": [], "findings": []}'
     from generate_series(1, ${devices}) n`,
  `insert into lineage (id, device_id, profile, place, created_at)
   select ${uuid("'l' || n")}, ${uuid("'d' || (n / 4 + 1)")}, ${profiles}[n % 4 + 1], '', $1::timestamptz - interval '1 year' + n * interval '1 millisecond'
     from generate_series(0, ${devices * 4 - 1}) n`,
  `insert into device_grant (id, device_id, profile, dns_names, ip_addresses, uris, place, granted_by, granted_at)
   select ${uuid("'g' || n")}, ${uuid("'d' || (n / 4 + 1)")}, ${profiles}[n % 4 + 1], '{}', '{}', '{}', '', 'test', $1::timestamptz
     from generate_series(0, ${devices * 4 - 1}) n`,
  ...certificates(issuerId, {
    rows: `select 'c' || n || '.' || h as name, n, h, ${uuid("'l' || n")} as lineage_id, ${uuid("'d' || (n / 4 + 1)")} as device_id,
                  ${profiles}[n % 4 + 1] as profile, 'host' || (n / 4 + 1) || '.example.org' as common_name,
                  $1::timestamptz + ${end} - h * interval '60 days' as not_after, h = 0 as is_serving
             from generate_series(0, ${devices * 4 - 1}) n, generate_series(0, ${perLineage - 1}) h`,
  }),
  ...certificates(issuerId, {
    rows: `select 'a' || n as name, n, 0 as h, null::uuid as lineage_id, null::uuid as device_id, 'tls-server' as profile,
                  'alone' || n || '.example.org' as common_name,
                  $1::timestamptz + ${end} as not_after, true as is_serving
             from generate_series(0, ${alone - 1}) n`,
  }),
  `update lineage l set newest_certificate = u.fingerprint, renew_at = u.not_after - interval '20 days'
     from certificate_use u where u.lineage_id = l.id and u.is_serving and $1::timestamptz is not null`,
];

const certificates = (issuerId: string, { rows }: { readonly rows: string }): readonly string[] => [
  `insert into issuance_intent (issuer_id, serial_number, tbs_certificate, profile, profile_digest, principal, spki_sha256,
                                lineage_id, not_after, recorded_at, lease_until, outcome)
   select '${issuerId}', left(${digest('r.name')}, 32), '\\x00', r.profile, ${digest('r.profile')}, 'test', ${digest("'k'")},
          r.lineage_id, r.not_after, $1, $1, 'issued' from (${rows}) r`,
  `insert into certificate (fingerprint, issuer_id, serial_number, der, profile, subject_common_name, dns_names, ip_addresses,
                            uris, spki_sha256, not_before, not_after, principal, device_id, lineage_id, issued_at)
   select ${digest('r.name')}, '${issuerId}', left(${digest('r.name')}, 32), decode(repeat(md5(r.name), 40), 'hex'), r.profile,
          r.common_name, array[r.common_name], '{}', '{}', ${digest("'k'")}, r.not_after - interval '90 days', r.not_after, 'test',
          r.device_id, r.lineage_id, r.not_after - interval '90 days'
     from (${rows}) r`,
  `insert into certificate_use (fingerprint, lineage_id, installed_at, confirmed_at, confirmed_by, superseded_at, alone_as, alone_profile,
                                is_serving, not_after, warning_at, critical_at)
   select ${digest('r.name')}, r.lineage_id, r.not_after - interval '90 days',
          case when r.lineage_id is not null then r.not_after - interval '89 days' end,
          case when r.lineage_id is not null then 'host' end,
          case when r.h > 0 then r.not_after - interval '29 days' end,
          case when r.lineage_id is null then ${digest('r.name')} end, case when r.lineage_id is null then r.profile end,
          r.is_serving, r.not_after,
          r.not_after - interval '30 days', r.not_after - interval '7 days'
     from (${rows}) r`,
];

/** Fills a database in which there are no hosts yet. Several minutes for a million certificates. */
export async function fillInventory(db: Database, issuerId: string, inventory: Inventory): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query('set local statement_timeout = 0');
    for (const statement of statements(issuerId, inventory)) await tx.query(statement, [inventory.now]);
  });
}
