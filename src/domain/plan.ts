// From a profile and authorized facts to the exact plan of a certificate. Pure: the same input gives the same plan, and
// every rule that a request breaks is reported, not only the first.
import { isDnsName, isUri, matchesAny, normalizeIpAddress } from './names.ts';
import { printable } from './printable.ts';
import type {
  CertificateNames,
  CertificatePolicy,
  ExtendedKeyUsage,
  KeyType,
  KeyUsage,
  Profile,
  TrustDomain,
} from './profile.ts';
import { err, ok, type Refusal, type Result } from './result.ts';

/** Everything a TBSCertificate says, but for serial number and issuer. Times are whole seconds. */
export type Plan = {
  readonly profile: string;
  readonly profileDigest: string;
  readonly domain: TrustDomain;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly commonName: string;
  readonly names: CertificateNames;
  /** hwSerialNum of the HardwareModuleName that stands first in the subjectAltName, or null for none. */
  readonly hardwareSerial: string | null;
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly keyType: KeyType;
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
  readonly certificatePolicies: readonly CertificatePolicy[];
  /** URL of the issuer's certificate (DER), or null. */
  readonly issuerUrl: string | null;
  /** URL of the CRL, or null. */
  readonly crlUrl: string | null;
  readonly maxPemCharacters: number | null;
};

/** What is known about the subject once it is authorized; names are already those of the grant or the token's limits. */
export type PlanSubject = {
  readonly names: CertificateNames;
  /** The device's host name, or null for a request that no device stands behind. */
  readonly hostName: string | null;
  /** SHA-256 of the RSA EK's public key in PEM (64 hex characters), or null when unknown. */
  readonly keylimeUuid: string | null;
  /** Name of the principal (an operator token's name), for profiles whose commonName it is. */
  readonly principal: string | null;
  /** hwSerialNum made from the EK certificate, or null when no TPM stands behind the key. */
  readonly hardwareSerial: string | null;
};

/** The key to be certified and where it was proved to live. */
export type PlanKey = {
  readonly subjectPublicKeyInfo: Uint8Array;
  readonly keyType: KeyType;
  readonly origin: 'tpm' | 'software';
};

/** What the plan must know about the issuer. */
export type PlanIssuer = {
  readonly domain: TrustDomain;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly issuerUrl: string;
  readonly crlUrl: string;
};

export type DenialReason =
  | 'keyOriginNotAllowed'
  | 'keyTypeNotAllowed'
  | 'nameNotAllowed'
  | 'malformedName'
  | 'noName'
  | 'commonNameTooLong'
  | 'commonNameUnknown'
  | 'hardwareModuleUnknown'
  | 'wrongTrustDomain'
  | 'outlivesIssuer';

export type Denial = Refusal<DenialReason>;

export type PlanRequest = {
  readonly profile: Profile;
  readonly subject: PlanSubject;
  readonly key: PlanKey;
  readonly issuer: PlanIssuer;
  readonly now: Date;
};

/** Upper bound of X.520 commonName (ub-common-name, RFC 5280 appendix A.1). */
const maxCommonName = 64;

/** Whole seconds, rounded down: certificates carry no fractions (RFC 5280 §4.1.2.5). */
export const wholeSeconds = (instant: Date): Date => new Date(Math.floor(instant.getTime() / 1000) * 1000);

/** Plans a certificate, or says everything that stands in the way. */
export function planCertificate(request: PlanRequest): Result<Plan, readonly Denial[]> {
  const { profile, subject, key, issuer, now } = request;
  const names = certificateNames(profile, subject.names);
  const commonName = commonNameOf(profile, subject);
  const start = wholeSeconds(now).getTime();
  // A CA that is younger than the backdate bounds it: no certificate begins before its issuer.
  const notBefore = new Date(Math.max(start - profile.backdateSeconds * 1000, issuer.notBefore.getTime()));
  // RFC 5280 §4.1.2.5: validity includes both ends, so a lifetime of n seconds ends at n - 1.
  const notAfter = new Date(notBefore.getTime() + (profile.lifetimeSeconds - 1) * 1000);
  const denials = [
    ...keyDenials(profile, key),
    ...nameDenials(profile, names),
    ...(commonName.ok ? [] : [commonName.error]),
    ...issuerDenials({ profile, issuer, notAfter }),
    ...(profile.hardwareModuleName && subject.hardwareSerial === null ? [hardwareModuleUnknown(profile)] : []),
  ];
  if (denials.length > 0 || !commonName.ok) return err(denials);
  return ok({
    profile: profile.name,
    profileDigest: profile.digest,
    domain: profile.domain,
    notBefore,
    notAfter,
    commonName: commonName.value,
    names,
    hardwareSerial: profile.hardwareModuleName ? subject.hardwareSerial : null,
    subjectPublicKeyInfo: key.subjectPublicKeyInfo,
    keyType: key.keyType,
    keyUsage: profile.keyUsage,
    extendedKeyUsage: profile.extendedKeyUsage,
    certificatePolicies: profile.certificatePolicies,
    issuerUrl: profile.authorityInformationAccess === 'issuer' ? issuer.issuerUrl : null,
    crlUrl: profile.crlDistributionPoint === 'issuer' ? issuer.crlUrl : null,
    maxPemCharacters: profile.maxPemCharacters,
  });
}

/** The names of the grant and those that the profile writes itself, each once, in that order. */
function certificateNames(profile: Profile, granted: CertificateNames): CertificateNames {
  const once = (own: readonly string[], fixed: readonly string[]): string[] => [...new Set([...own, ...fixed])];
  return {
    dnsNames: once(granted.dnsNames, profile.fixedNames.dnsNames),
    ipAddresses: once(granted.ipAddresses, profile.fixedNames.ipAddresses),
    uris: once(granted.uris, profile.fixedNames.uris),
  };
}

