// Rows of enrollments: one conversation of first contact each. States change by single statements that name the state
// they leave, so that of two callers one gets it.
import type { Cursor } from '../domain/cursor.ts';
import type { Grant } from '../domain/device.ts';
import type {
  ApprovedEnrollment,
  Challenge,
  ChallengedEnrollment,
  Enrollment,
  IssuedEnrollment,
  PendingAlarm,
  PendingEnrollment,
  PresentedEndorsementKey,
  Proof,
} from '../domain/enrollment.ts';
import type { Refusal } from '../domain/result.ts';
import type { ActivationStep, Taking, TakingOutcome } from '../domain/taking.ts';
import { enrollmentFromRow } from './enrollment-row.ts';
import type { Database, RawRow } from './pool.ts';
import { number, octets, text, textOrNull, texts } from './row.ts';
import { statement } from './statement.ts';
import { takeIn } from './taking.ts';

const id = (row: RawRow): string => text(row, 'id');
const insert = statement<readonly unknown[], string>('insert_enrollment.sql', id);
const find = statement<[string], Enrollment>('find_enrollment.sql', enrollmentFromRow);
const burn = statement<readonly unknown[], string>('burn_challenge.sql', id);
const resume = statement<readonly unknown[], string>('resume_activation.sql', id);
const recordRefusals = statement<readonly unknown[], string>('record_activation_refusals.sql', id);
const lockHost = statement<[string, string], number>('lock_enrollments_of_host.sql', (row) => number(row, 'locked'));
const recordPending = statement<readonly unknown[], Enrollment>('record_pending_enrollment.sql', enrollmentFromRow);
const finish = statement<readonly unknown[], string>('finish_enrollment.sql', id);
const release = statement<readonly unknown[], string>('release_lease.sql', id);
const renew = statement<readonly unknown[], string>('renew_challenge.sql', id);
const approve = statement<readonly unknown[], string>('approve_enrollment.sql', id);
const reject = statement<readonly unknown[], string>('reject_enrollment.sql', id);
const list = statement<readonly unknown[], Enrollment>('list_enrollments.sql', enrollmentFromRow);
const findRequestKey = statement<[string], RequestKeyRow>('find_request_key.sql', (row) => ({
  public: octets(row, 'public'),
  deviceId: textOrNull(row, 'device_id'),
  enrollmentIds: texts(row, 'enrollment_ids'),
}));
const forget = statement<[Date], number>('forget_enrollments.sql', (row) => number(row, 'gone'));

type RequestKeyRow = {
  readonly public: Uint8Array;
  readonly deviceId: string | null;
  readonly enrollmentIds: readonly string[];
};

type Decision = { readonly id: string; readonly version: number; readonly by: string; readonly at: Date };

