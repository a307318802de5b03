// What monitoring reads and hears at the edge. Who may read it is in access.test.ts.
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Answered } from '../../src/http/pipeline.ts';
import { rememberOperators } from '../../src/http/remembered-operators.ts';
import type { Operator } from '../../src/http/services.ts';
import { startTestServer, type TestServer } from './support/calls.ts';
import { makeWorld } from './support/world.ts';

const started: TestServer[] = [];
const start = async (over?: Parameters<typeof startTestServer>[0]): Promise<TestServer> => {
  const server = await startTestServer(over);
  started.push(server);
  return server;
};
afterEach(async () => {
  for (const server of started.splice(0)) await server.close();
});

test('metrics are text in the format of Prometheus, whatever is accepted', async () => {
  const { call, world } = await start();
  const authorization = `Bearer ${await world.token('viewer')}`;
  for (const accept of ['application/openmetrics-text;version=1.0.0,text/plain;q=0.5', 'application/json']) {
    const reply = await call({ path: '/metrics', headers: { authorization, accept } });
    expect(reply).toMatchObject({ status: 200, text: expect.stringContaining('# TYPE omens_database_up gauge\n') });
    expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  }
});

test('metrics are on the HTTPS listener alone', async () => {
  const { call } = await start();
  expect(await call({ plain: true, path: '/metrics' })).toMatchObject({ status: 404 });
});

test('each answer of either listener is told by its route, and not by what was asked for', async () => {
  const told: Answered[] = [];
  const { services } = makeWorld();
  const { call } = await start({ services, answered: (one) => told.push(one) });
  await call({ path: '/v1/issuers/0000/root.pem?x=1' });
  await call({ path: '/healthz' });
  await call({ path: '/v1/devices' });
  await call({ path: '/wp-login.php' });
  await call({ method: 'DELETE', path: '/healthz' });
  await call({ plain: true, path: '/crl/00112233445566778899.crl' });
  expect(told.map(({ method, route, status, reason }) => [method, route, status, reason])).toEqual([
    ['GET', '/v1/issuers/{id}/root.pem', 404, expect.any(String)],
    ['GET', '/healthz', 200, null],
    ['GET', '/v1/devices', 401, 'credentialsMissing'],
    ['GET', null, 404, 'notFound'],
    ['DELETE', null, 405, 'methodNotAllowed'],
    ['GET', '/crl/{ski}.crl', 200, null],
  ]);
  expect(told.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
});

describe('while the database is away', () => {
  const away = async () => {
    const world = makeWorld();
    let authenticate = world.services.authenticateOperator;
    const { call } = await start({
      services: { ...world.services, authenticateOperator: (...asked) => authenticate(...asked) },
      isOutage: () => true,
    });
    const read = async (token: string, path = '/metrics') =>
      (await call({ path, headers: { authorization: `Bearer ${token}` } })).status;
    const breakDatabase = (
      broken: typeof authenticate = () => Promise.reject(new Error('connect ECONNREFUSED')),
    ): void => void (authenticate = broken);
    return { world, read, breakDatabase };
  };

  test('who was let in before reads metrics, and nothing else', async () => {
    const { world, read, breakDatabase } = await away();
    const [token, other] = [await world.token('viewer'), await world.token('viewer')];
    expect(await read(token)).toBe(200);
    breakDatabase();
    expect([await read(token), await read(token, '/v1/devices'), await read(other)]).toEqual([200, 503, 503]);
  });

  test('a database that does not answer at all is not waited for', async () => {
    const { world, read, breakDatabase } = await away();
    const token = await world.token('viewer');
    await read(token);
    breakDatabase(() => new Promise(() => undefined));
    const begun = performance.now();
    expect(await read(token)).toBe(200);
    expect(performance.now() - begun).toBeLessThan(4000);
  });

  test('who was refused since is not let in any more', async () => {
    const { world, read, breakDatabase } = await away();
    const token = await world.token('viewer');
    await read(token);
    await world.tokenPorts.revokeOperatorToken(token.split('.')[1]!, new Date(), 'test');
    expect(await read(token)).toBe(401);
    breakDatabase();
    expect(await read(token)).toBe(503);
  });

  test('nobody is remembered for more than a quarter of an hour', async () => {
    const operator = { kind: 'operator', role: 'viewer' } as unknown as Operator;
    let isAway = false;
    const remembering = rememberOperators(async () => {
      if (isAway) throw new Error('away');
      return { ok: true, value: operator };
    });
    const at = (minutes: number): Date => new Date(minutes * 60_000);
    await remembering('token', '192.0.2.1', at(0));
    isAway = true;
    expect(await remembering('token', '192.0.2.1', at(15))).toEqual({ ok: true, value: operator });
    await expect(remembering('token', '192.0.2.2', at(15))).rejects.toThrow('away');
    await expect(remembering('token', '192.0.2.1', at(16))).rejects.toThrow('away');
  });
});
