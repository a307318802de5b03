// Reads `request`, the one document that the attestation key speaks for: strict JSON, known members only, bounded. It
// says what was asked; whether it may be had, and whether the keys are proved, is decided elsewhere.
import { isHostName } from '../domain/names.ts';
import type { Refusal, Result } from '../domain/result.ts';
import {
  demandVersion,
  keyLimits,
  listOf,
  malformed,
  membersOf,
  octetsIn,
  readDocumentOf,
  type RequestDocumentReason,
} from './document-reading.ts';

/** What was asked for, binary decoded. */
export type RequestDocument = {
  readonly hostName: string;
  /** At most one of each role; `public` is TPM2B_PUBLIC. */
  readonly keys: readonly RequestedKey[];
  readonly certificates: readonly RequestedCertificate[];
};

export type RequestedKey = { readonly role: 'request' | 'devid'; readonly public: Uint8Array };

export type RequestedCertificate = {
  readonly profile: string;
  readonly key: 'devid' | { readonly csr: Uint8Array };
  /** Null: those of the grant. */
  readonly dnsNames: readonly string[] | null;
  readonly ipAddresses: readonly string[] | null;
};

type Refused = Refusal<RequestDocumentReason>;

/** Octets of the document; a CSR of RSA-4096 with many names needs about 4 KiB of it. */
export const maxRequestOctets = 96 * 1024;

const limits = { certificates: 32, names: 100 } as const;

/** Reads the octets of a document, or says the first thing that is wrong with it. */
export const parseRequestDocument = (octets: Uint8Array): Result<RequestDocument, Refused> =>
  readDocumentOf(octets, maxRequestOctets, readDocument);

function readDocument(value: unknown): RequestDocument {
  const members = membersOf(value, 'request', {
    required: ['version', 'hostName', 'keys', 'certificates'],
    optional: [],
  });
  demandVersion(members['version']);
  const hostName = members['hostName'];
  if (typeof hostName !== 'string' || !isHostName(hostName)) {
    return malformed('request.hostName', 'a lower-case host name of at least two labels');
  }
  const keys = listOf(members['keys'], { field: 'request.keys', most: 2 }, readKey);
  if (new Set(keys.map(({ role }) => role)).size !== keys.length) malformed('request.keys', 'each role once');
  const certificates = listOf(
    members['certificates'],
    { field: 'request.certificates', most: limits.certificates },
    readRequested,
  );
  return { hostName, keys, certificates };
}

function readKey(value: unknown, field: string): RequestedKey {
  const { role, public: area } = membersOf(value, field, { required: ['role', 'public'], optional: [] });
  if (role !== 'request' && role !== 'devid') return malformed(`${field}.role`, 'request or devid');
  return { role, public: octetsIn(area, `${field}.public`, keyLimits.publicOctets) };
}

function readRequested(value: unknown, field: string): RequestedCertificate {
  const members = membersOf(value, field, { required: ['profile', 'key'], optional: ['dnsNames', 'ipAddresses'] });
  const profile = members['profile'];
  if (typeof profile !== 'string' || !/^[a-z][a-z0-9-]{0,63}$/.test(profile)) {
    return malformed(`${field}.profile`, 'the name of a profile');
  }
  return {
    profile,
    key: members['key'] === 'devid' ? 'devid' : readCsr(members['key'], `${field}.key`),
    dnsNames: namesIn(members['dnsNames'], `${field}.dnsNames`),
    ipAddresses: namesIn(members['ipAddresses'], `${field}.ipAddresses`),
  };
}

function readCsr(value: unknown, field: string): { readonly csr: Uint8Array } {
  const { csr } = membersOf(value, field, { required: ['csr'], optional: [] });
  return { csr: octetsIn(csr, `${field}.csr`, keyLimits.csrOctets) };
}

const namesIn = (value: unknown, field: string): readonly string[] | null =>
  value === undefined
    ? null
    : listOf(value, { field, most: limits.names }, (name, at) =>
        typeof name === 'string' && name.length <= 253 ? name : malformed(at, 'a name of at most 253 characters'),
      );
