// What no friend sends: each is answered with a problem document of 4xx, none with 5xx, and nothing of it is kept.
import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { signByHand, startTestServer, type TestServer } from './support/calls.ts';
import { ids } from './support/world.ts';

let server: TestServer;
let admin: string;
beforeAll(async () => {
  server = await startTestServer();
  admin = await server.world.token('admin');
});
afterAll(() => server.close());

const reasonOf = (json: { readonly type?: string } | undefined): string | undefined => json?.type?.split('/').at(-1);

const enrollment = {
  ekPublic: 'A'.repeat(100),
  ekCertificates: [] as unknown[],
  akPublic: 'A'.repeat(100),
  hostName: 'tower.example.org',
};

async function post(bytes: Uint8Array | string, headers: Record<string, string | string[]> = {}) {
  server.world.calls.length = 0;
  const reply = await server.call({ method: 'POST', path: '/v1/enrollments', bytes: Buffer.from(bytes), headers });
  return { status: reply.status, reason: reasonOf(reply.json), reached: server.world.calls.length, reply };
}

describe('bodies', () => {
  const text = JSON.stringify(enrollment);
  const deep = `{"ekPublic":${'['.repeat(5000)}${']'.repeat(5000)}}`;
  test.each<[string, string | Uint8Array, number, string]>([
    ['nothing', '', 400, 'malformedBody'],
    ['an empty document', '{}', 400, 'malformedBody'],
    ['a list', '[]', 400, 'malformedBody'],
    ['null', 'null', 400, 'malformedBody'],
    ['a number', '1e999', 400, 'malformedBody'],
    ['no JSON', '{"a":', 400, 'malformedJson'],
    ['two documents', `${text}${text}`, 400, 'malformedJson'],
    ['a comment', `/**/${text}`, 400, 'malformedJson'],
    ['a byte order mark', `\ufeff${text}`, 400, 'malformedJson'],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"ekPublic":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
      400,
      'malformedJson',
    ],
    ['a key twice', text.replace('{', '{"hostName":"other.example.org",'), 400, 'malformedJson'],
    ['a key twice, once escaped', text.replace('{', '{"host\\u004eame":"other.example.org",'), 400, 'malformedJson'],
    ['__proto__', text.replace('{', '{"__proto__":{"admin":true},'), 400, 'malformedJson'],
    ['__proto__, escaped', text.replace('{', '{"\\u005f_proto__":{"admin":true},'), 400, 'malformedJson'],
    ['constructor', text.replace('{', '{"constructor":{"prototype":{}},'), 400, 'malformedJson'],
    ['five thousand levels', deep, 400, 'malformedJson'],
    ['five thousand levels that never end', '['.repeat(5000), 400, 'malformedJson'],
    ['an unknown member', JSON.stringify({ ...enrollment, isAdmin: true }), 400, 'malformedBody'],
    ['a number for a text', JSON.stringify({ ...enrollment, hostName: 7 }), 400, 'malformedBody'],
    ['an object for a text', JSON.stringify({ ...enrollment, ekPublic: { length: 3 } }), 400, 'malformedBody'],
    ['a list for a text', JSON.stringify({ ...enrollment, akPublic: ['A'.repeat(100)] }), 400, 'malformedBody'],
    [
      'too many certificates',
      JSON.stringify({ ...enrollment, ekCertificates: Array(9).fill('A'.repeat(200)) }),
      400,
      'malformedBody',
    ],
    ['standard base64', JSON.stringify({ ...enrollment, ekPublic: `${'A'.repeat(50)}+/==` }), 400, 'malformedBody'],
    [
      'a host name with a null',
      JSON.stringify({ ...enrollment, hostName: 'tower.example.org\u0000.evil' }),
      400,
      'malformedBody',
    ],
    [
      'a host name that is an address of a file',
      JSON.stringify({ ...enrollment, hostName: '../../etc/passwd' }),
      400,
      'malformedBody',
    ],
  ])('%s', async (_what, bytes, status, reason) => {
    const answer = await post(bytes);
    expect(answer).toMatchObject({ status, reason, reached: 0 });
    expect(answer.reply.headers['replay-nonce']).toMatch(/^[\w-]{51}$/);
  });

  test('what is refused is not repeated to its sender', async () => {
    const { reply } = await post(JSON.stringify({ ...enrollment, token: 'not a token: hunter2' }));
    expect(reply.status).toBe(400);
    expect(reply.text).not.toContain('hunter2');
    expect(reply.json?.field).toBe('token');
  });

  test('what is missing or unknown is named', async () => {
    const incomplete = JSON.stringify({ ...enrollment, hostName: undefined });
    expect((await post(incomplete)).reply.json).toMatchObject({
      field: 'hostName',
      detail: 'hostName: is missing',
    });
    const strange = await post(JSON.stringify({ ...enrollment, 'is\u0007Admin': true }));
    expect(strange.reply.json).toMatchObject({ field: 'is?Admin' });
  });

  test('a body larger than the operation takes, told before or after', async () => {
    const large = Buffer.alloc(200 * 1024, 0x20);
    expect(await post(large)).toMatchObject({ status: 413, reason: 'bodyTooLarge', reached: 0 });
    const chunked = await post(large, { 'transfer-encoding': 'chunked' });
    expect(chunked).toMatchObject({ status: 413, reason: 'bodyTooLarge', reached: 0 });
  });

  test('a body of another type or coding', async () => {
    const unsupported = { status: 415, reason: 'unsupportedMediaType', reached: 0 };
    for (const type of ['text/plain', 'application/json; charset=utf-16', 'application/x-www-form-urlencoded', '']) {
      expect(await post(text, { 'content-type': type })).toMatchObject(unsupported);
    }
    expect(await post(text, { 'content-encoding': 'gzip' })).toMatchObject(unsupported);
    expect(await post(text, { 'content-type': 'application/json; charset=UTF-8' })).toMatchObject({ status: 201 });
  });

  test('a body where none is taken', async () => {
    const authorization = `Bearer ${admin}`;
    const path = `/v1/devices/${ids.device}/suspension`;
    const reply = await server.call({ method: 'POST', path, body: {}, headers: { authorization } });
    expect({ status: reply.status, reason: reasonOf(reply.json) }).toEqual({ status: 400, reason: 'malformedBody' });
  });
});

