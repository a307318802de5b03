// A certificate for a CSR, asked for by a person or a script with an operator token. The CSR gives the key, whose
// possession it proves, and the names that are asked for; the profile and the token's limits decide which are had.
import { placeholderAgentUuids } from '../domain/device.ts';
import { isDnsName, matchesAny } from '../domain/names.ts';
import { printable } from '../domain/printable.ts';
import { type Principal, principalText, roleIncludes } from '../domain/principal.ts';
import type { CertificateNames, Profile } from '../domain/profile.ts';
import { err, type Refusal, type Result } from '../domain/result.ts';
import {
  type CertificationRequest,
  type CertificationRequestReason,
  defaultRequestLimits,
  readCertificationRequest,
} from '../x509/certification-request.ts';
import type { IssuedCertificate, IssueRequest } from './issue.ts';

type Operator = Extract<Principal, { kind: 'operator' }>;

export type CsrRequest = {
  readonly profile: string;
  readonly csrDer: Uint8Array;
  readonly principal: Operator;
  readonly idempotencyKey: string | null;
  /** SHA-256 of the whole request body, lower-case hex. */
  readonly bodySha256: string;
  readonly now: Date;
};

export type CsrPorts = {
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly issue: (request: IssueRequest) => Promise<Result<IssuedCertificate, readonly Refusal[]>>;
  /** RSA moduli that are known to be weak (CVE-2017-15361). */
  readonly isWeakModulus: (modulus: Uint8Array) => boolean;
  /** Names under which this service itself is reached: whoever had a certificate for them could pose as it. */
  readonly reservedNames: readonly string[];
};

export type CsrReason =
  | CertificationRequestReason
  | 'unknownProfile'
  | 'profileNotForOperators'
  | 'roleNotSufficient'
  | 'profileBeyondToken'
  | 'nameBeyondToken'
  | 'nameReserved'
  | 'nameKindNotSupported'
  | 'commonNameNotAName'
  | 'placeholderAgentUuid';

/** Authorizes the request against profile, role and token, all faults at once, and issues. */
export const issueFromCsr =
  (ports: CsrPorts) =>
  async (request: CsrRequest): Promise<Result<IssuedCertificate, readonly Refusal[]>> => {
    const profile = ports.profiles.get(request.profile);
    if (profile === undefined) return err([unknownProfile(request.profile, ports.profiles)]);
    const mayAsk = profileDenials(profile, request.principal);
    if (mayAsk.length > 0) return err(mayAsk);

    const csr = readCertificationRequest(request.csrDer, {
      ...defaultRequestLimits,
      isWeakModulus: ports.isWeakModulus,
    });
    if (!csr.ok) return err([{ ...csr.error, field: 'csr' }]);
    const names = requestedNames(csr.value);
    const denials = nameDenials({
      csr: csr.value,
      names,
      profile,
      principal: request.principal,
      reservedNames: ports.reservedNames,
    });
    if (denials.length > 0) return err(denials);

    return ports.issue({
      profile,
      subject: {
        names,
        hostName: names.dnsNames[0] ?? null,
        keylimeUuid: null,
        principal: request.principal.name,
        hardwareSerial: null,
      },
      key: { subjectPublicKeyInfo: csr.value.subjectPublicKeyInfo, keyType: csr.value.keyType, origin: 'software' },
      holder: { kind: 'operator' },
      principal: principalText(request.principal),
      lineageId: null,
      conversationId: null,
      idempotency:
        request.idempotencyKey === null ? null : { key: request.idempotencyKey, bodySha256: request.bodySha256 },
      now: request.now,
    });
  };

const unknownProfile = (name: string, profiles: ReadonlyMap<string, Profile>): Refusal<CsrReason> => ({
  reason: 'unknownProfile',
  detail: `there is no profile "${printable(name, 64)}"`,
  field: 'profile',
  accepted: [...profiles.values()]
    .filter((profile) => profile.obtainedBy.includes('operator'))
    .map((profile) => profile.name)
    .join(', '),
});

