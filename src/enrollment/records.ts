// What enrollment writes down and reads back, as the functions that it needs. A store is any set of functions that fit;
// each call is one transaction, with its line of the audit in it.
import type { Cursor } from '../domain/cursor.ts';
import type { Device, EndorsementKeyRecord, Grant, Lineage, Preregistration } from '../domain/device.ts';
import type {
  ApprovedEnrollment,
  Challenge,
  ChallengedEnrollment,
  Enrollment,
  IssuedEnrollment,
  PendingAlarm,
  PendingEnrollment,
  Proof,
} from '../domain/enrollment.ts';
import type { EnrollmentTokenRecord } from '../domain/enrollment-token.ts';
import type { Refusal } from '../domain/result.ts';
import type { ActivationStep, Taking, TakingOutcome } from '../domain/taking.ts';

export type EnrollmentStore = {
  readonly insertEnrollment: (enrollment: ChallengedEnrollment) => Promise<void>;
  readonly findEnrollment: (id: string) => Promise<Enrollment | null>;
  /** Spends the challenge with this nonce for this body; true for one caller only. */
  readonly burnChallenge: (
    step: ActivationStep & { readonly nonce: Uint8Array; readonly leaseUntil: Date },
  ) => Promise<boolean>;
  /** Takes over an activation whose lease has ended and that has no result; true for one caller only. */
  readonly resumeActivation: (step: ActivationStep & { readonly leaseUntil: Date }) => Promise<boolean>;
  /** Ends an activation that was refused, so that the same octets get the same refusals. */
  readonly recordRefusals: (step: ActivationStep & { readonly refusals: readonly Refusal[] }) => Promise<void>;
  /**
   * Proved and not authorized: supersedes what the same EK left waiting for the same name, and raises the alarm, if there
   * is one. Null when it was lost.
   */
  readonly recordPending: (
    step: ActivationStep & { readonly proof: Proof; readonly alarm: PendingAlarm | null },
  ) => Promise<PendingEnrollment | null>;
  readonly take: (taking: Taking) => Promise<TakingOutcome>;
  readonly finishEnrollment: (
    step: ActivationStep & { readonly answer: IssuedEnrollment['answer'] },
  ) => Promise<boolean>;
  /** Ends the lease without a result: the next retransmission resumes. */
  readonly releaseLease: (step: ActivationStep) => Promise<void>;
  /** Gives an approved enrollment a fresh challenge; false when it is not approved any more or is worked on. */
  readonly renewChallenge: (id: string, challenge: Challenge, at: Date) => Promise<boolean>;
  /**
   * Approves exactly this version; false when it is not there or not pending. The challenge is withdrawn: neither spent,
   * so that nothing can be resumed from it, nor open any more.
   */
  readonly approveEnrollment: (approval: {
    readonly id: string;
    readonly version: number;
    readonly grants: readonly Grant[];
    readonly replaces: string | null;
    readonly by: string;
    readonly at: Date;
  }) => Promise<boolean>;
  readonly rejectEnrollment: (rejection: {
    readonly id: string;
    readonly version: number;
    readonly reason: string;
    readonly by: string;
    readonly at: Date;
  }) => Promise<boolean>;
  /** Those that waited, or were approved, after `since`; oldest first. */
  readonly listEnrollments: (query: {
    readonly state: 'pending' | 'approved';
    readonly since: Date;
    readonly after: Cursor | null;
    readonly limit: number;
  }) => Promise<readonly (PendingEnrollment | ApprovedEnrollment)[]>;
  /** TPM2B_PUBLIC of a request key, the device that it speaks for now, and its enrollments. */
  readonly findRequestKey: (spkiSha256: string) => Promise<{
    readonly public: Uint8Array;
    readonly deviceId: string | null;
    readonly enrollmentIds: readonly string[];
  } | null>;
};

/** The inventory, as decisions about an enrollment need it. */
export type DeviceLookups = {
  readonly findDevice: (id: string) => Promise<Device | null>;
  /** The device of this name that is not retired. */
  readonly deviceOfHostName: (hostName: string) => Promise<Device | null>;
  readonly deviceOfEndorsementKey: (fingerprint: string) => Promise<Device | null>;
  /** The device under which this Name is known as an AK. */
  readonly deviceOfAttestationKey: (
    name: string,
  ) => Promise<{ readonly device: Device; readonly isCurrent: boolean } | null>;
  readonly grantsOf: (deviceId: string) => Promise<readonly Grant[]>;
  readonly endorsementKeysOf: (deviceId: string) => Promise<readonly EndorsementKeyRecord[]>;
  readonly lineagesOf: (deviceId: string) => Promise<readonly Lineage[]>;
};

export type RecoveryLookups = {
  /** Whether a device that is there is overdue at an instant, and when it was last heard of. */
  readonly recoveryFactsOf: (
    deviceId: string,
    now: Date,
  ) => Promise<{ readonly isOverdue: boolean; readonly lastSeenAt: Date }>;
};

export type TokenLookups = { readonly findEnrollmentToken: (id: string) => Promise<EnrollmentTokenRecord | null> };

export type PreregistrationLookups = {
  readonly findPreregistration: (ekFingerprint: string) => Promise<Preregistration | null>;
};

/** When a request came; what http hands to every use case. */
export type Context = { readonly now: Date };
