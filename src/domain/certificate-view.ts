// What the operator page shows of one certificate beyond its resource of the API.
import type { ReasonCode } from './certificate.ts';
import type { ExpiryLevel } from './expiry.ts';
import type { CertificateText } from './certificate-text.ts';
import type { EvidenceResource } from './evidence-wire.ts';
import type { ConfirmedBy } from './lineage.ts';
import type { LineageResource } from './lineage-wire.ts';
import type { Refusal } from './result.ts';
import type { CertificateResource } from './wire.ts';

/** A certificate of a lineage, and what became of it. */
export type LineageStep = {
  readonly fingerprint: string;
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly issuedAt: Date;
  readonly installedAt: Date | null;
  readonly confirmed: { readonly at: Date; readonly by: ConfirmedBy } | null;
  readonly supersededAt: Date | null;
  readonly isServing: boolean;
  readonly revoked: { readonly at: Date; readonly reasonCode: ReasonCode } | null;
};

export type RefusedRenewal = { readonly id: string; readonly at: Date; readonly refusals: readonly Refusal[] };

export type LineageHistory = {
  /** The newest first, at most `mostSteps`. */
  readonly steps: readonly LineageStep[];
  readonly refused: readonly RefusedRenewal[];
};

/** So many certificates of a lineage are shown. */
export const mostSteps = 20;

/** A CA above a certificate: its issuer first, its root last. */
export type ChainLink = {
  readonly id: string;
  readonly subject: string;
  readonly role: 'root' | 'intermediate' | 'issuing';
  readonly notBefore: Date;
  readonly notAfter: Date;
};

export type CertificateUseView = {
  readonly isServing: boolean;
  readonly levels: { readonly warningAt: Date; readonly criticalAt: Date } | null;
  readonly supersededAt: Date | null;
  readonly hostName: string | null;
  readonly place: string | null;
};

/** Everything on the page of one certificate. */
export type CertificatePageView = {
  readonly certificate: CertificateResource;
  readonly use: CertificateUseView;
  readonly level: ExpiryLevel | null;
  /** Null when our own reader cannot read it. */
  readonly text: CertificateText | null;
  readonly chain: readonly ChainLink[];
  readonly lineage: LineageResource | null;
  readonly history: LineageHistory | null;
  readonly evidence: EvidenceResource | null;
};
