// What a round of keeping needs from the world. Everything that touches a disk, a TPM, a network, a clock or a die is
// here, so that the same code keeps one real host or a thousand simulated ones:
//
// - `keep-round.ts`, `keep-steps.ts` and what they call read no clock, draw nothing and open nothing by themselves.
// - `save` is durable when it resolves. A round may end at any `await` (kill -9): the next one goes on from the last save.
// - Ports reject with `Trouble` for what is to be expected (no server, a busy TPM); any other error is a fault, and is
//   recorded against the target as such. What `load` and `save` throw ends the round.
// - Refusals of the service are values. A lost reply is a `Trouble`: the same octets are sent again later.
// - Octets and texts made by one port are opaque here: a simulation may use any that its own server understands.
import type {
  ConfirmationBody,
  FindingResource,
  HostFacts,
  HostReportAnswer,
  HostReportBody,
  LineageError,
  LineageResource,
  ObservedUse,
  RenewalAnswer,
  UnmanagedCertificate,
} from '../domain/lineage-wire.ts';
import type { Refusal, Result } from '../domain/result.ts';
import type { IssuedCertificateResource, Problem } from '../domain/wire.ts';
import type { LocalFiles } from './keep-decision.ts';
import type { CertificateFacts, Failure, Kept, KeptKey } from './kept.ts';

/** A target as far as keeping it is concerned. */
export type KeepTarget = {
  /** Unique on the host. */
  readonly name: string;
  readonly profile: string;
  readonly place: string;
  readonly hasSpireAgent: boolean;
  /** Fetched when the window opens, and put in place at the instant that was drawn; else both at that instant. */
  readonly stageEarly: boolean;
};

/** An answer of the service. `retryAfterSeconds` as its Retry-After says, null without one. */
export type KeepAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem; readonly retryAfterSeconds: number | null };

/** The service, authenticated; each call but `newNonce` is signed by the request key. */
export type KeepServer = {
  /** A nonce of the service, not used before. */
  readonly newNonce: () => Promise<string>;
  readonly report: (body: HostReportBody) => Promise<KeepAnswer<HostReportAnswer>>;
  /** `bodyText` is a RenewalBody as text, sent exactly so and signed over this nonce. */
  readonly renew: (request: {
    readonly lineage: string;
    readonly bodyText: string;
    readonly nonce: string;
  }) => Promise<KeepAnswer<RenewalAnswer>>;
  readonly confirm: (confirmation: {
    readonly certificate: string;
    readonly body: ConfirmationBody;
    readonly nonce: string;
  }) => Promise<KeepAnswer<LineageResource>>;
  /** Ends its sockets. */
  readonly close: () => void;
};

/** What became of putting a certificate in place. `rolledBack`: the pair before is in service again. */
export type Placing =
  | { readonly state: 'installed'; readonly observed: ObservedUse }
  | {
      readonly state: 'rolledBack' | 'failed';
      readonly error: Omit<LineageError, 'at'>;
      readonly hints: readonly string[];
    };

/** A request for one certificate. `bodyText`: of a RenewalBody; `isBoundToNonce`: of no use under another nonce. */
export type MadeRequest = { readonly bodyText: string; readonly isBoundToNonce: boolean };

