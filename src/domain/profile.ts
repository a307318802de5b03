// Certificate profiles: the named rules for one kind of certificate. Pure data and pure questions about it; the files
// in policies/profiles/ are read by policies.ts.

/** The two hierarchies that never trust each other: what Keylime must obey has a root of its own. */
export type TrustDomain = 'estate' | 'keylime-control';

/** Subject key types that a profile can accept. RSA means exponent 65537. */
export type KeyType = 'ec-p256' | 'ec-p384' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096';

/** RFC 5280 §4.2.1.3, the bits that an end entity of ours can have. */
export type KeyUsage = 'digitalSignature' | 'keyEncipherment' | 'keyAgreement';

/** RFC 5280 §4.2.1.12 and TCG: `tpmFixed` is 2.23.133.11.1.2, whose only purpose is that no TLS stack accepts it. */
export const extendedKeyUsages = ['serverAuth', 'clientAuth', 'tpmFixed'] as const;

/** One of them. */
export type ExtendedKeyUsage = (typeof extendedKeyUsages)[number];

/** TCG policies that may stand in certificatePolicies once the service itself has checked residency. */
export type CertificatePolicy = 'verifiedTpmResidency' | 'verifiedTpmFixed';

/**
 * One entry of an allow-list: an exact name, or a rule that says what kind of rule it is.
 * `pattern` is a regular expression, always anchored at both ends.
 */
export type NameRule =
  | { readonly exact: string }
  | { readonly subdomainsOf: string }
  | { readonly pattern: string }
  | { readonly cidr: string }
  | { readonly any: true };

/**
 * How the subject's commonName comes about. `keylimeAgent` is the agent's UUID (hash_ek), or `agent.keylime.<host name>`
 * where that is unknown; `keylimeAgentName` is always the latter.
 */
export type CommonNameRule = 'hostName' | 'keylimeAgent' | 'keylimeAgentName' | 'firstDnsName' | 'principal';

/** Names that a certificate carries in its subjectAltName. Addresses in RFC 5952 / dotted-quad text. */
export type CertificateNames = {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
};

/** What may be issued under one name. Nothing here has a default: a profile says it or is refused. */
export type Profile = {
  readonly name: string;
  /** SHA-256 of the profile's file, lower-case hex: stored with each certificate that the profile allowed. */
  readonly digest: string;
  readonly description: string;
  readonly domain: TrustDomain;
  /** Who may obtain it: `device` through a grant, `operator` through a CSR, `service` only this service itself. */
  readonly obtainedBy: readonly ('device' | 'operator' | 'service')[];
  /** `tpm`: the SubjectPublicKeyInfo comes from a TPM public area that an AK certified; `software`: from a CSR. */
  readonly keyOrigin: 'tpm' | 'software';
  readonly keyTypes: readonly KeyType[];
  readonly lifetimeSeconds: number;
  /** notBefore lies this far in the past, for clocks that are a little late. */
  readonly backdateSeconds: number;
  readonly commonName: CommonNameRule;
  readonly allowedNames: {
    readonly dnsNames: readonly NameRule[];
    readonly ipAddresses: readonly NameRule[];
    readonly uris: readonly NameRule[];
  };
  /** Names the profile writes itself, whatever was asked. */
  readonly fixedNames: CertificateNames;
  /** Whether a HardwareModuleName of the TPM stands first in the subjectAltName (RFC 4108). */
  readonly hardwareModuleName: boolean;
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
  readonly certificatePolicies: readonly CertificatePolicy[];
  readonly authorityInformationAccess: 'issuer' | 'none';
  readonly crlDistributionPoint: 'issuer' | 'none';
  /** Upper bound on the PEM of the leaf in characters, or null: a relying party may have a column of fixed width. */
  readonly maxPemCharacters: number | null;
};

/** The profiles that a host gets when nobody names others (`protocol.md` calls it the default grant). */
export const defaultGrantProfiles = ['devid', 'keylime-agent'] as const;
