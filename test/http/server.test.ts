// The two listeners as processes see them: what each serves, how a certificate is replaced, how they end, and what is told
// when the service itself fails.
import { connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { TlsIdentity } from '../../src/http/server.ts';
import { signByHand, startTestServer, type TestServer } from './support/calls.ts';
import { makePki } from './support/pki.ts';
import { issuer, makeWorld, wideLimits } from './support/world.ts';

const started: TestServer[] = [];
const start = async (over?: Parameters<typeof startTestServer>[0]): Promise<TestServer> => {
  const server = await startTestServer(over);
  started.push(server);
  return server;
};
afterEach(async () => {
  for (const server of started.splice(0)) await server.close();
});

const enrollment = {
  ekPublic: 'A'.repeat(100),
  ekCertificates: [],
  akPublic: 'A'.repeat(100),
  hostName: 'a.example.org',
};

describe('the plain listener', () => {
  test('serves CRLs and issuer certificates as DER that may be kept', async () => {
    const { call } = await start();
    const crl = await call({ plain: true, path: `/crl/${issuer.subjectKeyIdentifier}.crl` });
    expect(crl).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/pkix-crl', 'content-length': '2' },
    });
    expect(crl.headers['cache-control']).toBe('public, max-age=300');
    const certificate = await call({ plain: true, path: `/issuers/${issuer.id}.cer` });
    expect(certificate).toMatchObject({ status: 200, headers: { 'content-type': 'application/pkix-cert' } });
    expect(certificate.headers).not.toHaveProperty('replay-nonce');
  });
  test.each([
    '/',
    '/v1/devices',
    '/v1/nonce',
    '/healthz',
    '/v1/issuers',
    '/crl/00.crl',
    '/crl/zz.crl',
    '/issuers/x.cer',
    '/problems/internal',
  ])('has nothing at %s', async (path) => {
    const { call } = await start();
    expect(await call({ plain: true, path })).toMatchObject({ status: 404 });
  });
});

describe('the HTTPS listener', () => {
  test('speaks no TLS before 1.2', async () => {
    const { running, pki } = await start();
    const attempt = (maxVersion: 'TLSv1.1' | 'TLSv1.2'): Promise<string> =>
      new Promise((resolve) => {
        const { host, port } = running.address;
        const socket = tlsConnect({
          host,
          port,
          ca: pki.rootPem,
          servername: 'localhost',
          minVersion: 'TLSv1',
          maxVersion,
          ciphers: 'DEFAULT@SECLEVEL=0',
        });
        socket.on('secureConnect', () => {
          resolve(socket.getProtocol() ?? '');
          socket.destroy();
        });
        socket.on('error', () => resolve('refused'));
      });
    expect(await attempt('TLSv1.1')).toBe('refused');
    expect(await attempt('TLSv1.2')).toBe('TLSv1.2');
  });

  test('takes a new certificate without a restart', async () => {
    const [first, second] = [await makePki(), await makePki()];
    let identity: TlsIdentity = { certPem: first.chainPem, keyPem: first.keyPem };
    let changed = (): void => undefined;
    const { running } = await start({
      tls: {
        current: () => identity,
        onChange: (listener) => {
          changed = listener;
          return () => undefined;
        },
      },
    });
    const trustedBy = (rootPem: string): Promise<boolean> =>
      new Promise((resolve) => {
        const { host, port } = running.address;
        const socket = tlsConnect({ host, port, ca: rootPem, servername: 'localhost' });
        socket.on('secureConnect', () => {
          resolve(socket.authorized);
          socket.destroy();
        });
        socket.on('error', () => resolve(false));
      });
    expect([await trustedBy(first.rootPem), await trustedBy(second.rootPem)]).toEqual([true, false]);
    identity = { certPem: second.chainPem, keyPem: second.keyPem };
    changed();
    expect([await trustedBy(first.rootPem), await trustedBy(second.rootPem)]).toEqual([false, true]);
  });

  test('says at start when hosts could not find its root', async () => {
    const pki = await makePki();
    const withRoot = await start();
    expect(withRoot.logged.map(({ event }) => event)).not.toContain('http.rootNotPresented');
    const { logged } = await start({
      tls: { current: () => ({ certPem: pki.leafPem, keyPem: pki.keyPem }), onChange: () => () => undefined },
    });
    expect(logged.map(({ event }) => event)).toContain('http.rootNotPresented');
  });

  test('gives a nonce to HEAD /v1/nonce, another each time, in no body', async () => {
    const { call } = await start();
    const replies = [
      await call({ method: 'HEAD', path: '/v1/nonce' }),
      await call({ method: 'HEAD', path: '/v1/nonce' }),
    ];
    const nonces = replies.map(({ headers }) => headers['replay-nonce']);
    expect(new Set(nonces).size).toBe(2);
    expect(replies[0]).toMatchObject({ status: 200, text: '', headers: { 'cache-control': 'no-store' } });
  });

  test('says which part is not ready', async () => {
    const world = makeWorld();
    const { call } = await start({ services: { ...world.services, isDatabaseReady: async () => false } });
    expect(await call({ path: '/readyz' })).toMatchObject({
      status: 503,
      json: { status: 'notReady', database: 'notReady', issuer: 'ready' },
    });
    expect(await call({ path: '/healthz' })).toMatchObject({ status: 200 });
  });

  test('limits enrollments and says when to come again', async () => {
    const { call } = await start({ limits: { ...wideLimits(), perSource: { count: 2, seconds: 600 } } });
    const post = () => call({ method: 'POST', path: '/v1/enrollments', body: enrollment });
    expect([(await post()).status, (await post()).status]).toEqual([201, 201]);
    const third = await post();
    expect(third.status).toBe(429);
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    expect(third.json?.type).toMatch(/\/problems\/tooManyEnrollments$/);
  });

  test('limits what one host sends, and says when to come again', async () => {
    const { call, world, authority, nonce } = await start({ deviceRate: { count: 2, seconds: 600 } });
    const ask = async () => {
      const signed = { method: 'GET', authority, target: '/v1/devices/self', nonce: await nonce() };
      return call({ path: '/v1/devices/self', headers: signByHand(world.deviceKey, signed) });
    };
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
    const third = await ask();
    expect(third.status).toBe(429);
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    expect(third.json?.type).toMatch(/\/problems\/tooManyRequests$/);
  });

  test('explains its problem types where they point', async () => {
    const { call } = await start();
    const { json } = await call({ path: '/nothing' });
    const explained = await call({ path: new URL(json!.type!).pathname });
    expect(explained).toMatchObject({ status: 200, text: 'notFound: There is nothing here.\n' });
    expect(await call({ path: '/problems/toString' })).toMatchObject({ status: 404 });
  });
});