/** Enrollments in a database, as enrollment needs them. */
export const enrollmentStore = (db: Database) => ({
  insertEnrollment: async (enrollment: ChallengedEnrollment): Promise<void> => {
    const { hostName, tokenId, endorsementKey: ek, attestationKey: ak, challenge } = enrollment;
    await insert(db, [
      ...[enrollment.id, hostName, tokenId, ek.fingerprint, ek.public, ek.certificates, factsJson(ek)],
      ...[ak.public, ak.name, challenge.secretSha256, challenge.nonce, challenge.expiresAt, enrollment.createdAt],
    ]);
  },
  findEnrollment: async (enrollmentId: string): Promise<Enrollment | null> =>
    (await find(db, [enrollmentId]))[0] ?? null,

  burnChallenge: async (
    step: ActivationStep & { readonly nonce: Uint8Array; readonly leaseUntil: Date },
  ): Promise<boolean> =>
    (await burn(db, [step.id, step.nonce, step.bodySha256, step.at, step.leaseUntil])).length === 1,

  resumeActivation: async (step: ActivationStep & { readonly leaseUntil: Date }): Promise<boolean> =>
    (await resume(db, [step.id, step.bodySha256, step.at, step.leaseUntil])).length === 1,

  recordRefusals: async (step: ActivationStep & { readonly refusals: readonly Refusal[] }): Promise<void> => {
    await recordRefusals(db, [step.id, step.bodySha256, JSON.stringify(step.refusals), step.at]);
  },

  recordPending: (
    step: ActivationStep & { readonly proof: Proof; readonly alarm: PendingAlarm | null },
  ): Promise<PendingEnrollment | null> =>
    db.transaction(async (tx) => {
      const enrollment = (await find(tx, [step.id]))[0];
      if (enrollment === undefined) return null;
      await lockHost(tx, [enrollment.endorsementKey.fingerprint, enrollment.hostName]);
      const { request, evidence, requestKey } = step.proof;
      const key = [requestKey?.spkiSha256 ?? null, requestKey?.public ?? null];
      const alarm = step.alarm === null ? null : JSON.stringify(step.alarm);
      const values = [step.id, step.bodySha256, step.at, request, JSON.stringify(evidence), ...key, alarm];
      const [pending] = await recordPending(tx, values);
      return pending?.state === 'pending' ? pending : null;
    }),

  take: (taking: Taking): Promise<TakingOutcome> => takeIn(db, taking),

  finishEnrollment: async (step: ActivationStep & { readonly answer: IssuedEnrollment['answer'] }): Promise<boolean> =>
    (await finish(db, [step.id, step.bodySha256, JSON.stringify(step.answer), step.at])).length === 1,

  releaseLease: async (step: ActivationStep): Promise<void> => {
    await release(db, [step.id, step.bodySha256, step.at]);
  },

  renewChallenge: async (enrollmentId: string, challenge: Challenge, at: Date): Promise<boolean> => {
    const { secretSha256, nonce, expiresAt } = challenge;
    return (await renew(db, [enrollmentId, secretSha256, nonce, expiresAt, at])).length === 1;
  },

  approveEnrollment: async (
    approval: Decision & { readonly grants: readonly Grant[]; readonly replaces: string | null },
  ): Promise<boolean> => {
    const { version, by, at, grants, replaces } = approval;
    return (await approve(db, [approval.id, version, by, at, JSON.stringify(grants), replaces])).length === 1;
  },

  rejectEnrollment: async (rejection: Decision & { readonly reason: string }): Promise<boolean> => {
    const { version, reason, by, at } = rejection;
    return (await reject(db, [rejection.id, version, reason, by, at])).length === 1;
  },

  listEnrollments: async (query: {
    readonly state: 'pending' | 'approved';
    readonly since: Date;
    readonly after: Cursor | null;
    readonly limit: number;
  }): Promise<readonly (PendingEnrollment | ApprovedEnrollment)[]> => {
    const { state, since, after, limit } = query;
    const found = await list(db, [state, since, after?.at ?? null, after?.id ?? null, limit]);
    return found.filter((enrollment) => enrollment.state === 'pending' || enrollment.state === 'approved');
  },

  findRequestKey: async (spkiSha256: string): Promise<RequestKeyRow | null> =>
    (await findRequestKey(db, [spkiSha256]))[0] ?? null,

  /** Forgets challenges that nobody answered; says how many. */
  forgetEnrollments: async (now: Date): Promise<number> => (await forget(db, [now]))[0] ?? 0,
});

/** What the row has no columns for. */
const factsJson = (ek: PresentedEndorsementKey): string =>
  JSON.stringify({
    path: ek.path.map((der) => Buffer.from(der).toString('base64')),
    validity: ek.validity,
    exception: ek.exception,
    manufacturer: ek.manufacturer,
    model: ek.model,
    version: ek.version,
    certificateNotAfter: ek.certificateNotAfter?.toISOString() ?? null,
    hardwareSerial: ek.hardwareSerial,
    keylimeUuid: ek.keylimeUuid,
  });
