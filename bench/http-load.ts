// A lean client in a process of its own: keep-alive connections, bodies made before the clock starts, answers read and
// judged by their status alone. Speaks to our server and to cfssl.
import { createHmac, randomUUID } from 'node:crypto';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { answering } from './child.ts';
import { nameOf, readRequests } from './requests.ts';
import { run, type RunInput } from './run.ts';

export type LoadInput = {
  readonly url: string;
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

await answering(async ({ url, caPem, requestsFile, target }: LoadInput) => {
  const prepared = readRequests(requestsFile).map((csr, item) => prepare(target, csr, item));
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: 64, ca: caPem });
  const post = (item: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const { headers, body } = prepared[item]!;
      const length = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const outgoing = httpsRequest(url, { method: 'POST', agent, headers: { ...length, ...headers } }, (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        incoming.on('error', reject).on('end', () => {
          if (incoming.statusCode === 201 || incoming.statusCode === 200) resolve(text);
          else reject(new Error(`${incoming.statusCode}: ${text}`));
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  return { sample: post, run: (wanted: RunInput) => run(wanted, post) };
});
