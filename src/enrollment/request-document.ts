// Reads `request`, the one document that the attestation key speaks for: strict JSON, known members only, bounded. It
// says what was asked; whether it may be had, and whether the keys are proved, is decided elsewhere.
import { isHostName } from '../domain/names.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { parseStrictJson } from '../domain/strict-json.ts';
import { octetsOf } from './octets.ts';

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

export type RequestDocumentReason =
  | 'requestDocumentTooLarge'
  | 'malformedRequestDocument'
  | 'unsupportedRequestVersion'
  | 'unknownRequestMember';

type Refused = Refusal<RequestDocumentReason>;

/** Octets of the document; a CSR of RSA-4096 with many names needs about 4 KiB of it. */
export const maxRequestOctets = 96 * 1024;

const limits = { certificates: 32, names: 100, publicOctets: 1026, csrOctets: 16_384 } as const;

/** Reads the octets of a document, or says the first thing that is wrong with it. */
export function parseRequestDocument(octets: Uint8Array): Result<RequestDocument, Refused> {
  if (octets.length > maxRequestOctets) {
    const detail = `the request has ${octets.length} octets`;
    return err({
      reason: 'requestDocumentTooLarge',
      detail,
      field: 'request',
      accepted: `at most ${maxRequestOctets}`,
    });
  }
  const json = parseStrictJson(octets);
  if (!json.ok) return err({ ...json.error, reason: 'malformedRequestDocument', field: 'request' });
  try {
    return ok(readDocument(json.value));
  } catch (error) {
    if (error instanceof Malformed) return err(error.refusal);
    throw error;
  }
}

/** Thrown while reading and caught above: reading a tree is easier to follow without a Result at each leaf. */
class Malformed extends Error {
  readonly refusal: Refused;
  constructor(refusal: Refused) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

const malformed = (field: string, accepted: string): never => {
  const detail = `${field} is not as it must be`;
  throw new Malformed({ reason: 'malformedRequestDocument', detail, field, accepted });
};

function readDocument(value: unknown): RequestDocument {
  const members = membersOf(value, 'request', {
    required: ['version', 'hostName', 'keys', 'certificates'],
    optional: [],
  });
  if (members['version'] !== 1) {
    const detail = 'the request is of another version than 1';
    const field = 'request.version';
    throw new Malformed({ reason: 'unsupportedRequestVersion', detail, field, accepted: '1' });
  }
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
  return { role, public: octetsIn(area, `${field}.public`, limits.publicOctets) };
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
  return { csr: octetsIn(csr, `${field}.csr`, limits.csrOctets) };
}

const namesIn = (value: unknown, field: string): readonly string[] | null =>
  value === undefined
    ? null
    : listOf(value, { field, most: limits.names }, (name, at) =>
        typeof name === 'string' && name.length <= 253 ? name : malformed(at, 'a name of at most 253 characters'),
      );

function octetsIn(value: unknown, field: string, most: number): Uint8Array {
  const octets = octetsOf(typeof value === 'string' ? value : '', field, most);
  return octets.ok ? octets.value : malformed(field, octets.error.accepted ?? 'base64url');
}

function listOf<T>(
  value: unknown,
  { field, most }: { readonly field: string; readonly most: number },
  read: (item: unknown, field: string) => T,
): readonly T[] {
  if (!Array.isArray(value) || value.length > most) return malformed(field, `a list of at most ${most}`);
  return value.map((item: unknown, index) => read(item, `${field}.${index}`));
}

function membersOf(
  value: unknown,
  field: string,
  names: { readonly required: readonly string[]; readonly optional: readonly string[] },
): Readonly<Record<string, unknown>> {
  const { required, optional } = names;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return malformed(field, `an object of ${required.join(', ')}`);
  }
  const known = [...required, ...optional];
  if (Object.keys(value).some((name) => !known.includes(name))) {
    const detail = `${field} has a member that this version does not know`;
    throw new Malformed({ reason: 'unknownRequestMember', detail, field, accepted: known.join(', ') });
  }
  const missing = required.find((name) => !Object.hasOwn(value, name));
  return missing === undefined ? { ...value } : malformed(`${field}.${missing}`, 'to be there');
}
