// A lean client in a process of its own: keep-alive connections, bodies made before the clock starts, answers read and
// judged by their status alone. Speaks to our server and to cfssl.
import { createHmac, randomUUID } from 'node:crypto';
import { Agent as HttpsAgent, request } from 'node:https';
import { answering } from './child.ts';
import { nameOf, readRequests } from './requests.ts';
import { run, type RunInput } from './run.ts';

export type LoadInput = {
  readonly url: string;
  /** Answered without any work, over a connection that is kept. */
  readonly idlePath: string;
  readonly caPem: string;
  readonly requestsFile: string;
  readonly target:
    | { readonly kind: 'omens'; readonly token: string; readonly retries: 'idempotency-key' | 'none' }
    | { readonly kind: 'cfssl'; readonly hmacKeyHex: string };
};

type Prepared = { readonly headers: Readonly<Record<string, string>>; readonly body: string };

function prepare(target: LoadInput['target'], csr: Buffer, item: number): Prepared {
  if (target.kind === 'omens') {
    const retries = target.retries === 'none' ? {} : { 'idempotency-key': randomUUID() };
    return {
      headers: { authorization: `Bearer ${target.token}`, ...retries },
      body: JSON.stringify({ profile: 'nginx-vhost', csr: csr.toString('base64url') }),
    };
  }
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${csr.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  const request = JSON.stringify({ certificate_request: pem, hosts: [nameOf(item)] });
  const token = createHmac('sha256', Buffer.from(target.hmacKeyHex, 'hex')).update(request).digest('base64');
  return { headers: {}, body: JSON.stringify({ token, request: Buffer.from(request).toString('base64') }) };
}

type Call = Prepared & { readonly method: 'GET' | 'POST'; readonly url: URL; readonly agent: HttpsAgent };

/** Resolves with status and body. */
const send = ({
  method,
  url,
  agent,
  headers,
  body,
}: Call): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const length = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(url, { method, agent, headers: { ...length, ...headers } }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      incoming.on('error', reject).on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });

await answering(async ({ url, idlePath, caPem, requestsFile, target }: LoadInput) => {
  const prepared = readRequests(requestsFile).map((csr, item) => prepare(target, csr, item));
  const place = new URL(url);
  let agent = new HttpsAgent({ ca: caPem });
  const issue = async (item: number): Promise<string> => {
    const { status, text } = await send({ method: 'POST', url: place, agent, ...prepared[item]! });
    if (status === 200 || status === 201) return text;
    throw new Error(`${status}: ${text}`);
  };
  return {
    /** Fresh connections, so many, open and idle: the server closes those of a round long ago. */
    connect: async (count: number) => {
      agent.destroy();
      agent = new HttpsAgent({ keepAlive: true, maxSockets: count, ca: caPem });
      const idle: Call = { method: 'GET', url: new URL(idlePath, place), agent, headers: {}, body: '' };
      await Promise.all(Array.from({ length: count }, () => send(idle)));
    },
    sample: issue,
    run: (wanted: RunInput) => run(wanted, issue),
  };
});
