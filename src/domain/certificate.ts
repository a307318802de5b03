// Certificates as the inventory knows them, and what may be asked of them at an instant.
import type { CertificateNames } from './profile.ts';
import type { SerialNumber } from './serial.ts';

/** Reason codes of RFC 5280 §5.3.1 that this service uses. No certificateHold: what was revoked here stays so. */
export const reasonCodes = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const;

export type ReasonCode = (typeof reasonCodes)[number];

export type CertificateStatus =
  | { readonly kind: 'good' }
  | { readonly kind: 'revoked'; readonly reasonCode: ReasonCode; readonly at: Date };

export type CertificateRecord = {
  /** SHA-256 of the DER, lower-case hex: `{cert}` on the wire. */
  readonly fingerprint: string;
  /** SHA-256 of the issuer's certificate. */
  readonly issuerId: string;
  readonly serialNumber: SerialNumber;
  readonly der: Uint8Array;
  readonly profile: string;
  readonly commonName: string;
  readonly names: CertificateNames;
  readonly spkiSha256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly principal: string;
  readonly deviceId: string | null;
  readonly lineageId: string | null;
  readonly issuedAt: Date;
  /** When it is to be replaced: of the newest of a lineage what is stored, pulls included; null for any other. */
  readonly renewAt: Date | null;
  readonly status: CertificateStatus;
};
