// From what a document asks to what may be had: keys found and read, names held against the grants. Every fault is told.
// Pure; the certificate is built from the grant, never from a CSR.
import { type Grant, placeholderAgentUuids } from '../domain/device.ts';
import type { PlanKey, PlanSubject } from '../domain/plan.ts';
import { normalizeIpAddress } from '../domain/names.ts';
import { printable } from '../domain/printable.ts';
import type { CertificateNames, Profile } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { isWeakModulus } from '../tpm2/close-primes.ts';
import {
  type CertificationRequest,
  type CertificationRequestReason,
  defaultRequestLimits,
  readCertificationRequest,
} from '../x509/certification-request.ts';
import { keylimeNames, notForDevices, placeholderAgentUuid, unknownProfile } from './grants.ts';
import type { ProvedKey } from './prove.ts';
import type { RequestDocument, RequestedCertificate } from './request-document.ts';

export type RequestedReason =
  | 'unknownProfile'
  | 'profileNotForDevices'
  | 'devidKeyMissing'
  | 'requestKeyMissing'
  | 'keyTwice'
  | 'nameKindNotSupported'
  | 'placeholderAgentUuid'
  | 'profileNotGranted'
  | 'nameNotGranted'
  | 'csrNamesDiffer'
  | 'commonNameNotAName'
  | CertificationRequestReason;

type Refused = Refusal<RequestedReason>;

/** One certificate that was asked for, its key found and read; `field` is where it stands in the document. */
export type Requested = {
  readonly profile: Profile;
  readonly key: PlanKey;
  readonly spkiSha256: string;
  readonly csr: CertificationRequest | null;
  readonly dnsNames: readonly string[] | null;
  readonly ipAddresses: readonly string[] | null;
  readonly field: string;
};

/** One certificate that may be had: names are of the grant, or fewer where fewer were asked for. */
export type Granted = Requested & { readonly grant: Grant; readonly names: CertificateNames };

/** Finds profiles and keys. Keys of TPM profiles are those that were proved; CSRs prove their own. */
export function readRequested(
  document: RequestDocument,
  proved: readonly ProvedKey[],
  known: ReadonlyMap<string, Profile>,
): Result<readonly Requested[], readonly Refused[]> {
  const isAsking = document.certificates.length + document.keys.length > 0;
  const hasRequestKey = proved.some(({ role }) => role === 'request');
  const faults: Refused[] = isAsking && !hasRequestKey ? [requestKeyMissing] : [];
  const taken = new Set(proved.map(({ spkiSha256 }) => spkiSha256));
  const found: Requested[] = [];
  for (const [at, certificate] of document.certificates.entries()) {
    const read = readOne(certificate, { field: `request.certificates.${at}`, proved, known });
    if (!read.ok) {
      faults.push(...read.error);
      continue;
    }
    // A CSR for the DevID's key would make a TLS server of a key that others can have signatures of.
    if (read.value.csr !== null && taken.has(read.value.spkiSha256)) faults.push(keyTwice(read.value.field));
    taken.add(read.value.spkiSha256);
    found.push(read.value);
  }
  return faults.length > 0 ? err(faults) : ok(found);
}

type Reading = {
  readonly field: string;
  readonly proved: readonly ProvedKey[];
  readonly known: ReadonlyMap<string, Profile>;
};

function readOne(certificate: RequestedCertificate, reading: Reading): Result<Requested, readonly Refused[]> {
  const { field, proved, known } = reading;
  const profile = known.get(certificate.profile);
  if (profile === undefined) return err([unknownProfile(certificate.profile, `${field}.profile`, known)]);
  if (!profile.obtainedBy.includes('device')) return err([notForDevices(profile, `${field}.profile`)]);
  const asked = { profile, dnsNames: certificate.dnsNames, ipAddresses: certificate.ipAddresses, field };
  if (certificate.key === 'devid') {
    const devid = proved.find(({ role }) => role === 'devid');
    if (devid === undefined) return err([devidKeyMissing(field)]);
    const { subjectPublicKeyInfo, keyType, spkiSha256 } = devid;
    return ok({ ...asked, key: { subjectPublicKeyInfo, keyType, origin: 'tpm' }, spkiSha256, csr: null });
  }
  const csr = readCertificationRequest(certificate.key.csr, { ...defaultRequestLimits, isWeakModulus });
  if (!csr.ok) return err([{ ...csr.error, field: `${field}.key.csr` }]);
  const { subjectPublicKeyInfo, keyType, spkiSha256, unsupportedNames } = csr.value;
  if (unsupportedNames.length > 0) return err(unsupportedNames.map((kind) => nameKindNotSupported(kind, field)));
  return ok({ ...asked, key: { subjectPublicKeyInfo, keyType, origin: 'software' }, spkiSha256, csr: csr.value });
}

