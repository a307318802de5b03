// The one table of problem types, keyed by the reason of a refusal, and the documents made from it (RFC 9457). A reason
// that is not here is a fault of ours and tells nothing.
import type { DenialReason } from '../domain/plan.ts';
import type { NonceFault } from '../domain/nonce.ts';
import type { SignatureFault } from '../domain/request-signature.ts';
import type { JsonFault } from '../domain/strict-json.ts';
import type { Refusal } from '../domain/result.ts';
import type { Problem } from '../domain/wire.ts';
import type { CsrReason } from '../issuance/issue-from-csr.ts';
import type { IssueReason } from '../issuance/issue.ts';
import type { OperatorTokenReason } from '../enrollment/operator-tokens.ts';
import type { NonceReason } from '../enrollment/nonces.ts';
import type { AccessReason } from './authenticate.ts';
import type { ShapeReason } from './contract.ts';
import type { EdgeReason } from './edge.ts';
import type { Refusals } from './services.ts';

type Entry = { readonly status: number; readonly title: string; readonly retryAfterSeconds?: number };

/** Reasons that this service can give. */
type KnownReason =
  | EdgeReason
  | ShapeReason
  | AccessReason
  | SignatureFault
  | NonceFault
  | NonceReason
  | JsonFault
  | OperatorTokenReason
  | DenialReason
  | IssueReason
  | CsrReason;

/** Every problem type: `/problems/<reason>` explains it by its title. */
export const problems = {
  // The edge.
  internal: { status: 500, title: 'The service failed; its log knows more under the request id' },
  unavailable: { status: 503, title: 'The service cannot reach what it stands on', retryAfterSeconds: 5 },
  notFound: { status: 404, title: 'There is nothing here' },
  methodNotAllowed: { status: 405, title: 'The resource does not know this method' },
  notAcceptable: { status: 406, title: 'The answer cannot be given in the type that was asked for' },
  bodyTooLarge: { status: 413, title: 'The body is larger than this operation takes' },
  urlTooLong: { status: 414, title: 'The URL is too long' },
  malformedUrl: { status: 400, title: 'The URL is malformed' },
  unsupportedMediaType: { status: 415, title: 'The body is not of a type that this operation takes' },
  repeatedHeader: { status: 400, title: 'A header field that may be there once is there more than once' },
  malformedJson: { status: 400, title: 'The body is not acceptable JSON' },
  malformedBody: { status: 400, title: 'The body does not have the shape of the contract' },
  malformedQuery: { status: 400, title: 'The query does not have the shape of the contract' },
  malformedHeader: { status: 400, title: 'A header field does not have the shape of the contract' },
  malformedBinary: { status: 400, title: 'A binary member is not base64url without padding' },
  tooManyEnrollments: { status: 429, title: 'Too many enrollments were begun' },
  // Who asks.
  credentialsMissing: { status: 401, title: 'The operation demands a credential' },
  malformedCredentials: { status: 401, title: 'The credential is malformed' },
  twoCredentials: { status: 400, title: 'The request carries two kinds of credentials' },
  principalNotAllowed: { status: 403, title: 'The operation does not take this principal' },
  unknownRequestKey: { status: 401, title: 'No request key has this keyid' },
  wrongAuthority: { status: 401, title: 'The request was signed for another server' },
  malformedRequestSignature: { status: 401, title: 'The signature does not have the form that this API takes' },
  wrongRequestSignature: { status: 401, title: 'The signature of the request does not verify' },
  contentDigestDiffers: { status: 401, title: 'The digest is not that of the body' },
  unknownNonce: { status: 401, title: 'The nonce is not one of ours' },
  expiredNonce: { status: 401, title: 'The nonce has expired' },
  spentNonce: { status: 401, title: 'The nonce was used already' },
  unknownOperatorToken: { status: 401, title: 'The operator token is not known' },
  expiredOperatorToken: { status: 401, title: 'The operator token has expired' },
  revokedOperatorToken: { status: 401, title: 'The operator token was revoked' },
  sourceNotAllowed: { status: 403, title: 'The operator token is not good from this network' },
  malformedLimit: { status: 400, title: 'A limit of the token is malformed' },
  // Enrollment.
  unknownEnrollment: { status: 404, title: 'There is no such enrollment, or not for this key' },
  // Issuance.
  requestTooLarge: { status: 400, title: 'The certification request is too large' },
  malformedRequest: { status: 400, title: 'The certification request is malformed' },
  trailingOctets: { status: 400, title: 'Something follows the end of a structure' },
  unsupportedVersion: { status: 400, title: 'The version is not supported' },
  severalCommonNames: { status: 400, title: 'The certification request has several common names' },
  duplicateAttribute: { status: 400, title: 'The certification request has an attribute twice' },
  tooManyNames: { status: 400, title: 'The certification request has too many names' },
  unsupportedSignatureAlgorithm: { status: 400, title: 'The signature algorithm is not supported' },
  wrongSignature: { status: 400, title: 'The certification request is not signed by its own key' },
  malformedKey: { status: 400, title: 'The public key is malformed' },
  keyTypeNotSupported: { status: 400, title: 'The type of key is not supported' },
  weakKey: { status: 400, title: 'The key is weak' },
  unknownProfile: { status: 400, title: 'There is no such profile' },
  profileNotForOperators: { status: 403, title: 'The profile is not issued to people' },
  roleNotSufficient: { status: 403, title: 'The role of the token does not suffice' },
  profileBeyondToken: { status: 403, title: 'The token is not good for this profile' },
  nameBeyondToken: { status: 403, title: 'The token is not good for this name' },
  nameKindNotSupported: { status: 403, title: 'Certificates of ours carry no name of this kind' },
  commonNameNotAName: { status: 403, title: 'The common name is not one of the names' },
  placeholderAgentUuid: { status: 403, title: 'The agent UUID is a published example' },
  keyOriginNotAllowed: { status: 403, title: 'The profile takes no key of this origin' },
  keyTypeNotAllowed: { status: 403, title: 'The profile takes no key of this type' },
  nameNotAllowed: { status: 403, title: 'The profile does not allow this name' },
  malformedName: { status: 400, title: 'A name is malformed' },
  noName: { status: 403, title: 'The certificate would carry no name' },
  commonNameTooLong: { status: 403, title: 'The common name is too long' },
  commonNameUnknown: { status: 403, title: 'The common name cannot be made' },
  hardwareModuleUnknown: { status: 403, title: 'The hardware module is not known' },
  wrongTrustDomain: { status: 403, title: 'The profile belongs to another trust domain' },
  outlivesIssuer: { status: 403, title: 'The certificate would outlive its issuer' },
  keyHeldElsewhere: { status: 409, title: 'The key belongs to another holder' },
  keyCompromised: { status: 403, title: 'The key was revoked as compromised' },
  deviceNotActive: { status: 403, title: 'The device is suspended or retired' },
  profileStopped: {
    status: 503,
    title: 'The profile is stopped until its certificates are looked at',
    retryAfterSeconds: 3600,
  },
  idempotencyKeyReused: { status: 422, title: 'The Idempotency-Key was used with another body' },
  issuanceInProgress: { status: 409, title: 'The same request is being worked on', retryAfterSeconds: 2 },
  issuanceAbandoned: { status: 409, title: 'An earlier attempt was given up; ask again with a new key' },
  lintFailed: { status: 422, title: 'The certificate would break a rule' },
  opinionsDiffer: { status: 503, title: 'Two readers disagree on the certificate', retryAfterSeconds: 3600 },
} as const satisfies Readonly<Record<KnownReason, Entry>> & Readonly<Record<string, Entry>>;

