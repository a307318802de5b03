// The embedded PostgreSQL as real processes: made, adopted, locked, killed, moved out of reach. Each test has a data
// directory of its own and leaves nothing running.
import { afterEach, describe, expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { findInstallations, makeLinks, npmPackageDirectory } from '../../src/storage/embedded/binaries.ts';
import { isAlive, isPostmasterOf, waitForEnd } from '../../src/storage/embedded/postmaster.ts';
import { canExecute } from '../../src/storage/embedded/run-user.ts';
import { holdServerLock } from '../../src/storage/embedded/server-lock.ts';
import { openEmbedded } from '../../src/storage/embedded/server.ts';
import { forcedBinaries } from './database.ts';
import { type EmbeddedProcess, openInProcess, type Opening } from './support/embedded-process.ts';

const isRoot = process.geteuid?.() === 0;
const installed = await findInstallations({ searchPath: process.env['PATH'] ?? '' });
const nobody = { uid: 65534, gid: 65534, name: 'nobody', switched: true };
const othersReachUs =
  isRoot && (await canExecute(nobody, process.execPath)) && (await canExecute(nobody, import.meta.dirname));
const onlyIf = (condition: boolean) => (condition ? test : test.skip);

const directories: string[] = [];
const opened: EmbeddedProcess[] = [];
const places = new Map<number, string>();

async function temporary(mode = 0o755): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'omens-'));
  await chmod(directory, mode);
  directories.push(directory);
  return directory;
}

async function open(opening: Opening): Promise<EmbeddedProcess> {
  const one = await openInProcess(opening);
  opened.push(one);
  const server = one.answer.opened;
  if (server !== undefined) places.set(server.pid, server.place);
  return one;
}

/** For tests in which an opening must succeed. */
async function server(opening: Opening) {
  const one = await open(opening);
  if (one.answer.opened === undefined) throw new Error(JSON.stringify(one.answer));
  return { ...one, ...one.answer.opened };
}

const options = (dataDirectory: string) => ({
  ...{ dataDirectory, randomBytes, log: () => undefined },
  ...(forcedBinaries === undefined ? {} : { binaries: forcedBinaries }),
});