function commonNameOf(profile: Profile, subject: PlanSubject): Result<string, Denial> {
  const text = commonNameText(profile, subject);
  if (text === null) {
    const needs = {
      hostName: 'a host name',
      keylimeAgent: 'a host name',
      keylimeAgentName: 'a host name',
      firstDnsName: 'a DNS name',
      principal: 'a named principal',
    };
    return err({
      reason: 'commonNameUnknown',
      detail: `profile ${profile.name} takes the commonName from ${needs[profile.commonName]}, and the request has none`,
      field: 'subject.commonName',
    });
  }
  if (text.length > maxCommonName) {
    return err({
      reason: 'commonNameTooLong',
      detail: `commonName "${text}" has ${text.length} characters`,
      field: 'subject.commonName',
      accepted: `at most ${maxCommonName} characters (X.520 ub-common-name); use a shorter host name`,
    });
  }
  return ok(text);
}

function commonNameText(profile: Profile, subject: PlanSubject): string | null {
  switch (profile.commonName) {
    case 'hostName':
      return subject.hostName;
    case 'keylimeAgent':
      return subject.keylimeUuid ?? keylimeAgentName(subject);
    case 'keylimeAgentName':
      return keylimeAgentName(subject);
    case 'firstDnsName':
      return subject.names.dnsNames[0] ?? null;
    case 'principal':
      return subject.principal;
    default:
      return profile.commonName satisfies never;
  }
}

const keylimeAgentName = ({ hostName }: PlanSubject): string | null =>
  hostName === null ? null : `agent.keylime.${hostName}`;

function keyDenials(profile: Profile, key: PlanKey): Denial[] {
  const denials: Denial[] = [];
  if (profile.keyOrigin !== key.origin) {
    denials.push({
      reason: 'keyOriginNotAllowed',
      detail:
        profile.keyOrigin === 'tpm'
          ? `profile ${profile.name} certifies only a key that a TPM has proved`
          : `profile ${profile.name} certifies a software key with a CSR, not a TPM key`,
      field: 'key',
      accepted: profile.keyOrigin === 'tpm' ? 'a DevID certified by the attestation key of an enrolled TPM' : 'a CSR',
    });
  }
  if (!profile.keyTypes.includes(key.keyType)) {
    denials.push({
      reason: 'keyTypeNotAllowed',
      detail: `profile ${profile.name} does not take a key of type ${key.keyType}`,
      field: 'key',
      accepted: profile.keyTypes.join(', '),
    });
  }
  return denials;
}

function nameDenials(profile: Profile, names: CertificateNames): Denial[] {
  const kinds = [
    { field: 'dnsNames', values: names.dnsNames, isValid: isDnsName, fixed: profile.fixedNames.dnsNames },
    { field: 'ipAddresses', values: names.ipAddresses, isValid: isAddress, fixed: profile.fixedNames.ipAddresses },
    { field: 'uris', values: names.uris, isValid: isUri, fixed: profile.fixedNames.uris },
  ] as const;
  const denials: Denial[] = kinds.flatMap(({ field, values, isValid, fixed }) =>
    values.flatMap((value): Denial[] => {
      if (!isValid(value))
        return [{ reason: 'malformedName', detail: `"${printable(value)}" is not well formed`, field }];
      const rules = profile.allowedNames[field];
      if (fixed.includes(value) || matchesAny(rules, value)) return [];
      return [
        {
          reason: 'nameNotAllowed',
          detail: `profile ${profile.name} does not allow the name "${value}"`,
          field,
          accepted: rules.length === 0 ? `no ${field} at all` : rules.map(describeRule).join(', '),
        },
      ];
    }),
  );
  const empty = names.dnsNames.length + names.ipAddresses.length + names.uris.length === 0;
  if (empty && profile.extendedKeyUsage.includes('serverAuth')) {
    denials.push({ reason: 'noName', detail: 'a server certificate needs at least one name', field: 'dnsNames' });
  }
  return denials;
}

const isAddress = (text: string): boolean => normalizeIpAddress(text) === text;

/** A name rule as a person reads it. */
function describeRule(rule: Profile['allowedNames']['dnsNames'][number]): string {
  if ('exact' in rule) return `"${rule.exact}"`;
  if ('subdomainsOf' in rule) return `subdomains of ${rule.subdomainsOf}`;
  if ('pattern' in rule) return `names matching ^(?:${rule.pattern})$`;
  if ('cidr' in rule) return `addresses in ${rule.cidr}`;
  return 'any';
}

function issuerDenials(facts: { profile: Profile; issuer: PlanIssuer; notAfter: Date }): Denial[] {
  const { profile, issuer, notAfter } = facts;
  const denials: Denial[] = [];
  if (profile.domain !== issuer.domain) {
    denials.push({
      reason: 'wrongTrustDomain',
      detail: `profile ${profile.name} belongs to ${profile.domain}, the issuer to ${issuer.domain}`,
    });
  }
  if (notAfter.getTime() > issuer.notAfter.getTime()) {
    denials.push({
      reason: 'outlivesIssuer',
      detail: `the certificate would end at ${notAfter.toISOString()}, its issuer ends at ${issuer.notAfter.toISOString()}`,
      accepted: 'a new issuing CA: roll the issuer over before its last full lifetime begins',
    });
  }
  return denials;
}

const hardwareModuleUnknown = (profile: Profile): Denial => ({
  reason: 'hardwareModuleUnknown',
  detail: `profile ${profile.name} names the TPM in the certificate, and no endorsement key stands behind this request`,
});
