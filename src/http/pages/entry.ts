// The pages that need no session: signing in, the way out, and the files that pages refer to.
import { placeWithin } from '../../web/link.ts';
import { loginPage } from '../../web/login-page.ts';
import { headerOf } from '../edge.ts';
import type { MountedRoute } from '../pipeline.ts';
import type { Reply } from '../route.ts';
import { readForm, readPageQuery } from './page.ts';
import { formSecretRefusal } from './same-origin.ts';
import { type Asked, mountedPage } from './serve-page.ts';
import { clearCookie, cookieOf, setCookie } from './session-cookie.ts';
import { type Asset, documentReply, goTo, problemReply, type Web } from './web.ts';

/** `/login`, `/logout`, `/assets/…` */
export const entryRoutes = (web: Web, assets: readonly Asset[]): readonly MountedRoute[] => [
  mountedPage(web, { method: 'GET', path: '/login' }, async (asked) =>
    loginForm(web, {
      next: placeWithin(readPageQuery(['next'], asked.queryText)['next'] ?? ''),
      message: null,
      // A link of another site brings no cookie along (SameSite=Strict): one more click does.
      mayBeSignedIn: headerOf(asked.headers, 'sec-fetch-site') === 'cross-site',
    }),
  ),
  mountedPage(web, { method: 'POST', path: '/login' }, (asked) => login(web, asked)),
  mountedPage(web, { method: 'POST', path: '/logout' }, (asked) => logout(web, asked)),
  ...assets.map((asset) =>
    mountedPage(web, { method: 'GET', path: asset.path }, async () => ({
      status: 200,
      headers: { 'Content-Type': asset.type, 'Cache-Control': 'public, max-age=31536000, immutable' },
      body: asset.content,
    })),
  ),
];

const loginForm = (web: Web, view: Parameters<typeof loginPage>[0], status = 200): Reply =>
  documentReply(web, { title: 'Sign in', section: null, frame: null, notice: null, body: loginPage(view) }, { status });

async function login(web: Web, asked: Asked): Promise<Reply> {
  const { requestId, source, now } = asked;
  const refuse = (refusals: Parameters<typeof problemReply>[1], headers = {}): Reply =>
    problemReply(web, refusals, { requestId, frame: null, section: null, headers });
  const form = readForm(['token', 'next'], asked.rawBody);
  if (!form.ok) return refuse(form.error);
  const seconds = await web.loginLimit.take(source);
  if (seconds > 0) {
    const detail = `too many wrong tokens came from here; wait ${seconds} s`;
    return refuse({ reason: 'tooManyLogins', detail }, { 'Retry-After': String(seconds) });
  }
  const { token = '', next = '' } = form.value;
  const opened = await web.sessions.openWebSession(token, { source, now });
  if (!opened.ok) {
    const { detail, accepted } = opened.error;
    const message = `Not signed in: ${detail}${accepted === undefined ? '' : `, but from ${accepted}`}.`;
    return loginForm(web, { next: placeWithin(next), message, mayBeSignedIn: false }, 401);
  }
  await web.loginLimit.giveBack(source);
  return goTo(placeWithin(next), { 'Set-Cookie': setCookie(opened.value.cookie) });
}

/** Signing out twice is no fault; without the secret of the form, no other site can do it. */
async function logout(web: Web, asked: Asked): Promise<Reply> {
  const cookie = cookieOf(headerOf(asked.headers, 'cookie'));
  const session = cookie === null ? null : await web.sessions.readWebSession(cookie, asked.source, asked.now);
  const leave = goTo('/login', { 'Set-Cookie': clearCookie });
  if (cookie === null || session === null || !session.ok) return leave;
  const place = { requestId: asked.requestId, frame: null, section: null };
  const form = readForm([], asked.rawBody);
  if (!form.ok) return problemReply(web, form.error, place);
  const secret = formSecretRefusal(form.value['csrf'] ?? '', session.value.csrf);
  if (secret !== null) return problemReply(web, secret, place);
  await web.sessions.closeWebSession(cookie, session.value.operator, asked.now);
  return leave;
}
