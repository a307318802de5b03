// What every request goes through before its handler, and every answer after it; plain data, no framework. Reading the
// body off the wire, with its cap, is the adapter's.
import { randomUUID } from 'node:crypto';
import type { Refusal } from '../domain/result.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { type RenderedProblem, renderProblem } from './problems.ts';
import type { Outcome, Reply } from './route.ts';

/** Reasons of the edge itself. */
export type EdgeReason =
  | 'internal'
  | 'unavailable'
  | 'methodNotAllowed'
  | 'notAcceptable'
  | 'bodyTooLarge'
  | 'urlTooLong'
  | 'malformedUrl'
  | 'unsupportedMediaType'
  | 'repeatedHeader'
  | 'malformedBinary'
  | 'tooManyEnrollments'
  | 'tooManyRequests'
  | 'unknownEnrollment';

/** A refusal of the edge. */
export type EdgeRefusal = Refusal<EdgeReason>;

/** Header fields by lower-case name, each with every value that came. */
export type Headers = ReadonlyMap<string, readonly string[]>;

/** Fields that decide something: there once, or not at all. */
const singleFields = [
  'accept',
  'authorization',
  'content-digest',
  'content-encoding',
  'content-length',
  'content-type',
  'host',
  'idempotency-key',
  'signature',
  'signature-input',
  'transfer-encoding',
  'x-request-id',
];

/** Gathers name-value pairs as they came (`rawHeaders` of Node). */
export function gatherHeaders(raw: readonly string[]): Headers {
  const headers = new Map<string, string[]>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), raw[at + 1] ?? '']);
  }
  return headers;
}

/** The value of a field, or null. */
export const headerOf = (headers: Headers, name: string): string | null => headers.get(name)?.[0] ?? null;

/** The caller's request id when it is a UUID, else a new one. */
export const requestIdFor = (headers: Headers): string => {
  const given = headerOf(headers, 'x-request-id') ?? '';
  const isUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(given);
  return isUuid ? given : randomUUID();
};

/** What a body may be: of the API JSON, of the operator page a form. */
type BodyKind = { readonly pattern: RegExp; readonly accepted: string; readonly singleFields: readonly string[] };

const json: BodyKind = {
  pattern: /^application\/json(?:\s*;\s*charset="?utf-8"?)?$/,
  accepted: 'application/json in UTF-8, without Content-Encoding',
  singleFields,
};

/** What the forms of the operator page send. */
export const formBody: BodyKind = {
  pattern: /^application\/x-www-form-urlencoded(?:\s*;\s*charset="?utf-8"?)?$/,
  accepted: 'application/x-www-form-urlencoded in UTF-8, without Content-Encoding',
  singleFields: [...singleFields, 'cookie', 'origin', 'sec-fetch-site'],
};

/** Header fields that came twice, and a body of a type or coding that no operation takes. */
export function headerRefusal(headers: Headers, bodyOctets: number, kind: BodyKind = json): EdgeRefusal | null {
  const repeated = kind.singleFields.find((name) => (headers.get(name)?.length ?? 0) > 1);
  if (repeated !== undefined) {
    return {
      reason: 'repeatedHeader',
      detail: `${repeated} is there more than once`,
      field: repeated,
      accepted: 'once',
    };
  }
  const coding = headerOf(headers, 'content-encoding') ?? 'identity';
  const type = (headerOf(headers, 'content-type') ?? '').toLowerCase();
  if (coding.toLowerCase() !== 'identity' || (bodyOctets > 0 && !kind.pattern.test(type))) {
    return {
      reason: 'unsupportedMediaType',
      detail: 'the body is of another type or coding',
      field: coding.toLowerCase() === 'identity' ? 'content-type' : 'content-encoding',
      accepted: kind.accepted,
    };
  }
  return null;
}

/** Query parameters (without the question mark) by name; one that is there twice is refused. */
export function readQueryString(query: string): Result<Readonly<Record<string, string>>, Refusal<'malformedQuery'>> {
  const pairs = [...new URLSearchParams(query)];
  const names = new Set(pairs.map(([name]) => name));
  if (names.size !== pairs.length || names.has('__proto__')) {
    return err({ reason: 'malformedQuery', detail: 'a parameter is there twice', accepted: 'each parameter once' });
  }
  return ok(Object.fromEntries(pairs));
}

/** An answer as octets, ready for the wire. `reason` is null unless it is a problem. */
export type WireReply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly reason: string | null;
};

/** What an answer gets beside its own headers. */
export type ReplyPlace = {
  readonly publicUrl: string;
  readonly requestId: string;
  /** The nonce of this reply; null on the plain listener. */
  readonly replayNonce: string | null;
};

/** On every answer: nothing of ours is a page to be framed, sniffed, scripted or kept. A handler may say otherwise. */
const ordinaryHeaders = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
} as const;

/** Makes the octets of an answer. Text and octets go as they are, everything else as JSON. */
export function renderReply(outcome: Outcome, place: ReplyPlace): WireReply {
  const problem = 'refusals' in outcome ? renderProblem(outcome.refusals, place) : null;
  const reply: Reply = problem === null && 'status' in outcome ? outcome : problemReply(problem, outcome.headers);
  const { 'Strict-Transport-Security': hsts, ...plainHeaders } = ordinaryHeaders;
  return {
    status: reply.status,
    reason: problem?.reason ?? null,
    body: bodyOctets(reply.body),
    headers: {
      ...plainHeaders,
      ...(place.replayNonce === null ? {} : { 'Strict-Transport-Security': hsts, 'Replay-Nonce': place.replayNonce }),
      'X-Request-Id': place.requestId,
      ...(reply.body === null ? {} : { 'Content-Type': 'application/json' }),
      ...reply.headers,
    },
  };
}

function problemReply(problem: RenderedProblem | null, more: Readonly<Record<string, string>> | undefined): Reply {
  if (problem === null) throw new Error('an answer is a reply or a refusal');
  return { status: problem.status, headers: { ...problem.headers, ...more }, body: problem.document };
}

function bodyOctets(body: unknown): Uint8Array {
  if (body === null) return new Uint8Array(0);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
