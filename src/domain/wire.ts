// The JSON resources of the HTTP API as types; openapi.yaml is the contract and a test holds both together.
// Binary is base64url without padding, certificates in answers are PEM, times are RFC 3339 UTC in whole seconds.
import type { DeviceState } from './device.ts';
import type { OperatorRole } from './principal.ts';

/** A list resource; `next` is the cursor of the following page, null at the end. */
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null };

/** POST /v1/enrollments */
export type EnrollmentBody = {
  readonly ekPublic: string;
  readonly ekCertificates: readonly string[];
  readonly akPublic: string;
  readonly hostName: string;
  readonly token?: string;
};

/** 201 of POST /v1/enrollments: credential protection under the EK for the AK's Name. */
export type ChallengeResource = {
  readonly id: string;
  readonly credentialBlob: string;
  readonly encryptedSecret: string;
  readonly nonce: string;
  readonly expiresAt: string;
};

/** The document inside `request`, hashed as the octets the agent wrote, then parsed. */
export type EnrollmentRequestDocument = {
  readonly version: 1;
  readonly hostName: string;
  readonly keys: readonly { readonly role: 'request' | 'devid'; readonly public: string }[];
  readonly certificates: readonly {
    readonly profile: string;
    /** `devid` for the DevID key of `keys`, or `{csr}` for a software key. */
    readonly key: 'devid' | { readonly csr: string };
    readonly dnsNames?: readonly string[];
    readonly ipAddresses?: readonly string[];
  }[];
};

/** POST /v1/enrollments/{id}/activation */
export type ActivationBody = {
  readonly secret: string;
  readonly request: string;
  readonly certifications: readonly { readonly attest: string; readonly signature: string; readonly proof: string }[];
};

export type IssuedCertificateResource = {
  readonly profile: string;
  readonly lineage: string;
  readonly certificate: string;
  readonly chain: string;
  readonly notAfter: string;
  readonly renewAt: string;
};

/** Answers of activation and of GET /v1/enrollments/{id}. */
export type EnrollmentAnswer =
  | {
      readonly state: 'issued';
      readonly device: { readonly id: string; readonly hostName: string; readonly keylimeUuid: string | null };
      readonly certificates: readonly IssuedCertificateResource[];
    }
  | { readonly state: 'pending'; readonly ekFingerprint: string; readonly version: number; readonly retryAfter: number }
  | ({ readonly state: 'approved' } & Omit<ChallengeResource, 'id'>);

/** An item of GET /v1/enrollments?state=pending. */
export type PendingEnrollmentResource = {
  readonly id: string;
  readonly state: 'pending' | 'approved';
  readonly version: number;
  readonly hostName: string;
  readonly ekFingerprint: string;
  readonly tpm: TpmResource;
  readonly profiles: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Why a person must look: a device whose place this one would take, a missing EK certificate, … */
  readonly warnings: readonly string[];
  readonly lapsesAt: string;
};

export type TpmResource = {
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly version: string | null;
};

export type GrantResource = {
  readonly profile: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly place: string;
};

/** POST /v1/enrollment-tokens */
export type EnrollmentTokenBody = {
  readonly hostName: string;
  readonly addresses?: readonly string[];
  /** Absent: the default grant. `dnsNames` absent: the host's own name. */
  readonly profiles?: readonly {
    readonly profile: string;
    readonly dnsNames?: readonly string[];
    readonly place?: string;
  }[];
  readonly ttlSeconds?: number;
};

/** 201 of POST /v1/enrollment-tokens; items of GET have neither `token` nor `command`. */
export type EnrollmentTokenResource = {
  readonly id: string;
  readonly token?: string;
  readonly command?: string;
  readonly hostName: string;
  readonly grants: readonly GrantResource[];
  readonly expiresAt: string;
  readonly spentAt?: string | null;
};

/** POST /v1/operator-tokens */
export type OperatorTokenBody = {
  readonly name: string;
  readonly role: OperatorRole;
  readonly ttlSeconds?: number;
  readonly limits?: LimitsResource;
};

export type LimitsResource = {
  readonly profiles?: readonly string[];
  /** Exact names, or `*.example.org` for all subdomains. */
  readonly names?: readonly string[];
  readonly sources?: readonly string[];
};

