// Enrollment tokens as text and as record: what an admin hands to a host, and what is kept of it. Whether one is good is
// decided in enrollment/.
import type { Grant } from './device.ts';
import { isSha256Hex } from './identifiers.ts';
import { err, ok, type Refusal, type Result } from './result.ts';

/** What is kept of an enrollment token; the secret only as its SHA-256. */
export type EnrollmentTokenRecord = {
  readonly id: string;
  readonly secretSha256: Uint8Array;
  readonly hostName: string;
  readonly grants: readonly Grant[];
  /** Text of the principal. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly spentAt: Date | null;
};

/** Octets of a token's secret. */
export const enrollmentSecretOctets = 32;

/** A token lives at most a day, which is also what it lives when nobody says otherwise. */
export const maxEnrollmentTokenSeconds = 86_400;

/** What a host needs for first contact: whom to ask, whom to believe, and the credential that it sends. */
export type EnrollmentTokenText = {
  /** Base URL of the service, `https://…`. */
  readonly url: string;
  /** SHA-256 of the root certificate's DER, lower-case hex: the server is authenticated by it before anything is sent. */
  readonly rootSha256: string;
  /** Sent as `token` in POST /v1/enrollments. */
  readonly credential: string;
};

const prefix = 'omens-enroll-v1.';

/** No token of ours is longer. */
const maxCharacters = 2048;

/** One line of text without white space: `omens-enroll-v1.` and base64url of JSON. */
export const encodeEnrollmentToken = ({ url, rootSha256, credential }: EnrollmentTokenText): string =>
  prefix + Buffer.from(JSON.stringify({ url, root: rootSha256, credential }), 'utf8').toString('base64url');

/** Reads a token's text; white space around it is ignored, since it comes from a file. */
export function decodeEnrollmentToken(text: string): Result<EnrollmentTokenText, Refusal<'malformedEnrollmentToken'>> {
  const trimmed = text.length <= maxCharacters + 2 ? text.trim() : '';
  const members = trimmed.startsWith(prefix) ? membersOf(trimmed.slice(prefix.length)) : null;
  const isWhole =
    members !== null &&
    /^https:\/\/[a-z0-9[][\x21-\x7e]*$/.test(members.url) &&
    isSha256Hex(members.root) &&
    parseEnrollmentCredential(members.credential) !== null;
  if (isWhole) return ok({ url: members.url, rootSha256: members.root, credential: members.credential });
  return err({
    reason: 'malformedEnrollmentToken',
    detail: 'this is not an enrollment token, or not all of it',
    accepted: `the one line that "omens tokens create --host" printed, beginning with ${prefix}`,
  });
}

type Members = { readonly url: string; readonly root: string; readonly credential: string };

function membersOf(encoded: string): Members | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    if (typeof value !== 'object' || value === null || Object.keys(value).length !== 3) return null;
    const isText = (name: string): boolean => typeof Reflect.get(value, name) === 'string';
    return ['url', 'root', 'credential'].every(isText) ? (value as Members) : null;
  } catch {
    return null;
  }
}

/** `<id>.<base64url of 32 octets>`: which token, and the secret that proves it. */
export const enrollmentCredential = (id: string, secret: Uint8Array): string =>
  `${id}.${Buffer.from(secret).toString('base64url')}`;

/** Takes a credential apart, or null when it is not exactly of the form above. */
export function parseEnrollmentCredential(text: string): { readonly id: string; readonly secret: Uint8Array } | null {
  const found = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})$/.exec(text);
  const [, id = '', secretText = ''] = found ?? [];
  const secret = new Uint8Array(Buffer.from(secretText, 'base64url'));
  return found !== null && enrollmentCredential(id, secret) === text ? { id, secret } : null;
}
