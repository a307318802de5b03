// What monitoring reads and hears at the edge. Who may read it is in access.test.ts.
import { afterEach, expect, test } from '@jest/globals';
import type { Answered } from '../../src/http/pipeline.ts';
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
