// What a refusal says to whoever must put it right: the type of an answer, and values that would be accepted.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestServer, type TestServer } from './support/calls.ts';

let server: TestServer;
let authorization: string;
beforeAll(async () => {
  server = await startTestServer();
  authorization = `Bearer ${await server.world.token('admin')}`;
});
afterAll(() => server.close());

const get = (path: string, accept = 'application/json') => server.call({ path, headers: { authorization, accept } });
const post = (path: string, body: object) => server.call({ method: 'POST', path, headers: { authorization }, body });

test('a report in a type that there is not is refused with those that there are', async () => {
  const reply = await get('/v1/reports/expiry', 'application/pdf, text/csv;q=0');
  expect(reply.status).toBe(406);
  expect(reply.headers['content-type']).toBe('application/problem+json');
  expect(reply.json?.type).toMatch(/\/problems\/notAcceptable$/);
  expect(reply.json).toMatchObject({ field: 'accept', accepted: 'application/json, text/csv, text/plain' });
});

describe('what would be accepted is said of', () => {
  test('a number out of its range', async () => {
    const reply = await post('/v1/enrollment-tokens', { hostName: 'tower.example.org', ttlSeconds: 86_401 });
    expect(reply.status).toBe(400);
    expect(reply.json).toMatchObject({ field: 'ttlSeconds', accepted: 'an integer from 60 to 86400' });
  });

  test('a number in another notation', async () => {
    const reply = await get('/v1/certificates?limit=1e2');
    expect(reply.json).toMatchObject({ field: 'limit', accepted: 'an integer from 1 to 1000' });
  });

  test('an id, without a regular expression', async () => {
    const reply = await get('/v1/devices/nope');
    expect(reply.status).toBe(404);
    expect(reply.json).toMatchObject({ field: 'id', accepted: 'a UUID in lower case as lists show it' });
    expect(reply.text).not.toContain('[0-9a-f]');
  });

  test('a duration', async () => {
    const reply = await get('/v1/certificates?within=soon');
    expect(reply.json).toMatchObject({ field: 'within', accepted: 'a text like 30d' });
  });
});
