// The way of a request to the operator page: header fields, session, role, form and its secret, handler, page. What is
// refused or fails on the way is a page too. The API goes another way (pipeline.ts).
import { MalformedCursor } from '../../domain/cursor.ts';
import { isUuid } from '../../domain/identifiers.ts';
import { type Principal, roleIncludes } from '../../domain/principal.ts';
import type { NoSession, WebSession } from '../../enrollment/web-sessions.ts';
import type { Frame } from '../../web/layout.ts';
import { linkTo, placeWithin } from '../../web/link.ts';
import { loginPage } from '../../web/login-page.ts';
import { isNotice } from '../../web/notices.ts';
import { formBody, gatherHeaders, headerOf, headerRefusal, type Headers, requestIdFor } from '../edge.ts';
import {
  type ArrivedRequest,
  cursorRefusal,
  finish,
  type MountedRoute,
  type Refuser,
  refusedRequest,
} from '../pipeline.ts';
import type { Reply } from '../route.ts';
import { type Page, type PageOutcome, type PageRequest, readForm, readPageQuery } from './page.ts';
import { formSecretRefusal, originRefusal } from './same-origin.ts';
import { clearCookie, cookieOf } from './session-cookie.ts';
import { documentReply, goTo, problemReply, type Web } from './web.ts';

/** A request with what every page reads of it. */
export type Asked = ArrivedRequest & {
  readonly headers: Headers;
  readonly requestId: string;
  readonly now: Date;
  readonly queryText: string;
};

const maxFormOctets = 16 * 1024;

/** A route of the operator page: header fields and origin are checked, faults are pages. */
export function mountedPage(
  web: Web,
  { method, path }: Pick<Page, 'method' | 'path'>,
  respond: (asked: Asked) => Promise<Reply>,
): MountedRoute {
  const serve: MountedRoute['serve'] = async (request) => {
    const begun = web.edge.now();
    const headers = gatherHeaders(request.rawHeaders);
    const requestId = requestIdFor(headers);
    const queryText = request.target.split('?').slice(1).join('?');
    const reply = await checked(web, { ...request, headers, requestId, now: begun, queryText }, respond).catch(
      (fault: unknown): Reply => {
        if (fault instanceof MalformedCursor) return refusal(web, requestId, cursorRefusal(fault.message));
        web.edge.log('http.fault', { requestId, method, path, fault });
        const reason = web.edge.isOutage(fault) ? 'unavailable' : 'internal';
        return refusal(web, requestId, { reason, detail: 'See the log of the server under the number below.' });
      },
    );
    return finish(web.edge, reply, { requestId, method, path, route: path, source: request.source, begun });
  };
  return { method, path, maxBodyOctets: method === 'POST' ? maxFormOctets : 0, serve, refuse: pageRefuser(web) };
}

async function checked(web: Web, asked: Asked, respond: (asked: Asked) => Promise<Reply>): Promise<Reply> {
  const header = headerRefusal(asked.headers, asked.rawBody.length, formBody);
  if (header !== null) return refusal(web, asked.requestId, header);
  const origin = asked.method === 'POST' ? originRefusal(asked.headers, web.edge.authentication.authorities) : null;
  return origin === null ? respond(asked) : refusal(web, asked.requestId, origin);
}

const refusal = (web: Web, requestId: string, refusals: Parameters<typeof problemReply>[1]): Reply =>
  problemReply(web, refusals, { requestId, frame: null, section: null });

/** What the edge itself refuses, as a page. */
export const pageRefuser =
  (web: Web): Refuser =>
  (request, outcome) =>
    refusedRequest(web.edge, request, ({ requestId }) =>
      'refusals' in outcome
        ? problemReply(web, outcome.refusals, {
            requestId,
            frame: null,
            section: null,
            ...(outcome.headers === undefined ? {} : { headers: outcome.headers }),
          })
        : outcome,
    );

