// What the operator page needs of the world beside the edge, and the replies that every page is made of.
import type { Issued, Timeline } from '../../domain/overview.ts';
import type { FleetResource } from '../../domain/rotation-wire.ts';
import type { Refusal, Result } from '../../domain/result.ts';
import type { NoSession, WebSession } from '../../enrollment/web-sessions.ts';
import { type Assets, type Document, documentText } from '../../web/layout.ts';
import { problemPage, type ProblemView } from '../../web/problem-page.ts';
import type { EdgePorts } from '../pipeline.ts';
import { renderProblem } from '../problems.ts';
import type { Reply } from '../route.ts';
import type { Operator, Refusals } from '../services.ts';
import type { LoginLimit } from './login-limit.ts';

export type WebSessionServices = {
  readonly openWebSession: (
    token: string,
    context: { readonly source: string; readonly now: Date },
  ) => Promise<Result<{ readonly cookie: string }, Refusal>>;
  readonly readWebSession: (cookie: string, source: string, now: Date) => Promise<Result<WebSession, NoSession>>;
  readonly closeWebSession: (cookie: string, operator: Operator, now: Date) => Promise<void>;
};

/** What the overview counts. Each may be some seconds old. */
export type OverviewServices = {
  readonly fleet: (now: Date) => Promise<FleetResource>;
  readonly timeline: (now: Date) => Promise<Timeline>;
  readonly issued: (now: Date) => Promise<Issued>;
};

/** A file that pages refer to, with the digest of its content in its path. */
export type Asset = { readonly path: string; readonly type: string; readonly content: string };

export type Web = {
  readonly edge: EdgePorts;
  readonly sessions: WebSessionServices;
  readonly loginLimit: LoginLimit;
  readonly assets: Assets;
};

/** Nothing but our own style sheet and pictures; no script at all. A form tells its origin, to us alone. */
const pageHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'same-origin',
} as const;

type More = { readonly status?: number; readonly headers?: Readonly<Record<string, string>> };

/** A document as a reply. */
export const documentReply = (
  { assets }: Pick<Web, 'assets'>,
  document: Omit<Document, 'assets'>,
  { status = 200, headers = {} }: More = {},
): Reply => ({ status, headers: { ...pageHeaders, ...headers }, body: documentText({ ...document, assets }) });

/** 303: whatever was sent, the other place is asked for by GET. */
export const goTo = (place: string, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status: 303,
  headers: { Location: place, ...headers },
  body: null,
});

/** Refusals as a page; status and words are those of the problem document that the API would give. */
export function problemReply(
  web: Web,
  refusals: Refusals,
  place: Pick<Document, 'frame' | 'section'> & {
    readonly requestId: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Reply {
  const { requestId, frame, section, headers: given = {} } = place;
  const { status, headers, document } = renderProblem(refusals, { publicUrl: web.edge.publicUrl, requestId });
  const { 'Retry-After': retryAfter } = { ...headers, ...given };
  const all: readonly Refusal[] = 'reason' in refusals ? [refusals] : refusals;
  const view: ProblemView = {
    status,
    title: document.title,
    detail: document.detail,
    // Of a reason that nobody knows nothing is told.
    denials: status === 500 ? [] : all.map(({ detail, accepted }) => ({ detail, accepted: accepted ?? null })),
    requestId,
    retryAfterSeconds: retryAfter === undefined ? null : Number(retryAfter),
  };
  return documentReply(
    web,
    { title: document.title, section, frame, notice: null, body: problemPage(view) },
    { status, headers: { ...given, ...(retryAfter === undefined ? {} : { 'Retry-After': retryAfter }) } },
  );
}
