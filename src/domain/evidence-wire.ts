// The JSON resource of why a certificate was issued; openapi.yaml is the contract. No secret is in it: neither that of a
// challenge nor that of a token, not even their digests.
import type { ObservedUse } from './lineage-wire.ts';
import type { GrantResource } from './wire.ts';

/** What a certification by an AK says (TPMS_ATTEST), decoded. Hex is lower-case. */
export type CertificationResource = {
  readonly role: 'request' | 'devid';
  /** The Name of the key that the TPM certified. */
  readonly name: string;
  readonly spkiSha256: string | null;
  /** The qualified name of the AK that signed. */
  readonly qualifiedSigner: string;
  /** Over what: SHA-256 of the statement that binds conversation, nonce and request. */
  readonly extraData: string;
  /** 64 bits of the TPM, in hex. */
  readonly firmwareVersion: string;
  readonly clock: string;
  readonly resetCount: number;
  readonly restartCount: number;
  readonly safe: boolean;
};

/** The TPM behind a certified key. */
export type TpmEvidenceResource = {
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly version: string | null;
  readonly ekFingerprint: string;
  readonly exception: 'rocaWeak' | 'noCertificate' | null;
  /** Whether the dates of the EK's path had to be good; null where no path was looked at. */
  readonly validity: 'enforced' | 'ignored' | null;
  /** From the EK's own certificate to the root of its maker. */
  readonly path: readonly {
    readonly sha256: string;
    readonly subject: string;
    readonly notBefore: string | null;
    readonly notAfter: string | null;
  }[];
  /** Name of the AK, null where only the EK is known. */
  readonly akName: string | null;
  readonly certifications: readonly CertificationResource[];
};

/** One thing that had to hold before the certificate was signed. */
export type EvidenceCheckResource = {
  readonly check: string;
  readonly detail: string;
  /** `verified`: again, just now. `recorded`: only the service saw it, then. `failed`: it does not hold now. */
  readonly outcome: 'verified' | 'recorded' | 'failed';
};

/** Who let the host have it. */
export type AllowedBy =
  | { readonly kind: 'token'; readonly id: string; readonly by: string; readonly at: string }
  | {
      readonly kind: 'approval';
      readonly by: string;
      readonly at: string;
      readonly grants: readonly GrantResource[];
      readonly replaces: string | null;
    }
  | { readonly kind: 'preregistration'; readonly by: string; readonly at: string }
  /** It proved the TPM of a device that was there already. */
  | { readonly kind: 'knownDevice'; readonly device: string };

export type EvidenceRequest =
  | {
      readonly kind: 'enrollment';
      readonly id: string;
      readonly hostName: string;
      readonly startedAt: string;
      readonly checkedAt: string | null;
      readonly allowedBy: AllowedBy;
      /** What the host asked for: profile, and where its key came from. */
      readonly asked: readonly {
        readonly profile: string;
        readonly key: 'devid' | 'csr';
        readonly dnsNames: readonly string[] | null;
        readonly ipAddresses: readonly string[] | null;
      }[];
    }
  | {
      readonly kind: 'renewal';
      readonly id: string;
      readonly lineage: string;
      readonly admittedAt: string;
      readonly checkedAt: string | null;
      readonly outsideCeiling: boolean;
      readonly recovery: boolean;
      readonly key: 'tpm' | 'csr';
    }
  /** A person or script sent a CSR; the service asked for its own certificate. Neither CSR is kept. */
  | { readonly kind: 'csr' | 'service' };

/** GET /v1/certificates/{cert}/evidence */
export type EvidenceResource = {
  readonly certificate: string;
  readonly subject: string;
  readonly serial: string;
  readonly profile: {
    readonly name: string;
    /** SHA-256 of the profile's file as it was then. */
    readonly digest: string;
    /** Whether the file is the same today; null when the profile is not there any more. */
    readonly unchanged: boolean | null;
  };
  readonly principal: string;
  readonly device: string | null;
  readonly hostName: string | null;
  readonly lineage: string | null;
  readonly spkiSha256: string;
  /** The intent was durable then, before the signature. */
  readonly recordedAt: string;
  readonly issuedAt: string;
  readonly request: EvidenceRequest;
  readonly tpm: TpmEvidenceResource | null;
  readonly checks: readonly EvidenceCheckResource[];
  /** What was kept, verified again just now; `nothingKept`: there is nothing that could be verified without us. */
  readonly again:
    | { readonly state: 'verifies' | 'nothingKept' }
    | { readonly state: 'fails'; readonly reason: string; readonly detail: string };
  readonly confirmations: readonly {
    readonly at: string;
    readonly by: 'host' | 'probe' | 'spire' | 'operator';
    readonly principal: string;
    readonly observed: ObservedUse | null;
  }[];
};
