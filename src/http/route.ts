// What a route is: method, path of the contract, whom it takes, and a handler of plain data. Knows no framework.
import { type Principal, roleIncludes } from '../domain/principal.ts';
import type { ActivationBody, CertificateBody, EnrollmentBody, EnrollmentTokenBody } from '../domain/wire.ts';
import type { GrantResource, OperatorTokenBody, PreregistrationBody, TrustBundleBody } from '../domain/wire.ts';
import type { RevocationBody } from '../domain/revocation-wire.ts';
import type { SpireConfirmationBody } from '../domain/spire-wire.ts';
import type { CampaignBody, RenewalPullBody } from '../domain/rotation-wire.ts';
import type { ConfirmationBody, HostReportBody, LineageStateName, RenewalBody } from '../domain/lineage-wire.ts';
import type { AcknowledgementBody, SnoozeBody } from '../domain/warning-wire.ts';
import type { Condition } from '../domain/warning.ts';
import type { ExpiryLevel } from '../domain/expiry.ts';
import type { Contract, Operation } from './contract.ts';
import { parseStrictJson } from '../domain/strict-json.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import type { Operator, Refusals, RequestContext } from './services.ts';

/** `x-takes` of the contract. A role includes the roles before it. */
export type PrincipalKind = 'anyone' | 'enrolling' | 'device' | 'viewer' | 'issuer' | 'admin';

/** Who called, with the key that proved it where a key did (lower-case hex of SHA-256 over its SPKI). */
export type Caller =
  | Exclude<Principal, { readonly kind: 'enrolling' | 'device' }>
  | (Extract<Principal, { readonly kind: 'device' }> & { readonly nonce: SignedNonce })
  | (Extract<Principal, { readonly kind: 'enrolling' }> & { readonly requestKeySha256: string });

/**
 * The nonce of a signed request: its octets, which a body may speak of, and whether this request spent it. It did not when
 * it is one that came before.
 */
export type SignedNonce = { readonly octets: Uint8Array; readonly isFresh: boolean };

/** Octets that came before, as a route that answers them again tells them from a replay. */
export type Repeatable = {
  /** `id` of the path. */
  readonly id: string;
  readonly deviceId: string;
  readonly bodySha256: string;
  readonly now: Date;
};

/** For routes on which a request that is repeated octet for octet gets its answer again, although its nonce is spent. */
export type Repetition = {
  readonly isRepeated: (request: Repeatable) => Promise<boolean>;
  /** Told when a spent nonce came with other octets. */
  readonly onReplay: (request: Repeatable) => Promise<void>;
};

type CallerOf<K extends PrincipalKind> = K extends 'anyone' | 'enrolling' | 'device'
  ? Extract<Caller, { readonly kind: K }>
  : Operator;

/** Names in braces of a path. */
type ParamNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamNames<Rest> : never;

/** Query parameters of the whole API; an operation's own are checked by the contract, all others refused. */
export type Query = {
  readonly cursor?: string;
  readonly limit?: number;
  readonly within?: string;
  readonly profile?: string;
  readonly status?: 'good' | 'revoked';
  readonly device?: string;
  readonly serial?: string;
  readonly state?: 'pending' | 'approved' | LineageStateName | 'open' | 'closed';
  /** `ok` in the report only. */
  readonly level?: ExpiryLevel;
  readonly lineage?: string;
  readonly condition?: Condition;
  readonly event?: string;
  readonly principal?: string;
  readonly channel?: string;
  readonly after?: number;
  readonly managed?: 'true' | 'false';
  readonly days?: number;
};

export type ApprovalBody = {
  readonly version: number;
  readonly profiles?: NonNullable<EnrollmentTokenBody['profiles']>;
};
export type RejectionBody = { readonly version: number; readonly reason: string };
export type GrantsBody = { readonly grants: readonly GrantResource[] };

/** Request bodies by the name of their schema in the contract. */
export type Bodies = {
  readonly EnrollmentBody: EnrollmentBody;
  readonly ActivationBody: ActivationBody;
  readonly ApprovalBody: ApprovalBody;
  readonly RejectionBody: RejectionBody;
  readonly EnrollmentTokenBody: EnrollmentTokenBody;
  readonly OperatorTokenBody: OperatorTokenBody;
  readonly PreregistrationBody: PreregistrationBody;
  readonly GrantsBody: GrantsBody;
  readonly CertificateBody: CertificateBody;
  readonly HostReportBody: HostReportBody;
  readonly RenewalPullBody: RenewalPullBody;
  readonly CampaignBody: CampaignBody;
  readonly RenewalBody: RenewalBody;
  readonly ConfirmationBody: ConfirmationBody;
  readonly TrustBundleBody: TrustBundleBody;
  readonly RevocationBody: RevocationBody;
  readonly SpireConfirmationBody: SpireConfirmationBody;
  readonly AcknowledgementBody: AcknowledgementBody;
  readonly SnoozeBody: SnoozeBody;
};

