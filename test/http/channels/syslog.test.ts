// Syslog against real receivers: UDP, TCP, and a datagram socket like /dev/log, which Perl opens since Node cannot.
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SyslogAddress } from '../../../src/domain/channel-settings.ts';
import type { Channel } from '../../../src/domain/message.ts';
import { item, message, open, rules } from './desk.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'omens-syslog-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const syslog = (address: SyslogAddress, deadlineMilliseconds = 5000): Channel =>
  open({ ...rules, kind: 'syslog', address, facility: 'local3' }, { deadlineMilliseconds });

const id = message().id;
const two = message({
  items: [item, { ...item, level: 'warning', name: 'größe\n<0>evil', reason: 'a\r\nb', since: null }],
  total: 5,
});

/** What RFC 5424 makes of `two`, without the number of the process. */
const lines = [
  `<154>1 2026-11-26T11:59:00Z ca.example.org omens PID warning - CRITICAL tower.example.org: due since 2 h; connect ECONNREFUSED 192.0.2.1:8200 (3 attempts) (since 2026-11-26T10:00:00Z) [message ${id}]`,
  `<156>1 2026-11-26T11:59:00Z ca.example.org omens PID warning - WARNING größe <0>evil: a b [message ${id}]`,
  `<154>1 2026-11-26T11:59:00Z ca.example.org omens PID warning - and 3 more [message ${id}]`,
];
const withoutPid = (line: string): string => line.replace(/ omens [0-9]+ /, ' omens PID ');

describe('syslog over UDP', () => {
  test('gets a datagram of RFC 5424 for each item', async () => {
    const socket = createSocket('udp4');
    const came: string[] = [];
    socket.on('message', (octets) => came.push(octets.toString('utf8')));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    expect(await syslog({ transport: 'udp', host: '127.0.0.1', port }).send(two)).toEqual({ accepted: true });
    expect(came.map(withoutPid)).toEqual(lines);
    await new Promise<void>((resolve) => {
      socket.close(resolve);
    });
  });
  test('knows when the machine says that nobody is there', async () => {
    const outcome = await syslog({ transport: 'udp', host: '127.0.0.1', port: 1 }).send(two);
    expect(outcome).toMatchObject({
      accepted: false,
      isPermanent: false,
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('syslog over TCP', () => {
  async function listening(onConnection: (socket: Socket) => void) {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    };
    return { port: (server.address() as AddressInfo).port, close };
  }

  test('gets lines that are counted in octets', async () => {
    let came = Buffer.alloc(0);
    const { port, close } = await listening((socket) => {
      socket.on('data', (chunk: Buffer) => {
        came = Buffer.concat([came, chunk]);
      });
    });
    expect(await syslog({ transport: 'tcp', host: '127.0.0.1', port }).send(two)).toEqual({ accepted: true });
    const found: string[] = [];
    for (let rest = came; rest.length > 0; ) {
      const space = rest.indexOf(' ');
      const end = space + 1 + Number(rest.subarray(0, space).toString());
      found.push(rest.subarray(space + 1, end).toString('utf8'));
      rest = rest.subarray(end);
    }
    expect(found.map(withoutPid)).toEqual(lines);
    await close();
  });
  test('is not accepted by a machine that refuses or resets', async () => {
    const refused = await syslog({ transport: 'tcp', host: '127.0.0.1', port: 1 }).send(two);
    expect(refused).toMatchObject({ accepted: false, detail: 'connect ECONNREFUSED 127.0.0.1:1' });
    const { port, close } = await listening((socket) => socket.resetAndDestroy());
    expect(await syslog({ transport: 'tcp', host: '127.0.0.1', port }).send(two)).toMatchObject({ accepted: false });
    await close();
  });
});

describe('the log socket of this machine', () => {
  const program = `use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die $!;
    $| = 1; print "ready\\n"; while (defined recv(S, my $line, 65536, 0)) { print "$line\\n" }`;

  async function socketAt(
    path: string,
  ): Promise<{ readonly came: () => readonly string[]; readonly child: ChildProcess }> {
    const child = spawn('perl', ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
        resolve();
      });
    });
    return { child, came: () => text.split('\n').slice(1, -1) };
  }

  test('gets lines as every program of the machine writes them', async () => {
    const path = join(directory, 'log');
    const { child, came } = await socketAt(path);
    try {
      expect(await syslog({ transport: 'unix', path }).send(two)).toEqual({ accepted: true });
      for (let attempt = 0; came().length < 3 && attempt < 100; attempt++)
        await new Promise((resolve) => setTimeout(resolve, 10));
      const form = /^<(\d+)>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d omens\[(\d+)\]: (.*)$/;
      expect(came().map((line) => form.exec(line)?.slice(1))).toEqual(
        lines.map((line) => [/\d+/.exec(line)![0], String(process.pid), line.slice(line.indexOf(' - ') + 3)]),
      );
    } finally {
      child.kill();
    }
  });
  test('that is not there is said', async () => {
    const outcome = await syslog({ transport: 'unix', path: join(directory, 'none') }).send(two);
    expect(outcome).toMatchObject({ accepted: false, isPermanent: false });
    expect(outcome.accepted ? '' : outcome.detail).toContain('No such file or directory');
  });
});
