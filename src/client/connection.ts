// Requests to one server over verified TLS: waits when told to, remembers nonces, turns problem documents into values.
// Which operations there are is in api.ts.
import { hostOf } from '../domain/names.ts';
import { Agent, request as httpsRequest } from 'node:https';
import { authorityOf } from '../domain/request-signature.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Problem } from '../domain/wire.ts';
import { type RequestSigner, signRequest } from './request-signing.ts';
import {
  type Anchors,
  explainFailure,
  findAnchors,
  partsOf,
  type ServerTrust,
  type TrustFault,
} from './server-trust.ts';

/** Why there is no answer. `problem` is the server's own document; the others are told by this side. */
export type ClientFault =
  | {
      readonly reason: 'problem';
      readonly detail: string;
      readonly problem: Problem;
      /** What Retry-After asks for, null without one. */
      readonly retryAfterSeconds: number | null;
    }
  | { readonly reason: 'malformedReply'; readonly detail: string }
  | TrustFault;

export type ConnectionOptions = {
  /** `https://host[:port]`, no path. */
  readonly url: string;
  readonly trust: ServerTrust;
  /** Operator token, or null. */
  readonly token: string | null;
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Told before each wait, so that a person sees why nothing happens. */
  readonly onWait?: (wait: { readonly seconds: number; readonly status: number }) => void;
  /** How long to obey Retry-After in all before giving the refusal back; 10 minutes when absent. */
  readonly patienceSeconds?: number;
};

export type ClientRequest = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Path with its query, escaped. */
  readonly target: string;
  readonly body?: object;
  /** A body of JSON as it is to be sent, octet for octet, instead of `body`. */
  readonly bodyText?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Signs the request; without it the operator token goes along, if there is one. */
  readonly signer?: RequestSigner;
  /** The nonce to sign with, because the body speaks of it: it is never replaced by another. */
  readonly nonce?: string;
  readonly accept?: string;
};

/** An answer of 2xx. */
export type ClientReply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
};

export type Connection = {
  readonly send: (request: ClientRequest) => Promise<Result<ClientReply, ClientFault>>;
  /** A nonce of the server that nothing here was signed with. */
  readonly newNonce: () => Promise<Result<string, ClientFault>>;
  /** Ends its sockets. */
  readonly close: () => void;
};

const maxReplyOctets = 16 * 1024 * 1024;
const silenceMilliseconds = 120_000;
const keptNonces = 8;
/** 409 bears a Retry-After only where the very same request is being worked on: sent again it gets its answer. */
const waitingStatuses: ReadonlySet<number> = new Set([409, 429, 503]);
const retransmittingStatuses: ReadonlySet<number> = new Set([409, 503]);
const nonceReasons = ['unknownNonce', 'expiredNonce', 'spentNonce'];

/** Authenticates the server and gives a connection to it; nothing was sent when this fails. */
export async function openConnection(options: ConnectionOptions): Promise<Result<Connection, ClientFault>> {
  const url = new URL(options.url);
  if (url.protocol !== 'https:') throw new TypeError('the server is reached over https only');
  const anchors = await findAnchors(url, options.trust);
  if (!anchors.ok) return anchors;
  const agent = new Agent({
    ca: anchors.value.pem,
    // Said explicitly: otherwise NODE_TLS_REJECT_UNAUTHORIZED of the environment would decide.
    rejectUnauthorized: true,
    keepAlive: true,
    maxSockets: 8,
    minVersion: 'TLSv1.2',
  });
  const line: Line = { url, agent, anchors: anchors.value, options, nonces: [] };
  return ok({
    send: (request) => sendPatiently(line, request),
    newNonce: () => takeNonce(line),
    close: () => agent.destroy(),
  });
}

type Line = {
  readonly url: URL;
  readonly agent: Agent;
  readonly anchors: Anchors;
  readonly options: ConnectionOptions;
  readonly nonces: string[];
};

/**
 * Obeys Retry-After of 409, 429 and 503, and signs once more when only the nonce was refused. A body that speaks of its
 * nonce is only sent again octet for octet, where it may have arrived; 429 says that it was not taken, and ends here.
 */
async function sendPatiently(line: Line, request: ClientRequest): Promise<Result<ClientReply, ClientFault>> {
  let patience = line.options.patienceSeconds ?? 600;
  let mayRenewNonce = request.signer !== undefined && request.nonce === undefined;
  const waits = request.nonce === undefined ? waitingStatuses : retransmittingStatuses;
  for (;;) {
    const reply = await sendOnce(line, request);
    if (!reply.ok) return reply;
    const { status, headers } = reply.value;
    if (status >= 200 && status < 300) return reply;
    const fault = faultOf(reply.value);
    const seconds = Math.max(1, retryAfterOf(headers) ?? 0);
    if (status === 401 && mayRenewNonce && nonceReasons.includes(lastSegment(fault))) {
      mayRenewNonce = false;
      line.nonces.splice(0, Math.max(0, line.nonces.length - 1)); // Only the newest, from this very reply, is surely good.
    } else if (waits.has(status) && headers['retry-after'] !== undefined && seconds <= patience) {
      patience -= seconds;
      line.options.onWait?.({ seconds, status });
      await line.options.sleep(seconds * 1000);
    } else return err(fault);
  }
}

const lastSegment = (fault: ClientFault): string =>
  fault.reason === 'problem' ? (fault.problem.type.split('/').at(-1) ?? '') : '';

