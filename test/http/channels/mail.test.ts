// Mail against a real SMTP server on loopback: TLS, login, what it answers, and what the mail holds.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { SettingsOf } from '../../../src/domain/channel-settings.ts';
import type { Channel } from '../../../src/domain/message.ts';
import { makePki, type TestPki } from '../support/pki.ts';
import { item, message, open, rules } from './desk.ts';

let pki: TestPki;
let directory: string;
let caFile: string;
beforeAll(async () => {
  pki = await makePki();
  directory = mkdtempSync(join(tmpdir(), 'omens-mail-'));
  caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, pki.rootPem);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

type Mail = {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: unknown;
  readonly secure: boolean;
  readonly text: string;
};

/** Every server of this file, to end connections from the inside. */
const servers: SMTPServer[] = [];
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** What smtp-server answers with: an error with a response code. */
const refusal = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code });

async function mailServer(over: SMTPServerOptions = {}) {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    ...{ key: pki.keyPem, cert: pki.leafPem, logger: false, disableReverseLookup: true, authOptional: true },
    onAuth: ({ username, password }, _session, done) => {
      if (username === 'omens' && password === 's3cret pass') done(null, { user: username });
      else done(refusal(535, 'wrong password'));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { envelope, user, secure } = session;
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        const to = envelope.rcptTo.map(({ address }) => address);
        mails.push({ from, to, user, secure, text: Buffer.concat(chunks).toString('utf8') });
        done();
      });
    },
    ...over,
  });
  server.on('error', () => undefined);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

const mailbox = (port: number, over: Partial<SettingsOf<'smtp'>> = {}, deadlineMilliseconds = 5000): Channel =>
  open(
    {
      ...{ ...rules, kind: 'smtp', host: '127.0.0.1', port, tls: 'starttls', login: null, caFile },
      ...{ from: 'omens@ca.example.org', to: ['me@example.org'], ...over },
    },
    { secrets: { password: 's3cret pass', wrong: 'other pass' }, deadlineMilliseconds },
  );

const login = { user: 'omens', passwordFile: 'password' };
const later = { accepted: false, isPermanent: false, isUnsure: false };

describe('a mail', () => {
  test('goes by STARTTLS with a login, and is plain text under the id of its message', async () => {
    const { port, mails } = await mailServer();
    const title = 'türm.example.org: a renewal\r\nBcc: evil@example.org';
    expect(await mailbox(port, { login }).send(message({ title }))).toEqual({ accepted: true });
    const [mail] = mails;
    expect(mail).toMatchObject({ from: 'omens@ca.example.org', to: ['me@example.org'], user: 'omens', secure: true });
    expect(mail!.text).toContain(`Message-ID: <${message().id}@ca.example.org>`);
    expect(mail!.text).toContain('Auto-Submitted: auto-generated');
    expect(mail!.text).toContain('Content-Type: text/plain; charset=utf-8');
    expect(mail!.text).toContain('Date: Thu, 26 Nov 2026 11:59:00 +0000');
    expect(mail!.text).toMatch(/^Subject: =\?UTF-8\?Q\?t=C3=BCrm/m);
    expect(mail!.text).not.toMatch(/^Bcc:/im);
    const text = mail!.text.replace(/=\r\n/g, '');
    expect(text).toContain('CRITICAL tower.example.org: due since 2 h; connect ECONNREFUSED');
    expect(text).toContain(message().url);
  });

  test('is the same at a second attempt, octet for octet', async () => {
    const { port, mails } = await mailServer();
    const items = [{ ...item, reason: 'größer als erlaubt' }];
    await mailbox(port).send(message({ items }));
    await mailbox(port).send(message({ items }));
    expect(mails[1]!.text).toBe(mails[0]!.text);
  });

  test('goes by implicit TLS, or openly where that was said', async () => {
    const implicit = await mailServer({ secure: true });
    expect(await mailbox(implicit.port, { tls: 'implicit' }).send(message())).toEqual({ accepted: true });
    const bare = await mailServer({ disabledCommands: ['STARTTLS', 'AUTH'] });
    expect(await mailbox(bare.port, { tls: 'none' }).send(message())).toEqual({ accepted: true });
    expect([implicit.mails, bare.mails].map(([mail]) => mail!.secure)).toEqual([true, false]);
  });

  test('does not go where STARTTLS is not offered, or is of a stranger', async () => {
    const bare = await mailServer({ disabledCommands: ['STARTTLS'] });
    expect(await mailbox(bare.port).send(message())).toMatchObject(later);
    const stranger = await mailServer();
    const outcome = await mailbox(stranger.port, { caFile: null }).send(message());
    expect(outcome).toMatchObject({ ...later, detail: expect.stringMatching(/certificate/) });
    expect([...bare.mails, ...stranger.mails]).toEqual([]);
  });

  test('does not go as from a stranger where a login was configured', async () => {
    const { port, mails } = await mailServer({ disabledCommands: ['AUTH'] });
    expect(await mailbox(port, { login }).send(message())).toMatchObject(later);
    expect(mails).toEqual([]);
  });
});

