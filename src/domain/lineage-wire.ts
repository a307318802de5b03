// The JSON resources of renewal, confirmation, reports and rotation as types; openapi.yaml is the contract. Kept apart from
// wire.ts by subject; conventions are the same: binary is base64url without padding, times are RFC 3339 UTC.
import type { IssuedCertificateResource, Page } from './wire.ts';

/** POST /v1/lineages/{id}/renewals, signed by the request key. `certification` is there exactly for a key of the TPM. */
export type RenewalBody = {
  /** The octets of a `RenewalDocument` as the host wrote them. */
  readonly request: string;
  readonly certification?: { readonly attest: string; readonly signature: string; readonly proof: string };
};

/** The document inside `request`: hashed as it was sent, then parsed. */
export type RenewalDocument = {
  readonly version: 1;
  /** Lineage id: the same as in the path. */
  readonly lineage: string;
  /** A TPM2B_PUBLIC that the AK certified, or a PKCS #10 request for a software key. */
  readonly key: { readonly public: string } | { readonly csr: string };
};

/** 200 of it. `recovered`: the certificate before had ended, or there was none. */
export type RenewalAnswer = {
  readonly state: 'issued';
  readonly recovered: boolean;
  readonly certificate: IssuedCertificateResource;
};

/** What a host saw after it had put a certificate in place. */
export type ObservedUse = {
  readonly installedAt: string;
  /** Number of the generation on the host. */
  readonly generation: number;
  /** SHA-256 of the leaf that the service served, when that could be asked. */
  readonly servedSha256: string | null;
  /** A SPIRE agent uses it: the SPIRE server has the last word. */
  readonly hasSpireAgent: boolean;
  readonly checks: readonly { readonly check: string; readonly ok: boolean; readonly detail: string }[];
};

/** POST /v1/certificates/{cert}/confirmation; `signature` is the certificate's own key's (r ‖ s, or PKCS #1 v1.5). */
export type ConfirmationBody = {
  readonly place: string;
  readonly signature: string;
  readonly observed: ObservedUse;
};

/** How a target of a host stands, as its agent says. */
export type TargetReport = {
  readonly name: string;
  readonly profile: string;
  readonly place: string;
  readonly lineage: string | null;
  /** Fingerprint of the certificate in place, null when there is none that can be read. */
  readonly certificate: string | null;
  readonly state: 'inUse' | 'staged' | 'installed' | 'rolledBack' | 'failed' | 'blocked' | 'missing';
  readonly error: LineageError | null;
  readonly failures: number;
  readonly hasSpireAgent: boolean;
};

/** Where a renewal stopped, and why. */
export type LineageError = {
  readonly at: string;
  readonly phase: 'key' | 'request' | 'check' | 'install' | 'hook' | 'postCheck' | 'confirm';
  readonly reason: string;
  readonly detail: string;
};

/** A certificate on a host that this service did not make, or does not manage there. It grants nothing. */
export type UnmanagedCertificate = {
  readonly path: string;
  readonly sha256: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Such as `softwareKeyDevId`; null for nothing. */
  readonly fault: string | null;
};

/** One thing that the host's doctor looked at. */
export type FindingResource = {
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'critical' | 'unknown';
  readonly detail: string;
  readonly fix: string | null;
};

/** What an agent says of its host beside certificates. `null` and `unknown`: it could not tell, or it does not apply. */
export type HostFacts = {
  readonly tpm: {
    readonly present: boolean;
    readonly inLockout: boolean | null;
    /** Wrong passwords so far, and how many lock it. */
    readonly lockoutCounter: number | null;
    readonly maxAuthFail: number | null;
  };
  /** Of `/` or `/var`. */
  readonly diskEncryption: 'luks' | 'none' | 'unknown';
  /** Whether Clevis opens that disk, by the TPM or a server. */
  readonly clevisBound: boolean | null;
  readonly spireAgent: { readonly installed: boolean; readonly healthy: boolean | null };
  readonly keylimeAgent: { readonly installed: boolean; readonly listening: boolean | null };
};

/** POST /v1/devices/self/reports, signed by the request key: the agent's regular call. */
export type HostReportBody = {
  readonly agentVersion: string;
  /** The host's own clock. */
  readonly at: string;
  readonly targets: readonly TargetReport[];
  readonly unmanaged: readonly UnmanagedCertificate[];
  readonly findings: readonly FindingResource[];
  /** Generation of the trust bundle that the host has; 0 for none. */
  readonly trustGeneration: number;
  /** Absent from older agents. */
  readonly facts?: HostFacts;
};

/** 200 of it: what the host must know to go on. */
export type HostReportAnswer = {
  readonly time: string;
  readonly lineages: readonly LineageResource[];
  /** Newest generation of the trust bundle; 0 for none. */
  readonly trustGeneration: number;
  /** Seconds after which the host should call again. */
  readonly callAgainSeconds: number;
};

export type LineageStateName =
  | 'empty'
  | 'current'
  | 'windowOpen'
  | 'inProgress'
  | 'issued'
  | 'installed'
  | 'failed'
  | 'late'
  | 'blocked';

/** A certificate of a lineage and what is known of its use. */
export type CertificateUseResource = {
  readonly certificate: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly issuedAt: string;
  readonly installedAt: string | null;
  readonly confirmedAt: string | null;
  readonly confirmedBy: 'host' | 'probe' | 'spire' | 'operator' | null;
  readonly status: 'good' | 'revoked';
};

/** GET /v1/lineages/{id} */
export type LineageResource = {
  readonly id: string;
  readonly device: string;
  readonly hostName: string;
  readonly profile: string;
  readonly place: string;
  readonly state: LineageStateName;
  readonly since: string | null;
  /** Why it is blocked, late or failed, for people; null otherwise. */
  readonly reason: string | null;
  /** The newest that was issued. */
  readonly newest: CertificateUseResource | null;
  /** The one that was last confirmed in use, if that is another. */
  readonly inUse: CertificateUseResource | null;
  readonly renewAt: string | null;
  readonly window: { readonly start: string; readonly end: string } | null;
  readonly pulled: { readonly at: string; readonly by: string; readonly because: string } | null;
  readonly lastError: (LineageError & { readonly failures: number }) | null;
};

export type LineagePage = Page<LineageResource>;
