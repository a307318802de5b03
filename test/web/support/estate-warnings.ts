// Warnings of the seeded estate: of every sort of subject, told and not told, acknowledged, put off and over.
import { randomUUID } from 'node:crypto';
import type { Condition, WarningLevel } from '../../../src/domain/warning.ts';
import type { Database } from '../../../src/storage/pool.ts';
import type { SeededEstate } from './estate.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

type Seed = {
  readonly condition: Condition;
  readonly subject: string;
  readonly level: WarningLevel;
  readonly reason: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly device?: string;
  readonly lineage?: string;
  readonly openedAgo: number;
  readonly closedAgo?: number;
  readonly acknowledgedAgo?: number;
  readonly snoozedFor?: number;
  readonly note?: string;
};

/** Writes them. Host `auth` has the one that matters most. */
export async function seedWarnings(db: Database, estate: SeededEstate, now: Date): Promise<void> {
  const at = (ago: number): Date => new Date(now.getTime() - ago);
  for (const seed of seedsOf(estate, now)) {
    const id = randomUUID();
    const acknowledged = seed.acknowledgedAgo === undefined ? null : at(seed.acknowledgedAgo);
    const until = seed.snoozedFor === undefined ? null : new Date(now.getTime() + seed.snoozedFor);
    await db.query(
      `insert into warning (id, condition, subject, level, cause, reason, facts, device_id, lineage_id, opened_at,
                            level_at, well_since, closed_at, acknowledged_at, acknowledged_by, snoozed_until, snoozed_by, note)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $11, $12, $13, $14, $15, $16)`,
      [
        ...[id, seed.condition, seed.subject, seed.level, `condition:${seed.condition}`, seed.reason],
        ...[JSON.stringify(seed.facts), seed.device ?? null, seed.lineage ?? null, at(seed.openedAgo)],
        ...[seed.closedAgo === undefined ? null : at(seed.closedAgo), acknowledged],
        ...[acknowledged === null ? null : 'operator:first-admin', until],
        ...[until === null ? null : 'operator:first-admin', seed.note ?? null],
      ],
    );
    await tell(db, { id, seed, at: at(seed.openedAgo - minute) });
  }
}

async function tell(
  db: Database,
  { id, seed, at }: { readonly id: string; readonly seed: Seed; readonly at: Date },
): Promise<void> {
  const deliveryId = randomUUID();
  await db.query(
    `insert into delivery (id, channel, kind, cause, message, created_at, due_at, attempts, concluded_at, outcome)
     values ($1, 'pushover', 'warning', $2, $3, $4, $4, 1, $4, 'delivered')`,
    [deliveryId, `condition:${seed.condition}`, JSON.stringify({ id: deliveryId, title: seed.reason, items: [] }), at],
  );
  await db.query(
    `insert into crossing (warning_id, channel, kind, at, delivery_id)
     values ($1, 'pushover', $2, $3, $4), ($1, 'mail', $2, $3, null)`,
    [id, seed.level, at, deliveryId],
  );
}

function seedsOf(estate: SeededEstate, now: Date): readonly Seed[] {
  const of = (host: string, profile: string) => {
    const lineage = estate.lineages.get(`${host}/${profile}`) ?? '';
    const device = estate.hosts.get(host)?.deviceId ?? '';
    return { lineage, device, subject: `lineage:${lineage}` };
  };
  const host = (name: string) => {
    const device = estate.hosts.get(name)?.deviceId ?? '';
    return { device, subject: `device:${device}` };
  };
  const name = (one: string) => `${one}.funlab.casa`;
  const later = (ms: number): string => new Date(now.getTime() + ms).toISOString();
  return [
    {
      ...of('auth', 'keylime-agent'),
      condition: 'renewalFailing',
      level: 'critical',
      reason: '14 renewals failed since 12 h 10 min; hook: systemctl restart keylime_agent: exit status 1',
      facts: {
        ...{ name: name('auth'), hostName: name('auth'), profile: 'keylime-agent', place: '', failures: 14 },
        notAfter: later(3 * hour),
        lastError: {
          ...{ at: later(-11 * minute), phase: 'hook', reason: 'commandFailed' },
          detail: 'systemctl restart keylime_agent: exit status 1: Job for keylime_agent.service failed',
        },
      },
      openedAgo: 12 * hour,
    },
    {
      ...of('ca', 'devid'),
      condition: 'expiry',
      level: 'critical',
      reason: '4 d left of 90 d; renewal due since 26 d',
      facts: {
        name: name('ca'),
        hostName: name('ca'),
        profile: 'devid',
        place: '',
        notAfter: later(4 * day),
        failures: 3,
      },
      openedAgo: 3 * day,
      acknowledgedAgo: 2 * day,
      note: 'the TPM is in lockout; somebody goes to the rack on Friday',
    },
    {
      ...host('wilykit'),
      condition: 'hostNotSeen',
      level: 'critical',
      reason: 'not heard of since 4 d; its shortest certificate lives 24 h',
      facts: { name: name('wilykit'), hostName: name('wilykit') },
      openedAgo: 3 * day + 10 * hour,
    },
    {
      ...of('pm01', 'devid'),
      condition: 'notConfirmed',
      level: 'warning',
      reason: 'issued 2 d ago, and its host has not said that it is in use',
      facts: { name: name('pm01'), hostName: name('pm01'), profile: 'devid', place: '' },
      openedAgo: 20 * hour,
      snoozedFor: 2 * day,
      note: 'waits for the kernel update',
    },
    {
      condition: 'issuerEnding',
      subject: 'issuer:estate',
      level: 'warning',
      reason: 'in 300 d it can no longer sign a devid of 90 d whole',
      facts: { name: 'Book of Omens', notAfter: later(390 * day) },
      openedAgo: 9 * day,
    },
    {
      condition: 'servedDiffers',
      subject: 'endpoint:registrar',
      level: 'warning',
      reason: 'registrar.keylime.funlab.casa:8891 serves 5c1f…e1, the inventory has 93ab…07',
      facts: { name: 'registrar' },
      openedAgo: 5 * hour,
    },
    {
      condition: 'enrollmentPending',
      subject: 'enrollment:11111111-1111-4111-8111-111111111111',
      level: 'warning',
      reason: 'lynx.funlab.casa waits since 3 h',
      facts: { name: name('lynx'), hostName: name('lynx') },
      openedAgo: 3 * hour,
    },
    {
      condition: 'channelFailing',
      subject: 'channel:mail',
      level: 'warning',
      reason: 'nothing was taken since 2 h: connect ECONNREFUSED 10.10.2.62:25',
      facts: { name: 'mail' },
      openedAgo: 2 * hour,
    },
    {
      ...of('spire', 'keylime-agent'),
      condition: 'renewalMissed',
      level: 'warning',
      reason: 'due since 5 h 2 min; the host has not asked',
      facts: { name: name('spire'), hostName: name('spire'), profile: 'keylime-agent', place: '' },
      openedAgo: 6 * day,
      closedAgo: 5 * day,
    },
    {
      condition: 'crlOverdue',
      subject: 'issuer:estate-crl',
      level: 'critical',
      reason: 'the CRL of Book of Omens ended 20 min ago',
      facts: { name: 'Book of Omens' },
      openedAgo: 30 * day,
      closedAgo: 29 * day,
    },
  ];
}
