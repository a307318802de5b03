// Renewals and confirmations in a database. Each function is one transaction, with its line of the audit in it; who may
// do what is decided in lifecycle/ and enrollment/.
import type { ConfirmedBy } from '../domain/lineage.ts';
import { type Admission, type AdmissionFacts, askedSeconds, ceilingSeconds } from '../domain/renewal-admission.ts';
import type { Refusal } from '../domain/result.ts';
import type { TpmKeyRecord } from '../domain/taking.ts';
import type { Database, RawRow, Session } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { keepServingIn, lockLineagesIn } from './serving.ts';
import { statement } from './statement.ts';
import { takePublicKeysIn, takeTpmKeysIn } from './taking.ts';

type Renewal = ReturnType<typeof renewalFromRow>;

type Asked = {
  readonly id: string;
  readonly lineageId: string;
  readonly bodySha256: string;
  readonly request: Uint8Array;
  readonly at: Date;
  readonly leaseUntil: Date;
};

type Terms = { readonly sameSince: Date; readonly decide: (facts: AdmissionFacts) => Admission };

type Admitted =
  | { readonly kind: 'admitted' | 'same'; readonly renewal: Renewal }
  | Extract<Admission, { readonly kind: 'wait' }>
  | { readonly kind: 'underWay'; readonly until: Date };

type Proved = {
  readonly renewalId: string;
  readonly deviceId: string;
  readonly at: Date;
  readonly evidence: object;
  readonly firmwareVersion: bigint | null;
  readonly tpmKey: TpmKeyRecord | null;
  readonly spkiSha256: string;
};

type Taken = 'taken' | 'lost' | 'deviceNotActive' | 'keyHeld' | 'keyCompromised';

const id = (row: RawRow): string => text(row, 'id');
const byBody = statement<[string, string], Renewal>('renewal_by_body.sql', renewalFromRow);
const lockAdmission = statement<[], boolean>('lock_admission.sql', (row) => boolean(row, 'locked'));
const underWay = statement<[string, Date], Date>('renewal_under_way.sql', (row) => instant(row, 'lease_until'));
const admissionFacts = statement<[string, Date, number, number], AdmissionFacts>('admission_facts.sql', factsFromRow);
const insert = statement<readonly unknown[], string>('insert_renewal.sql', id);
const defer = statement<[string, Date], string>('defer_renewal.sql', id);
const resume = statement<[string, Date, Date], string>('resume_renewal.sql', id);
const release = statement<[string, Date], string>('release_renewal.sql', id);
const refuse = statement<[string, string, Date, string], string>('refuse_renewal.sql', id);
const lock = statement<[string, string], string>('lock_renewal.sql', (row) => text(row, 'state'));
const tpmKeys = statement<[string], string>('tpm_key_of_public_key.sql', (row) => text(row, 'name'));
const prove = statement<[string, string, string | null], string>('prove_renewal.sql', id);
const confirm = statement<readonly unknown[], string>('record_confirmation.sql', (row) => text(row, 'fingerprint'));
const notice = statement<readonly unknown[], unknown>('record_notice.sql', (row) => row['done']);

/** Renewals and confirmations on one database. */
export const renewalsIn = (db: Database) => ({
  findRenewal: async (lineageId: string, bodySha256: string): Promise<Renewal | null> =>
    (await byBody(db, [lineageId, bodySha256]))[0] ?? null,

  admitRenewal: (asked: Asked, terms: Terms): Promise<Admitted> => db.transaction((tx) => admitIn(tx, asked, terms)),

  resumeRenewal: async (renewalId: string, at: Date, leaseUntil: Date): Promise<boolean> =>
    (await resume(db, [renewalId, at, leaseUntil])).length === 1,

  takeRenewalKey: async (proved: Proved): Promise<Taken> => {
    try {
      return await db.transaction((tx) => takeKeyIn(tx, proved));
    } catch (error) {
      if (error instanceof NotTaken) return error.outcome;
      throw error;
    }
  },

  refuseRenewal: async (refused: {
    readonly id: string;
    readonly refusals: readonly Refusal[];
    readonly at: Date;
    readonly principal: string;
  }): Promise<void> => {
    await refuse(db, [refused.id, JSON.stringify(refused.refusals), refused.at, refused.principal]);
  },

  releaseRenewal: async (renewalId: string, at: Date): Promise<void> => {
    await release(db, [renewalId, at]);
  },

  recordConfirmation: async (confirmation: {
    readonly lineageId: string;
    readonly fingerprint: string;
    readonly at: Date;
    readonly by: ConfirmedBy;
    readonly principal: string;
    readonly evidence: object;
    readonly effect: 'confirmed' | 'installed' | 'reopened';
    readonly hasSpireAgent: boolean | null;
  }): Promise<void> => {
    const { fingerprint, lineageId, at, by, principal, effect, evidence, hasSpireAgent } = confirmation;
    const values = [fingerprint, lineageId, at, by, principal, effect, JSON.stringify(evidence), hasSpireAgent];
    await db.transaction(async (tx) => {
      await lockLineagesIn(tx, [lineageId]);
      await confirm(tx, values);
      await keepServingIn(tx, [lineageId]);
    });
  },

  recordNotice: async (told: {
    readonly at: Date;
    readonly event: string;
    readonly principal: string;
    readonly facts: Readonly<Record<string, unknown>>;
    readonly tell: { readonly topic: string; readonly key: string } | null;
  }): Promise<void> => {
    const { at, event, principal, facts, tell } = told;
    await notice(db, [at, event, principal, JSON.stringify(facts), tell?.topic ?? null, tell?.key ?? null]);
  },
});

