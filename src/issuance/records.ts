// What issuance writes down, and what it needs from a store to do so. A store is any set of functions that fit.
import type { CertificateRecord } from '../domain/certificate.ts';
import type { CertificateNames } from '../domain/profile.ts';
import type { SerialNumber } from '../domain/serial.ts';

/** For whom a key is certified; a key never changes holders. */
export type KeyHolder =
  | { readonly kind: 'device'; readonly deviceId: string }
  | { readonly kind: 'operator' }
  | { readonly kind: 'service' };

/** What is about to be signed, durable before the signature. */
export type Intent = {
  readonly issuerId: string;
  readonly serialNumber: SerialNumber;
  readonly tbsCertificate: Uint8Array;
  readonly profile: string;
  readonly profileDigest: string;
  readonly principal: string;
  readonly spkiSha256: string;
  readonly holder: KeyHolder;
  readonly lineageId: string | null;
  /** The enrollment or the renewal that the certificate answers. */
  readonly conversationId: string | null;
  readonly idempotency: { readonly key: string; readonly bodySha256: string } | null;
  readonly notAfter: Date;
  readonly recordedAt: Date;
  /** Until then nobody else concludes the intent; afterwards it counts as left by a crash. */
  readonly leaseUntil: Date;
};

/** What the store says to an intent. Only `recorded` permits a signature. */
export type IntentOutcome =
  | { readonly kind: 'recorded' }
  | { readonly kind: 'keyHeld'; readonly by: string }
  | { readonly kind: 'keyCompromised' }
  /** Suspended, retired, or without a proved EK. */
  | { readonly kind: 'deviceNotActive' }
  /** The device has no grant for the lineage any more, or it is another's. */
  | { readonly kind: 'notGranted' }
  /** The renewal that it would answer was ended meanwhile. */
  | { readonly kind: 'renewalOver' }
  | { readonly kind: 'profileStopped' }
  | { readonly kind: 'idempotencyKeyUsed' };

/** A signed and verified certificate, with the names it carries. */
export type IssuedResult = {
  readonly fingerprint: string;
  readonly intent: Intent;
  readonly der: Uint8Array;
  readonly commonName: string;
  readonly names: CertificateNames;
  readonly notBefore: Date;
  readonly issuedAt: Date;
  /** When its lineage is to be renewed; null without a lineage. */
  readonly renewAt: Date | null;
};

/** An earlier attempt at the same request. */
export type EarlierAttempt = {
  readonly issuerId: string;
  readonly serialNumber: SerialNumber;
  readonly bodySha256: string | null;
  readonly leaseUntil: Date;
  readonly outcome: 'issued' | 'abandoned' | null;
  readonly certificate: CertificateRecord | null;
};

export type IssuanceStore = {
  /** Durable on return. */
  readonly recordIntent: (intent: Intent) => Promise<IntentOutcome>;
  /** Certificate, audit event and outbox message together; false when somebody abandoned the intent meanwhile. */
  readonly recordIssued: (result: IssuedResult) => Promise<boolean>;
  /** Revokes the serial and concludes the intent, unless it is concluded already (then false). */
  readonly abandonIntent: (attempt: {
    readonly issuerId: string;
    readonly serialNumber: SerialNumber;
    readonly by: string;
    readonly at: Date;
  }) => Promise<boolean>;
  readonly findByIdempotencyKey: (principal: string, key: string, now: Date) => Promise<EarlierAttempt | null>;
  /** Forgets which intent answers a key, if it is still this one: the retry then records its own. */
  readonly releaseIdempotencyKey: (principal: string, key: string, serialNumber: SerialNumber) => Promise<void>;
  readonly findByConversation: (conversationId: string, lineageId: string) => Promise<readonly EarlierAttempt[]>;
  /** No certificate is issued under this version of a profile any more, on any server of this database. */
  readonly stopProfile: (stop: {
    readonly profile: string;
    readonly profileDigest: string;
    readonly reason: string;
    readonly at: Date;
  }) => Promise<void>;
};
