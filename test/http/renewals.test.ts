// A renewal at the edge: whose signature counts, what is a replay, and what is only the same request again.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { startTestServer, signByHand, type TestServer } from './support/calls.ts';
import { ids, makeKey, type TestKey } from './support/world.ts';

let server: TestServer;
/** Bodies that came before, as the service knows them. */
const recorded = new Set<string>();
let replayed: string[] = [];
let nonces: { readonly octets: number; readonly isFresh: boolean }[] = [];

beforeAll(async () => {
  const plain = await startTestServer();
  await plain.close();
  const { services } = plain.world;
  server = await startTestServer({
    services: {
      ...services,
      renew: async (input, context) => {
        nonces.push({ octets: input.nonce.octets.length, isFresh: input.nonce.isFresh });
        recorded.add(input.bodySha256);
        return services.renew(input, context);
      },
      isRepeatedRenewal: async ({ bodySha256, deviceId }) => deviceId === ids.device && recorded.has(bodySha256),
      renewalReplayed: async ({ lineageId }) => void replayed.push(lineageId),
    },
  });
  deviceKey = plain.world.deviceKey;
});
afterAll(() => server.close());
beforeEach(() => {
  recorded.clear();
  replayed = [];
  nonces = [];
});

let deviceKey: TestKey;
const target = `/v1/lineages/${ids.device}/renewals`;
const newNonce = async (): Promise<string> => server.nonce();

async function send(nonce: string, request = 'eyJ9', over: { key?: TestKey; sent?: string; path?: string } = {}) {
  const body = Buffer.from(JSON.stringify({ request }));
  const path = over.path ?? target;
  const signed = { method: 'POST', authority: server.authority, target: path, nonce, body };
  const headers = { ...signByHand(over.key ?? deviceKey, signed), 'content-type': 'application/json' };
  const reply = await server.call({ method: 'POST', path, headers, bytes: Buffer.from(over.sent ?? body.toString()) });
  return { status: reply.status, reason: reply.json?.type?.split('/').at(-1) };
}

test('reaches the service with the octets of its nonce', async () => {
  expect(await send(await newNonce())).toMatchObject({ status: 200 });
  expect(nonces).toEqual([{ octets: 38, isFresh: true }]);
});

test('sent again octet for octet is answered again, though its nonce is spent', async () => {
  const nonce = await newNonce();
  await send(nonce);
  expect(await send(nonce)).toMatchObject({ status: 200 });
  expect(nonces.map(({ isFresh }) => isFresh)).toEqual([true, false]);
  expect(replayed).toEqual([]);
});

test('with a spent nonce and another body is a replay, and told', async () => {
  const nonce = await newNonce();
  await send(nonce);
  expect(await send(nonce, 'eyJhIjoxfQ')).toEqual({ status: 401, reason: 'spentNonce' });
  expect(replayed).toEqual([ids.device]);
  expect(nonces).toHaveLength(1);
});

test('with another body than was signed is refused', async () => {
  const reply = await send(await newNonce(), 'eyJ9', { sent: '{"request":"eyJhIjoxfQ"}' });
  expect(reply).toEqual({ status: 401, reason: 'contentDigestDiffers' });
  expect(nonces).toEqual([]);
});

test('signed by a DevID, or any key but the request key, is refused', async () => {
  expect(await send(await newNonce(), 'eyJ9', { key: makeKey() })).toEqual({
    status: 401,
    reason: 'unknownRequestKey',
  });
  expect(nonces).toEqual([]);
});

const check = (detail: string) => ({ check: 'tcp', ok: false, detail });
const confirmed = {
  ...{ installedAt: '2026-11-23T12:00:00Z', generation: 2, servedSha256: null, hasSpireAgent: false },
  checks: [{ check: 'nginx -t', ok: true, detail: 'line 1\nline 2 \u00e9 \u{1f600}' }],
};
test.each<[number, string, object]>([
  [200, 'with what a program said, lines and all', {}],
  [400, 'with a place that has a null in it', { place: '\u0000' }],
  [400, 'with half a character in a check', { observed: { ...confirmed, checks: [check('\ud800')] } }],
  [400, 'with a null in a check', { observed: { ...confirmed, checks: [check('\u0000')] } }],
])('%i: a confirmation %s', async (status, _what, over) => {
  const path = `/v1/certificates/${'a'.repeat(64)}/confirmation`;
  const body = Buffer.from(JSON.stringify({ place: '', signature: 'AA', observed: confirmed, ...over }));
  const signed = { method: 'POST', authority: server.authority, target: path, nonce: await newNonce(), body };
  const headers = { ...signByHand(deviceKey, signed), 'content-type': 'application/json' };
  expect(await server.call({ method: 'POST', path, headers, bytes: body })).toMatchObject({ status });
});

test('on another route, the nonce of a request is good once, whatever came before', async () => {
  const nonce = await newNonce();
  const once = () => {
    const signed = { method: 'GET', authority: server.authority, target: '/v1/devices/self', nonce };
    return server.call({ path: '/v1/devices/self', headers: signByHand(deviceKey, signed) });
  };
  expect((await once()).status).toBe(200);
  expect((await once()).status).toBe(401);
  expect(replayed).toEqual([]);
});
