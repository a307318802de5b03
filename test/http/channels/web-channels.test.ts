// Webhook, Pushover, ntfy and Slack against real servers on loopback: what they get, and what each answer means.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { ChannelSettings } from '../../../src/domain/channel-settings.ts';
import type { Channel } from '../../../src/domain/message.ts';
import type { WebhookBody } from '../../../src/domain/webhook-wire.ts';
import { makePki, type TestPki } from '../support/pki.ts';
import { answering, item, message, open, type Receiver, receiver, rules, type Secrets } from './desk.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const token = 'a'.repeat(30);
const user = 'u'.repeat(30);
const secrets: Secrets = { hook: secret, token, user, tk: 'tk_secret' };

let pki: TestPki;
let directory: string;
let caFile: string;
beforeAll(async () => {
  pki = await makePki();
  directory = mkdtempSync(join(tmpdir(), 'omens-channels-'));
  caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, pki.rootPem);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const receivers: Receiver[] = [];
afterEach(async () => {
  for (const one of receivers.splice(0)) await one.close();
});

async function listening(answer: RequestListener, tls?: { readonly key: string; readonly cert: string }) {
  const one = await receiver(answer, tls);
  receivers.push(one);
  return one;
}

const webhook = (url: string, over: { deadlineMilliseconds?: number; at?: Date; caFile?: string } = {}): Channel =>
  open({ ...rules, kind: 'webhook', url, secretFile: 'hook', caFile: over.caFile ?? null }, { secrets, ...over });

describe('a webhook', () => {
  test('gets the message as JSON, under its id, with a signature that the library of the receiver verifies', async () => {
    const { url, came } = await listening(answering(204));
    const at = new Date();
    expect(await webhook(url, { at }).send(message())).toEqual({ accepted: true });
    const { method, headers, body } = came[0]!;
    expect({ method, type: headers['content-type'] }).toEqual({ method: 'POST', type: 'application/json' });
    const { id, level, title, items, total, url: link } = message();
    expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual({
      ...{
        type: 'omens.warning',
        timestamp: '2026-11-26T11:59:00Z',
        data: { id, level, title, items, total, url: link },
      },
    });
    expect(headers['webhook-id']).toBe(id);
    const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    expect(() => new Webhook(other).verify(body, headers as Record<string, string>)).toThrow('No matching signature');
  });

  test('gets the body that docs/channels.md shows', async () => {
    const document = readFileSync(join(import.meta.dirname, '../../../docs/channels.md'), 'utf8');
    const shown = JSON.parse(/^```json\n([\s\S]*?)^```/m.exec(document)?.[1] ?? '') as WebhookBody;
    const { url, came } = await listening(answering(200));
    await webhook(url).send({ kind: 'warning', at: shown.timestamp, ...shown.data });
    expect(JSON.parse(came[0]!.body)).toEqual(shown);
  });

  test('gets the same octets and id at a second attempt, with the time of that attempt', async () => {
    const { url, came } = await listening(answering(200));
    await webhook(url, { at: new Date('2026-11-26T12:00:00Z') }).send(message());
    await webhook(url, { at: new Date('2026-11-26T12:05:00Z') }).send(message());
    const [first, second] = came;
    expect(second!.body).toBe(first!.body);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(Number(second!.headers['webhook-timestamp']) - Number(first!.headers['webhook-timestamp'])).toBe(300);
  });

  test('is reached by TLS when its certificate is of the configured CA, and not otherwise', async () => {
    const { url, came } = await listening(answering(200), { key: pki.keyPem, cert: pki.leafPem });
    expect(await webhook(url, { caFile }).send(message())).toEqual({ accepted: true });
    expect(await webhook(url).send(message())).toMatchObject({ accepted: false, isPermanent: false });
    expect(came).toHaveLength(1);
  });

  test('is not reached with a certificate of another name, even where the environment turns verification off', async () => {
    const other = await makePki({ host: 'elsewhere.example.org' });
    const file = join(directory, 'other.pem');
    writeFileSync(file, other.rootPem);
    const { url, came } = await listening(answering(200), { key: other.keyPem, cert: other.leafPem });
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const outcome = await webhook(url, { caFile: file }).send(message());
      expect(outcome.accepted ? '' : outcome.detail).toContain('altnames');
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
    expect(came).toEqual([]);
  });
});

describe('what an answer means', () => {
  const outcomeOf = async (answer: RequestListener, deadlineMilliseconds = 5000) => {
    const { url, came } = await listening(answer);
    return { outcome: await webhook(url, { deadlineMilliseconds }).send(message()), came };
  };
  const later = { accepted: false, isPermanent: false, isUnsure: false, retryAfterSeconds: null };

  test('a server in trouble: another time', async () => {
    const { outcome } = await outcomeOf(answering(500, 'out\nof\u001b[31m order'));
    expect(outcome).toEqual({ ...later, detail: 'the answer was 500: out of [31m order' });
  });
  test('too many: after the time that it says, in either form and at most a day', async () => {
    const after = async (retryAfter: string) =>
      (await outcomeOf(answering(429, '', { 'Retry-After': retryAfter }))).outcome;
    expect(await after('120')).toMatchObject({ ...later, retryAfterSeconds: 120 });
    expect(await after('Thu, 26 Nov 2026 12:10:00 GMT')).toMatchObject({ ...later, retryAfterSeconds: 600 });
    expect(await after('99999999')).toMatchObject({ ...later, retryAfterSeconds: 86_400 });
    expect(await after('soon')).toMatchObject(later);
  });
  test.each([400, 413, 422])('%i: this message never', async (status) => {
    expect((await outcomeOf(answering(status))).outcome).toMatchObject({ accepted: false, isPermanent: true });
  });
  test.each([401, 403, 404, 408, 410, 425])('%i: when a person has mended the channel, or later', async (status) => {
    expect((await outcomeOf(answering(status))).outcome).toMatchObject(later);
  });
  test('another address: it is not followed', async () => {
    const { url: elsewhere, came: cameElsewhere } = await listening(answering(200));
    const { outcome } = await outcomeOf(answering(307, '', { Location: elsewhere }));
    expect(outcome).toMatchObject({ ...later, detail: 'the answer was 307: another address is not followed' });
    expect(cameElsewhere).toEqual([]);
  });
  test('another protocol: no answer, and an end', async () => {
    const { outcome } = await outcomeOf((request) =>
      request.socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n'),
    );
    expect(outcome).toMatchObject({ accepted: false, detail: 'the connection ended without an answer' });
  });
  test('silence: an end within the deadline', async () => {
    const began = Date.now();
    const { outcome, came } = await outcomeOf(() => undefined, 300);
    expect(outcome).toEqual({ ...later, isUnsure: true, detail: 'there was no answer within 0.3 s' });
    expect(came).toHaveLength(1);
    expect(Date.now() - began).toBeLessThan(2000);
  });
  test('a gateway without word from behind it, or a connection that ends: the message may have come', async () => {
    expect((await outcomeOf(answering(504))).outcome).toMatchObject({ ...later, isUnsure: true });
    const cut = await outcomeOf((request) => request.socket.destroy());
    expect(cut.outcome).toMatchObject({ ...later, isUnsure: true });
  });
  test('a body without end: only its beginning is read', async () => {
    const began = Date.now();
    const { outcome } = await outcomeOf((_request, response) => {
      response.writeHead(503);
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(1000)));
      };
      response.on('drain', pour);
      pour();
    });
    expect(outcome).toMatchObject(later);
    expect(outcome.accepted ? 0 : outcome.detail.length).toBeLessThanOrEqual(300);
    expect(Date.now() - began).toBeLessThan(1500);
  });
  test('nobody at the port: what the system says', async () => {
    const outcome = await webhook('http://127.0.0.1:1').send(message());
    expect(outcome).toEqual({ ...later, detail: 'connect ECONNREFUSED 127.0.0.1:1' });
  });
  test('a proxy of the environment: it is not asked', async () => {
    const { url: proxy, came } = await listening(answering(200));
    process.env['HTTP_PROXY'] = proxy;
    process.env['NODE_USE_ENV_PROXY'] = '1';
    try {
      expect(await webhook('http://127.0.0.1:1').send(message())).toMatchObject(later);
    } finally {
      delete process.env['HTTP_PROXY'];
      delete process.env['NODE_USE_ENV_PROXY'];
    }
    expect(came).toEqual([]);
  });
});

