// The operator page at the edge: who gets in, what a form must carry, what a session is worth, and that the API is as it was.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WebSessionRecord } from '../../src/domain/web-session.ts';
import {
  closeWebSession,
  type LoginRefusal,
  openWebSession,
  readWebSession,
  type WebSessionPorts,
} from '../../src/enrollment/web-sessions.ts';
import type { ContentServices } from '../../src/http/pages/content.ts';
import type { PageServices, WebOptions } from '../../src/http/pages/all.ts';
import { type Reply, startTestServer, type TestServer } from './support/calls.ts';
import { makeWorld, wideLimits, type World } from './support/world.ts';

const origin = 'https://omens.example.org:8443';
const asset = (name: string, type: string) => ({ path: `/assets/0-${name}`, type, content: `content of ${name}` });

let server: TestServer;
let world: World;
let now = new Date();
const sessions = new Map<string, WebSessionRecord>();
const audited: string[] = [];
const refusals: LoginRefusal[] = [];
const fault = { isOutage: false, thrown: null as Error | null };

/** Pages of the content are tested by themselves. */
const notAsked = async (): Promise<never> => {
  throw new Error('not asked here');
};
const content: ContentServices = {
  ...{ searchCertificates: notAsked, viewCertificate: notAsked, listHosts: notAsked, viewHost: notAsked },
  ...{ previewApproval: notAsked, viewIssuers: notAsked, profileNames: [] },
};

const key = (id: Uint8Array): string => Buffer.from(id).toString('hex');

function webOptions(): WebOptions {
  const ports: WebSessionPorts = {
    random: (octets) => new Uint8Array(randomBytes(octets)),
    findOperatorToken: (id) => world.tokenPorts.findOperatorToken(id),
    recordOperatorTokenUse: (id, at) => world.tokenPorts.recordOperatorTokenUse(id, at),
    insertWebSession: async (session) => {
      sessions.set(key(session.idSha256), session);
      audited.push('web.login');
    },
    recordLoginRefusal: async (refusal) => void refusals.push(refusal),
    findWebSession: async (id) => sessions.get(key(id)) ?? null,
    touchWebSession: async (id, at) => {
      const found = sessions.get(key(id));
      if (found !== undefined) sessions.set(key(id), { ...found, lastUsedAt: at });
    },
    deleteWebSession: async (id, signedOut) => {
      sessions.delete(key(id));
      if (signedOut !== null) audited.push(`web.logout ${signedOut.principal.split(':')[1] ?? ''}`);
    },
  };
  const services: PageServices = {
    ...world.services,
    ...content,
    openWebSession: openWebSession(ports),
    readWebSession: readWebSession(ports),
    closeWebSession: closeWebSession(ports),
    fleet: (now) => world.services.showFleet(now),
    timeline: async () => {
      if (fault.thrown !== null) throw fault.thrown;
      return { days: [], ended: 0 };
    },
    issued: async () => ({ hours: [], days: [] }),
  };
  const assets = [asset('page.css', 'text/css; charset=utf-8'), asset('icon.svg', 'image/svg+xml')] as const;
  return { services, assets, salt: randomBytes(32), loginRate: { count: 3, seconds: 300 } };
}

beforeAll(async () => {
  world = makeWorld();
  server = await startTestServer({
    services: world.services,
    web: webOptions(),
    limits: wideLimits(),
    now: () => now,
    isOutage: () => fault.isOutage,
  });
});
afterAll(() => server.close());

type Form = Readonly<Record<string, string>>;

const post = (path: string, form: Form, headers: Record<string, string> = { origin }): Promise<Reply> =>
  server.call({
    ...{ method: 'POST', path, bytes: Buffer.from(new URLSearchParams(form).toString()) },
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  });

const get = (path: string, cookie?: string): Promise<Reply> =>
  server.call({ path, headers: cookie === undefined ? {} : { cookie } });

const setCookieOf = (reply: Reply): string => [reply.headers['set-cookie']].flat()[0] ?? '';