export type OperatorTokenResource = {
  readonly id: string;
  readonly token?: string;
  readonly name: string;
  readonly role: OperatorRole;
  readonly limits: LimitsResource;
  readonly expiresAt: string;
  readonly lastUsedAt?: string | null;
  readonly revokedAt?: string | null;
};

/** POST /v1/devices: an EK known before its host calls. */
export type PreregistrationBody = {
  readonly ekFingerprint: string;
  readonly hostName: string;
  readonly addresses?: readonly string[];
  readonly profiles?: EnrollmentTokenBody['profiles'];
  /** Names the one rule that this exact EK may break. */
  readonly exception?: 'rocaWeak' | 'noCertificate';
};

export type PreregistrationResource = {
  readonly ekFingerprint: string;
  readonly hostName: string;
  readonly grants: readonly GrantResource[];
  readonly exception: 'rocaWeak' | 'noCertificate' | null;
};

export type DeviceResource = {
  readonly id: string;
  readonly hostName: string;
  readonly state: DeviceState;
  readonly keylimeUuid: string | null;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly tpm: TpmResource;
  readonly endorsementKeys: readonly {
    readonly fingerprint: string;
    readonly provedAt: string;
    readonly exception: string | null;
  }[];
  readonly grants: readonly GrantResource[];
  readonly lineages: readonly {
    readonly id: string;
    readonly profile: string;
    readonly place: string;
    /** The newest certificate, or null when none was issued yet. */
    readonly certificate: CertificateResource | null;
  }[];
};

/** POST /v1/certificates */
export type CertificateBody = { readonly profile: string; readonly csr: string };

export type CertificateResource = {
  /** SHA-256 of the DER. */
  readonly certificate: string;
  readonly profile: string;
  readonly serial: string;
  readonly issuer: string;
  readonly subject: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  readonly status: 'good' | 'revoked';
  readonly reasonCode: string | null;
  readonly device: string | null;
  readonly lineage: string | null;
  readonly issuedAt: string;
  readonly renewAt: string;
  readonly pem: string;
  readonly chain: string;
};

/** GET /v1/renewal-info/{certid} (RFC 9773 §4.2). */
export type RenewalInfo = { readonly suggestedWindow: { readonly start: string; readonly end: string } };

export type ProfileResource = {
  readonly name: string;
  readonly description: string;
  readonly trustDomain: string;
  readonly digest: string;
  readonly lifetimeSeconds: number;
  readonly keyOrigin: string;
  readonly keyTypes: readonly string[];
  readonly extendedKeyUsage: readonly string[];
  readonly obtainedBy: readonly string[];
};

/** An item of GET /v1/issuers. `id` and `subjectKeyIdentifier` in lower-case hex. */
export type IssuerResource = {
  readonly id: string;
  readonly trustDomain: string;
  readonly role: 'root' | 'intermediate' | 'issuing';
  readonly subject: string;
  readonly subjectKeyIdentifier: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly active: boolean;
};

/** POST /v1/trust-bundles: SignedData (RFC 5652) in DER, as `omens trust sign` made it. */
export type TrustBundleBody = { readonly bundle: string };

/**
 * A published trust bundle. `bundle` is PEM of label CMS (RFC 7468 §9), and all that a host believes; the other members
 * repeat for people what stands in it.
 */
export type TrustBundleResource = {
  readonly generation: number;
  readonly bundle: string;
  readonly createdAt: string;
  /** SHA-256 of the certificate whose key signed. */
  readonly signedBy: string;
  readonly anchors: readonly {
    readonly trustDomain: string;
    readonly certificate: string;
    readonly subject: string;
    readonly notAfter: string;
  }[];
};

/** RFC 9457, with the rule, field and remedy; `denials` when a request broke several rules. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly field?: string;
  readonly accepted?: string;
  readonly denials?: readonly {
    readonly reason: string;
    readonly detail: string;
    readonly field?: string;
    readonly accepted?: string;
  }[];
};

/** An instant on the wire: RFC 3339 UTC, whole seconds. */
export const wireTime = (instant: Date): string => `${instant.toISOString().slice(0, 19)}Z`;