const entries: ReadonlyMap<string, Entry> = new Map(Object.entries(problems));

/** The title of a reason, or null when there is no such problem type. */
export const problemTitle = (reason: string): string | null => entries.get(reason)?.title ?? null;

/** What a problem document is made of beside the refusals. */
export type ProblemPlace = { readonly publicUrl: string; readonly requestId: string };

/** A problem as it is answered; `reason` is for the log. */
export type RenderedProblem = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly document: Problem;
  readonly reason: string;
};

/**
 * The document for one refusal or several. Of several, type, status and detail are the first one's (RFC 9457 §3), and
 * `denials` has them all. If any reason is unknown, the whole becomes `internal` and nothing of it is told.
 */
export function renderProblem(refusals: Refusals, place: ProblemPlace): RenderedProblem {
  const all: readonly Refusal[] = 'reason' in refusals ? [refusals] : refusals;
  const first = all[0];
  const entry =
    first === undefined || all.some((one) => !entries.has(one.reason)) ? undefined : entries.get(first.reason);
  if (first === undefined || entry === undefined) return renderProblem(internal, place);
  return {
    status: entry.status,
    reason: first.reason,
    headers: {
      'Content-Type': 'application/problem+json',
      ...(entry.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(entry.retryAfterSeconds) }),
      ...(entry.status === 401 ? { 'WWW-Authenticate': 'Bearer realm="omens"' } : {}),
    },
    document: {
      type: `${place.publicUrl}/problems/${first.reason}`,
      title: entry.title,
      status: entry.status,
      detail: first.detail,
      instance: `urn:uuid:${place.requestId}`,
      ...told(first),
      ...(Array.isArray(refusals)
        ? { denials: all.map((one) => ({ reason: one.reason, detail: one.detail, ...told(one) })) }
        : {}),
    },
  };
}

const internal: Refusal = { reason: 'internal', detail: 'See the log of the server under this request id.' };

const told = (refusal: Refusal): { readonly field?: string; readonly accepted?: string } => ({
  ...(refusal.field === undefined ? {} : { field: refusal.field }),
  ...(refusal.accepted === undefined ? {} : { accepted: refusal.accepted }),
});
