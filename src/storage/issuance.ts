// Intents and results of issuance. Both go through group commit: what arrives while a batch is on its way shares the
// next one, in one statement and one transaction; a lone request waits for nothing.
import type { CertificateRecord } from '../domain/certificate.ts';
import type { CertificateNames } from '../domain/profile.ts';
import type { SerialNumber } from '../domain/serial.ts';
import { standardExpiry } from '../domain/expiry.ts';
import { expiryInstants, type WarningPolicy } from '../domain/warning-policy.ts';
import { certificateFromRow } from './certificates.ts';
import { codeOf } from './fault.ts';
import { groupCommit } from './group-commit.ts';
import type { Database, RawRow } from './pool.ts';
import { boolean, instant, number, text, textOrNull } from './row.ts';
import { keepServingIn } from './serving.ts';
import { statement } from './statement.ts';

type Holder = { readonly kind: 'device'; readonly deviceId: string } | { readonly kind: 'operator' | 'service' };

/** Structurally the intent of issuance/records.ts. */
type Intent = {
  readonly issuerId: string;
  readonly serialNumber: SerialNumber;
  readonly tbsCertificate: Uint8Array;
  readonly profile: string;
  readonly profileDigest: string;
  readonly principal: string;
  readonly spkiSha256: string;
  readonly holder: Holder;
  readonly lineageId: string | null;
  readonly conversationId: string | null;
  readonly idempotency: { readonly key: string; readonly bodySha256: string } | null;
  readonly notAfter: Date;
  readonly recordedAt: Date;
  readonly leaseUntil: Date;
};

type Issued = {
  readonly fingerprint: string;
  readonly intent: Intent;
  readonly der: Uint8Array;
  readonly commonName: string;
  readonly names: CertificateNames;
  readonly notBefore: Date;
  readonly issuedAt: Date;
  readonly renewAt: Date | null;
};

type UnnamedOutcome =
  | 'recorded'
  | 'keyCompromised'
  | 'deviceNotActive'
  | 'notGranted'
  | 'renewalOver'
  | 'profileStopped'
  | 'idempotencyKeyUsed';

type Outcome = { readonly kind: UnnamedOutcome } | { readonly kind: 'keyHeld'; readonly by: string };

type Attempt = {
  readonly issuerId: string;
  readonly serialNumber: SerialNumber;
  readonly bodySha256: string | null;
  readonly leaseUntil: Date;
  readonly outcome: 'issued' | 'abandoned' | null;
  readonly certificate: CertificateRecord | null;
};

const deviceOf = (holder: Holder): string | null => (holder.kind === 'device' ? holder.deviceId : null);

const recordIntents = statement<readonly unknown[], Outcome>('record_intents.sql', outcomeFromRow);
const recordIssued = statement<readonly unknown[], string>('record_issued.sql', (row) => text(row, 'fingerprint'));
const abandonIntent = statement<[string, string, string, Date], string>('abandon_intent.sql', (row) =>
  text(row, 'serial_number'),
);
const sweepIntents = statement<[Date, number], SweptIntent>('sweep_intents.sql', (row) => ({
  issuerId: text(row, 'issuer_id'),
  serialNumber: text(row, 'serial_number'),
  profile: text(row, 'profile'),
}));
const endLeases = statement<[Date], number>('end_leases.sql', (row) => number(row, 'done'));
const byIdempotencyKey = statement<[string, string, Date], Attempt>('find_by_idempotency_key.sql', attemptFromRow);
const byConversation = statement<[string, string], Attempt>('find_by_conversation.sql', attemptFromRow);
const releaseKey = statement<[string, string, string], string>('release_idempotency_key.sql', (row) =>
  text(row, 'key'),
);
const forgetRequests = statement<[Date], number>('forget_idempotent_requests.sql', (row) => number(row, 'gone'));
const stopProfile = statement<[string, string, string, Date], string>('stop_profile.sql', (row) =>
  text(row, 'profile_digest'),
);

/** An intent that a crash left, now revoked. */
export type SweptIntent = { readonly issuerId: string; readonly serialNumber: string; readonly profile: string };

function outcomeFromRow(row: RawRow): Outcome {
  if (boolean(row, 'is_recorded')) return { kind: 'recorded' };
  if (boolean(row, 'is_compromised')) return { kind: 'keyCompromised' };
  if (!boolean(row, 'is_holder')) return { kind: 'keyHeld', by: `a key of kind ${text(row, 'held_kind')}` };
  if (!boolean(row, 'is_active')) return { kind: 'deviceNotActive' };
  if (!boolean(row, 'is_granted')) return { kind: 'notGranted' };
  if (boolean(row, 'is_over')) return { kind: 'renewalOver' };
  return { kind: boolean(row, 'is_stopped') ? 'profileStopped' : 'idempotencyKeyUsed' };
}

function attemptFromRow(row: RawRow): Attempt {
  const outcome = textOrNull(row, 'outcome');
  return {
    issuerId: text(row, 'issuer_id'),
    serialNumber: text(row, 'serial_number') as SerialNumber,
    bodySha256: textOrNull(row, 'body_sha256'),
    leaseUntil: instant(row, 'lease_until'),
    outcome: outcome === 'issued' || outcome === 'abandoned' ? outcome : null,
    certificate: row['fingerprint'] === null ? null : certificateFromRow(row),
  };
}