describe('a fault of the service', () => {
  const broken = (fault: Error) => {
    const world = makeWorld();
    return start({
      services: { ...world.services, beginEnrollment: () => Promise.reject(fault) },
      isOutage: (seen) => (seen as { code?: string }).code === 'ECONNREFUSED',
    });
  };
  test('is told to the log and to nobody else', async () => {
    const { call, logged } = await broken(new Error('password=hunter2 at /var/lib/omens'));
    const reply = await call({ method: 'POST', path: '/v1/enrollments', body: enrollment });
    expect(reply.status).toBe(500);
    expect(reply.text).not.toMatch(/hunter2|var|stack|Error:/);
    const fault = logged.find(({ event }) => event === 'http.fault');
    expect(String(fault?.fields['fault'])).toContain('hunter2');
    expect(reply.json?.instance).toBe(`urn:uuid:${String(fault?.fields['requestId'])}`);
  });
  test('that is an outage asks to come again', async () => {
    const { call } = await broken(Object.assign(new Error('no database'), { code: 'ECONNREFUSED' }));
    const reply = await call({ method: 'POST', path: '/v1/enrollments', body: enrollment });
    expect(reply).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
  });
  test('that is a reason without a row tells nothing of it', async () => {
    const world = makeWorld();
    const refusal = { reason: 'neverHeardOf', detail: 'hunter2' };
    const { call } = await start({
      services: { ...world.services, beginEnrollment: async () => ({ ok: false, error: refusal }) },
    });
    const reply = await call({ method: 'POST', path: '/v1/enrollments', body: enrollment });
    expect(reply.status).toBe(500);
    expect(reply.text).not.toMatch(/hunter2|neverHeardOf/);
  });
  test('several refusals come in one document', async () => {
    const world = makeWorld();
    const error = [
      { reason: 'keyTypeNotAllowed', detail: 'a' },
      { reason: 'malformedName', detail: 'b' },
    ];
    const { call } = await start({
      services: { ...world.services, beginEnrollment: async () => ({ ok: false, error }) },
    });
    const reply = await call({ method: 'POST', path: '/v1/enrollments', body: enrollment });
    expect(reply).toMatchObject({ status: 403, json: { denials: error } });
  });
});

test('what is logged names no credential', async () => {
  const { call, logged, world } = await start();
  const token = await world.token('viewer');
  await call({ path: '/v1/devices', headers: { authorization: `Bearer ${token}` } });
  await call({ method: 'POST', path: '/v1/enrollments', body: { ...enrollment, token: 'a-secret-of-sixteen' } });
  const text = JSON.stringify(logged);
  expect(text).toContain('/v1/devices');
  expect(text).not.toContain(token.split('.')[2]);
  expect(text).not.toContain('a-secret-of-sixteen');
});

test('closing lets a request in flight end, takes no new one, and does not wait for idle connections', async () => {
  const { services } = makeWorld();
  let finish = (): void => undefined;
  let begun = (): void => undefined;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const mayFinish = new Promise<void>((resolve) => (finish = resolve));
  const server = await startTestServer({
    services: {
      ...services,
      listIssuers: async () => {
        begun();
        await mayFinish;
        return [];
      },
    },
  });
  const { host, port } = server.running.address;
  const idle = tlsConnect({ host, port, ca: server.pki.rootPem, servername: 'localhost' });
  idle.on('error', () => undefined);
  await new Promise((resolve) => idle.once('secureConnect', resolve));
  const inFlight = server.call({ path: '/v1/issuers' });
  await isBegun;
  const closed = server.close();
  await expect(server.call({ path: '/healthz' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  finish();
  expect(await inFlight).toMatchObject({ status: 200 });
  const at = performance.now();
  await closed;
  expect(performance.now() - at).toBeLessThan(5000);
  idle.destroy();
});