async function ask(databaseUrl: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

afterEach(async () => {
  for (const one of opened.splice(0)) await one.kill9();
  for (const [pid, place] of places) {
    if (await isPostmasterOf(pid, join(place, 'data')).catch(() => false)) process.kill(pid, 'SIGQUIT');
  }
  for (const [pid, place] of places) {
    if (!(await waitForEnd(pid, 20_000))) throw new Error(`PostgreSQL ${pid} is still there`);
    await rm(place, { recursive: true, force: true });
  }
  places.clear();
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

describe('making a cluster', () => {
  for (const binaries of ['system', 'npm'] as const) {
    const available = installed.some((one) => one.kind === binaries) && (forcedBinaries ?? binaries) === binaries;
    onlyIf(available)(`with ${binaries} binaries it is durable, checked, and open to its password only`, async () => {
      const dataDirectory = join(await temporary(), 'omens');
      const { databaseUrl, version, place, adopted } = await server({ dataDirectory, binaries });
      const [settings] = await ask(
        databaseUrl,
        `select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
                current_setting('data_checksums') as checksums, current_setting('server_encoding') as encoding,
                current_setting('listen_addresses') as listen, current_setting('unix_socket_permissions') as sockets,
                current_setting('is_superuser') as superuser`,
      );
      expect(settings).toEqual({
        ...{
          fsync: 'on',
          pages: 'on',
          checksums: 'on',
          encoding: 'UTF8',
          listen: '',
          sockets: '0700',
          superuser: 'off',
        },
      });
      expect(adopted).toBe(false);
      const record = JSON.parse(await readFile(join(dataDirectory, 'postgresql/cluster.json'), 'utf8'));
      expect(record).toMatchObject({ format: 1, place: '.', major: Number.parseInt(version, 10) });
      expect(record.kind === 'system').toBe(binaries === 'system');
      const rules = (await readFile(join(place, 'data/pg_hba.conf'), 'utf8'))
        .split('\n')
        .filter((l) => /^[a-z]/.test(l));
      expect(rules.length).toBeGreaterThan(0);
      for (const rule of rules) expect(rule).toMatch(/ scram-sha-256$/);
      for (const file of ['password', 'superuser-password']) {
        expect((await stat(join(dataDirectory, 'postgresql', file))).mode & 0o777).toBe(0o600);
      }
      await expect(ask(databaseUrl.replace(/:[^:@/]+@/, ':guess@'), 'select 1')).rejects.toMatchObject({
        code: '28P01',
      });
    });
  }

  test('a directory too deep for a unix socket is served on loopback TCP', async () => {
    const dataDirectory = join(await temporary(), 'd'.repeat(100));
    const { databaseUrl } = await server({ dataDirectory });
    expect(new URL(databaseUrl).hostname).toBe('127.0.0.1');
    const [row] = await ask(databaseUrl, "select current_setting('listen_addresses') as listen");
    expect(row).toEqual({ listen: '127.0.0.1' });
  });

  test('two processes at once end with one cluster and one server', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const [one, other] = await Promise.all([server({ dataDirectory }), server({ dataDirectory })]);
    expect(one.pid).toBe(other.pid);
    expect(one.databaseUrl).toBe(other.databaseUrl);
    // Where the run user cannot reach the npm package, its programs are copied beside the cluster: once.
    const found = await readdir(join(dataDirectory, 'postgresql'));
    expect(found.filter((name) => name.startsWith('postgresql-')).length).toBeLessThanOrEqual(1);
    expect(found.filter((name) => !name.startsWith('postgresql-')).toSorted()).toEqual([
      ...['cluster.json', 'data', 'password', 'run', 'start.log', 'superuser-password'],
    ]);
  });

  test('what a killed making left is swept, and the cluster is made', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    await mkdir(join(dataDirectory, 'postgresql/making-999999999/data'), { recursive: true });
    await chmod(dataDirectory, 0o700);
    await server({ dataDirectory });
    expect(await readdir(join(dataDirectory, 'postgresql'))).not.toContain('making-999999999');
  });

  test('without any PostgreSQL the fault says how to get one', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const sources = { systemDirectory: '/nonexistent', packageDirectory: null };
    const { answer } = await open({ dataDirectory, sources });
    expect(answer.failed?.message).toMatch(/no PostgreSQL ≥ 14/);
    expect(answer.failed?.hint).toMatch(/install the package postgresql/);
  });

  test('a database directory without its record is left alone', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    await mkdir(join(dataDirectory, 'postgresql/data'), { recursive: true });
    const { answer } = await open({ dataDirectory });
    expect(answer.failed?.message).toMatch(/without the record of its making/);
    expect(await readdir(join(dataDirectory, 'postgresql/data'))).toEqual([]);
  });
});

