// The rows of an estate as it really looks: five hosts with their certificates, old and new, what was told and what was not,
// people and their doings. Times are relative to now. Kept free of jest.
import { randomBytes, randomUUID } from 'node:crypto';
import { serialNumberFrom } from '../../../src/domain/serial.ts';
import { issuanceIn } from '../../../src/storage/issuance.ts';
import { issuersIn } from '../../../src/storage/issuers.ts';
import type { Database } from '../../../src/storage/pool.ts';
import { renewalsIn } from '../../../src/storage/renewals.ts';
import { sha256 } from '../../db/support/rows.ts';
import { certificateMaker } from './certificate.ts';
import { seedWarnings } from './estate-warnings.ts';

const hour = 3_600_000;
const day = 24 * hour;

export type SeededHost = { readonly deviceId: string; readonly hostName: string };

/** By `<host>/<profile>`. */
export type SeededEstate = {
  readonly hosts: ReadonlyMap<string, SeededHost>;
  readonly lineages: ReadonlyMap<string, string>;
  readonly certificates: ReadonlyMap<string, string>;
};

type Target = {
  readonly profile: string;
  readonly place?: string;
  readonly names?: readonly string[];
  readonly lifetime: number;
  /** How long ago the newest was issued. */
  readonly age: number;
  readonly isConfirmed?: boolean;
  readonly failures?: number;
};

const devid = (age: number, over: Partial<Target> = {}): Target => ({
  profile: 'devid',
  lifetime: 90 * day,
  age,
  ...over,
});
const keylime = (age: number, over: Partial<Target> = {}): Target => ({
  profile: 'keylime-agent',
  lifetime: day,
  age,
  ...over,
});

const hosts: readonly {
  readonly name: string;
  readonly state?: 'active' | 'suspended';
  readonly seen: number;
  readonly targets: readonly Target[];
}[] = [
  {
    name: 'spire',
    seen: 60_000,
    targets: [
      devid(31 * day),
      keylime(4 * hour),
      { profile: 'nginx-vhost', place: 'openbao', names: ['openbao.funlab.casa'], lifetime: 30 * day, age: 11 * day },
      { profile: 'spire-bundle-endpoint', place: '', lifetime: 7 * day, age: 2 * day },
      {
        profile: 'keylime-server',
        place: 'verifier',
        names: ['verifier.keylime.funlab.casa'],
        lifetime: 7 * day,
        age: day,
      },
    ],
  },
  { name: 'auth', seen: 5 * 60_000, targets: [devid(50 * day), keylime(21 * hour, { failures: 14 })] },
  { name: 'ca', seen: 2 * 60_000, targets: [devid(86 * day, { failures: 3 }), keylime(6 * hour)] },
  { name: 'pm01', seen: 3 * 60_000, targets: [devid(2 * day, { isConfirmed: false }), keylime(2 * hour)] },
  { name: 'wilykit', state: 'active', seen: 4 * day, targets: [devid(40 * day), keylime(4 * day)] },
];

/** Writes everything; the database is that of a server that was just initialized. */
export async function seedEstate(db: Database, now: Date): Promise<SeededEstate> {
  const issue = await issuerIn(db);
  const seeded = {
    hosts: new Map<string, SeededHost>(),
    lineages: new Map<string, string>(),
    certificates: new Map<string, string>(),
  };
  const ago = (milliseconds: number): Date => new Date(now.getTime() - milliseconds);
  const keep = async (name: string, host: SeededHost, target: Target): Promise<void> => {
    const kept = await insertTarget(db, { ...host, ...target, now });
    const fingerprint = await seedCertificates(db, issue, { host: { ...host, lineageId: kept }, target, now });
    seeded.lineages.set(`${name}/${target.profile}`, kept);
    seeded.certificates.set(`${name}/${target.profile}`, fingerprint);
  };
  for (const { name, state = 'active', seen, targets } of hosts) {
    const host = await insertHost(db, { name, state, at: ago(120 * day), seen: ago(seen) });
    seeded.hosts.set(name, host);
    await Promise.all(targets.map((target) => keep(name, host, target)));
  }
  const alone = (profile: string, name: string, age: number, lifetime: number): Promise<string> =>
    issue({ profile, names: [name], at: ago(age), lifetime, host: null });
  await Promise.all([
    alone('nginx-vhost', 'auth.funlab.casa', 60 * day, 85 * day),
    alone('openbao-server', 'openbao.funlab.casa', 70 * day, 90 * day),
    alone('nginx-vhost', 'tygra.funlab.casa', 25 * day, 90 * day),
  ]);
  await seedWarnings(db, seeded, now);
  return seeded;
}

type Issue = (what: {
  readonly profile: string;
  readonly names: readonly string[];
  readonly at: Date;
  readonly lifetime: number;
  readonly host: (SeededHost & { readonly lineageId: string }) | null;
}) => Promise<string>;

