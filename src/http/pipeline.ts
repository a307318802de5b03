// The way of a request from its octets to those of its answer, without a framework: checks, caller, contract, handler,
// headers. Routes and contract are compared here, once, before anything is served.
import { MalformedCursor } from '../domain/cursor.ts';
import type { Refusal } from '../domain/result.ts';
import { type AuthenticationPorts, authenticate } from './authenticate.ts';
import type { Contract, OperationFacts } from './contract.ts';
import type { DeviceLimit } from './device-limits.ts';
import {
  type EdgeReason,
  gatherHeaders,
  headerOf,
  headerRefusal,
  type Headers,
  readQueryString,
  renderReply,
  requestIdFor,
  type WireReply,
} from './edge.ts';
import type { CheckedRequest, Outcome, Route } from './route.ts';

/** Event name and fields; never a secret, a body or a credential. */
export type Log = (event: string, fields: Readonly<Record<string, unknown>>) => void;

/** What the edge needs from the world. */
export type EdgePorts = {
  /** Without a slash at the end. */
  readonly publicUrl: string;
  readonly now: () => Date;
  readonly log: Log;
  /** Null on the plain listener: nothing there is signed. */
  readonly newNonce: ((now: Date) => string) | null;
  readonly authentication: Omit<AuthenticationPorts, 'recordSigned'>;
  /** The same as there, for routes that must answer while the database is away. */
  readonly rememberedOperator: AuthenticationPorts['authenticateOperator'];
  /** Whether a fault means that something we stand on is away for a while (503), not that we are wrong (500). */
  readonly isOutage: (fault: unknown) => boolean;
  /** Of signed requests by devices. */
  readonly deviceLimit: DeviceLimit;
  /** Told of each answer; `route` is a path of the contract, null for a request that reached none. */
  readonly answered: (answer: Answered) => void;
};

/** What monitoring hears of an answer. */
export type Answered = {
  readonly method: string;
  readonly route: string | null;
  readonly status: number;
  readonly reason: string | null;
  readonly milliseconds: number;
};

/** A request as the adapter read it. */
export type ArrivedRequest = {
  readonly method: string;
  /** Raw request target. */
  readonly target: string;
  /** Name-value pairs as they came. */
  readonly rawHeaders: readonly string[];
  /** Decoded parts of the path. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly rawBody: Uint8Array;
  /** Address of the peer in its one spelling. */
  readonly source: string;
};

/** A route that is ready to serve. */
export type MountedRoute = Pick<Route, 'method' | 'path' | 'maxBodyOctets'> & {
  readonly serve: (request: ArrivedRequest) => Promise<WireReply>;
  /** How the edge refuses what has this path and cannot be served. */
  readonly refuse: Refuser;
};

/** Answers a request that reached no handler. */
export type Refuser = (
  request: Pick<ArrivedRequest, 'method' | 'rawHeaders' | 'source'> & { readonly path: string },
  outcome: Outcome,
) => WireReply;

/** Binds routes to the contract. Throws, before the first request, wherever the two are not the same. */
export function mountRoutes(
  routes: readonly Route[],
  contract: Contract,
  edge: EdgePorts & { readonly listener: OperationFacts['listener'] },
): readonly MountedRoute[] {
  const operations = contract.operations.filter((operation) => operation.listener === edge.listener);
  const told = operations.map(routeLine).toSorted();
  const made = routes.map(routeLine).toSorted();
  const differences = [
    ...told.filter((line) => !made.includes(line)).map((line) => `only in openapi.yaml: ${line}`),
    ...made.filter((line) => !told.includes(line)).map((line) => `only in the routes: ${line}`),
  ];
  if (differences.length > 0 || new Set(made).size !== made.length) {
    throw new Error(`routes and contract differ\n${differences.join('\n')}`);
  }
  return routes.map((route) => {
    const handle = route.bind(contract);
    const { method, path, maxBodyOctets } = route;
    return {
      ...{ method, path, maxBodyOctets },
      serve: (request) => serve({ edge, route, handle, request }),
      refuse: problemRefuser(edge),
    };
  });
}

const routeLine = (route: Omit<OperationFacts, 'listener'>): string =>
  `${route.method} ${route.path} takes ${route.takes.join(' ')}, body ${route.bodySchema ?? 'none'}`;

type Serving = {
  readonly edge: EdgePorts;
  readonly route: Route;
  readonly handle: (request: CheckedRequest) => Promise<Outcome>;
  readonly request: ArrivedRequest;
};