describe('a cluster that exists', () => {
  test('after kill -9 of the owner the next start adopts the live server and its data', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const first = await server({ dataDirectory, lock: true });
    await ask(first.databaseUrl, 'create table kept as select 42 as answer');
    const pidFile = join(first.place, 'data/postmaster.pid');
    const before = await stat(pidFile);
    await first.kill9();
    const second = await server({ dataDirectory, lock: true });
    expect(second).toMatchObject({ adopted: true, pid: first.pid, databaseUrl: first.databaseUrl });
    expect(await stat(pidFile)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
    expect(await ask(second.databaseUrl, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(await second.stop()).toBe('stopped');
    expect(await isAlive(first.pid)).toBe(false);
  });

  test('after kill -9 of PostgreSQL itself the next start recovers', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const first = await server({ dataDirectory });
    await ask(first.databaseUrl, 'create table kept as select 42 as answer');
    process.kill(first.pid, 'SIGKILL');
    await waitForEnd(first.pid, 10_000);
    const second = await server({ dataDirectory });
    expect(second.adopted).toBe(false);
    expect(second.pid).not.toBe(first.pid);
    expect(await ask(second.databaseUrl, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('a graceful stop and a later start keep data and password', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const first = await server({ dataDirectory });
    await ask(first.databaseUrl, 'create table kept as select 42 as answer');
    expect(await first.stop()).toBe('stopped');
    const second = await server({ dataDirectory });
    expect(second).toMatchObject({ adopted: false, databaseUrl: first.databaseUrl });
    expect(await ask(second.databaseUrl, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('a process of another program under the recorded pid is not adopted, and its pid file stays', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const first = await server({ dataDirectory });
    const pidFile = join(first.place, 'data/postmaster.pid');
    const content = await readFile(pidFile, 'utf8');
    await first.stop();
    const owner = await stat(join(first.place, 'data'));
    const stranger: ChildProcess = spawn('/bin/sleep', ['60'], isRoot ? { uid: owner.uid, gid: owner.gid } : {});
    try {
      await writeFile(pidFile, content.replace(/^\d+/, String(stranger.pid)));
      const { answer } = await open({ dataDirectory });
      expect(answer.failed?.message).toMatch(/did not start/);
      expect(answer.failed?.hint).toMatch(new RegExp(`process ${stranger.pid}, which is now "sleep"`));
      expect((await readFile(pidFile, 'utf8')).split('\n')[0]).toBe(String(stranger.pid));
      expect(await isAlive(stranger.pid!)).toBe(true);
    } finally {
      stranger.kill();
    }
  });

  test('the pid file of a dead server is left to PostgreSQL, which starts', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const first = await server({ dataDirectory });
    const pidFile = join(first.place, 'data/postmaster.pid');
    const content = await readFile(pidFile, 'utf8');
    await first.stop();
    await writeFile(pidFile, content);
    expect(await server({ dataDirectory })).toMatchObject({ adopted: false });
  });

  test('another major version is refused, both are named, and the ways out', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const first = await server({ dataDirectory });
    await first.stop();
    for (const name of await readdir(join(dataDirectory, 'postgresql'))) {
      if (name.startsWith('postgresql-')) await rm(join(dataDirectory, 'postgresql', name), { recursive: true });
    }
    const systemDirectory = await temporary();
    await mkdir(join(systemDirectory, '99/bin'), { recursive: true });
    for (const name of ['postgres', 'initdb']) {
      const script = '#!/bin/sh\necho "postgres (PostgreSQL) 99.1"\n';
      await writeFile(join(systemDirectory, '99/bin', name), script, { mode: 0o755 });
    }
    const { answer } = await open({ dataDirectory, sources: { systemDirectory, packageDirectory: null } });
    const major = Number.parseInt(first.version, 10);
    expect(answer.failed?.message).toContain(`made by PostgreSQL ${major}; found on this machine: 99.1`);
    expect(answer.failed?.hint).toMatch(new RegExp(`postgresql-${major}.*pg_upgrade.*dump`));
  });

  test('a lost password file is named', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    await server({ dataDirectory });
    await unlink(join(dataDirectory, 'postgresql/password'));
    const { answer } = await open({ dataDirectory });
    expect(answer.failed?.where).toBe(join(dataDirectory, 'postgresql/password'));
  });

  test('a data directory that was moved takes its cluster along', async () => {
    const parent = await temporary();
    const first = await server({ dataDirectory: join(parent, 'before') });
    await ask(first.databaseUrl, 'create table kept as select 42 as answer');
    await first.stop();
    await rename(join(parent, 'before'), join(parent, 'after'));
    const second = await server({ dataDirectory: join(parent, 'after') });
    expect(await ask(second.databaseUrl, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });
});

describe('the lock of the server', () => {
  test('keeps a second server off the directory, and its stop leaves PostgreSQL running', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const first = await server({ dataDirectory, lock: true });
    const second = await open({ dataDirectory, lock: true });
    expect(second.answer.refused).toMatchObject({ reason: 'serverAlreadyRunning' });
    expect(second.answer.refused?.detail).toMatch(/another omens server runs on this database, since 20\d\d-/);
    expect(await second.stop()).toBe('inUse');
    expect(await ask(first.databaseUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('tells once when its session dies, and nothing when it is released', async () => {
    const { databaseUrl } = await server({ dataDirectory: join(await temporary(), 'omens') });
    const lost: string[] = [];
    const first = await holdServerLock(databaseUrl, { onLost: (why) => lost.push(why) });
    if (!first.ok) throw new Error(first.error.detail);
    await first.value.release();
    expect(lost).toEqual([]);
    const second = await holdServerLock(databaseUrl, { onLost: (why) => lost.push(why) });
    expect(second.ok).toBe(true);
    await ask(
      databaseUrl,
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'omens server lock'",
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(lost).toHaveLength(1);
    const third = await holdServerLock(databaseUrl, { onLost: () => undefined });
    expect(third.ok).toBe(true);
    if (third.ok) await third.value.release();
  });
});

describe('as root', () => {
  onlyIf(isRoot)('the server runs without privilege and the data directory stays closed to others', async () => {
    const dataDirectory = join(await temporary(), 'omens');
    const { pid, place } = await server({ dataDirectory });
    expect((await stat(`/proc/${pid}`)).uid).not.toBe(0);
    expect((await stat(dataDirectory)).mode & 0o777).toBe(0o710);
    expect((await stat(join(place, 'data'))).mode & 0o777).toBe(0o700);
  });

  onlyIf(isRoot && npmPackageDirectory() !== undefined)(
    'below a 0700 home, with npm binaries there and their links missing, it runs from a stand-in and is adopted',
    async () => {
      const home = await temporary(0o700);
      const packageDirectory = join(home, 'package');
      await cp(npmPackageDirectory()!, packageDirectory, { recursive: true, verbatimSymlinks: true });
      for (const { target } of JSON.parse(await readFile(join(packageDirectory, 'native/pg-symlinks.json'), 'utf8'))) {
        await rm(join(packageDirectory, target), { force: true });
      }
      const sources = { systemDirectory: '/nonexistent', packageDirectory };
      const dataDirectory = join(home, 'omens');
      const opening: Opening = { dataDirectory, binaries: 'npm', sources };
      const first = await server(opening);
      expect(first.place).toMatch(/^\/var\/lib\/omens-postgresql-[0-9a-f]{12}$/);
      const record = JSON.parse(await readFile(join(dataDirectory, 'postgresql/cluster.json'), 'utf8'));
      expect(record).toMatchObject({ place: first.place, kind: 'copy' });
      const parent = await stat(home);
      expect([parent.mode & 0o777, parent.uid, parent.gid]).toEqual([0o700, 0, 0]);
      await first.kill9();
      const second = await server(opening);
      expect(second).toMatchObject({ adopted: true, pid: first.pid });
      expect(await second.stop()).toBe('stopped');
      expect(await server(opening)).toMatchObject({ adopted: false, place: first.place });
    },
  );

  onlyIf(othersReachUs)('an ordinary user owns a cluster of its own, which root may adopt', async () => {
    const parent = await temporary(0o777);
    const dataDirectory = join(parent, 'omens');
    const first = await server({ dataDirectory, uid: nobody.uid });
    expect((await stat(`/proc/${first.pid}`)).uid).toBe(nobody.uid);
    await first.kill9();
    const mine = await openEmbedded(options(dataDirectory));
    expect(mine).toMatchObject({ adopted: true, pid: first.pid });
    expect(await mine.stop()).toBe('stopped');
    const again = await openEmbedded(options(dataDirectory));
    places.set(again.pid, again.place);
    expect((await stat(`/proc/${again.pid}`)).uid).toBe(nobody.uid);
    expect(await again.stop()).toBe('stopped');
  });
});

test('the links of the npm package are made where they are missing', async () => {
  const root = await temporary();
  await mkdir(join(root, 'native/lib'), { recursive: true });
  await writeFile(join(root, 'native/lib/libx.so.1.2'), 'x');
  await symlink('libx.so.1.2', join(root, 'native/lib/libx.so'));
  const list = ['libx.so', 'libx.so.1'].map((n) => ({ source: 'native/lib/libx.so.1.2', target: `native/lib/${n}` }));
  await writeFile(join(root, 'native/pg-symlinks.json'), JSON.stringify(list));
  expect(await makeLinks(root)).toBe(true);
  expect(await readFile(join(root, 'native/lib/libx.so.1'), 'utf8')).toBe('x');
});

test('programs on the search path are found once, by whatever links they are reached', async () => {
  const root = await temporary();
  await mkdir(join(root, 'real'));
  await mkdir(join(root, 'links'));
  for (const name of ['postgres', 'initdb']) {
    await writeFile(join(root, 'real', name), '#!/bin/sh\necho "postgres (PostgreSQL) 17.6 (Debian 17.6-0)"\n', {
      mode: 0o755,
    });
    await symlink(join(root, 'real', name), join(root, 'links', name));
  }
  const searchPath = `${root}/links:${root}/real:relative:/nonexistent`;
  const found = await findInstallations({ systemDirectory: '/nonexistent', packageDirectory: null, searchPath });
  expect(found).toEqual([
    { kind: 'system', prefix: root, binDirectory: join(root, 'real'), version: '17.6', major: 17 },
  ]);
});