describe('Pushover', () => {
  const pushover = (url: string): Channel =>
    open({ ...rules, kind: 'pushover', url, tokenFile: 'token', userFile: 'user', caFile: null }, { secrets });

  test('gets a form with the secrets in it, and shows the time of the message', async () => {
    const { url, came } = await listening(answering(200, '{"status":1,"request":"r"}'));
    expect(await pushover(url).send(message())).toEqual({ accepted: true });
    expect(Object.fromEntries(new URLSearchParams(came[0]!.body))).toEqual({
      ...{ token, user, priority: '1', timestamp: '1795694340', url: message().url, url_title: 'Open' },
      title: 'tower.example.org: a renewal was due and did not happen',
      message:
        'CRITICAL tower.example.org: due since 2 h; connect ECONNREFUSED 192.0.2.1:8200 (3 attempts) (since 2026-11-26T10:00:00Z)',
    });
  });
  test.each([
    ['critical', { level: 'critical' }, '1'],
    ['an escalation', { kind: 'escalation', level: 'warning' }, '1'],
    ['a warning', { level: 'warning' }, '0'],
    ['a test', { kind: 'test', level: 'info' }, '0'],
    ['what only happened', { kind: 'event', level: 'info' }, '-1'],
    ['the digest', { kind: 'digest', level: 'critical' }, '-1'],
    ['well again', { kind: 'wellAgain', level: 'critical' }, '-1'],
  ] as const)('disturbs for %s as it should', async (_what, over, priority) => {
    const { url, came } = await listening(answering(200));
    await pushover(url).send(message(over));
    expect(new URLSearchParams(came[0]!.body).get('priority')).toBe(priority);
  });
  test('stays within its limits, and says how many are not shown', async () => {
    const { url, came } = await listening(answering(200));
    const items = Array.from({ length: 50 }, () => ({ ...item, name: 'ö'.repeat(100) }));
    await pushover(url).send(message({ items, total: 200, title: 'ü'.repeat(300) }));
    const form = new URLSearchParams(came[0]!.body);
    expect(Buffer.byteLength(form.get('message')!)).toBeLessThanOrEqual(1024);
    expect(form.get('message')).toMatch(/and 19[0-9] more$/);
    expect(Buffer.byteLength(form.get('title')!)).toBeLessThanOrEqual(250);
  });
  test('that does not know the token keeps its messages waiting, and never tells it', async () => {
    const invalid = `{"token":"invalid","errors":["application token is invalid: ${token}"],"status":0}`;
    const { url } = await listening(answering(400, invalid));
    const outcome = await pushover(url).send(message());
    expect(outcome).toMatchObject({ accepted: false, isPermanent: false });
    expect(JSON.stringify(outcome)).toContain('application token is invalid: ***');
    const refusing = await listening(answering(400, '{"message":"cannot be blank","status":0}'));
    expect(await pushover(refusing.url).send(message())).toMatchObject({ accepted: false, isPermanent: true });
  });
});

