// What a renewal proved, as it is kept with it. How it is verified is in enrollment/.

/** Kept with the renewal, so that what the TPM said can be verified again; binary in base64url. */
export type RenewalEvidence = {
  readonly version: 1;
  readonly lineage: string;
  readonly nonce: string;
  readonly request: string;
  readonly checkedAt: string;
  /** Null for a software key: its CSR is in `request`, and the request key signed for that. */
  readonly certified: {
    readonly attestationKey: string;
    readonly attest: string;
    readonly signature: string;
    readonly proof: string;
  } | null;
};