function profileDenials(profile: Profile, principal: Operator): Refusal<CsrReason>[] {
  const denials: Refusal<CsrReason>[] = [];
  if (!profile.obtainedBy.includes('operator')) {
    denials.push({
      reason: 'profileNotForOperators',
      detail: `profile ${profile.name} is not issued for a CSR of an operator`,
      field: 'profile',
      accepted: profile.keyOrigin === 'tpm' ? 'enrollment of the host: omens agent enroll' : 'a grant to a device',
    });
  }
  if (profile.extendedKeyUsage.includes('clientAuth') && !roleIncludes(principal.role, 'admin')) {
    denials.push({
      reason: 'roleNotSufficient',
      detail: `profile ${profile.name} has clientAuth, which role ${principal.role} cannot issue`,
      field: 'profile',
      accepted: 'an operator token of role admin',
    });
  }
  if (principal.limits.profiles !== null && !principal.limits.profiles.includes(profile.name)) {
    denials.push({
      reason: 'profileBeyondToken',
      detail: `this token is not for profile ${profile.name}`,
      field: 'profile',
      accepted: principal.limits.profiles.join(', '),
    });
  }
  return denials;
}

/** The names of the CSR; a commonName stands in where there are none, as old tools write it. */
function requestedNames(csr: CertificationRequest): CertificateNames {
  const { names, commonName } = csr;
  const isEmpty = names.dnsNames.length + names.ipAddresses.length + names.uris.length === 0;
  if (!isEmpty || commonName === null || !isDnsName(commonName.toLowerCase())) return names;
  return { ...names, dnsNames: [commonName.toLowerCase()] };
}

type NameFacts = {
  readonly csr: CertificationRequest;
  readonly names: CertificateNames;
  readonly profile: Profile;
  readonly principal: Operator;
  readonly reservedNames: readonly string[];
};

function nameDenials({ csr, names, profile, principal, reservedNames }: NameFacts): Refusal<CsrReason>[] {
  const denials: Refusal<CsrReason>[] = csr.unsupportedNames.map((kind) => ({
    reason: 'nameKindNotSupported',
    detail: `the CSR asks for a name of kind ${kind}`,
    field: 'csr.subjectAltName',
    accepted: 'dNSName, iPAddress and uniformResourceIdentifier',
  }));
  const all = [...names.dnsNames, ...names.ipAddresses, ...names.uris];
  const allowed = principal.limits.names;
  for (const name of allowed === null ? [] : all.filter((candidate) => !matchesAny(allowed, candidate))) {
    denials.push({
      reason: 'nameBeyondToken',
      detail: `this token is not for the name "${name}"`,
      field: 'csr.subjectAltName',
    });
  }
  for (const name of all.filter((candidate) => reservedNames.includes(candidate))) denials.push(reserved(name));
  const commonName = csr.commonName;
  if (commonName !== null) {
    if (placeholderAgentUuids.includes(commonName.toLowerCase())) denials.push(placeholder(commonName));
    const planned = profile.commonName === 'principal' ? [principal.name] : all;
    if (!planned.includes(commonName) && !planned.includes(commonName.toLowerCase()))
      denials.push(strayCommonName(planned));
  }
  return denials;
}

const reserved = (name: string): Refusal<CsrReason> => ({
  reason: 'nameReserved',
  detail: `"${name}" is a name of this service itself, which makes its own certificate`,
  field: 'csr.subjectAltName',
  accepted: 'any other name; a host of this name gets its certificates by enrollment',
});

const placeholder = (uuid: string): Refusal<CsrReason> => ({
  reason: 'placeholderAgentUuid',
  detail: `${uuid} is the example UUID of the Keylime documentation, which every unconfigured agent has`,
  field: 'csr.subject',
  accepted: 'uuid = "hash_ek" in /etc/keylime/agent.conf',
});

const strayCommonName = (planned: readonly string[]): Refusal<CsrReason> => ({
  reason: 'commonNameNotAName',
  detail: 'the commonName of the CSR is none of the names that the certificate would have',
  field: 'csr.subject',
  accepted: `no commonName, or one of: ${planned.slice(0, 10).join(', ')}`,
});
