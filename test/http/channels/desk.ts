// What the channel tests share: messages, channels opened from settings with secrets from memory, and receivers that keep
// what came.
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ChannelSettings } from '../../../src/domain/channel-settings.ts';
import type { Channel, ChannelRules, Message, MessageItem } from '../../../src/domain/message.ts';
import { err, ok } from '../../../src/domain/result.ts';
import { openChannel } from '../../../src/notify/open-channel.ts';

export const now = new Date('2026-11-26T12:00:00Z');

export const rules: ChannelRules = {
  ...{ name: 'phone', level: 'warning', conditions: null },
  ...{ wellAgain: true, escalation: true, digest: true, events: true },
};

export const item: MessageItem = {
  ...{ warning: '11111111-1111-4111-8111-111111111111', condition: 'renewalMissed', level: 'critical' },
  ...{ name: 'tower.example.org', reason: 'due since 2 h; connect ECONNREFUSED 192.0.2.1:8200 (3 attempts)' },
  ...{ since: '2026-11-26T10:00:00Z', facts: { name: 'tower.example.org' } },
};

export const message = (over: Partial<Message> = {}): Message => ({
  ...{ id: '22222222-2222-4222-8222-222222222222', kind: 'warning', level: 'critical' },
  ...{ title: 'tower.example.org: a renewal was due and did not happen', items: [item], total: 1 },
  ...{ url: 'https://ca.example.org/web/warnings/11111111-1111-4111-8111-111111111111' },
  at: '2026-11-26T11:59:00Z',
  ...over,
});

/** Paths of secrets and what stands there. */
export type Secrets = Readonly<Record<string, string>>;

export function open(
  settings: ChannelSettings,
  {
    secrets = {},
    deadlineMilliseconds = 5000,
    at = now,
  }: { secrets?: Secrets; deadlineMilliseconds?: number; at?: Date } = {},
): Channel {
  const channel = openChannel(settings, {
    readSecret: (path) => {
      const secret = secrets[path];
      return secret === undefined ? err({ reason: 'fileUnreadable', detail: 'is not there', field: path }) : ok(secret);
    },
    ...{ now: () => at, hostName: 'ca.example.org', deadlineMilliseconds },
  });
  if (!channel.ok) throw new Error(`${channel.error.field ?? ''}: ${channel.error.detail}`);
  return channel.value;
}

export type Came = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

export type Receiver = { readonly url: string; readonly came: readonly Came[]; readonly close: () => Promise<void> };

/** A real server on loopback that keeps requests and then does what the test says. */
export async function receiver(
  answer: RequestListener,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Receiver> {
  const came: Came[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      came.push({ method, url, headers, body: Buffer.concat(chunks).toString('utf8') });
      answer(request, response);
    });
  };
  const server: Server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    came,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

export const answering =
  (status: number, body = '', headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, headers);
    response.end(body);
  };
