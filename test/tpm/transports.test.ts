// Every way to reach a TPM, against a software one.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openTpmDevice } from '../../src/agent/tpm-device.ts';
import { lendTpm } from '../../src/agent/lend-tpm.ts';
import { createSigningKey } from '../../src/agent/tpm-keys.ts';
import { openTpm } from '../../src/agent/tpm-open.ts';
import { openTpmSocket } from '../../src/agent/tpm-socket.ts';
import { openTpmTcti } from '../../src/agent/tpm-tcti.ts';
import { emptyPassword } from '../../src/tpm2/authorization.ts';
import { getRandom } from '../../src/tpm2/capability.ts';
import { createPrimary } from '../../src/tpm2/objects.ts';
import { storagePrimaryEcc } from '../../src/tpm2/templates.ts';
import { type SoftwareTpm, startSwtpm, withTpm } from './swtpm.ts';

let swtpm: SoftwareTpm;
beforeAll(async () => {
  swtpm = await startSwtpm();
});
afterAll(() => swtpm.stop());

/** TPM2_GetRandom for 8 octets. */
const getRandomCommand = Uint8Array.from([0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8]);

/** Serves one fixed behavior on a TCP port of this machine. */
async function serving(behave: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer(behave).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, server };
}

test('a unix socket carries commands', async () => {
  expect(await withTpm(`unix:${swtpm.socketPath}`, (tpm) => getRandom(tpm, 8))).toHaveLength(8);
});

test('a TCP socket carries commands, in however small pieces the response comes', async () => {
  const { port, server } = await serving((socket) => {
    const upstream = connect(swtpm.socketPath);
    socket.pipe(upstream);
    upstream.on('data', (octets) => {
      for (const octet of octets) socket.write(Uint8Array.of(octet));
    });
    socket.on('close', () => upstream.destroy());
  });
  expect(await withTpm(`tcp:127.0.0.1:${port}`, (tpm) => createSigningKey(tpm))).toMatchObject({});
  server.close();
});

test('what a killed program left in the slots of a bare TPM is cleared by the next one that borrows it', async () => {
  const spec = `unix:${swtpm.socketPath}`;
  // Each lending ends like a killed process: nothing is flushed. A bare TPM has three slots.
  await withTpm(spec, async (tpm) => {
    for (let slot = 0; slot < 3; slot += 1) {
      await createPrimary(tpm, { hierarchy: 'owner', template: storagePrimaryEcc, authorization: emptyPassword });
    }
  });
  await expect(withTpm(spec, (tpm) => createSigningKey(tpm))).rejects.toThrow('TPM_RC_OBJECT_MEMORY');
  expect(await lendTpm(spec, (tpm) => createSigningKey(tpm))).toMatchObject({});
});

describe('a socket', () => {
  test('that nobody serves is refused with a hint', async () => {
    await expect(openTpmSocket({ path: '/nonexistent/tpm' })).rejects.toMatchObject({
      name: 'TpmTransportError',
      kind: 'transport',
      message: expect.stringContaining('cannot connect to the TPM at /nonexistent/tpm'),
      hint: expect.stringContaining('running'),
    });
  });

  test('that never answers is given up in time, and stays unusable', async () => {
    const { port, server } = await serving(() => undefined);
    const transport = await openTpmSocket({ host: '127.0.0.1', port }, 100);
    await expect(transport.transceive(getRandomCommand)).rejects.toMatchObject({
      message: 'the TPM did not answer within 0.1 s',
    });
    await expect(transport.transceive(getRandomCommand)).rejects.toMatchObject({
      message: 'the TPM connection is closed',
    });
    await transport.close();
    server.close();
  });

  test('that closes while a command runs is an error, not a wait', async () => {
    const { port, server } = await serving((socket) => socket.once('data', () => socket.destroy()));
    const transport = await openTpmSocket({ host: '127.0.0.1', port });
    await expect(transport.transceive(getRandomCommand)).rejects.toMatchObject({ kind: 'transport' });
    await transport.close();
    server.close();
  });

  test.each([
    ['announces too much', [0x80, 1, 0xff, 0, 0, 0, 0, 0, 0, 0]],
    ['is longer than it announces', [0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0, 0xee]],
  ])('whose response %s is refused', async (_what, octets) => {
    const { port, server } = await serving((socket) =>
      socket.once('data', () => socket.write(Uint8Array.from(octets))),
    );
    const transport = await openTpmSocket({ host: '127.0.0.1', port });
    await expect(transport.transceive(getRandomCommand)).rejects.toMatchObject({ kind: 'transport' });
    await transport.close();
    server.close();
  });
});