/** Columns of the statement, one array each. */
const intentColumns = (intents: readonly Intent[]): readonly unknown[] => [
  intents.map((i) => i.issuerId),
  intents.map((i) => i.serialNumber),
  intents.map((i) => i.tbsCertificate),
  intents.map((i) => i.profile),
  intents.map((i) => i.profileDigest),
  intents.map((i) => i.principal),
  intents.map((i) => i.spkiSha256),
  intents.map((i) => i.holder.kind),
  intents.map((i) => deviceOf(i.holder)),
  intents.map((i) => i.lineageId),
  intents.map((i) => i.conversationId),
  intents.map((i) => i.notAfter),
  intents.map((i) => i.recordedAt),
  intents.map((i) => i.leaseUntil),
  intents.map((i) => i.idempotency?.key ?? null),
  intents.map((i) => i.idempotency?.bodySha256 ?? null),
];

type ExpiryPolicy = Pick<WarningPolicy, 'expiry'>;

const levelsOf = (policy: ExpiryPolicy, { intent, notBefore }: Issued) =>
  expiryInstants(policy, {
    ...{ profile: intent.profile, notBefore, notAfter: intent.notAfter },
    renewsItself: intent.lineageId !== null,
  });

const issuedColumns = (results: readonly Issued[], policy: ExpiryPolicy): readonly unknown[] => [
  results.map((r) => r.fingerprint),
  results.map((r) => r.intent.issuerId),
  results.map((r) => r.intent.serialNumber),
  results.map((r) => r.der),
  results.map((r) => r.commonName),
  results.map((r) => JSON.stringify(r.names)),
  results.map((r) => r.notBefore),
  results.map((r) => deviceOf(r.intent.holder)),
  results.map((r) => r.issuedAt),
  results.map((r) => r.renewAt),
  results.map((r) => levelsOf(policy, r).warningAt),
  results.map((r) => levelsOf(policy, r).criticalAt),
];

/** A SQLSTATE that says what was asked is at fault, not that the server or the way to it is (classes 08, 53, 57P, 58). */
const mayBeOfOneItem = (error: unknown): boolean => /^(?!08|53|57P|58)[0-9P][0-9A-Z]{4}$/.test(codeOf(error) ?? '');

/** One statement; where lineages have a new certificate, a second one decides which of theirs serves. */
async function recordBatch(db: Database, batch: readonly Issued[], policy: ExpiryPolicy): Promise<readonly boolean[]> {
  const columns = issuedColumns(batch, policy);
  const lineages = [...new Set(batch.flatMap(({ intent }) => intent.lineageId ?? []))];
  const stored = new Set(
    lineages.length === 0
      ? await recordIssued(db, columns)
      : await db.transaction(async (tx) => {
          const done = await recordIssued(tx, columns);
          await keepServingIn(tx, lineages);
          return done;
        }),
  );
  return batch.map((result) => stored.has(result.fingerprint));
}

/** The store of issuance on one database; `policy` gives the levels that are stored with each certificate. */
export function issuanceIn(db: Database, policy: ExpiryPolicy = standardExpiry) {
  const intents = groupCommit<Intent, Outcome>({
    maxBatch: 128,
    mayBeOfOneItem,
    run: async (batch) => recordIntents(db, intentColumns(batch)),
  });
  const results = groupCommit<Issued, boolean>({
    maxBatch: 128,
    mayBeOfOneItem,
    run: (batch) => recordBatch(db, batch, policy),
  });
  return {
    recordIntent: intents,
    recordIssued: results,

    abandonIntent: async (attempt: {
      readonly issuerId: string;
      readonly serialNumber: string;
      readonly by: string;
      readonly at: Date;
    }): Promise<boolean> =>
      (await abandonIntent(db, [attempt.issuerId, attempt.serialNumber, attempt.by, attempt.at])).length === 1,

    findByIdempotencyKey: async (principal: string, key: string, now: Date): Promise<Attempt | null> =>
      (await byIdempotencyKey(db, [principal, key, now]))[0] ?? null,

    findByConversation: async (conversationId: string, lineageId: string): Promise<readonly Attempt[]> =>
      byConversation(db, [conversationId, lineageId]),

    releaseIdempotencyKey: async (principal: string, key: string, serialNumber: string): Promise<void> => {
      await releaseKey(db, [principal, key, serialNumber]);
    },

    stopProfile: async (stop: {
      readonly profile: string;
      readonly profileDigest: string;
      readonly reason: string;
      readonly at: Date;
    }): Promise<void> => {
      await stopProfile(db, [stop.profileDigest, stop.profile, stop.reason, stop.at]);
    },

    /** Names and revokes intents whose lease ended, at most 500 at a time. */
    sweep: async (now: Date): Promise<readonly SweptIntent[]> => sweepIntents(db, [now, 500]),

    /** Forgets Idempotency-Keys from before `before`; says how many. */
    forgetRequests: async (before: Date): Promise<number> => (await forgetRequests(db, [before]))[0] ?? 0,

    /** Only for a server that holds the database alone and has just started. */
    endLeases: async (now: Date): Promise<void> => {
      await endLeases(db, [now]);
    },
  };
}
