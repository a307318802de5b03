// Problem documents (RFC 9457), made from the one table. A reason that has no row in it is a fault of ours and tells
// nothing.
import type { Refusal } from '../domain/result.ts';
import type { Problem } from '../domain/wire.ts';
import { type ProblemEntry, problems } from './problem-table.ts';
import type { Refusals } from './services.ts';

const entries: ReadonlyMap<string, ProblemEntry> = new Map(Object.entries(problems));

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
