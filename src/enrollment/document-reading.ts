// How the documents that an attestation key speaks for are read: strict JSON, known members only, bounded. Which documents
// there are is in request-document.ts and renewal-document.ts.
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { parseStrictJson } from '../domain/strict-json.ts';
import { octetsOf } from './octets.ts';

export type RequestDocumentReason =
  | 'requestDocumentTooLarge'
  | 'malformedRequestDocument'
  | 'unsupportedRequestVersion'
  | 'unknownRequestMember';

type Refused = Refusal<RequestDocumentReason>;

/** A TPM2B_PUBLIC, and a CSR: RSA-4096 with many names needs about 4 KiB. */
export const keyLimits = { publicOctets: 1026, csrOctets: 16_384 } as const;

/** Reads the octets of a document with `read`, or says the first thing that is wrong with it. */
export function readDocumentOf<T>(
  octets: Uint8Array,
  maxOctets: number,
  read: (value: unknown) => T,
): Result<T, Refused> {
  if (octets.length > maxOctets) {
    const detail = `the request has ${octets.length} octets`;
    return err({ reason: 'requestDocumentTooLarge', detail, field: 'request', accepted: `at most ${maxOctets}` });
  }
  const json = parseStrictJson(octets);
  if (!json.ok) return err({ ...json.error, reason: 'malformedRequestDocument', field: 'request' });
  try {
    return ok(read(json.value));
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

/** Stops reading within `readDocumentOf`. */
export const malformed = (field: string, accepted: string): never => {
  const detail = `${field} is not as it must be`;
  throw new Malformed({ reason: 'malformedRequestDocument', detail, field, accepted });
};

/** Every document of today is of version 1. */
export function demandVersion(version: unknown): void {
  if (version === 1) return;
  const detail = 'the request is of another version than 1';
  throw new Malformed({ reason: 'unsupportedRequestVersion', detail, field: 'request.version', accepted: '1' });
}

/** Octets of a member, base64url. */
export function octetsIn(value: unknown, field: string, most: number): Uint8Array {
  const octets = octetsOf(typeof value === 'string' ? value : '', field, most);
  return octets.ok ? octets.value : malformed(field, octets.error.accepted ?? 'base64url');
}

/** A bounded list. */
export function listOf<T>(
  value: unknown,
  { field, most }: { readonly field: string; readonly most: number },
  read: (item: unknown, field: string) => T,
): readonly T[] {
  if (!Array.isArray(value) || value.length > most) return malformed(field, `a list of at most ${most}`);
  return value.map((item: unknown, index) => read(item, `${field}.${index}`));
}

/** An object with these members and no others. */
export function membersOf(
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