describe('ntfy', () => {
  test('gets JSON at its root, with the id by which a second delivery takes the place of the first', async () => {
    const { url, came } = await listening(answering(200, '{}'));
    const channel = open({ ...rules, kind: 'ntfy', url, topic: 'omens', tokenFile: 'tk', caFile: null }, { secrets });
    expect(await channel.send(message({ title: 'tür\r\nX-Evil: 1' }))).toEqual({ accepted: true });
    expect(came[0]).toMatchObject({ url: '/', headers: { authorization: 'Bearer tk_secret' } });
    expect(JSON.parse(came[0]!.body)).toEqual({
      ...{ topic: 'omens', sequence_id: message().id, title: 'tür X-Evil: 1', priority: 5, tags: ['rotating_light'] },
      ...{ click: message().url, message: expect.stringContaining('CRITICAL tower.example.org: due since') },
    });
    expect(channel.destination).toBe(new URL(url).host);
  });
  test('is asked without a token where there is none', async () => {
    const { url, came } = await listening(answering(200, '{}'));
    const channel = open({ ...rules, kind: 'ntfy', url, topic: 'omens', tokenFile: null, caFile: null });
    await channel.send(message({ kind: 'wellAgain', url: null }));
    expect(came[0]!.headers).not.toHaveProperty('authorization');
    expect(JSON.parse(came[0]!.body)).toMatchObject({ priority: 2, tags: ['white_check_mark'] });
    expect(JSON.parse(came[0]!.body)).not.toHaveProperty('click');
  });
});