/** Issues as the service does, only that another key signs. Resolves to the fingerprint. */
async function issuerIn(db: Database): Promise<Issue> {
  const issuer = (await issuersIn(db).list()).find(({ domain, role }) => domain === 'estate' && role === 'issuing');
  if (issuer === undefined) throw new Error('no issuing CA');
  const make = await certificateMaker(issuer.der);
  const store = issuanceIn(db);
  return async ({ profile, names, at, lifetime, host }) => {
    const serialNumber = serialNumberFrom(randomBytes(16));
    const notAfter = new Date(at.getTime() + lifetime);
    const commonName = names[0] ?? '';
    const der = await make({ serialNumber, commonName, dnsNames: names, notBefore: at, notAfter });
    const intent = {
      issuerId: issuer.id,
      serialNumber,
      tbsCertificate: randomBytes(40),
      profile,
      profileDigest: sha256(profile),
      principal: host === null ? `operator:deploy:${randomUUID()}` : `device:${host.deviceId}`,
      spkiSha256: sha256(randomBytes(8)),
      holder: host === null ? ({ kind: 'operator' } as const) : ({ kind: 'device', deviceId: host.deviceId } as const),
      lineageId: host?.lineageId ?? null,
      conversationId: null,
      idempotency: null,
      notAfter,
      recordedAt: at,
      leaseUntil: new Date(at.getTime() + 60_000),
    };
    const outcome = await store.recordIntent(intent);
    if (outcome.kind !== 'recorded') throw new Error(`${profile} of ${commonName}: ${outcome.kind}`);
    await store.recordIssued({
      ...{ intent, der, commonName, notBefore: at, issuedAt: at },
      fingerprint: sha256(der),
      names: { dnsNames: names, ipAddresses: [], uris: [] },
      renewAt: host === null ? null : new Date(at.getTime() + (lifetime * 2) / 3),
    });
    return sha256(der);
  };
}

type Kept = {
  readonly host: SeededHost & { readonly lineageId: string };
  readonly target: Target;
  readonly now: Date;
};

/** Those of one lineage, the newest last; each was renewed at two thirds of its lifetime. Resolves to the newest. */
async function seedCertificates(db: Database, issue: Issue, { host, target, now }: Kept): Promise<string> {
  const { profile, names = [host.hostName], lifetime, age, isConfirmed = true, failures = 0 } = target;
  const at = (back: number): Date => new Date(now.getTime() - age - (back * lifetime * 2) / 3);
  const make = (back: number): Promise<string> => issue({ profile, names, at: at(back), lifetime, host });
  const confirm = (fingerprint: string, back: number): Promise<void> =>
    renewalsIn(db).recordConfirmation({
      ...{ lineageId: host.lineageId, fingerprint, at: new Date(at(back).getTime() + 40_000), by: 'host' },
      ...{ principal: `device:${host.deviceId}`, evidence: { observed: {} }, effect: 'confirmed', hasSpireAgent: null },
    });
  const generations = Math.min(profile === 'keylime-agent' ? 12 : 3, Math.floor((110 * day) / lifetime));
  await Promise.all(Array.from({ length: Math.max(0, generations - 1) }, (_, older) => make(older + 2)));
  if (generations > 0) await confirm(await make(1), 1);
  const newest = await make(0);
  if (isConfirmed) await confirm(newest, 0);
  if (failures > 0) {
    const values = [host.lineageId, failures, JSON.stringify(lastError(now))];
    await db.query('update lineage set failures = $2, last_error = $3 where id = $1', values);
  }
  return newest;
}

const lastError = (now: Date): object => ({
  at: new Date(now.getTime() - 11 * 60_000).toISOString(),
  phase: 'hook',
  reason: 'commandFailed',
  detail: 'systemctl restart keylime_agent: exit status 1: Job for keylime_agent.service failed',
});

async function insertHost(
  db: Database,
  host: { readonly name: string; readonly state: string; readonly at: Date; readonly seen: Date },
): Promise<SeededHost> {
  const [deviceId, hostName] = [randomUUID(), `${host.name}.funlab.casa`];
  await db.query(
    `insert into device (id, host_name, state, keylime_uuid, created_at, last_seen_at, attested_firmware)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [deviceId, hostName, host.state, sha256(hostName), host.at, host.seen, String((7n << 48n) | (85n << 32n))],
  );
  await db.query(
    `insert into endorsement_key (fingerprint, device_id, public, manufacturer, model, version, hardware_serial,
                                  certificate_not_after, proved_at)
     values ($1, $2, '', '49465800', 'SLB9670', '7.85', '', $3, $4)`,
    [sha256(`ek ${hostName}`), deviceId, new Date(host.at.getTime() + 4000 * day), host.at],
  );
  return { deviceId, hostName };
}

async function insertTarget(
  db: Database,
  target: SeededHost & {
    readonly profile: string;
    readonly place?: string;
    readonly names?: readonly string[];
    readonly now: Date;
  },
): Promise<string> {
  const { deviceId, hostName, profile, place = '', names = [hostName], now } = target;
  const lineageId = randomUUID();
  const at = new Date(now.getTime() - 119 * day);
  await db.query(`insert into lineage (id, device_id, profile, place, created_at) values ($1, $2, $3, $4, $5)`, [
    ...[lineageId, deviceId, profile, place, at],
  ]);
  await db.query(
    `insert into device_grant (id, device_id, profile, dns_names, ip_addresses, uris, place, granted_by, granted_at)
     values ($1, $2, $3, $4, '{}', '{}', $5, 'operator:first-admin', $6)`,
    [randomUUID(), deviceId, profile, names, place, at],
  );
  return lineageId;
}