/** Holds each request against the grants, which are taken by place; each grant serves one certificate. */
export function fitToGrants(
  requested: readonly Requested[],
  grants: readonly Grant[],
  subject: Pick<PlanSubject, 'hostName' | 'keylimeUuid'>,
): Result<readonly Granted[], readonly Refused[]> {
  const faults: Refused[] = [];
  const granted: Granted[] = [];
  const inOrder = grants.toSorted((a, b) => (a.place < b.place ? -1 : Number(a.place > b.place)));
  for (const request of requested) {
    const free = inOrder.filter((grant) => !granted.some((one) => one.grant === grant));
    const ofProfile = free.filter((grant) => grant.profile === request.profile.name);
    const grant = ofProfile.find((candidate) => excess(request, candidate).length === 0);
    if (grant === undefined) {
      faults.push(...notGranted(request, ofProfile));
      continue;
    }
    const names = {
      dnsNames: request.dnsNames ?? grant.dnsNames,
      ipAddresses: request.ipAddresses?.map((address) => normalizeIpAddress(address) ?? address) ?? grant.ipAddresses,
      uris: grant.uris,
    };
    faults.push(...csrFaults(request, names, subject));
    granted.push({ ...request, grant, names });
  }
  return faults.length > 0 ? err(faults) : ok(granted);
}

/** The names that were asked for and that the grant does not have. */
function excess(request: Requested, grant: Grant): readonly string[] {
  const addresses = (request.ipAddresses ?? []).map((address) => normalizeIpAddress(address) ?? address);
  return [
    ...(request.dnsNames ?? []).filter((name) => !grant.dnsNames.includes(name)),
    ...addresses.filter((address) => !grant.ipAddresses.includes(address)),
  ];
}

function notGranted(request: Requested, ofProfile: readonly Grant[]): readonly Refused[] {
  const [grant] = ofProfile;
  const profile = request.profile.name;
  if (grant === undefined) {
    const detail = `profile ${profile} is not granted, or not once more`;
    return [{ reason: 'profileNotGranted', detail, field: request.field, accepted: 'omens tokens create --profile' }];
  }
  const accepted = [...grant.dnsNames, ...grant.ipAddresses].join(', ');
  return excess(request, grant).map((name) => ({
    reason: 'nameNotGranted',
    detail: `profile ${profile} is not granted for the name "${printable(name)}"`,
    field: request.field,
    accepted,
  }));
}

/** What a CSR says about names must be what the certificate will say; a CSR without names says nothing. */
function csrFaults(
  { csr, field }: Requested,
  names: CertificateNames,
  subject: Pick<PlanSubject, 'hostName' | 'keylimeUuid'>,
): readonly Refused[] {
  if (csr === null) return [];
  const faults: Refused[] = [];
  const asked = [...csr.names.dnsNames, ...csr.names.ipAddresses, ...csr.names.uris];
  const given = [...names.dnsNames, ...names.ipAddresses, ...names.uris];
  if (asked.length > 0 && !isSameSet(asked, given)) {
    const detail = 'the names in the CSR are not those that the certificate would have';
    faults.push({ reason: 'csrNamesDiffer', detail, field: `${field}.key.csr`, accepted: given.join(', ') || 'none' });
  }
  const commonName = csr.commonName?.toLowerCase();
  if (commonName === undefined) return faults;
  if (placeholderAgentUuids.includes(commonName)) {
    return [...faults, { ...placeholderAgentUuid(commonName), field: `${field}.key.csr` }];
  }
  const host = subject.hostName === null ? [] : keylimeNames(subject.hostName);
  const known = [...given, ...host, ...(subject.keylimeUuid === null ? [] : [subject.keylimeUuid])];
  if (known.includes(commonName)) return faults;
  const detail = 'the commonName of the CSR is no name of this host';
  return [...faults, { reason: 'commonNameNotAName', detail, field: `${field}.key.csr`, accepted: 'no commonName' }];
}

/** The grants that would fit exactly what was asked for: for showing it to a person, and for a trial plan. */
export const grantsAsAsked = (requested: readonly Requested[], hostName: string): readonly Grant[] =>
  requested.map(({ profile, dnsNames, ipAddresses }, at) => ({
    profile: profile.name,
    // Only so that several requests of one profile stay apart; nobody keeps these grants.
    place: String(at),
    dnsNames: dnsNames ?? defaultNames(profile, hostName),
    ipAddresses: (ipAddresses ?? []).map((address) => normalizeIpAddress(address) ?? address),
    uris: [],
  }));

function defaultNames(profile: Profile, hostName: string): readonly string[] {
  if (profile.name === 'keylime-agent') return keylimeNames(hostName);
  return profile.allowedNames.dnsNames.length > 0 ? [hostName] : [];
}

const isSameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.every((name) => b.includes(name)) && b.every((name) => a.includes(name));

const requestKeyMissing: Refused = {
  reason: 'requestKeyMissing',
  detail: 'the request has no request key',
  field: 'request.keys',
  accepted: 'a key of role "request"; none only when a further EK joins a device and nothing else is asked for',
};

const devidKeyMissing = (field: string): Refused => ({
  reason: 'devidKeyMissing',
  detail: 'a certificate for the DevID key is asked for, and there is no such key',
  field: `${field}.key`,
  accepted: 'a key of role "devid" in request.keys, certified by the attestation key',
});

const keyTwice = (field: string): Refused => ({
  reason: 'keyTwice',
  detail: 'the key of the CSR is already another key of this request',
  field: `${field}.key.csr`,
  accepted: 'a key of its own for each certificate',
});

/** A kind of name that no profile knows. */
export const nameKindNotSupported = (kind: string, field: string): Refused => ({
  reason: 'nameKindNotSupported',
  detail: `the CSR asks for a name of kind ${kind}`,
  field: `${field}.key.csr`,
  accepted: 'dNSName, iPAddress and uniformResourceIdentifier',
});