/** Pages for those who are signed in. */
export const mountPages = (web: Web, pages: readonly Page[]): readonly MountedRoute[] =>
  pages.map((page) =>
    mountedPage(web, page, async (asked) => {
      const cookie = cookieOf(headerOf(asked.headers, 'cookie'));
      const session = cookie === null ? null : await web.sessions.readWebSession(cookie, asked.source, asked.now);
      if (session?.ok === true) return servePage(web, page, { asked, session: session.value });
      return askForLogin(web, asked, { shown: cookie !== null, why: session?.error ?? null });
    }),
  );

type Served = { readonly asked: Asked; readonly session: WebSession };

async function servePage(web: Web, page: Page, { asked, session }: Served): Promise<Reply> {
  const { operator, csrf } = session;
  const { requestId, now, source, params } = asked;
  const frame: Frame = { operator: { name: operator.name, role: operator.role }, csrf, now };
  const { section } = page;
  const refuse = (refusals: Parameters<typeof problemReply>[1]): Reply =>
    problemReply(web, refusals, { requestId, frame, section });
  if (!roleIncludes(operator.role, page.takes)) return refuse(notForRole(operator, page.takes));
  if (!areNames(params)) return refuse({ reason: 'notFound', detail: 'nothing has such a name' });
  const form = readForm(page.form, asked.rawBody);
  if (!form.ok) return refuse(form.error);
  const secret = page.method === 'POST' ? formSecretRefusal(form.value['csrf'] ?? '', csrf) : null;
  if (secret !== null) return refuse(secret);
  const request: PageRequest<string, string, string> = {
    ...{ now, source, requestId, frame },
    params: Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)])),
    query: readPageQuery(page.query, asked.queryText),
    form: form.value,
    principal: operator,
  };
  const outcome = await page.handle(request);
  return 'refusals' in outcome ? refuse(outcome.refusals) : answer(web, outcome, { asked, frame, page });
}

/** Names of the path in the form that every store can be asked for; an `id` is a UUID. */
const areNames = (params: ArrivedRequest['params']): boolean =>
  Object.entries(params).every(([name, value]) =>
    name === 'id' ? isUuid(String(value)) : /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(String(value)),
  );

const notForRole = ({ name, role }: Extract<Principal, { readonly kind: 'operator' }>, takes: Page['takes']) => ({
  reason: 'principalNotAllowed',
  detail: `${name} is signed in as ${role}`,
  accepted: `a token of role ${takes}`,
});

type Place = { readonly asked: Asked; readonly frame: Frame; readonly page: Page };

function answer(web: Web, outcome: Exclude<PageOutcome, { refusals: unknown }>, { asked, frame, page }: Place): Reply {
  if ('reply' in outcome) return outcome.reply;
  if ('goTo' in outcome) {
    const { goTo: place, notice } = outcome;
    return goTo(notice === undefined ? place : `${place}${place.includes('?') ? '&' : '?'}notice=${notice}`);
  }
  const named = readPageQuery(['notice'], asked.queryText)['notice'] ?? '';
  const notice = isNotice(named) ? named : null;
  return documentReply(web, { title: outcome.title, section: page.section, body: outcome.body, frame, notice });
}

/** Nobody is signed in: a page is asked for again after that, a form has to be filled in again. */
function askForLogin(
  web: Web,
  asked: Asked,
  { shown, why }: { readonly shown: boolean; readonly why: NoSession | null },
): Reply {
  const headers = shown ? { 'Set-Cookie': clearCookie } : undefined;
  const over = why?.kind === 'over' ? why.detail : null;
  if (asked.method !== 'POST' && over === null) {
    return goTo(linkTo('/login', {}, { next: placeWithin(asked.target) }), headers);
  }
  const next = asked.method === 'POST' ? '/' : placeWithin(asked.target);
  const message = asked.method === 'POST' ? `${over ?? 'Nobody is signed in.'} Nothing was changed.` : over;
  const body = loginPage({ next, message, mayBeSignedIn: false });
  return documentReply(
    web,
    { title: 'Sign in', section: null, frame: null, notice: null, body },
    { status: 401, ...(headers === undefined ? {} : { headers }) },
  );
}