async function signIn(role: 'viewer' | 'issuer' | 'admin'): Promise<{ cookie: string; csrf: string; tokenId: string }> {
  const token = await world.token(role);
  const reply = await post('/login', { token, next: '/warnings' });
  const cookie = setCookieOf(reply).split(';')[0] ?? '';
  const csrf = /name="csrf" value="([^"]+)"/.exec((await get('/', cookie)).text)?.[1] ?? '';
  return { cookie, csrf, tokenId: token.split('.')[1] ?? '' };
}

describe('signing in', () => {
  test('gives a cookie that no script, no plain HTTP and no other site can use, and leads on', async () => {
    const reply = await post('/login', { token: await world.token('viewer'), next: '/warnings?state=closed' });
    expect(reply).toMatchObject({ status: 303, headers: { location: '/warnings?state=closed' } });
    expect(setCookieOf(reply)).toMatch(/^__Host-omens=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
    expect(audited).toContain('web.login');
  });

  test('leads to no other server', async () => {
    const reply = await post('/login', { token: await world.token('viewer'), next: '//evil.example/' });
    expect(reply.headers['location']).toBe('/');
  });

  test('stores nothing of the cookie but its digest', async () => {
    const { cookie } = await signIn('viewer');
    const octets = Buffer.from(cookie.split('=')[1] ?? '', 'base64url');
    expect(sessions.has(createHash('sha256').update(octets).digest('hex'))).toBe(true);
    expect([...sessions.keys()]).not.toContain(octets.toString('hex'));
  });

  test('with a wrong token is refused, written down without the secret, and after a few times has to wait', async () => {
    const wrong = `${(await world.token('admin')).slice(0, -5)}AAAAA`;
    for (let at = 0; at < 3; at += 1) {
      const reply = await post('/login', { token: wrong, next: '/' });
      expect(reply.status).toBe(401);
      expect(reply.text).not.toContain(wrong.slice(-20));
    }
    expect(JSON.stringify(refusals)).not.toContain(wrong.slice(-20));
    expect(refusals.at(-1)).toMatchObject({ reason: 'unknownOperatorToken', source: '127.0.0.1' });
    const limited = await post('/login', { token: await world.token('admin'), next: '/' });
    expect(limited).toMatchObject({ status: 429, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
    expect(server.logged.map(({ fields }) => JSON.stringify(fields)).join()).not.toContain(wrong.slice(-20));
  });
});

describe('a session', () => {
  beforeAll(async () => {
    // The limit of the test before is in memory: a server of its own has another.
    await server.close();
    server = await startTestServer({
      services: world.services,
      web: webOptions(),
      limits: wideLimits(),
      now: () => now,
      isOutage: () => fault.isOutage,
    });
  });

  test('opens pages, and nothing below /v1', async () => {
    const { cookie } = await signIn('admin');
    expect(await get('/warnings', cookie)).toMatchObject({ status: 200 });
    expect(await get('/v1/warnings', cookie)).toMatchObject({
      status: 401,
      json: { type: expect.stringContaining('credentialsMissing') },
    });
  });

  test('is not replaced by a Bearer token', async () => {
    const authorization = `Bearer ${await world.token('admin')}`;
    const reply = await server.call({ path: '/warnings', headers: { authorization } });
    expect(reply).toMatchObject({ status: 303, headers: { location: '/login?next=%2Fwarnings' } });
  });

  test('is over after half an hour without use, not before, and after twelve hours in any case', async () => {
    const begun = now.getTime();
    const { cookie } = await signIn('viewer');
    for (let minutes = 29; minutes < 12 * 60; minutes += 29) {
      now = new Date(begun + minutes * 60_000);
      expect((await get('/warnings', cookie)).status).toBe(200);
    }
    now = new Date(begun + 12 * 3_600_000);
    expect((await get('/warnings', cookie)).status).toBe(401);
    const other = await signIn('viewer');
    now = new Date(now.getTime() + 30 * 60_000);
    const over = await get('/warnings', other.cookie);
    expect(over.status).toBe(401);
    expect(over.text).toContain('The session is over');
    expect(setCookieOf(over)).toContain('Max-Age=0');
  });

  test('ends with its token: revoked, it is over at once', async () => {
    const { cookie, tokenId } = await signIn('admin');
    await world.tokenPorts.revokeOperatorToken(tokenId, now, 'test');
    const reply = await get('/warnings', cookie);
    expect(reply.status).toBe(401);
    expect(reply.text).toContain('revoked');
    expect((await get('/warnings', cookie)).status).toBe(303);
  });

  test('is over where its token is not good', async () => {
    const { cookie, tokenId } = await signIn('admin');
    const token = world.tokens.get(tokenId);
    if (token !== undefined) world.tokens.set(tokenId, { ...token, limits: { sources: ['192.0.2.0/24'] } });
    expect((await get('/warnings', cookie)).text).toContain('the token is not good from 127.0.0.1');
  });

  test('lasts no longer than its token', async () => {
    // Tokens are made by the clock of the machine, which the tests before left behind.
    const behind = Math.ceil((now.getTime() - Date.now()) / 1000);
    const token = await world.token('viewer', { ttlSeconds: behind + 600 });
    const cookie = setCookieOf(await post('/login', { token, next: '/' })).split(';')[0] ?? '';
    now = new Date(now.getTime() + 601_000);
    expect((await get('/', cookie)).status).toBe(401);
  });

  test('is ended by signing out, which needs its form', async () => {
    const { cookie, csrf } = await signIn('admin');
    expect((await post('/logout', { csrf: 'x' }, { cookie, origin })).status).toBe(403);
    expect((await get('/warnings', cookie)).status).toBe(200);
    expect(await post('/logout', { csrf }, { cookie, origin })).toMatchObject({
      status: 303,
      headers: { location: '/login' },
    });
    expect(audited).toContain('web.logout admin');
    expect((await get('/warnings', cookie)).status).toBe(303);
  });
});

const deed = '/warnings/44444444-4444-4444-8444-444444444444/acknowledgement';

describe('a form', () => {
  test('is taken from a page of this server and session', async () => {
    const { cookie, csrf } = await signIn('admin');
    const done = await post(deed, { csrf, note: 'mine' }, { cookie, origin });
    expect(done).toMatchObject({ status: 303, headers: { location: expect.stringContaining('notice=acknowledged') } });
    expect((await post(deed, { csrf, note: '' }, { cookie, 'sec-fetch-site': 'same-origin' })).status).toBe(303);
  });

  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['no origin at all', {}],
    ['an origin that is hidden', { origin: 'null' }],
    ['another site', { origin, 'sec-fetch-site': 'cross-site' }],
    ['a sister of this host', { 'sec-fetch-site': 'same-site' }],
  ])('from %s is refused', async (_, headers) => {
    const { cookie, csrf } = await signIn('admin');
    const before = world.calls.length;
    const reply = await post(deed, { csrf, note: '' }, { cookie, ...headers });
    expect(reply.status).toBe(403);
    expect(reply.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(world.calls.length).toBe(before);
  });

  test('with the secret of another session, or none, is refused', async () => {
    const [mine, other] = [await signIn('admin'), await signIn('admin')];
    for (const csrf of [other.csrf, '', `${mine.csrf}A`]) {
      const reply = await post(deed, { csrf, note: '' }, { cookie: mine.cookie, origin });
      expect(reply.status).toBe(403);
      expect(reply.text).toContain('another session');
    }
  });

  test('of somebody who may not is refused by a page, and nothing is done', async () => {
    const { cookie, csrf } = await signIn('viewer');
    const before = world.calls.length;
    const reply = await post(deed, { csrf, note: '' }, { cookie, origin });
    expect(reply.status).toBe(403);
    expect(reply.text).toContain('a token of role admin');
    expect(world.calls.length).toBe(before);
  });

  test('without a session asks to sign in, and changes nothing', async () => {
    const reply = await post(deed, { csrf: 'x', note: '' });
    expect(reply.status).toBe(401);
    expect(reply.text).toContain('Nothing was changed');
  });

  test('that is JSON, has a field twice or one too many, or is too long, is refused', async () => {
    const { cookie, csrf } = await signIn('admin');
    const send = async (text: string, type = 'application/x-www-form-urlencoded'): Promise<number> => {
      const headers = { 'content-type': type, cookie, origin };
      return (await server.call({ method: 'POST', path: deed, bytes: Buffer.from(text), headers })).status;
    };
    expect(await send(JSON.stringify({ csrf }), 'application/json')).toBe(415);
    expect(await send(`csrf=${csrf}&note=a&note=b`)).toBe(400);
    expect(await send(`csrf=${csrf}&role=admin`)).toBe(400);
    expect(await send(`csrf=${csrf}&note=${'a'.repeat(5000)}`)).toBe(400);
    expect(await send(`csrf=${csrf}&note=${'a'.repeat(17_000)}`)).toBe(413);
  });

  test('is no body for the API', async () => {
    const authorization = `Bearer ${await world.token('admin')}`;
    const reply = await post('/v1/enrollment-tokens', { hostName: 'a.example.org' }, { authorization, origin });
    expect(reply.status).toBe(415);
  });
});

describe('a page', () => {
  test('lets nothing in but its own style sheet and pictures, and is kept by nobody', async () => {
    const { cookie } = await signIn('viewer');
    for (const reply of [await get('/', cookie), await get('/login'), await get('/nothing', cookie)]) {
      if (!reply.text.startsWith('<!doctype')) continue;
      expect(reply.headers).toMatchObject({
        'content-security-policy':
          "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        'cache-control': 'no-store',
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'same-origin',
      });
    }
  });

  test('has its style sheet under a name that changes with it, to be kept for ever', async () => {
    expect(await get('/assets/0-page.css')).toMatchObject({
      status: 200,
      text: 'content of page.css',
      headers: { 'cache-control': 'public, max-age=31536000, immutable', 'content-type': 'text/css; charset=utf-8' },
    });
  });

  test('that is not there is told to a browser by a page, to a program by a problem document', async () => {
    const { cookie } = await signIn('viewer');
    const browser = await server.call({ path: '/nothing', headers: { accept: 'text/html,*/*;q=0.8' } });
    expect(browser).toMatchObject({ status: 404, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect((await get('/nothing')).headers['content-type']).toBe('application/problem+json');
    const api = await server.call({ path: '/v1/nothing', headers: { accept: 'text/html' } });
    expect(api.headers['content-type']).toBe('application/problem+json');
    expect((await get('/warnings/nonsense', cookie)).status).toBe(404);
    const cursor = await get('/audit?cursor=!!!', cookie);
    expect([200, 400]).toContain(cursor.status);
    expect(await server.call({ method: 'PUT', path: '/warnings' })).toMatchObject({
      status: 405,
      headers: { 'content-type': 'text/html; charset=utf-8', allow: 'GET, HEAD' },
    });
  });

  test('says when the database is away, and when it is our fault, and nothing about either', async () => {
    const { cookie } = await signIn('viewer');
    fault.thrown = new Error('the <secret> detail');
    const ours = await get('/', cookie);
    expect(ours.status).toBe(500);
    expect(ours.text).not.toContain('secret');
    fault.isOutage = true;
    const away = await get('/', cookie);
    expect(away).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(away.text).toContain('database');
    [fault.thrown, fault.isOutage] = [null, false];
  });

  test('has no button for a viewer, and has them for an admin', async () => {
    const path = '/rotation/campaigns/44444444-4444-4444-8444-444444444444';
    const [viewer, admin] = [await signIn('viewer'), await signIn('admin')];
    expect((await get(path, viewer.cookie)).text).not.toContain(`action="${path}`);
    expect((await get(path, admin.cookie)).text).toContain(`action="${path}/start"`);
  });
});
