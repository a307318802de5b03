// Requests over real TLS to a listener of ours, raw enough to be wrong on purpose.
import { createHash, sign } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { startHttp, type RunningHttp } from '../../../src/http/server.ts';
import { makePki, type TestPki } from './pki.ts';
import { contractText, makeWorld, type TestKey, wideLimits, type World } from './world.ts';

export type Json = {
  readonly type?: string;
  readonly detail?: string;
  readonly field?: string;
  readonly accepted?: string;
  readonly instance?: string;
  readonly denials?: readonly { readonly reason: string }[];
  readonly [member: string]: unknown;
};

export type Reply = {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  readonly json: Json | undefined;
};

export type Call = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: unknown;
  readonly bytes?: Uint8Array;
  readonly plain?: boolean;
};

export type TestServer = {
  readonly world: World;
  readonly pki: TestPki;
  readonly running: RunningHttp;
  readonly authority: string;
  readonly publicUrl: string;
  readonly logged: { event: string; fields: Readonly<Record<string, unknown>> }[];
  readonly call: (call: Call) => Promise<Reply>;
  readonly nonce: () => Promise<string>;
  readonly close: () => Promise<void>;
};

export async function startTestServer(over: Partial<Parameters<typeof startHttp>[0]> = {}): Promise<TestServer> {
  const world = makeWorld();
  const pki = await makePki();
  const logged: TestServer['logged'] = [];
  const publicUrl = 'https://omens.example.org:8443';
  const running = await startHttp({
    services: world.services,
    contract: contractText,
    publicUrl,
    listen: { host: '127.0.0.1', port: 0 },
    plainListen: { host: '127.0.0.1', port: 0 },
    tls: { current: () => ({ certPem: pki.chainPem, keyPem: pki.keyPem }), onChange: () => () => undefined },
    limits: wideLimits(),
    deviceRate: { count: 1_000_000, seconds: 60 },
    now: () => new Date(),
    log: (event, fields) => void logged.push({ event, fields }),
    ...over,
  });
  const call = (one: Call): Promise<Reply> => send(one, { running, pki });
  return {
    world,
    pki,
    running,
    publicUrl,
    authority: new URL(publicUrl).host,
    logged,
    call,
    nonce: async () => (await call({ method: 'HEAD', path: '/v1/nonce' })).headers['replay-nonce'] ?? '',
    close: () => running.close(),
  };
}

function send(call: Call, { running, pki }: { running: RunningHttp; pki: TestPki }): Promise<Reply> {
  const body = call.bytes ?? (call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body)));
  const headers: Record<string, string | string[]> = {
    host: 'omens.example.org:8443',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...call.headers,
  };
  if (body !== undefined && headers['transfer-encoding'] === undefined)
    headers['content-length'] ??= String(body.length);
  const address = call.plain ? running.plainAddress : running.address;
  const options = {
    host: address.host,
    port: address.port,
    path: call.path,
    method: call.method ?? 'GET',
    headers,
    agent: false as const,
  };
  return new Promise((resolve, reject) => {
    const req = call.plain
      ? httpRequest(options)
      : httpsRequest({ ...options, ca: pki.rootPem, servername: 'localhost' });
    req.on('error', reject);
    req.on('response', (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = /json/.test(res.headers['content-type'] ?? '') && text !== '';
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers as Record<string, string>,
          text,
          json: isJson ? (JSON.parse(text) as Json) : undefined,
        });
      });
    });
    req.end(body);
  });
}

/** Signs a request by hand, after the text of protocol and RFC 9421, without any code of ours. */
export function signByHand(
  key: TestKey,
  request: { method: string; authority: string; target: string; nonce: string; body?: Uint8Array; created?: number },
): Record<string, string> {
  const { method, authority, target, nonce, body, created = 1_760_000_000 } = request;
  const [path, query] = target.includes('?')
    ? [target.slice(0, target.indexOf('?')), target.slice(target.indexOf('?'))]
    : [target, '?'];
  const digest = body === undefined ? '' : `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const names = [
    '@method',
    '@authority',
    '@path',
    '@query',
    ...(body === undefined ? [] : ['content-type', 'content-digest']),
  ];
  const params = `(${names.map((name) => `"${name}"`).join(' ')});created=${created};keyid="${Buffer.from(key.sha256, 'hex').toString('base64url')}";alg="ecdsa-p256-sha256";tag="omens-v1";nonce="${nonce}"`;
  const lines = [`"@method": ${method}`, `"@authority": ${authority}`, `"@path": ${path}`, `"@query": ${query}`];
  if (body !== undefined) lines.push('"content-type": application/json', `"content-digest": ${digest}`);
  lines.push(`"@signature-params": ${params}`);
  const signature = sign('sha256', Buffer.from(lines.join('\n')), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return {
    'signature-input': `omens=${params}`,
    signature: `omens=:${signature.toString('base64')}:`,
    ...(body === undefined ? {} : { 'content-digest': digest }),
  };
}