describe('heads', () => {
  const get = (path: string, headers: Record<string, string | string[]> = {}) => server.call({ path, headers });

  test.each([
    ['a path that nothing has', '/v1/nothing', 404, 'notFound'],
    ['a path in capitals', '/V1/issuers', 404, 'notFound'],
    ['a slash at the end', '/v1/issuers/', 404, 'notFound'],
    ['two slashes', '//v1/issuers', 404, 'notFound'],
    ['a path that cannot be decoded', '/problems/%zz', 400, 'malformedUrl'],
    ['a path that is no UTF-8', '/problems/%ff', 400, 'malformedUrl'],
    ['a way up', '/v1/issuers/%2e%2e%2fsecret/root.pem', 404, 'notFound'],
    ['an id that is none', '/v1/renewal-info/nothing', 404, 'notFound'],
    ['a query that the operation does not know', '/healthz?debug=1', 400, 'malformedQuery'],
    ['a parameter twice', '/v1/issuers?a=1&a=2', 400, 'malformedQuery'],
    ['a URL without end', `/v1/issuers?${'a'.repeat(5000)}`, 414, 'urlTooLong'],
    ['the CRL on the HTTPS listener', '/crl/00112233445566778899.crl', 404, 'notFound'],
  ])('%s', async (_what, path, status, reason) => {
    const reply = await get(path);
    expect({ status: reply.status, reason: reasonOf(reply.json) }).toEqual({ status, reason });
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.headers['replay-nonce']).toBeDefined();
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=1e2x', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=0x10', 'limit'],
    ['limit=%2B5', 'limit'],
    ['limit=5.0', 'limit'],
    ['limit=%205', 'limit'],
    ['limit=007', 'limit'],
    ['limit=', 'limit'],
    ['within=30', 'within'],
    ['within=999999w', 'within'],
    ['cursor=%20', 'cursor'],
    ['status=good%27', 'status'],
    ['device=*', 'device'],
    ['serial=0x1', 'serial'],
    ['__proto__=1', undefined],
  ])('the query %s', async (query, field) => {
    const reply = await get(`/v1/certificates?${query}`, { authorization: `Bearer ${admin}` });
    expect({ status: reply.status, reason: reasonOf(reply.json), field: reply.json?.field }).toEqual({
      status: 400,
      reason: 'malformedQuery',
      field,
    });
  });

  test('a cursor that no list made', async () => {
    const reply = await get('/v1/operator-tokens?cursor=bm9uc2Vuc2U', { authorization: `Bearer ${admin}` });
    expect({ status: reply.status, reason: reasonOf(reply.json), field: reply.json?.field }).toEqual({
      status: 400,
      reason: 'malformedQuery',
      field: 'cursor',
    });
  });

  test('a method that the resource does not know, with those that it knows', async () => {
    const reply = await server.call({ method: 'DELETE', path: '/v1/devices' });
    expect(reply).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, POST' } });
    expect(reasonOf(reply.json)).toBe('methodNotAllowed');
    expect(await server.call({ method: 'OPTIONS', path: '/healthz' })).toMatchObject({ status: 405 });
    expect(await server.call({ method: 'GET', path: '/v1/nonce' })).toMatchObject({ status: 405 });
  });

  test.each(['authorization', 'content-type', 'signature', 'signature-input', 'idempotency-key', 'x-request-id'])(
    '%s twice',
    async (name) => {
      const path = '/v1/devices/self';
      const signed = signByHand(server.world.deviceKey, {
        method: 'GET',
        authority: server.authority,
        target: path,
        nonce: await server.nonce(),
      });
      const value = signed[name] ?? 'x';
      const reply = await get(path, { ...(name.startsWith('signature') ? signed : {}), [name]: [value, value] });
      expect({ status: reply.status, reason: reasonOf(reply.json) }).toEqual({ status: 400, reason: 'repeatedHeader' });
    },
  );

  test('a request id of the caller is kept only when it is one', async () => {
    const id = '01890a5d-ac96-774b-bcce-b302099a8057';
    expect((await get('/healthz', { 'x-request-id': id })).headers['x-request-id']).toBe(id);
    const other = await get('/healthz', { 'x-request-id': '<script>' });
    expect(other.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('an Idempotency-Key without the form of the contract', async () => {
    const headers = { authorization: `Bearer ${admin}`, 'idempotency-key': 'a'.repeat(129) };
    const body = { profile: 'nginx-vhost', csr: 'AAAA'.repeat(40) };
    const reply = await server.call({ method: 'POST', path: '/v1/certificates', body, headers });
    expect({ status: reply.status, reason: reasonOf(reply.json) }).toEqual({ status: 400, reason: 'malformedHeader' });
  });

  test('authorization that is none', async () => {
    for (const authorization of ['Basic dXNlcjpwYXNz', 'Bearer', 'Bearer a b', `Bearer ${'a'.repeat(600)}`]) {
      const reply = await get('/v1/devices', { authorization });
      expect({ status: reply.status, reason: reasonOf(reply.json) }).toEqual({
        status: 401,
        reason: 'malformedCredentials',
      });
      expect(reply.headers['www-authenticate']).toContain('Bearer');
    }
  });
});

/** Writes octets that are no HTTP and gives what comes back. */
const raw = (octets: string, tls: boolean): Promise<string> =>
  new Promise((resolve) => {
    const { host, port } = tls ? server.running.address : server.running.plainAddress;
    const socket: Socket = tls
      ? tlsConnect({ host, port, ca: server.pki.rootPem, servername: 'localhost' })
      : connect({ host, port });
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.end(octets);
  });

describe('octets that are no request', () => {
  test.each([
    ['nonsense', 'nonsense\r\n\r\n', 400],
    [
      'two lengths',
      'POST /v1/enrollments HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      400,
    ],
    [
      'a length beside chunks',
      'POST /v1/enrollments HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a bare line feed in a chunk',
      'POST /v1/enrollments HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n',
      400,
    ],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
    ['a head without end', `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ])('%s', async (_what, octets, status) => {
    expect(await raw(octets, true)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    // The plain listener has no such path, and says so before it reads on.
    expect(await raw(octets, false)).toMatch(new RegExp(`^HTTP/1.1 (?:${status}|404) `));
  });
});

describe('signatures', () => {
  const path = '/v1/devices/self';
  const own = async (over: Partial<Parameters<typeof signByHand>[1]> = {}) =>
    signByHand(server.world.deviceKey, {
      method: 'GET',
      authority: server.authority,
      target: path,
      nonce: await server.nonce(),
      ...over,
    });
  const ask = async (headers: Record<string, string>, target = path) => {
    server.world.calls.length = 0;
    const reply = await server.call({ path: target, headers });
    return { status: reply.status, reason: reasonOf(reply.json) };
  };

  test('a nonce is good once', async () => {
    const headers = await own();
    expect(await ask(headers)).toEqual({ status: 200, reason: undefined });
    expect(await ask(headers)).toEqual({ status: 401, reason: 'spentNonce' });
  });
  test('a nonce that was never given', async () => {
    expect(await ask(await own({ nonce: 'A'.repeat(51) }))).toEqual({ status: 401, reason: 'unknownNonce' });
  });
  test('a wrong signature does not spend the nonce', async () => {
    const nonce = await server.nonce();
    const headers = await own({ nonce });
    const wrong = { ...headers, signature: (await own({ nonce, created: 5 })).signature! };
    expect(await ask(wrong)).toEqual({ status: 401, reason: 'wrongRequestSignature' });
    expect(await ask(headers)).toEqual({ status: 200, reason: undefined });
  });
  test('signed for another path, query, method or server', async () => {
    expect(await ask(await own({ target: '/v1/devices/other' }))).toMatchObject({ reason: 'wrongRequestSignature' });
    expect(await ask(await own({ target: `${path}?a=b` }))).toMatchObject({ reason: 'wrongRequestSignature' });
    expect(await ask(await own({ method: 'HEAD' }))).toMatchObject({ reason: 'wrongRequestSignature' });
    const elsewhere = await own({ authority: 'evil.example.org' });
    expect(await ask(elsewhere)).toMatchObject({ reason: 'wrongRequestSignature' });
    expect(await ask({ ...elsewhere, host: 'evil.example.org' })).toEqual({ status: 401, reason: 'wrongAuthority' });
  });
  test('a host whose clock is in another century is let in', async () => {
    expect(await ask(await own({ created: 1 }))).toEqual({ status: 200, reason: undefined });
    expect(await ask(await own({ created: 99_999_999_999 }))).toEqual({ status: 200, reason: undefined });
    const told = server.logged.filter(({ event }) => event === 'http.signed').map(({ fields }) => fields['created']);
    expect(told.slice(-2)).toEqual([1, 99_999_999_999]);
  });
  test('one of the two fields alone', async () => {
    const { signature, ...rest } = await own();
    expect(await ask(rest)).toMatchObject({ reason: 'malformedRequestSignature' });
    expect(await ask({ signature: signature! })).toMatchObject({ reason: 'malformedRequestSignature' });
  });
});

test('ten thousand hostile requests leave the heap where it was, and none ends in 5xx', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = (): number => {
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  };
  const bodies = [
    () => '{"a":'.repeat(500),
    (i: number) => JSON.stringify({ ...enrollment, hostName: `host-${i}` }),
    (i: number) => JSON.stringify({ ...enrollment, [`member-${i}`]: i }),
    (i: number) => Buffer.from([0x7b, i & 0xff, 0xff]),
    (i: number) => JSON.stringify({ ...enrollment, ekPublic: '!'.repeat(i % 2000) }),
  ];
  const statuses = new Map<number, number>();
  const fire = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += 20) {
      const batch = Array.from({ length: 20 }, (_, i) => at + i);
      const replies = await Promise.all(
        batch.map((i) =>
          server.call({
            plain: i % 4 !== 0,
            method: 'POST',
            path: `/v1/enrollments${i % 7 === 0 ? `?x=${i}` : ''}`,
            bytes: Buffer.from(bodies[i % 5]!(i)),
          }),
        ),
      );
      for (const { status } of replies) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      server.logged.length = 0;
    }
  };
  await fire(0, 1000);
  const early = heap();
  await fire(1000, 10_000);
  const late = heap();
  expect([...statuses.keys()].filter((status) => status < 400 || status >= 500)).toEqual([]);
  expect(late / early).toBeLessThan(1.1);
}, 180_000);