async function sendOnce(line: Line, request: ClientRequest): Promise<Result<ClientReply, ClientFault>> {
  const bodyText = request.bodyText ?? (request.body === undefined ? null : JSON.stringify(request.body));
  const body = bodyText === null ? null : Buffer.from(bodyText);
  const headers = {
    accept: request.accept ?? 'application/json, application/problem+json',
    'user-agent': 'omens',
    ...(body === null ? {} : { 'content-type': 'application/json', 'content-length': String(body.length) }),
    ...request.headers,
  };
  if (request.signer === undefined) {
    const { token } = line.options;
    return exchange(line, request, {
      body,
      headers: { ...headers, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    });
  }
  const nonce = request.nonce === undefined ? await takeNonce(line) : ok(request.nonce);
  if (!nonce.ok) return nonce;
  const signed = await signRequest(request.signer, {
    method: request.method,
    authority: authorityOf(line.url.host),
    ...pathAndQuery(request.target),
    body,
    nonce: nonce.value,
    created: line.options.now(),
  });
  return exchange(line, request, { body, headers: { ...headers, ...signed } });
}

function pathAndQuery(target: string): { readonly path: string; readonly query: string } {
  const at = target.indexOf('?');
  return at < 0 ? { path: target, query: '?' } : { path: target.slice(0, at), query: target.slice(at) };
}

async function takeNonce(line: Line): Promise<Result<string, ClientFault>> {
  if (line.nonces.length === 0) {
    const reply = await exchange(line, { method: 'HEAD', target: '/v1/nonce' }, { body: null, headers: {} });
    if (!reply.ok) return reply;
  }
  const nonce = line.nonces.pop();
  return nonce === undefined ? err({ reason: 'malformedReply', detail: 'the server gave no Replay-Nonce' }) : ok(nonce);
}

type Sent = { readonly body: Uint8Array | null; readonly headers: Readonly<Record<string, string>> };

/** One request and its reply, whatever its status. A nonce that comes along is kept. */
async function exchange(line: Line, request: ClientRequest, sent: Sent): Promise<Result<ClientReply, ClientFault>> {
  try {
    const reply = await transfer(line, request, sent).catch((failure: unknown) => {
      // The server may close an idle connection at the moment it is used again; the request was then not read.
      if (partsOf(failure).code === staleCode) return transfer(line, request, sent);
      throw failure;
    });
    const nonce = reply.headers['replay-nonce'];
    if (nonce !== undefined) line.nonces.push(nonce);
    if (line.nonces.length > keptNonces) line.nonces.shift();
    return ok(reply);
  } catch (failure) {
    if (partsOf(failure).code === tooLongCode)
      return err({ reason: 'malformedReply', detail: 'the reply is too long' });
    return err(await explainFailure({ url: line.url, anchors: line.anchors, now: line.options.now }, failure));
  }
}

const staleCode = 'STALE_SOCKET';
const tooLongCode = 'REPLY_TOO_LONG';

const transfer = ({ url, agent }: Line, request: ClientRequest, sent: Sent): Promise<ClientReply> =>
  new Promise((resolve, reject) => {
    const asked = httpsRequest({
      agent,
      host: hostOf(url),
      port: url.port === '' ? 443 : Number(url.port),
      method: request.method,
      path: request.target,
      headers: { ...sent.headers, host: url.host },
      timeout: silenceMilliseconds,
    });
    asked.on('timeout', () => asked.destroy(new Error('the server is silent')));
    asked.on('error', (failure: NodeJS.ErrnoException) => {
      const isStale = asked.reusedSocket && failure.code === 'ECONNRESET';
      reject(isStale ? Object.assign(new Error(failure.message, { cause: failure }), { code: staleCode }) : failure);
    });
    asked.on('response', (reply) => {
      const chunks: Buffer[] = [];
      let octets = 0;
      reply.on('data', (chunk: Buffer) => {
        octets += chunk.length;
        if (octets <= maxReplyOctets) chunks.push(chunk);
        else reply.destroy(Object.assign(new Error('the reply is too long'), { code: tooLongCode }));
      });
      reply.on('error', reject);
      reply.on('end', () => {
        const headers = Object.entries(reply.headers).map(([name, value]) => [name, String(value)] as const);
        resolve({ status: reply.statusCode ?? 0, headers: Object.fromEntries(headers), body: Buffer.concat(chunks) });
      });
    });
    asked.end(sent.body ?? undefined);
  });

/** The problem document of a reply that is none of success. */
function faultOf(reply: ClientReply): ClientFault {
  const document = readJson(reply.body);
  if (isProblem(document)) {
    const retryAfterSeconds = retryAfterOf(reply.headers);
    return { reason: 'problem', detail: document.detail, problem: document, retryAfterSeconds };
  }
  return { reason: 'malformedReply', detail: `the server answered ${reply.status} without a problem document` };
}

/** Seconds only: our service sends no dates. */
function retryAfterOf(headers: ClientReply['headers']): number | null {
  const found = /^[0-9]{1,6}$/.exec(headers['retry-after'] ?? '');
  return found === null ? null : Number(found[0]);
}

/** JSON of a reply, or undefined. */
export function readJson(octets: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(octets).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' &&
  value !== null &&
  'type' in value &&
  typeof value.type === 'string' &&
  'status' in value &&
  typeof value.status === 'number' &&
  'detail' in value &&
  typeof value.detail === 'string' &&
  'title' in value &&
  typeof value.title === 'string';
