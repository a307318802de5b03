// The client against a real listener over TLS: whom it trusts, what it waits for, what it signs.
import { sign } from 'node:crypto';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { allItems, hostApi, operatorApi } from '../../src/client/api.ts';
import { type ConnectionOptions, openConnection } from '../../src/client/connection.ts';
import type { RequestSigner } from '../../src/client/request-signing.ts';
import { err, ok } from '../../src/domain/result.ts';
import { startTestServer, type TestServer } from './support/calls.ts';
import { makePki, type TestPki } from './support/pki.ts';
import { certificate, ids, type TestKey } from './support/world.ts';

let server: TestServer;
let pki: TestPki;
const port = (): number => server.running.address.port;

beforeAll(async () => {
  pki = await makePki();
  const chosen = await freePort();
  server = await startTestServer({
    tls: { current: () => ({ certPem: pki.chainPem, keyPem: pki.keyPem }), onChange: () => () => undefined },
    listen: { host: '127.0.0.1', port: chosen },
    otherAuthorities: [`127.0.0.1:${chosen}`],
  });
});
afterAll(() => server.close());

/** What is signed names the port, so it must be known before the listener is there. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createTcpServer().listen(0, '127.0.0.1', () => {
      const { port: chosen } = probe.address() as AddressInfo;
      probe.close(() => resolve(chosen));
    });
  });

const opened: { close: () => void }[] = [];
afterEach(() => {
  for (const connection of opened.splice(0)) connection.close();
});

async function open(over: Partial<ConnectionOptions> = {}) {
  const connection = await openConnection({
    url: `https://127.0.0.1:${port()}`,
    trust: { kind: 'bundle', pem: pki.rootPem },
    token: null,
    now: () => new Date(),
    sleep: async () => undefined,
    ...over,
  });
  if (connection.ok) opened.push(connection.value);
  return connection;
}

async function connected(over: Partial<ConnectionOptions> = {}) {
  const connection = await open(over);
  if (!connection.ok) throw new Error(connection.error.detail);
  return connection.value;
}

const signerOf = (key: TestKey): RequestSigner => ({
  subjectPublicKeyInfo: key.spki,
  sign: async (message) => new Uint8Array(sign('sha256', message, { key: key.privateKey, dsaEncoding: 'ieee-p1363' })),
});

/** A server of its own that answers with `status` and headers until told otherwise. */
async function standIn(identity: TestPki, answer: (count: number) => [number, Record<string, string>, string]) {
  const seen: { url: string; headers: Record<string, unknown> }[] = [];
  const stand = createServer({ cert: identity.chainPem, key: identity.keyPem }, (req, res) => {
    seen.push({ url: `${req.method} ${req.url}`, headers: req.headers });
    const [status, headers, body] = answer(seen.length);
    res.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => void stand.listen(0, '127.0.0.1', resolve));
  const close = () => {
    stand.closeAllConnections();
    stand.close();
  };
  opened.push({ close });
  return { url: `https://127.0.0.1:${(stand.address() as AddressInfo).port}`, seen };
}

const problem = (reason: string, status: number): string =>
  JSON.stringify({ type: `https://x/problems/${reason}`, title: 't', status, detail: 'd', instance: 'urn:uuid:x' });

describe('whom it trusts', () => {
  test('a root known by its SHA-256 alone is enough', async () => {
    const connection = await connected({ trust: { kind: 'root', sha256: pki.rootSha256 } });
    const reply = await connection.send({ method: 'GET', target: '/healthz' });
    expect(reply.ok && reply.value.status).toBe(200);
  });

  test('a chain that ends in another root is refused before anything is sent', async () => {
    const stranger = await standIn(await makePki(), () => [200, {}, '{}']);
    const connection = await open({ url: stranger.url, trust: { kind: 'root', sha256: pki.rootSha256 } });
    expect(connection).toMatchObject({ ok: false, error: { reason: 'serverNotTrusted' } });
    const byBundle = await connected({ url: stranger.url, token: 'secret' });
    expect(await byBundle.send({ method: 'GET', target: '/healthz' })).toMatchObject({
      ok: false,
      error: { reason: 'serverNotTrusted' },
    });
    expect(stranger.seen).toEqual([]);
  });

  test('presenting the right root above a leaf that it did not sign does not help', async () => {
    const own = await makePki();
    const forged = await standIn({ ...own, chainPem: `${own.leafPem}\n${pki.rootPem}` }, () => [200, {}, '{}']);
    const connection = await open({ url: forged.url, trust: { kind: 'root', sha256: pki.rootSha256 } });
    const reply = connection.ok ? await connection.value.send({ method: 'GET', target: '/healthz' }) : connection;
    expect(reply).toMatchObject({ ok: false, error: { reason: 'serverNotTrusted' } });
    expect(forged.seen).toEqual([]);
  });

  test('a certificate of the right root for another name is refused', async () => {
    const elsewhere = await makePki({ host: 'elsewhere.example.org' });
    const stand = await standIn(elsewhere, () => [200, {}, '{}']);
    const connection = await connected({ url: stand.url, trust: { kind: 'root', sha256: elsewhere.rootSha256 } });
    expect(await connection.send({ method: 'GET', target: '/healthz' })).toMatchObject({
      ok: false,
      error: { reason: 'serverNotTrusted' },
    });
    expect(stand.seen).toEqual([]);
  });

  test('a chain that is wrong in its dates only tells the difference of the clocks, and the token stays here', async () => {
    const day = 86_400_000;
    const future = await makePki({ notBefore: new Date(Date.now() + day), notAfter: new Date(Date.now() + 2 * day) });
    const stand = await standIn(future, () => [200, { date: new Date(Date.now() + 1.5 * day).toUTCString() }, '']);
    const trust = { kind: 'root', sha256: future.rootSha256 } as const;
    const connection = await connected({ url: stand.url, trust, token: 'secret' });
    const reply = await connection.send({ method: 'POST', target: '/v1/enrollments', body: { secret: 1 } });
    expect(reply).toMatchObject({ ok: false, error: { reason: 'clockDiffers' } });
    const difference = !reply.ok && reply.error.reason === 'clockDiffers' ? reply.error.differenceSeconds : 0;
    expect(Math.abs(difference - 1.5 * 86_400)).toBeLessThan(5);
    expect(stand.seen.map(({ url }) => url)).toEqual(['HEAD /v1/nonce']);
    expect(stand.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  test('wrong dates of a stranger are no matter of clocks', async () => {
    const expired = await makePki({ notAfter: new Date(Date.now() - 1000) });
    const stand = await standIn({ ...expired, chainPem: `${expired.leafPem}\n${pki.rootPem}` }, () => [200, {}, '']);
    const connection = await connected({ url: stand.url });
    const reply = await connection.send({ method: 'GET', target: '/healthz' });
    expect(reply).toMatchObject({ ok: false, error: { reason: 'serverNotTrusted' } });
    expect(stand.seen).toEqual([]);
  });

  test('a server that is not there is said to be unreachable', async () => {
    const connection = await connected({ url: 'https://127.0.0.1:1' });
    expect(await connection.send({ method: 'GET', target: '/' })).toMatchObject({
      ok: false,
      error: { reason: 'serverUnreachable' },
    });
  });
});

describe('what it waits for', () => {
  test('it obeys Retry-After of 429 and 503 and then gives the answer', async () => {
    const stand = await standIn(pki, (count) => {
      if (count === 1) return [429, { 'retry-after': '7' }, problem('tooManyEnrollments', 429)];
      return count === 2 ? [503, { 'retry-after': '2' }, problem('unavailable', 503)] : [200, {}, '{"status":"ok"}'];
    });
    const waits: number[] = [];
    const connection = await connected({
      url: stand.url,
      sleep: async (milliseconds) => void waits.push(milliseconds),
    });
    expect(await connection.send({ method: 'GET', target: '/healthz' })).toMatchObject({ ok: true });
    expect(waits).toEqual([7000, 2000]);
  });

  test('it sends again what the server is working on at this moment, and gives back any other conflict', async () => {
    const stand = await standIn(pki, (count) =>
      count === 1
        ? [409, { 'retry-after': '2' }, problem('activationInProgress', 409)]
        : [409, {}, problem('challengeSpent', 409)],
    );
    const waits: number[] = [];
    const connection = await connected({
      url: stand.url,
      sleep: async (milliseconds) => void waits.push(milliseconds),
    });
    const reply = await connection.send({ method: 'POST', target: '/v1/enrollments', body: { same: 1 } });
    expect(reply).toMatchObject({ ok: false, error: { problem: { type: expect.stringContaining('challengeSpent') } } });
    expect(waits).toEqual([2000]);
  });

  test('its patience ends', async () => {
    const stand = await standIn(pki, () => [429, { 'retry-after': '40' }, problem('tooManyEnrollments', 429)]);
    const waits: number[] = [];
    const connection = await connected({
      url: stand.url,
      patienceSeconds: 100,
      sleep: async (milliseconds) => void waits.push(milliseconds),
    });
    const reply = await connection.send({ method: 'GET', target: '/healthz' });
    expect(reply).toMatchObject({ ok: false, error: { reason: 'problem', problem: { status: 429 } } });
    expect(waits).toEqual([40_000, 40_000]);
  });

  test('another refusal comes back at once, as a value', async () => {
    const api = operatorApi(await connected({ token: 'nothing' }));
    const answer = await api.listDevices({});
    expect(answer).toMatchObject({ ok: false, error: { reason: 'problem', problem: { status: 401 } } });
  });

  test('an answer that is no problem document is not taken for one', async () => {
    const stand = await standIn(pki, () => [500, {}, '<html>']);
    const connection = await connected({ url: stand.url });
    expect(await connection.send({ method: 'GET', target: '/' })).toMatchObject({
      ok: false,
      error: { reason: 'malformedReply' },
    });
  });
});

describe('what it signs', () => {
  test('a host reads its enrollment and itself with its request key', async () => {
    const host = hostApi(await connected());
    const enrolling = await host.readEnrollment(ids.enrollment, signerOf(server.world.enrollingKey));
    expect(enrolling).toMatchObject({ ok: true, value: { state: 'approved' } });
    const self = await host.showOwnDevice(signerOf(server.world.deviceKey));
    expect(self).toMatchObject({ ok: true, value: { id: ids.device } });
  });

  test('twenty signed requests at once each find a nonce', async () => {
    const host = hostApi(await connected());
    const signer = signerOf(server.world.deviceKey);
    const answers = await Promise.all(Array.from({ length: 20 }, () => host.showOwnDevice(signer)));
    expect(answers.every((answer) => answer.ok)).toBe(true);
  });

  test('a refused nonce is replaced by the one of the refusal, once', async () => {
    const stand = await standIn(pki, (count) => {
      if (count === 1) return [200, { 'replay-nonce': 'A'.repeat(51) }, ''];
      return count === 2
        ? [401, { 'replay-nonce': 'B'.repeat(51) }, problem('expiredNonce', 401)]
        : [401, { 'replay-nonce': 'C'.repeat(51) }, problem('spentNonce', 401)];
    });
    const host = hostApi(await connected({ url: stand.url }));
    const answer = await host.showOwnDevice(signerOf(server.world.deviceKey));
    expect(answer).toMatchObject({ ok: false, error: { problem: { type: 'https://x/problems/spentNonce' } } });
    const inputs = stand.seen.map(
      ({ headers }) => (headers['signature-input'] as string | undefined)?.match(/nonce="(.)/)?.[1],
    );
    expect(inputs).toEqual([undefined, 'A', 'B']);
  });
});

describe('what a person calls', () => {
  test('the operations answer with the resources of the contract', async () => {
    const api = operatorApi(await connected({ token: await server.world.token('admin') }));
    const csr = 'AAAA'.repeat(40);
    expect(await api.issue({ profile: 'nginx-vhost', csr }, 'abcdefghijklmnop')).toEqual(ok(certificate));
    expect(await api.findCertificates({ within: '30d', status: 'good' })).toMatchObject({ ok: true });
    expect(await api.showDevice(ids.device)).toMatchObject({ ok: true, value: { hostName: 'tower.example.org' } });
    expect(await api.showDevice(ids.anything)).toMatchObject({ ok: false, error: { problem: { status: 404 } } });
    expect(await api.rejectEnrollment(ids.enrollment, { version: 1, reason: 'no' })).toEqual(ok(null));
    const csv = await api.reportCsv('expiry', { within: '30d' });
    expect(csv.ok && csv.value.text.split('\r\n')[0]).toContain('certificate,device,profile');
    // The Link of the answer is the only place that says where a page of CSV goes on.
    expect(csv.ok && csv.value.next).toBe('bmV4dA');
  });

  test('all pages of a list are gathered, and a fault ends it', async () => {
    const pages = [ok({ items: [1, 2], next: 'a' }), ok({ items: [3], next: null })];
    const cursors: (string | undefined)[] = [];
    const all = await allItems(async ({ cursor }) => {
      cursors.push(cursor);
      return pages[cursors.length - 1]!;
    });
    expect(all).toEqual(ok([1, 2, 3]));
    expect(cursors).toEqual([undefined, 'a']);
    const fault = { reason: 'malformedReply', detail: 'x' } as const;
    expect(await allItems(async () => err(fault))).toEqual(err(fault));
  });
});
