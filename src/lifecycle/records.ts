// What the life of lineages reads and writes down, as the functions that it needs. A store is any set of functions that
// fit; each writing call is one transaction, with its line of the audit in it.
import type { Cursor } from '../domain/cursor.ts';
import type { ConfirmedBy, LineageFacts } from '../domain/lineage.ts';
import type { Admission, AdmissionFacts } from '../domain/renewal-admission.ts';
import type { Refusal } from '../domain/result.ts';
import type { TpmKeyRecord } from '../domain/taking.ts';

/** Filters; null does not filter. Oldest first, after `after`. */
export type LineageFilter = {
  readonly deviceId: string | null;
  readonly profile: string | null;
  readonly after: Cursor | null;
  readonly limit: number;
};

export type LineageReads = {
  readonly lineageFacts: (id: string) => Promise<LineageFacts | null>;
  readonly lineageFactsOfDevice: (deviceId: string) => Promise<readonly LineageFacts[]>;
  readonly listLineageFacts: (filter: LineageFilter) => Promise<readonly LineageFacts[]>;
};

/** One request for the next certificate of a lineage. */
export type RenewalRecord = {
  readonly id: string;
  readonly lineageId: string;
  readonly bodySha256: string;
  readonly admittedAt: Date;
  readonly isOutsideCeiling: boolean;
  /** The certificate that it follows had ended, or was missing. */
  readonly isRecovery: boolean;
  /** Somebody works on it until then; null when it is concluded. */
  readonly leaseUntil: Date | null;
  readonly refusals: readonly Refusal[] | null;
  /** Of the certificate that answers it. */
  readonly fingerprint: string | null;
};

/** A request that wants to be admitted. */
export type AskedRenewal = {
  readonly id: string;
  readonly lineageId: string;
  readonly bodySha256: string;
  /** The octets of `request`. */
  readonly request: Uint8Array;
  readonly at: Date;
  readonly leaseUntil: Date;
};

export type AdmissionOutcome =
  | { readonly kind: 'admitted'; readonly renewal: RenewalRecord }
  | Extract<Admission, { readonly kind: 'wait' }>
  /** The same body came before, within the time of retransmission. */
  | { readonly kind: 'same'; readonly renewal: RenewalRecord }
  /** Another request of this lineage is worked on. */
  | { readonly kind: 'underWay'; readonly until: Date };

/** What a renewal proved, in one transaction with the key that it takes. */
export type ProvedRenewal = {
  readonly renewalId: string;
  readonly deviceId: string;
  readonly at: Date;
  readonly evidence: object;
  /** TPMS_ATTEST.firmwareVersion; null when nothing was certified. */
  readonly firmwareVersion: bigint | null;
  /** The DevID key; null for a software key. It replaces the one before. */
  readonly tpmKey: TpmKeyRecord | null;
  /** SHA-256 of the SubjectPublicKeyInfo that is to be certified. */
  readonly spkiSha256: string;
};

export type TakeKeyOutcome = 'taken' | 'lost' | 'deviceNotActive' | 'keyHeld' | 'keyCompromised';

/** What a confirmation says, with what it stands on. */
export type Confirmation = {
  readonly lineageId: string;
  readonly fingerprint: string;
  readonly at: Date;
  readonly by: ConfirmedBy;
  readonly principal: string;
  readonly evidence: object;
  /** `installed`: somebody else has the last word. `reopened`: an older one than the newest is in use. */
  readonly effect: 'confirmed' | 'installed' | 'reopened';
  /** Null when the host said nothing of it. */
  readonly hasSpireAgent: boolean | null;
};

/** An event that changes nothing: audit, and outbox when somebody should hear of it. */
export type Notice = {
  readonly at: Date;
  readonly event: string;
  readonly principal: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /** Topic of the outbox and its key; null keeps it to the audit. */
  readonly tell: { readonly topic: string; readonly key: string } | null;
};

export type RenewalStore = LineageReads & {
  /** The newest renewal of this lineage by these very octets. */
  readonly findRenewal: (lineageId: string, bodySha256: string) => Promise<RenewalRecord | null>;
  /**
   * Gathers the facts, decides and records, under one lock of all servers. A renewal that a crash left behind is ended
   * first. `sameSince`: from when on the same body is a retransmission.
   */
  readonly admitRenewal: (
    asked: AskedRenewal,
    terms: { readonly sameSince: Date; readonly decide: (facts: AdmissionFacts) => Admission },
  ) => Promise<AdmissionOutcome>;
  /** Takes over a renewal whose lease has ended and that has no result; true for one caller only. */
  readonly resumeRenewal: (id: string, at: Date, leaseUntil: Date) => Promise<boolean>;
  readonly takeRenewalKey: (proved: ProvedRenewal) => Promise<TakeKeyOutcome>;
  /** Ends it with these refusals; counted as a failure of the lineage. */
  readonly refuseRenewal: (refused: {
    readonly id: string;
    readonly refusals: readonly Refusal[];
    readonly at: Date;
    readonly principal: string;
  }) => Promise<void>;
  /** Ends the lease without a result: the next retransmission resumes. */
  readonly releaseRenewal: (id: string, at: Date) => Promise<void>;
  /** Records the use of a certificate; older ones of the lineage are superseded with it. */
  readonly recordConfirmation: (confirmation: Confirmation) => Promise<void>;
  readonly recordNotice: (notice: Notice) => Promise<void>;
};
