// Who calls: an operator token as Bearer, or a signature by a request key, never both. Whom a route takes is decided by
// `admits`; what was signed is in domain/request-signature.ts.
import { createHash } from 'node:crypto';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import {
  authorityOf,
  type KnownRequestKey,
  readSignature,
  type SignedMessage,
  splitTarget,
  verifySignature,
} from '../domain/request-signature.ts';
import { type Headers, headerOf } from './edge.ts';
import { admits, type Caller, type PrincipalKind, type Repeatable, type Repetition } from './route.ts';
import type { HttpServices } from './services.ts';

export type AccessReason =
  | 'credentialsMissing'
  | 'malformedCredentials'
  | 'twoCredentials'
  | 'principalNotAllowed'
  | 'unknownRequestKey'
  | 'wrongAuthority'
  | 'sourceNotAllowed';

/** What authentication needs: the services that know keys, tokens and nonces, and the names of this server. */
export type AuthenticationPorts = Pick<
  HttpServices,
  'authenticateOperator' | 'requestKeyOf' | 'spendNonce' | 'deviceSeen'
> & {
  /** Host names (with the port unless it is 443) that requests may be signed for. */
  readonly authorities: readonly string[];
  /** `created` of a signature is recorded here and decides nothing. */
  readonly recordSigned: (signed: { readonly keyId: string; readonly created: number }) => void;
};

/** A request as it came, for the purpose of asking who sent it. */
export type PresentedRequest = {
  readonly method: string;
  /** Raw request target: path and query. */
  readonly target: string;
  readonly headers: Headers;
  readonly rawBody: Uint8Array;
  /** `{id}` of the path, when it has one. */
  readonly id: string | null;
  readonly source: string;
  readonly now: Date;
  /** Of the route: whether a repeated request is answered again. */
  readonly repetition: Repetition | null;
};

/**
 * The caller, if it is one whom the route takes.
 * 1. two kinds of credentials are refused, whatever the route; 2. a route for anyone looks at none; 3. without any, 401;
 * 4. the credential is proved; 5. the route must take its holder; 6. only then is a nonce spent, unless the route answers
 * this very request again.
 */
export async function authenticate(
  ports: AuthenticationPorts,
  takes: readonly PrincipalKind[],
  request: PresentedRequest,
): Promise<Result<Caller, Refusal>> {
  const bearer = headerOf(request.headers, 'authorization');
  const isSigned = request.headers.has('signature') || request.headers.has('signature-input');
  if (bearer !== null && isSigned) {
    return refuse('twoCredentials', 'the request has an Authorization and a Signature', 'one of the two');
  }
  const anyone: Caller = { kind: 'anyone' };
  if (admits(takes, anyone)) return ok(anyone);
  if (bearer !== null) return authenticateBearer(ports, takes, { ...request, bearer });
  if (isSigned) return authenticateSignature(ports, takes, request);
  return refuse('credentialsMissing', 'the request has no credential', credentialsFor(takes));
}

async function authenticateBearer(
  ports: AuthenticationPorts,
  takes: readonly PrincipalKind[],
  request: { readonly bearer: string; readonly source: string; readonly now: Date },
): Promise<Result<Caller, Refusal>> {
  const token = /^Bearer ([A-Za-z0-9._~+/=-]{1,512})$/i.exec(request.bearer)?.[1];
  if (token === undefined) {
    return refuse('malformedCredentials', 'Authorization is malformed', 'Bearer and an operator token');
  }
  const operator = await ports.authenticateOperator(token, request.source, request.now);
  if (!operator.ok) return operator;
  return admits(takes, operator.value) ? ok(operator.value) : notAllowed(takes);
}