async function admitIn(tx: Session, asked: Asked, { sameSince, decide }: Terms): Promise<Admitted> {
  const { lineageId, bodySha256, at } = asked;
  await lockAdmission(tx, []);
  const [same] = await byBody(tx, [lineageId, bodySha256]);
  if (same !== undefined && same.admittedAt >= sameSince) return { kind: 'same', renewal: same };
  const [until] = await underWay(tx, [lineageId, at]);
  if (until !== undefined) return { kind: 'underWay', until };
  const [facts] = await admissionFacts(tx, [lineageId, at, ceilingSeconds, askedSeconds]);
  if (facts === undefined) throw new Error('the facts of an admission are one row');
  const decision = decide(facts);
  if (decision.kind === 'wait') {
    if (decision.because === 'ceiling') await defer(tx, [lineageId, at]);
    return decision;
  }
  const { isOutsideCeiling, isRecovery } = decision;
  const { id: renewalId, leaseUntil, request } = asked;
  await insert(tx, [renewalId, lineageId, bodySha256, at, isOutsideCeiling, isRecovery, leaseUntil, request]);
  const of = { id: renewalId, lineageId, bodySha256, admittedAt: at, isOutsideCeiling, isRecovery, leaseUntil };
  return { kind: 'admitted', renewal: { ...of, refusals: null, fingerprint: null } };
}

/** Thrown within the transaction so that it rolls back, and caught around it. */
class NotTaken extends Error {
  readonly outcome: Taken;
  constructor(outcome: Taken) {
    super(outcome);
    this.outcome = outcome;
  }
}

async function takeKeyIn(tx: Session, proved: Proved): Promise<Taken> {
  const { renewalId, deviceId, tpmKey, spkiSha256, at } = proved;
  const [state] = await lock(tx, [renewalId, deviceId]);
  if (state === undefined) throw new NotTaken('lost');
  if (state !== 'active') throw new NotTaken('deviceNotActive');
  if (tpmKey === null) {
    // A key that others can have signatures of must not serve TLS.
    if ((await tpmKeys(tx, [spkiSha256])).length > 0) throw new NotTaken('keyHeld');
  } else if (!(await takeTpmKeysIn(tx, deviceId, { tpmKeys: [tpmKey], at }))) throw new NotTaken('keyHeld');
  const taken = await takePublicKeysIn(tx, deviceId, { keys: new Map([[spkiSha256, 'device']]), at });
  if (taken !== 'taken') throw new NotTaken(taken === 'compromisedKey' ? 'keyCompromised' : 'keyHeld');
  await prove(tx, [renewalId, JSON.stringify(proved.evidence), proved.firmwareVersion?.toString() ?? null]);
  return 'taken';
}

function renewalFromRow(row: RawRow) {
  return {
    id: text(row, 'id'),
    lineageId: text(row, 'lineage_id'),
    bodySha256: text(row, 'body_sha256'),
    admittedAt: instant(row, 'admitted_at'),
    isOutsideCeiling: boolean(row, 'is_outside_ceiling'),
    isRecovery: boolean(row, 'is_recovery'),
    leaseUntil: instantOrNull(row, 'lease_until'),
    refusals: (row['refusals'] ?? null) as readonly Refusal[] | null,
    fingerprint: textOrNull(row, 'fingerprint'),
  };
}

function factsFromRow(row: RawRow): AdmissionFacts {
  const notBefore = instantOrNull(row, 'not_before');
  return {
    newest:
      notBefore === null
        ? null
        : { notBefore, notAfter: instant(row, 'not_after'), isRevoked: boolean(row, 'is_revoked') },
    underCeiling: { count: number(row, 'counted'), earliest: instantOrNull(row, 'earliest_counted') },
    ofLineage: { count: number(row, 'own_count'), earliest: instantOrNull(row, 'earliest_own') },
    nearerWaiting: number(row, 'nearer'),
  };
}
