// What the agent keeps of each target between two rounds: the certificate in place, how far its successor got, what
// failed. Types and the small changes to them; nothing is decided or written here.
import type { LineageError, ObservedUse } from '../domain/lineage-wire.ts';
import type { IssuedCertificateResource } from '../domain/wire.ts';

/** A key that waits for its certificate: blobs of the TPM in base64url (TPM2B_PUBLIC, TPM2B_PRIVATE), or PKCS #8. */
export type KeptKey =
  | { readonly kind: 'tpm'; readonly public: string; readonly private: string }
  | { readonly kind: 'software'; readonly privateKeyPem: string };

/** What each step of a renewal carries along: why it began, and when its certificate is put in place; null at once. */
type Renewing = { readonly key: KeptKey; readonly because: string; readonly installAt: string | null };

/** How far the next certificate got. Each step was on disk before the next one began. */
export type Work =
  | { readonly step: 'idle' }
  /** `bodyText`: a request that speaks of no nonce and may be sent under another; null where one has to be made. */
  | ({ readonly step: 'keyMade'; readonly bodyText: string | null } & Renewing)
  /** The exact text and the nonce under which it is sent, octet for octet the same after a lost reply. */
  | ({
      readonly step: 'requested';
      readonly lineage: string;
      readonly bodyText: string;
      readonly isBoundToNonce: boolean;
      readonly nonce: string;
    } & Renewing)
  | ({ readonly step: 'issued'; readonly answer: IssuedCertificateResource } & Renewing)
  /** Checked, and waiting for its time or for its place. */
  | ({
      readonly step: 'staged';
      readonly answer: IssuedCertificateResource;
      readonly facts: CertificateFacts;
    } & Renewing)
  /** In place and in use as far as this host can see; the server has not heard of it yet. */
  | { readonly step: 'installed'; readonly certificate: string; readonly observed: ObservedUse };

/** `certificate`: SHA-256 of the DER. Times are RFC 3339 UTC. */
export type CertificateFacts = {
  readonly certificate: string;
  readonly notBefore: string;
  readonly notAfter: string;
};

/** The certificate in place, and when the next one is due. `window` is null until the server has told one. */
export type InPlace = CertificateFacts & {
  readonly renewAt: string;
  readonly window: { readonly start: string; readonly end: string } | null;
};

/**
 * Why there is no progress. `pace` says how often it is worth trying again: `clock` after a short pause, `usual` with
 * back-off, `slow` where nothing changes by itself.
 */
export type Failure = {
  readonly count: number;
  readonly error: LineageError;
  readonly hints: readonly string[];
  readonly pace: 'usual' | 'slow' | 'clock';
  readonly nextAttemptAt: string;
};

/** What the server took as proof of use. */
export type Confirmed = {
  readonly certificate: string;
  readonly at: string;
  /** Null while the word of the host is not enough, as for a SPIRE agent's DevID. */
  readonly by: 'host' | 'probe' | 'spire' | 'operator' | null;
};

/** One target. `lineage` is null until the server or an enrollment has named it. */
export type TargetRecord = {
  readonly lineage: string | null;
  readonly inPlace: InPlace | null;
  readonly work: Work;
  readonly failure: Failure | null;
  readonly confirmed: Confirmed | null;
  /** A certificate in place whose key proved of no use; it is replaced at once. */
  readonly unusable: string | null;
  /** Null unless a person put an older certificate back, which is in place still. */
  readonly rolledBackByHand: RolledBackByHand | null;
};

/** `certificate` is the one in service again, `instead` the one that had been; null where it could not be read. */
export type RolledBackByHand = {
  readonly at: string;
  readonly certificate: string;
  readonly instead: string | null;
};

/** What is known of the server. `reportDueAt` null: at once. */
export type Contact = {
  readonly reportDueAt: string | null;
  readonly lastAt: string | null;
  /** Server minus host, as of the last word of the server. */
  readonly clockDifferenceSeconds: number | null;
  /** Newest generation of the trust bundle that the server has told of, 0 for none. */
  readonly trustGeneration: number;
  readonly failure: Failure | null;
};

/** All of it; targets by name. */
export type Kept = { readonly targets: Readonly<Record<string, TargetRecord>>; readonly contact: Contact };

/** Of a host that has kept nothing yet. */
export const nothingKept: Kept = {
  targets: {},
  contact: { reportDueAt: null, lastAt: null, clockDifferenceSeconds: null, trustGeneration: 0, failure: null },
};

/** Of a target that was never seen. */
export const newRecord: TargetRecord = {
  ...{ lineage: null, inPlace: null, failure: null, confirmed: null, unusable: null },
  ...{ work: { step: 'idle' }, rolledBackByHand: null },
};

/** Whether it is too early to try again. A clock that was set back behind the failure ends the pause. */
export const isPausing = ({ error, nextAttemptAt }: Failure, now: Date): boolean =>
  now >= new Date(error.at) && now < new Date(nextAttemptAt);

/** The same with one target changed. */
export const withTarget = (kept: Kept, name: string, record: TargetRecord): Kept => ({
  ...kept,
  targets: { ...kept.targets, [name]: record },
});