describe('Slack', () => {
  const slack = (url: string): Channel =>
    open({ ...rules, kind: 'slack', urlFile: 'url', caFile: null }, { secrets: { url } });

  test('gets text that nobody on a host can turn into a link or a call to everybody', async () => {
    const { url, came } = await listening(answering(200, 'ok'));
    const reason = '<!channel> <http://evil|x> @channel & me@example.org';
    expect(await slack(`${url}/services/T0/B0/s3cret`).send(message({ items: [{ ...item, reason }] }))).toEqual({
      accepted: true,
    });
    const { text, blocks } = JSON.parse(came[0]!.body) as { text: string; blocks: { text: { type: string } }[] };
    expect(text).toContain('&lt;!channel&gt; &lt;http://evil|x&gt; @\u200bchannel &amp; me@example.org');
    expect(text).toContain(`\n<${message().url}|Open>`);
    expect(blocks.map(({ text: { type } }) => type)).toEqual(['plain_text', 'plain_text', 'mrkdwn']);
    expect(came[0]!.url).toBe('/services/T0/B0/s3cret');
  });
  test('is named by its host alone, since the address is the secret', async () => {
    const { url } = await listening((request, response) => {
      answering(404, `no_service ${request.url ?? ''}`)(request, response);
    });
    const channel = slack(`${url}/services/T0/B0/s3cret`);
    const outcome = await channel.send(message());
    expect(outcome).toMatchObject({
      accepted: false,
      isPermanent: false,
      detail: 'the answer was 404: no_service ***',
    });
    expect(channel.destination).toBe(new URL(url).host);
  });
});

describe('a secret that cannot be one', () => {
  test.each([
    ['a webhook secret without its prefix', 'AAAA', 'hook', 'has not the form'],
    ['a webhook secret of few octets', 'whsec_AAAA', 'hook', 'holds 3 octets'],
    ['a token of Pushover that is cut', 'abc', 'token', 'has not the form'],
    ['an address of Slack without TLS', 'http://hooks.example.org/x', 'url', 'without TLS'],
  ])('%s is refused at the start, by the name of its file and not by its text', (_what, text, file, detail) => {
    const kinds: Readonly<Record<string, ChannelSettings>> = {
      hook: { ...rules, kind: 'webhook', url: 'https://h/', secretFile: 'hook', caFile: null },
      token: { ...rules, kind: 'pushover', url: 'https://h/', tokenFile: 'token', userFile: 'user', caFile: null },
      url: { ...rules, kind: 'slack', urlFile: 'url', caFile: null },
    };
    const attempt = (): Channel => open(kinds[file]!, { secrets: { ...secrets, [file]: text } });
    expect(attempt).toThrow(new RegExp(`^${file}: .*${detail}`));
    expect(attempt).not.toThrow(text);
  });
  test('a file of CAs that holds none is refused', () => {
    const settings = { ...rules, kind: 'webhook', url: 'https://h/', secretFile: 'hook' } as const;
    const file = join(directory, 'empty.pem');
    writeFileSync(file, 'nothing');
    expect(() => open({ ...settings, caFile: file }, { secrets })).toThrow('holds no certificate');
    expect(() => open({ ...settings, caFile: join(directory, 'x') }, { secrets })).toThrow('ENOENT');
  });
});