/** The host: its TPM, its files, the programs that read them. */
export type KeepHost = {
  /** What lies in the target's place now; never rejects for what it finds there. */
  readonly inPlace: (target: KeepTarget) => Promise<LocalFiles>;
  /** A new key, or with `rekey: false` the one in place. */
  readonly makeKey: (target: KeepTarget) => Promise<KeptKey>;
  readonly makeRequest: (
    target: KeepTarget,
    request: { readonly lineage: string; readonly key: KeptKey; readonly nonce: string },
  ) => Promise<MadeRequest>;
  /** Whether it is what this host asked for: key, chain, names, not ended. That it is valid already is not asked here. */
  readonly check: (
    target: KeepTarget,
    issued: { readonly key: KeptKey; readonly answer: IssuedCertificateResource },
  ) => Promise<Result<CertificateFacts, Refusal>>;
  /**
   * Several at once, so that a program that reads the files of two is told once; answers in the given order. Atomic for
   * each target, and good to repeat: what a crash left is finished or undone first.
   */
  readonly installAll: (
    wishes: readonly {
      readonly target: KeepTarget;
      readonly key: KeptKey;
      readonly answer: IssuedCertificateResource;
    }[],
  ) => Promise<readonly Placing[]>;
  /** What can be seen of the use of a certificate that is in place already. */
  readonly observe: (target: KeepTarget) => Promise<ObservedUse>;
  /**
   * The signature of a confirmation (base64url) by the certificate's own key, read back from the files in place.
   * Rejects with a `Trouble` of reason `keyUnusable` when that key is of no use.
   */
  readonly signConfirmation: (
    target: KeepTarget,
    confirmation: { readonly certificate: string; readonly nonce: string },
  ) => Promise<string>;
  /** What the doctor last found, certificates that nobody manages, and how the host is; may be some hours old. */
  readonly examined: () => Promise<{
    readonly findings: readonly FindingResource[];
    readonly unmanaged: readonly UnmanagedCertificate[];
    readonly facts?: HostFacts;
  }>;
};

/** Trust anchors of the host. */
export type KeepTrust = {
  /** Generation of the bundle in place, 0 for none. */
  readonly generation: () => Promise<number>;
  /** Whether there is something to take or to put in place, when the newest generation is this one. */
  readonly isDue: (newest: number) => Promise<boolean>;
  /** Fetches and takes a newer bundle; a refusal leaves the old one. */
  readonly renew: () => Promise<Result<{ readonly generation: number }, Refusal>>;
};

/** Proves the TPM anew where the keys of the agent are lost (protocol: Renewal). */
export type KeepRecovery = {
  /** `manual`: a person has to run `omens agent enroll --new-keys`. */
  readonly mode: 'auto' | 'manual';
  /** Enrolls with new keys and installs what is granted, or continues that. However it ends, `load` gives a fresh state. */
  readonly enroll: () => Promise<{ readonly state: 'issued' } | { readonly state: 'pending'; readonly detail: string }>;
};

/** All of it. */
export type KeepPorts = {
  readonly agentVersion: string;
  readonly now: () => Date;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly load: () => Promise<Kept>;
  readonly save: (kept: Kept) => Promise<void>;
  /** Runs `work` while no other round does. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** In the order in which they are to be served. Read in each round: its file may have changed. */
  readonly targets: () => Promise<readonly KeepTarget[]>;
  /** Authenticates the server; nothing was sent before. */
  readonly connect: () => Promise<KeepServer>;
  readonly host: KeepHost;
  readonly trust: KeepTrust;
  readonly recovery: KeepRecovery;
  /** What a host keeps besides its targets and the service has no part in; done in each round. */
  readonly tend: () => Promise<void>;
  /** One event and its fields; never a secret. */
  readonly log: (event: string, fields: Readonly<Record<string, string | number | boolean | null>>) => void;
};

/** What a step ran into. `reason` is a stable name; `hints` are whole sentences. */
export class Trouble extends Error {
  override readonly name = 'Trouble';
  readonly reason: string;
  readonly hints: readonly string[];
  readonly pace: Failure['pace'];
  /** The keys that speak for this host are of no use any more: only proving the TPM anew helps. */
  readonly areKeysLost: boolean;

  constructor(
    reason: string,
    detail: string,
    more: {
      readonly hints?: readonly string[];
      readonly pace?: Failure['pace'];
      readonly areKeysLost?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: more.cause });
    this.reason = reason;
    this.hints = more.hints ?? [];
    this.pace = more.pace ?? 'usual';
    this.areKeysLost = more.areKeysLost ?? false;
  }
}
