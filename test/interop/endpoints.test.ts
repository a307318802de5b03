// Probes against real servers: nginx and OpenSSL's s_server with client certificates demanded, asked for or ignored, chains
// whole and cut, and a port that speaks another protocol.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Endpoint, EndpointSeen } from '../../src/domain/endpoint.ts';
import { throwawayClient } from '../../src/throwaway-client.ts';
import { probeEndpoint } from '../../src/probes/tls-endpoint.ts';
import { clientFaults, type TlsClient } from '../../src/x509/client-paths.ts';
import { readCertificates } from '../../src/x509/pem-certificates.ts';
import { estateByOpenssl } from './estate-by-openssl.ts';

const estate = estateByOpenssl();
const stops: (() => void)[] = [];
afterAll(() => {
  for (const stop of stops) stop();
  estate.remove();
});

estate.addLeaf('registrar');
estate.addLeaf('verifier', { san: 'DNS:verifier.example.org' });
estate.addLeaf('monitor', { purpose: 'clientAuth', san: '' });
const whole = estate.bundle('whole.pem', 'registrar', 'issuing');
estate.bundle('authorities.pem', 'issuing', 'root');

async function freePort(): Promise<number> {
  const server = createTcp().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilOpen(port: number): Promise<void> {
  for (let left = 100; ; left -= 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    if (left === 0) throw new Error(`nothing listens on ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ends with the tests. */
async function start(program: string, args: readonly string[], port: number): Promise<number> {
  const child = spawn(program, args, { cwd: estate.path, stdio: ['pipe', 'ignore', 'ignore'] });
  stops.push(() => void child.kill('SIGKILL'));
  await untilOpen(port);
  return port;
}

const sServer = async (...args: readonly string[]): Promise<number> => {
  const port = await freePort();
  return start('openssl', ['s_server', '-accept', String(port), '-quiet', ...args], port);
};

const endpoint = (port: number, over: Partial<Endpoint> = {}): Endpoint => ({
  ...{ name: 'e', kind: 'nginx', host: '127.0.0.1', port, serverName: '127.0.0.1', path: '/', expects: null },
  ...{ trust: { kind: 'domain', domain: 'estate' }, clientAuth: 'demanded', clientCertificate: null },
  ...{ triesThrowaway: true, wrongCertificate: null },
  ...over,
});

const look = async (port: number, over: Partial<Endpoint> = {}) =>
  probeEndpoint(endpoint(port, over), {
    timeoutMs: 2000,
    settleMs: 300,
    makeThrowaway: () => throwawayClient(new Date()),
  });

const reached = (seen: EndpointSeen) => {
  if (!seen.reached) throw new Error(seen.detail);
  return seen;
};
const monitor = { certificateFile: estate.at('monitor.crt'), keyFile: estate.at('monitor.key') };
const server = { certificateFile: whole, keyFile: estate.at('registrar.key') };

describe('nginx', () => {
  const ports = { on: 0, optional: 0, off: 0, leafOnly: 0, wrongVhost: 0 };

  beforeAll(async () => {
    for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
    const { path } = estate;
    mkdirSync(`${path}/temp`);
    const vhost = (port: number, certificate: string, more: string): string =>
      `server { listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key registrar.key;
         ssl_client_certificate authorities.pem; ssl_verify_depth 3; ${more} location / { return 200 "well"; } }`;
    writeFileSync(
      `${path}/nginx.conf`,
      `daemon off; pid ${path}/nginx.pid; error_log ${path}/error.log; user root; worker_processes 1; events {}
       http { access_log off; client_body_temp_path ${path}/temp/b; proxy_temp_path ${path}/temp/p;
         fastcgi_temp_path ${path}/temp/f; uwsgi_temp_path ${path}/temp/u; scgi_temp_path ${path}/temp/s;
         ${vhost(ports.on, 'whole.pem', 'ssl_verify_client on;')}
         ${vhost(ports.optional, 'whole.pem', 'ssl_verify_client optional;')}
         ${vhost(ports.off, 'whole.pem', '')}
         ${vhost(ports.leafOnly, 'registrar.crt', '')}
         server { listen 127.0.0.1:${ports.wrongVhost} ssl; ssl_certificate verifier.crt; ssl_certificate_key verifier.key; }
       }`,
    );
    await start('nginx', ['-c', `${path}/nginx.conf`], ports.on);
    await untilOpen(ports.wrongVhost);
  });

  test('that demands a certificate finishes the handshake, refuses by HTTP, and takes the right one only', async () => {
    const seen = reached(await look(ports.on, { clientCertificate: monitor, wrongCertificate: server }));
    expect(seen).toMatchObject({
      isClientAsked: true,
      withoutCertificate: { kind: 'refused', detail: 'HTTP 400' },
      withCertificate: { kind: 'taken', detail: 'HTTP 200' },
    });
    expect(seen.wrongClients.map(({ reception }) => reception.kind)).toEqual(['refused', 'refused']);
    expect(seen.chain).toHaveLength(2);
  });

  test('that leaves it open lets in who has none, and refuses a wrong one', async () => {
    const seen = reached(await look(ports.optional));
    expect(seen.isClientAsked).toBe(true);
    expect(seen.withoutCertificate).toEqual({ kind: 'taken', detail: 'HTTP 200' });
    expect(seen.wrongClients.map(({ reception }) => reception.kind)).toEqual(['refused']);
  });

  test('without ssl_verify_client asks nobody', async () => {
    const seen = reached(await look(ports.off));
    expect(seen).toMatchObject({ isClientAsked: false, withoutCertificate: { kind: 'taken' }, wrongClients: [] });
  });

  const anchors = (...names: readonly string[]) => readCertificates(names.map(estate.pem).join(''), 9)!;
  const faultsOf = async (
    port: number,
    names: readonly string[],
    clients: readonly TlsClient[],
    serverName = '127.0.0.1',
  ) =>
    clientFaults({
      ...{ chain: reached(await look(port)).chain, anchors: anchors(...names), serverName, clients },
      now: new Date(),
    }).map(({ client }) => client);

  test('with the whole chain is verified by every client that knows the root', async () => {
    expect(await faultsOf(ports.off, ['root'], ['strict', 'go', 'firstPem'])).toEqual([]);
  });

  test('with the leaf alone is verified by nobody who has the root alone', async () => {
    expect(await faultsOf(ports.leafOnly, ['root'], ['strict', 'go', 'firstPem'])).toEqual([
      'strict',
      'go',
      'firstPem',
    ]);
  });

  test('with the leaf alone is verified by who has the issuing CA too, but not by who reads its first PEM', async () => {
    expect(await faultsOf(ports.leafOnly, ['issuing', 'root'], ['strict', 'go', 'firstPem'])).toEqual(['firstPem']);
  });

  test('with the certificate of another virtual host is not for this name', async () => {
    const names = ['issuing', 'root'];
    expect(await faultsOf(ports.wrongVhost, names, ['strict'])).toEqual(['every']);
    expect(await faultsOf(ports.wrongVhost, names, ['strict'], 'verifier.example.org')).toEqual([]);
  });
});

describe('a server of TLS alone', () => {
  const chain = ['-cert', 'registrar.crt', '-key', 'registrar.key', '-cert_chain', 'issuing.crt'];
  const verifying = ['-CAfile', 'authorities.pem', '-verify_return_error', '-Verify', '3'];
  const client = { kind: 'tls', clientCertificate: monitor, wrongCertificate: server } as const;

  test.each(['-tls1_3', '-tls1_2'])(
    'that demands a certificate refuses by an alert, and is seen all the same: %s',
    async (version) => {
      const seen = reached(await look(await sServer(...chain, ...verifying, version), client));
      expect(seen).toMatchObject({
        isClientAsked: true,
        withoutCertificate: { kind: 'refused', detail: expect.stringMatching(/alert/) },
        withCertificate: { kind: 'taken' },
      });
      expect(seen.wrongClients.map(({ reception }) => reception.kind)).toEqual(['refused', 'refused']);
      expect(seen.chain).toHaveLength(2);
    },
  );

  test('that asks and looks at nothing takes whoever comes', async () => {
    const seen = reached(await look(await sServer(...chain, '-verify', '3'), client));
    expect(seen.withoutCertificate.kind).toBe('taken');
    expect(seen.wrongClients.map(({ reception }) => reception.kind)).toEqual(['taken', 'taken']);
  });

  test('that asks for none is seen as such', async () => {
    expect(reached(await look(await sServer(...chain), client)).isClientAsked).toBe(false);
  });
});

test('plain HTTP on the port is told from silence and from nobody', async () => {
  const http = createServer((_, reply) => void reply.end('well')).listen(0, '127.0.0.1');
  const silent = createTcp(() => undefined).listen(0, '127.0.0.1');
  stops.push(
    () => void http.close(),
    () => void silent.close(),
  );
  await Promise.all([http, silent].map((one) => new Promise((resolve) => one.once('listening', resolve))));
  const portOf = (one: typeof http | typeof silent): number => (one.address() as AddressInfo).port;
  expect(await look(portOf(http))).toEqual({
    ...{ reached: false, isOtherProtocol: true, detail: 'answers, but not with TLS' },
  });
  expect(await look(portOf(silent))).toMatchObject({ reached: false, detail: 'no answer within 2 s' });
  expect(await look(await freePort())).toMatchObject({ reached: false, detail: expect.stringMatching(/ECONNREFUSED/) });
});