describe('what a mail server answers', () => {
  test('a wrong password: the messages wait, and the password is not told', async () => {
    const { port } = await mailServer();
    const outcome = await mailbox(port, { login: { user: 'omens', passwordFile: 'wrong' } }).send(message());
    expect(outcome).toMatchObject({ ...later, detail: expect.stringContaining('wrong password') });
    expect(JSON.stringify(outcome)).not.toContain('other pass');
  });
  test('a mailbox that is full for now, or unknown: another time, or when it was mended', async () => {
    for (const code of [452, 550]) {
      const { port } = await mailServer({
        onRcptTo: (_address, _session, done) => {
          done(refusal(code, `no room ${code}`));
        },
      });
      const outcome = await mailbox(port).send(message());
      expect(outcome).toMatchObject({ ...later, detail: expect.stringContaining(`no room ${code}`) });
    }
  });
  test('one of two recipients is unknown: taken, and said', async () => {
    const { port, mails } = await mailServer({
      onRcptTo: ({ address }, _session, done) => {
        if (address.startsWith('gone')) done(refusal(550, 'unknown'));
        else done();
      },
    });
    const to = ['me@example.org', 'gone@example.org'];
    expect(await mailbox(port, { to }).send(message())).toEqual({
      accepted: true,
      detail: 'refused: gone@example.org',
    });
    expect(mails.map((mail) => mail.to)).toEqual([['me@example.org']]);
  });
  test.each([
    [451, false],
    [554, true],
  ])('%i to the content: permanent is %s', async (code, isPermanent) => {
    const { port } = await mailServer({
      onData: (stream, _session, done) => {
        stream.resume();
        stream.on('end', () => {
          done(refusal(code, 'we do not like it'));
        });
      },
    });
    expect(await mailbox(port).send(message())).toMatchObject({ accepted: false, isPermanent });
  });
});

describe('a mail server that does not answer', () => {
  async function mute(onConnection: (socket: Socket) => void): Promise<number> {
    const sockets: Socket[] = [];
    const server: Server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }

  test.each([
    ['says nothing', () => undefined],
    [
      'greets and then says a little, again and again',
      (socket: Socket) => {
        socket.write('220 hello\r\n');
        const timer = setInterval(() => socket.write('250-still here\r\n'), 50);
        socket.on('close', () => {
          clearInterval(timer);
        });
      },
    ],
  ])('and %s holds nobody beyond the deadline', async (_what, onConnection) => {
    const port = await mute(onConnection);
    const began = Date.now();
    const outcome = await mailbox(port, { tls: 'none' }, 400).send(message());
    expect(outcome).toMatchObject({ ...later, detail: 'the mail server did not take it within 0.4 s' });
    expect(Date.now() - began).toBeLessThan(2000);
  });

  test('after it has the whole mail may have taken it', async () => {
    const { port } = await mailServer({ onData: (stream) => stream.resume() });
    expect(await mailbox(port, {}, 500).send(message())).toMatchObject({ ...later, isUnsure: true });
    const cutting = await mailServer({
      onData: (stream, session) => {
        stream.resume();
        stream.on('end', () => {
          for (const connection of servers.flatMap(({ connections }) => [...connections]))
            if (connection.id === session.id) connection.close();
        });
      },
    });
    expect(await mailbox(cutting.port).send(message())).toMatchObject({ ...later, isUnsure: true });
  });
  test('because nobody is there is said as the system says it', async () => {
    expect(await mailbox(1).send(message())).toMatchObject({ ...later, detail: 'connect ECONNREFUSED 127.0.0.1:1' });
  });
});
