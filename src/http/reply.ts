// The few forms that answers have. Which one an operation gives is in openapi.yaml.
import type { Result } from '../domain/result.ts';
import type { Outcome } from './route.ts';
import type { Refusals } from './services.ts';

/** 200 with JSON. */
export const found = (body: object): Outcome => ({ status: 200, body });

/** 204. */
export const done: Outcome = { status: 204, body: null };

/** 404, when a service has nothing under a name. */
export const nothingHere = (what: string): Outcome => ({
  refusals: { reason: 'notFound', detail: `there is no such ${what}` },
});

/** 200 with JSON, or 404. */
export const foundOr = (body: object | null, what: string): Outcome =>
  body === null ? nothingHere(what) : found(body);

/** The success in a form of its own, a refusal as it is. */
export const answered = <T>(result: Result<T, Refusals>, success: (value: T) => Outcome): Outcome =>
  result.ok ? success(result.value) : { refusals: result.error };

/** PEM (RFC 7468), or 404. */
export const pemOr = (pem: string | null, what: string): Outcome =>
  pem === null
    ? nothingHere(what)
    : {
        status: 200,
        headers: { 'Content-Type': 'application/pem-certificate-chain', 'Cache-Control': 'public, max-age=300' },
        body: pem,
      };

/** DER of a public object that may be kept for a while, or 404. */
export const derOr = (
  der: Uint8Array | null,
  kind: { readonly type: string; readonly maxAgeSeconds: number; readonly what: string },
): Outcome =>
  der === null
    ? nothingHere(kind.what)
    : {
        status: 200,
        headers: { 'Content-Type': kind.type, 'Cache-Control': `public, max-age=${kind.maxAgeSeconds}` },
        body: der,
      };