/** A request as a handler sees it: checked against the contract, its caller one of those the route takes. */
export type HandlerRequest<P, B, C> = RequestContext & {
  readonly params: P;
  readonly query: Query;
  readonly body: B;
  readonly rawBody: Uint8Array;
  readonly principal: C;
  /** Header fields that the contract names, by lower-case name. */
  readonly header: (name: string) => string | null;
};

/** A plain answer. `body` is JSON unless it is text or octets, which name their Content-Type in `headers`. */
export type Reply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
};

/** What a handler gives back: an answer, or why there is none. */
export type Outcome = Reply | { readonly refusals: Refusals; readonly headers?: Readonly<Record<string, string>> };

/** What the pipeline knows before the contract was consulted. */
export type CheckedRequest = RequestContext & {
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly rawBody: Uint8Array;
  readonly principal: Caller;
  readonly header: (name: string) => string | null;
};

/** A route once the contract is known. `handle` takes a principal that `admits` let in. */
export type Route = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly takes: readonly PrincipalKind[];
  readonly bodySchema: keyof Bodies | null;
  readonly maxBodyOctets: number;
  readonly repetition: Repetition | null;
  /** Whether an operator who was let in lately is let in while the database, which knows them all, is away. */
  readonly operators: 'known' | 'remembered';
  readonly bind: (contract: Contract) => (request: CheckedRequest) => Promise<Outcome>;
};

type RouteOptions<K, S> = {
  readonly takes: readonly [K, ...K[]];
  readonly body?: S;
  /** For routes whose documents are larger than most; octets. */
  readonly maxBodyOctets?: number;
  readonly repetition?: Repetition;
  readonly operators?: Route['operators'];
};

const ordinaryBodyOctets = 16 * 1024;

/**
 * Makes a route. Whom it takes is part of it: the handler's `principal` has the type of those principals and no other,
 * and is never called with another.
 */
export function route<const P extends string, const K extends PrincipalKind, const S extends keyof Bodies = never>(
  method: Route['method'],
  path: P,
  options: RouteOptions<K, S>,
  handler: (
    request: HandlerRequest<Readonly<Record<ParamNames<P>, string>>, Bodies[S], CallerOf<K>>,
  ) => Promise<Outcome>,
): Route {
  const { takes, body: bodySchema = null, maxBodyOctets = ordinaryBodyOctets, repetition = null } = options;
  const { operators = 'known' } = options;
  return {
    method,
    path,
    takes,
    bodySchema,
    maxBodyOctets,
    repetition,
    operators,
    bind: (contract) => {
      const operation = contract.operation<Readonly<Record<ParamNames<P>, string>>, Bodies[S]>(method, path);
      return async (request) => {
        const { principal } = request;
        if (!admits(takes, principal)) throw new Error(`${method} ${path} was reached by a principal it does not take`);
        const input = readInput(operation, request);
        return input.ok ? handler({ ...request, ...input.value, principal }) : { refusals: input.error };
      };
    },
  };
}

/** Whether a route takes a caller: the one place where this is decided. */
export function admits<K extends PrincipalKind>(takes: readonly K[], caller: Caller): caller is CallerOf<K> & Caller {
  return takes.some((kind) => {
    switch (kind) {
      case 'anyone':
      case 'enrolling':
      case 'device':
        return caller.kind === kind;
      case 'viewer':
      case 'issuer':
      case 'admin':
        return caller.kind === 'operator' && roleIncludes(caller.role, kind);
      default:
        return kind satisfies never;
    }
  });
}

type Input<P, B> = { readonly params: P; readonly query: Query; readonly body: B };

/** Parameters, query, header fields and body against the contract, in that order. */
function readInput<P, B>(operation: Operation<P, B>, request: CheckedRequest): Result<Input<P, B>, Refusal> {
  const params = operation.readParams(request.params);
  if (!params.ok) return params;
  const query = operation.readQuery(request.query);
  if (!query.ok) return query;
  const headers = operation.checkHeaders(request.header);
  if (!headers.ok) return headers;
  const document = request.rawBody.length === 0 ? ok(undefined) : parseStrictJson(request.rawBody);
  if (!document.ok) return document;
  const body = operation.readBody(document.value);
  return body.ok ? ok({ params: params.value, query: query.value, body: body.value }) : err(body.error);
}