/** One request. A fault is logged under the request id and told to nobody. */
async function serve({ edge, route, handle, request }: Serving): Promise<WireReply> {
  const begun = edge.now();
  const headers = gatherHeaders(request.rawHeaders);
  const requestId = requestIdFor(headers);
  const answer = await outcomeOf({ edge, route, handle, request, headers, requestId, now: begun }).catch(
    (fault: unknown): Outcome => {
      if (fault instanceof MalformedCursor) return { refusals: cursorRefusal(fault.message) };
      edge.log('http.fault', { requestId, method: route.method, path: route.path, fault });
      return refused(
        edge.isOutage(fault) ? 'unavailable' : 'internal',
        'See the log of the server under this request id.',
      );
    },
  );
  const place = { requestId, method: route.method, path: route.path, route: route.path };
  return finish(edge, answer, { ...place, source: request.source, begun });
}

/** Only the list that made a cursor can read it, so it is known to be wrong this late. */
export const cursorRefusal = (detail: string): Refusal<'malformedQuery'> => ({
  reason: 'malformedQuery',
  detail,
  field: 'cursor',
  accepted: 'the next of the page before',
});

type Asked = Serving & { readonly headers: Headers; readonly requestId: string; readonly now: Date };

async function outcomeOf({ edge, route, handle, request, headers, requestId, now }: Asked): Promise<Outcome> {
  const header = headerRefusal(headers, request.rawBody.length);
  if (header !== null) return { refusals: header };
  const id = typeof request.params['id'] === 'string' ? request.params['id'] : null;
  const { source, rawBody, method, target } = request;
  const recordSigned: AuthenticationPorts['recordSigned'] = (signed) =>
    edge.log('http.signed', { requestId, ...signed });
  const ports = { ...edge.authentication, recordSigned };
  const remembering = { ...ports, authenticateOperator: edge.rememberedOperator };
  const principal = await authenticate(route.operators === 'remembered' ? remembering : ports, route.takes, {
    method,
    target,
    headers,
    rawBody,
    id,
    source,
    now,
    repetition: route.repetition,
  });
  if (!principal.ok) return { refusals: principal.error };
  const { value: caller } = principal;
  const limited = caller.kind === 'device' ? await edge.deviceLimit(caller.deviceId) : null;
  if (limited !== null) return limited;
  const query = readQueryString(target.split('?').slice(1).join('?'));
  if (!query.ok) return { refusals: query.error };
  return handle({
    params: request.params,
    query: query.value,
    rawBody,
    principal: caller,
    header: (name) => headerOf(headers, name),
    now,
    source,
    requestId,
  });
}

/** A refusal of the edge itself, for a request that reached no route: a problem document. */
export const problemRefuser =
  (edge: EdgePorts): Refuser =>
  (request, outcome) =>
    refusedRequest(edge, request, () => outcome);

/** The same in another form. */
export function refusedRequest(
  edge: EdgePorts,
  request: Parameters<Refuser>[0],
  outcomeOf: (place: { readonly requestId: string }) => Outcome,
): WireReply {
  const requestId = requestIdFor(gatherHeaders(request.rawHeaders));
  const { method, path, source } = request;
  return finish(edge, outcomeOf({ requestId }), { requestId, method, path, route: null, source, begun: edge.now() });
}

type Place = {
  readonly requestId: string;
  readonly method: string;
  /** As it was asked for, or as the contract writes it. */
  readonly path: string;
  readonly route: string | null;
  readonly source: string;
  readonly begun: Date;
};

/** The octets of an answer, and its line of the log. */
export function finish(edge: EdgePorts, outcome: Outcome, place: Place): WireReply {
  const { requestId, method, path, route, source, begun } = place;
  const ended = edge.now();
  const replayNonce = edge.newNonce?.(ended) ?? null;
  const reply = renderReply(outcome, { publicUrl: edge.publicUrl, requestId, replayNonce });
  const { status, reason } = reply;
  const milliseconds = ended.getTime() - begun.getTime();
  edge.log('http.request', { requestId, method, path, source, status, reason, milliseconds });
  edge.answered({ method, route, status, reason, milliseconds });
  return reply;
}

/** An edge refusal as an outcome. */
export const refused = (reason: EdgeReason | 'notFound', detail: string, more: Partial<Refusal> = {}): Outcome => ({
  refusals: { ...more, reason, detail },
});
