// What a page of the operator page is: method, path, whom it takes, the names that its query and form may have, and a
// handler of plain data. For people: none of it is in openapi.yaml, and none of it takes a Bearer token.
import type { OperatorRole } from '../../domain/principal.ts';
import { err, ok, type Refusal, type Result } from '../../domain/result.ts';
import type { Frame } from '../../web/layout.ts';
import type { Html } from '../../web/html.ts';
import type { Section } from '../../web/navigation.ts';
import type { Notice } from '../../web/notices.ts';
import type { Reply } from '../route.ts';
import type { Operator, Refusals, RequestContext } from '../services.ts';

/** Names in braces of a path. */
type ParamNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamNames<Rest> : never;

/** What was asked for. A name of query or form that did not come is the empty text. */
export type PageRequest<Params extends string, Query extends string, Form extends string> = RequestContext & {
  readonly params: Readonly<Record<Params, string>>;
  readonly query: Readonly<Record<Query, string>>;
  readonly form: Readonly<Record<Form, string>>;
  readonly principal: Operator;
  /** Goes into the view: forms carry `frame.csrf`. */
  readonly frame: Frame;
};

/** What a handler gives back: a page, another place (303), something that is no page, or why there is nothing. */
export type PageOutcome =
  | { readonly title: string; readonly body: Html }
  | { readonly goTo: string; readonly notice?: Notice }
  | { readonly reply: Reply }
  | { readonly refusals: Refusals };

/** A page once its names are no types any more. */
export type Page = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly section: Section | null;
  readonly takes: OperatorRole;
  readonly query: readonly string[];
  readonly form: readonly string[];
  readonly handle: (request: PageRequest<string, string, string>) => Promise<PageOutcome>;
};

type PageOptions<Query, Form> = {
  readonly section: Section;
  readonly takes: OperatorRole;
  readonly query?: readonly Query[];
  /** Beside `csrf`, which every form has and is checked before. */
  readonly form?: readonly Form[];
};

/** Makes a page. Whom it takes is part of it; everybody else gets a page that says so. */
export function page<const P extends `/${string}`, const Q extends string = never, const F extends string = never>(
  method: Page['method'],
  path: P,
  { section, takes, query = [], form = [] }: PageOptions<Q, F>,
  handle: (request: PageRequest<ParamNames<P>, Q, F>) => Promise<PageOutcome>,
): Page {
  return { method, path, section, takes, query, form, handle };
}

/** What a handler says when a service has nothing under a name. */
export const nothingThere = (what: string): PageOutcome => ({
  refusals: { reason: 'notFound', detail: `there is no such ${what}` },
});

/** Longest value of a query; a longer one is cut: it finds nothing, which the page shows. */
const longestQueryValue = 512;

/** The named values of a query string, without NUL, which nothing that is stored has; of two the first counts. */
export function readPageQuery(names: readonly string[], query: string): Readonly<Record<string, string>> {
  const given = new URLSearchParams(query);
  const valueOf = (name: string): string =>
    (given.get(name) ?? '').replaceAll('\0', '').slice(0, longestQueryValue).trim();
  return Object.fromEntries(names.map((name) => [name, valueOf(name)]));
}

/** Characters of one field, at most. */
const longestField = 4096;

/** A form as it came: fields that the page does not know, or that are there twice, are refused. */
export function readForm(
  names: readonly string[],
  body: Uint8Array,
): Result<Readonly<Record<string, string>>, Refusal<'malformedForm'>> {
  const pairs = [...new URLSearchParams(Buffer.from(body).toString('utf8'))];
  const known = ['csrf', ...names];
  const fault = (detail: string): Result<never, Refusal<'malformedForm'>> =>
    err({ reason: 'malformedForm', detail, accepted: `each of ${known.join(', ')} once` });
  if (pairs.some(([name]) => !known.includes(name))) return fault('the form has a field that is not known');
  if (new Set(pairs.map(([name]) => name)).size !== pairs.length) return fault('the form has a field twice');
  if (pairs.some(([, value]) => value.length > longestField || value.includes('\0'))) {
    return fault(`a field of the form has more than ${longestField} characters, or a NUL`);
  }
  const values = new Map(pairs);
  return ok(Object.fromEntries(known.map((name) => [name, (values.get(name) ?? '').trim()])));
}