describe('a TCTI of the TSS', () => {
  test('carries commands through koffi', async () => {
    const key = await withTpm(`tcti:swtpm:path=${swtpm.socketPath}`, (tpm) => createSigningKey(tpm));
    expect(key.private.length).toBeGreaterThan(100);
  });

  test('can be opened again after it was closed, and is unusable in between', async () => {
    const transport = await openTpmTcti(`swtpm:path=${swtpm.socketPath}`);
    await transport.close();
    await transport.close();
    await expect(transport.transceive(getRandomCommand)).rejects.toMatchObject({ kind: 'transport' });
    expect(await withTpm(`tcti:swtpm:path=${swtpm.socketPath}`, (tpm) => getRandom(tpm, 8))).toHaveLength(8);
  });

  test.each(['no-such-tcti:x', 'swtpm:path=/nonexistent/tpm'])(
    'named %s is refused with a hint',
    async (configuration) => {
      await expect(openTpmTcti(configuration)).rejects.toMatchObject({
        kind: 'transport',
        message: expect.stringContaining(configuration),
        hint: expect.stringContaining('libtss2-tcti'),
      });
    },
  );
});

describe('without its native parts, a TCTI says what to install', () => {
  const library = 'libtss2-tctildr.so.0';

  test('when koffi is missing', async () => {
    const importKoffi = () => Promise.reject(new Error("Cannot find package 'koffi'"));
    await expect(openTpmTcti('device:/dev/tpmrm0', 1000, { importKoffi, library })).rejects.toMatchObject({
      kind: 'transport',
      message: expect.stringContaining('the optional npm package koffi'),
      hint: expect.stringContaining('npm install koffi'),
    });
  });

  test('when the TSS is missing', async () => {
    const importKoffi = () => import('koffi');
    await expect(
      openTpmTcti('device:/dev/tpmrm0', 1000, { importKoffi, library: 'libtss2-absent.so.0' }),
    ).rejects.toMatchObject({
      kind: 'transport',
      message: expect.stringContaining('libtss2-absent.so.0'),
      hint: expect.stringContaining('apt-get install libtss2-tctildr0'),
    });
  });
});

describe('a character device', () => {
  // A pseudo-terminal in raw mode, bridged to the software TPM, stands for /dev/tpmrm0: there is no such kernel device here.
  let terminal: ChildProcess;
  let bridge: Socket;
  let path: string;

  beforeAll(async () => {
    const file = join(swtpm.directory, 'tty');
    terminal = spawn('script', ['-qfc', `stty raw -echo; tty > ${file}; exec sleep 60`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    path = '';
    while (!path.endsWith('\n')) {
      await setTimeout(20);
      path = await readFile(file, 'utf8').catch(() => '');
    }
    path = path.trim();
    bridge = connect(swtpm.socketPath);
    terminal.stdout!.pipe(bridge).pipe(terminal.stdin!);
  });
  afterAll(async () => {
    bridge.destroy();
    terminal.kill();
    await once(terminal, 'exit');
  });

  test('carries commands', async () => {
    const octets = await withTpm(`device:${path}`, (tpm) => getRandom(tpm, 8));
    expect(octets).toHaveLength(8);
  });

  test('carries the making of a key', async () => {
    const key = await withTpm(`device:${path}`, (tpm) => createSigningKey(tpm));
    expect(key.public.length).toBeGreaterThan(80);
  });

  test('that is not there is refused with what to look for', async () => {
    await expect(openTpmDevice('/dev/no-such-tpm')).rejects.toMatchObject({
      kind: 'transport',
      hint: expect.stringContaining('no TPM 2.0'),
    });
  });

  test('that gives nothing back is an error', async () => {
    const tpm = await openTpm({ kind: 'device', path: '/dev/null' });
    await expect(getRandom(tpm, 8)).rejects.toMatchObject({ message: 'the TPM device gave no complete response' });
    await tpm.transport.close();
  });
});
