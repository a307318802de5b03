// What hosts of the seeded estate said of themselves, what Keylime says of them, and decisions that were made: for the pages
// of hosts and certificates. Kept free of jest.
import type { HostReportBody } from '../../../src/domain/lineage-wire.ts';
import { wireTime } from '../../../src/domain/wire.ts';
import type { Database } from '../../../src/storage/pool.ts';
import { sha256 } from '../../db/support/rows.ts';
import { call } from '../../e2e/support/estate.ts';
import type { SeededHost } from './estate.ts';
import { enroll, type TrustedVendor } from './enrolling.ts';
import type { Site } from './site.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** Ids of what the pages are opened with. */
export type SeededContent = {
  /** A host that enrolled for real: its certificates have evidence. */
  readonly enrolled: { readonly deviceId: string; readonly devid: string };
  /** Waits for a decision. */
  readonly waiting: string;
  readonly revoked: string;
  readonly suspended: string;
};

/** Adds everything, through the API where that is how it comes about. */
export async function seedContent(site: Site, vendor: TrustedVendor, now: Date): Promise<SeededContent> {
  const { db, seeded, estate } = site;
  const auth = hostOf(seeded.hosts, 'auth');
  await report(db, auth, reportOf(seeded.lineages, now));
  await unmanaged(db, auth, now);
  await keylime(db, seeded.hosts, now);
  const enrolled = await enroll(estate, vendor, { hostName: 'cheetara.funlab.casa', hasToken: true });
  const gone = await enroll(estate, vendor, { hostName: 'mumm-ra.funlab.casa', hasToken: true });
  const waiting = await enroll(estate, vendor, { hostName: 'lynx.funlab.casa', hasToken: false });
  if (enrolled.answer.state !== 'issued' || gone.answer.state !== 'issued') throw new Error('nothing was issued');
  const [devid] = await certificatesOf(db, enrolled.answer.device.id);
  await call(estate, `/v1/devices/${gone.answer.device.id}/suspension`, { method: 'POST' });
  const [revoked] = await certificatesOf(db, gone.answer.device.id);
  return {
    enrolled: { deviceId: enrolled.answer.device.id, devid: devid ?? '' },
    waiting: waiting.id,
    revoked: revoked ?? '',
    suspended: gone.answer.device.id,
  };
}

function hostOf(hosts: ReadonlyMap<string, SeededHost>, name: string): SeededHost {
  const host = hosts.get(name);
  if (host === undefined) throw new Error(`${name} is not seeded`);
  return host;
}

/** The DevID first. */
async function certificatesOf(db: Database, deviceId: string): Promise<readonly string[]> {
  const rows = await db.query('select fingerprint from certificate where device_id = $1 order by profile', [deviceId]);
  return rows.map((row) => String(row['fingerprint']));
}

async function report(db: Database, { deviceId }: SeededHost, body: HostReportBody): Promise<void> {
  await db.query('insert into host_report (device_id, reported_at, agent_version, report) values ($1, $2, $3, $4)', [
    deviceId,
    new Date(body.at),
    body.agentVersion,
    JSON.stringify(body),
  ]);
}

const reportOf = (lineages: ReadonlyMap<string, string>, now: Date): HostReportBody => ({
  agentVersion: '0.4.0',
  at: wireTime(new Date(now.getTime() - 5 * 60_000)),
  targets: [
    {
      ...{
        name: 'keylime-agent',
        profile: 'keylime-agent',
        place: '',
        lineage: lineages.get('auth/keylime-agent') ?? null,
      },
      ...{ certificate: null, state: 'rolledBack', failures: 14, hasSpireAgent: false },
      error: {
        ...{ at: wireTime(new Date(now.getTime() - 11 * 60_000)), phase: 'hook', reason: 'commandFailed' },
        detail: 'systemctl restart keylime_agent: exit status 1: Job for keylime_agent.service failed',
      },
    },
    {
      ...{ name: 'devid', profile: 'devid', place: '', lineage: lineages.get('auth/devid') ?? null },
      ...{ certificate: null, state: 'inUse', error: null, failures: 0, hasSpireAgent: true },
    },
  ],
  unmanaged: [],
  findings: [
    { check: 'tpmPresent', level: 'ok', detail: '/dev/tpmrm0 answers', fix: null },
    { check: 'clock', level: 'ok', detail: 'within 1 s of the server', fix: null },
    {
      check: 'keylimeClientCertificate',
      level: 'critical',
      detail: '/etc/keylime/certs/agent.crt can be a TLS client under a root that the verifier trusts',
      fix: 'omens agent run --once',
    },
    {
      check: 'diskSpace',
      level: 'warning',
      detail: '/var has 212 MiB left',
      fix: 'journalctl --vacuum-size=200M',
    },
  ],
  trustGeneration: 0,
});

async function unmanaged(db: Database, { deviceId }: SeededHost, now: Date): Promise<void> {
  const add = (path: string, subject: string, ends: number, fault: string | null): Promise<unknown> =>
    db.query(
      `insert into unmanaged_certificate (device_id, path, fingerprint, subject, issuer, not_before, not_after, fault, reported_at,
                                          warning_at, critical_at)
       values ($1, $2, $3, $4, 'CN=Book of Omens', $5, $6, $7, $8, $8, $8)`,
      [
        ...[deviceId, path, sha256(path), subject, new Date(now.getTime() - 80 * day), new Date(now.getTime() + ends)],
        ...[fault, now],
      ],
    );
  await add('/var/lib/tpm2-devid/devid.crt', 'CN=auth.funlab.casa', 11 * day, 'softwareKeyDevId');
  await add('/etc/keylime/certs/agent.crt', 'CN=keylime-agent, O=funlab', 300 * day, 'clientPurpose');
  await add('/etc/ssl/private/old-proxy.example.pem', 'CN=proxy.funlab.casa', -3 * day, 'expired');
}

async function keylime(db: Database, hosts: ReadonlyMap<string, SeededHost>, now: Date): Promise<void> {
  const add = (name: string, status: string, held: Date | null): Promise<unknown> => {
    const { deviceId, hostName } = hostOf(hosts, name);
    const good = new Date(now.getTime() - (status === 'PASS' ? 20_000 : 7 * hour));
    return db.query(
      `insert into keylime_agent (agent_uuid, device_id, is_registered, operational_state, attestation_status,
                                  last_successful_attestation, state_since, held_at, first_seen_at, seen_at)
       values ($1, $2, true, $3, $4, $5, $5, $6, $7, $8)`,
      [
        ...[sha256(hostName), deviceId, status === 'PASS' ? 3 : 9, status, good, held],
        ...[new Date(now.getTime() - 60 * day), now],
      ],
    );
  };
  await add('auth', 'FAIL', new Date(now.getTime() - 2 * hour));
  await add('spire', 'PASS', null);
  await add('pm01', 'PASS', null);
}