async function authenticateSignature(
  ports: AuthenticationPorts,
  takes: readonly PrincipalKind[],
  request: PresentedRequest,
): Promise<Result<Caller, Refusal>> {
  const message = messageOf(ports, request);
  if (!message.ok) return message;
  const read = readSignature(message.value, {
    signatureInput: headerOf(request.headers, 'signature-input') ?? '',
    signature: headerOf(request.headers, 'signature') ?? '',
    body: request.rawBody,
  });
  if (!read.ok) return read;
  const requestKeySha256 = Buffer.from(read.value.parameters.keyId, 'base64url').toString('hex');
  const known = await ports.requestKeyOf({ requestKeySha256 });
  if (known === null) return unknownKey(takes);
  const parameters = verifySignature(message.value, read.value, known.publicKey);
  if (!parameters.ok) return parameters;
  ports.recordSigned(parameters.value);

  const { nonce } = parameters.value;
  const caller = callerOf({ known, requestKeySha256, takes, id: request.id, nonce });
  if (!caller.ok) return caller;
  const repeatable = repeatableOf(caller.value, request);
  if (repeatable !== null && (await request.repetition?.isRepeated(repeatable)) === true) {
    return ok(repeatedBy(caller.value));
  }
  const spent = await ports.spendNonce(nonce, request.now);
  if (!spent.ok && spent.error.reason === 'spentNonce' && repeatable !== null) {
    await request.repetition?.onReplay(repeatable);
  }
  if (spent.ok && caller.value.kind === 'device') await ports.deviceSeen(caller.value.deviceId, request.now);
  return spent.ok ? caller : spent;
}

/** What a repetition is told by: null on a route that knows none. */
function repeatableOf(caller: Caller, { repetition, id, rawBody, now }: PresentedRequest): Repeatable | null {
  if (repetition === null || id === null || caller.kind !== 'device') return null;
  return { id, deviceId: caller.deviceId, bodySha256: createHash('sha256').update(rawBody).digest('hex'), now };
}

const repeatedBy = (caller: Caller): Caller =>
  caller.kind === 'device' ? { ...caller, nonce: { ...caller.nonce, isFresh: false } } : caller;

function messageOf(ports: AuthenticationPorts, request: PresentedRequest): Result<SignedMessage, Refusal> {
  const target = splitTarget(request.target);
  const authority = authorityOf(headerOf(request.headers, 'host') ?? '');
  if (!ports.authorities.includes(authority)) {
    return refuse('wrongAuthority', 'Host is no name of this server', ports.authorities.join(', '));
  }
  if (target === null) return refuse('malformedCredentials', 'the target is not in origin-form', '/path?query');
  const content =
    request.rawBody.length === 0
      ? null
      : {
          type: headerOf(request.headers, 'content-type') ?? '',
          digest: headerOf(request.headers, 'content-digest') ?? '',
        };
  return ok({ method: request.method, authority, ...target, content });
}

type Proved = {
  readonly known: KnownRequestKey;
  readonly requestKeySha256: string;
  readonly takes: readonly PrincipalKind[];
  readonly id: string | null;
  readonly nonce: string;
};

/** An enrollment of another key is told from one that does not exist by nobody. */
function callerOf({ known, requestKeySha256, takes, id, nonce }: Proved): Result<Caller, Refusal> {
  if (takes.includes('enrolling') && id !== null) {
    const isOwn = known.enrollmentIds.includes(id);
    return isOwn ? ok({ kind: 'enrolling', enrollmentId: id, requestKeySha256 }) : unknownEnrollment;
  }
  if (known.deviceId === null) return notAllowed(takes);
  const octets = new Uint8Array(Buffer.from(nonce, 'base64url'));
  const device: Caller = { kind: 'device', deviceId: known.deviceId, nonce: { octets, isFresh: true } };
  return admits(takes, device) ? ok(device) : notAllowed(takes);
}

const unknownEnrollment = err({ reason: 'unknownEnrollment', detail: 'there is no such enrollment for this key' });

const unknownKey = (takes: readonly PrincipalKind[]): Result<Caller, Refusal> =>
  takes.includes('enrolling')
    ? unknownEnrollment
    : refuse('unknownRequestKey', 'no request key has this keyid', 'the request key of an enrolled host');

const notAllowed = (takes: readonly PrincipalKind[]): Result<never, Refusal> =>
  refuse('principalNotAllowed', 'the operation does not take this principal', takes.join(', '));

const credentialsFor = (takes: readonly PrincipalKind[]): string =>
  takes.some((kind) => kind === 'enrolling' || kind === 'device')
    ? 'a signature by the request key (RFC 9421)'
    : `an operator token of role ${takes.join(' or ')} as Bearer`;

const refuse = (reason: AccessReason, detail: string, accepted: string): Result<never, Refusal> =>
  err({ reason, detail, accepted });
