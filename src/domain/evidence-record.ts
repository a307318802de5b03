// What is kept of why a certificate was issued and of its use, as records. What it proves is judged in enrollment/.
import type { Grant } from './device.ts';
import type { Evidence } from './enrollment.ts';
import type { ObservedUse } from './lineage-wire.ts';
import type { ConfirmedBy } from './lineage.ts';
import type { RenewalEvidence } from './renewal-evidence.ts';
import type { TpmResource } from './wire.ts';

/** Who allowed something, and when. */
type Deed = { readonly by: string; readonly at: Date };

/** An enrollment that a certificate answers, without its secrets. */
export type EnrollmentEvidence = {
  readonly id: string;
  readonly hostName: string;
  readonly createdAt: Date;
  readonly ekFingerprint: string;
  readonly tpm: TpmResource;
  readonly akName: string;
  readonly evidence: Evidence | null;
  readonly approval: (Deed & { readonly grants: readonly Grant[]; readonly replaces: string | null }) | null;
  readonly token: (Deed & { readonly id: string }) | null;
  readonly preregistration: Deed | null;
};

/** Everything that is kept of why a certificate was issued. Digests and fingerprints in lower-case hex. */
export type EvidenceRecord = {
  readonly fingerprint: string;
  readonly commonName: string;
  readonly serialNumber: string;
  readonly profile: string;
  readonly profileDigest: string;
  readonly principal: string;
  readonly device: { readonly id: string; readonly hostName: string; readonly createdAt: Date } | null;
  readonly lineageId: string | null;
  readonly spkiSha256: string;
  readonly recordedAt: Date;
  readonly issuedAt: Date;
  readonly enrollment: EnrollmentEvidence | null;
  readonly renewal: {
    readonly id: string;
    readonly admittedAt: Date;
    readonly isOutsideCeiling: boolean;
    readonly isRecovery: boolean;
    readonly evidence: RenewalEvidence | null;
  } | null;
};

/** One confirmation of its use; `observed` is null where nothing of this form was. */
export type ConfirmationEvidence = {
  readonly at: Date;
  readonly by: ConfirmedBy;
  readonly principal: string;
  readonly observed: ObservedUse | null;
};
