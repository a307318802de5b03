// Starts, adopts and stops the PostgreSQL that belongs to a data directory. Its making is cluster.ts.
// The server runs detached: it outlives a killed omens, and the next start adopts it. postmaster.pid is PostgreSQL's.
import { spawn } from 'node:child_process';
import { open, readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { messageOf } from '../../domain/thrown.ts';
import { codeOf, StorageFault } from '../fault.ts';
import { databaseName, openCluster, programsForExisting, roleName, type EmbeddedOptions } from './cluster.ts';
import { homeFiles, homeOf, makeDirectoryOf, makeHome, placeDirectories, reopenPlace } from './place.ts';
import { isPostmasterOf, livePostmaster, poll, programOf, readPostmasterFile, waitForEnd } from './postmaster.ts';
import type { PostmasterFile } from './postmaster.ts';
import { cleanEnvironment, identityOf, runUserFor } from './run-user.ts';
import { tryServerLock } from './server-lock.ts';

/** A running embedded PostgreSQL. */
export type Embedded = {
  /** With the password of a role that owns the database and is no superuser; a unix socket, else 127.0.0.1. */
  readonly databaseUrl: string;
  /** Of the postmaster. */
  readonly pid: number;
  /** As the server says it: "15.18". */
  readonly version: string;
  /** True when it ran already. */
  readonly adopted: boolean;
  /** The directory that holds `data/`: `<dataDirectory>/postgresql`, or its stand-in below /var/lib. */
  readonly place: string;
  /**
   * Stops PostgreSQL and waits. It stays up, and the answer is `inUse`, while a server holds the lock of
   * `holdServerLock`: release your own first.
   */
  readonly stop: () => Promise<'stopped' | 'inUse'>;
};

/** Recovery after a power cut may take this long before a start counts as failed. */
const startTimeoutMs = 300_000;
/** A fast shutdown that has not ended by then becomes an immediate one; the next start recovers from the log. */
const stopTimeoutMs = 60_000;
/** A unix socket's path has 108 octets with its terminator. */
const longestSocketPath = 107;
const socketPort = 5432;

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port on 127.0.0.1');
  return address.port;
}

/** What the operator must not be able to change: where it listens, and that a commit is on disk when it is answered. */
async function settings(sockets: string): Promise<readonly string[]> {
  const usable =
    Buffer.byteLength(join(sockets, `.s.PGSQL.${socketPort}`)) <= longestSocketPath && !sockets.includes(',');
  const where = usable
    ? ['listen_addresses=', `unix_socket_directories=${sockets}`, `port=${socketPort}`]
    : ['listen_addresses=127.0.0.1', 'unix_socket_directories=', `port=${await freePort()}`];
  const durable = ['fsync=on', 'full_page_writes=on', 'synchronous_commit=on'];
  return [...where, 'unix_socket_permissions=0700', ...durable].flatMap((setting) => ['-c', setting]);
}

async function lastWords(home: string, data: string): Promise<string> {
  const logs = await readdir(join(data, 'log')).catch(() => []);
  const files = [homeFiles(home).startLog, ...logs.map((name) => join(data, 'log', name))];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts
    .flatMap((text) => text.split('\n').slice(-40))
    .filter((line) => /FATAL|PANIC|ERROR|HINT|could not/.test(line))
    .toSorted()
    .slice(-4)
    .join('\n');
}

async function failedStart(home: string, data: string): Promise<StorageFault> {
  const file = await readPostmasterFile(data);
  const foreign = file === undefined ? '' : await programOf(file.pid);
  const named = file !== undefined && foreign !== 'unknown' && !(await isPostmasterOf(file.pid, data));
  return new StorageFault(`PostgreSQL did not start: ${await lastWords(home, data)}`, {
    where: data,
    hint: named
      ? `postmaster.pid names process ${file.pid}, which is now "${foreign}" and not this database's server; ` +
        'PostgreSQL starts again when that process has ended, or when you have made sure of it and removed that file'
      : `see ${homeFiles(home).startLog} and ${join(data, 'log')}`,
  });
}

const isUp = (file: PostmasterFile): boolean => file.status === 'ready' || file.status === 'standby';

type Attempt = {
  readonly program: string;
  readonly args: readonly string[];
  readonly home: string;
  readonly data: string;
};

/** One attempt: the ready server, which may be another process's that was quicker, or undefined when it gave up. */
async function attempt(
  options: EmbeddedOptions,
  { program, args, home, data }: Attempt,
): Promise<PostmasterFile | undefined> {
  const user = await runUserFor(data);
  const log = await open(homeFiles(home).startLog, 'w', 0o600);
  const child = spawn(program, args, {
    ...identityOf(user),
    ...{ cwd: '/', env: cleanEnvironment, detached: true, stdio: ['ignore', log.fd, log.fd] },
  });
  let over = false;
  child.on('error', (error) => {
    options.log('database.startFailed', { error: messageOf(error) });
    over = true;
  });
  child.on('exit', () => (over = true));
  child.unref();
  await log.close();
  const settled = await poll(async () => {
    const live = await livePostmaster(data);
    if (live !== undefined && isUp(live)) return live;
    return over && live === undefined ? 'gaveUp' : undefined;
  }, startTimeoutMs);
  return settled === 'gaveUp' ? undefined : settled;
}

async function start(options: EmbeddedOptions, place: string): Promise<PostmasterFile> {
  const home = homeOf(options.dataDirectory);
  const { data, sockets } = placeDirectories(place);
  const record = await openCluster(options);
  const user = await runUserFor(data);
  await reopenPlace(options.dataDirectory, place, user);
  const programs = await programsForExisting(options, user, record);
  await makeDirectoryOf(user, sockets);
  // More than once: the children of a killed postmaster need a moment to end, and a free port may be taken meanwhile.
  for (let left = 3; left > 0; left -= 1) {
    options.log('database.starting', { place, postgresql: programs.version, user: user.name });
    const args = ['-D', data, ...(await settings(sockets))];
    const ready = await attempt(options, { program: join(programs.binDirectory, 'postgres'), args, home, data });
    if (ready !== undefined) return ready;
    await poll(async () => undefined, 500);
  }
  throw await failedStart(home, data);
}

/** The live server of the directory once it is up; undefined when there is none, or when it was on its way out. */
async function adopt(data: string): Promise<PostmasterFile | undefined> {
  const first = await livePostmaster(data);
  if (first === undefined) return undefined;
  const settled = await poll(async () => {
    const live = await livePostmaster(data);
    if (live === undefined) return 'gone';
    return isUp(live) ? live : undefined;
  }, startTimeoutMs);
  if (settled === undefined) {
    throw new StorageFault(`the running PostgreSQL (process ${first.pid}) does not become ready`, {
      where: data,
      hint: `see ${join(data, 'log')}; kill -INT ${first.pid} stops it`,
    });
  }
  return settled === 'gone' ? undefined : settled;
}

async function urlFor(home: string, file: PostmasterFile): Promise<string> {
  const path = homeFiles(home).password;
  const password = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new StorageFault('the password of the embedded database cannot be read', {
      where: path,
      hint: 'restore it from a backup, or set a new one with the password beside it (superuser-password)',
      cause,
    });
  });
  // "localhost" keeps the URL valid for every parser; pg and libpq take `host` from the query.
  const host = file.socketDirectory === '' ? file.listenAddress : 'localhost';
  const socket = file.socketDirectory === '' ? '' : `&host=${encodeURIComponent(file.socketDirectory)}`;
  return `postgresql://${roleName}:${password.trim()}@${host}:${file.port}/${databaseName}?sslmode=disable${socket}`;
}

async function connect(databaseUrl: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined); // its loss shows in the next query
  await client.connect();
  return client;
}

async function versionOf(databaseUrl: string, data: string): Promise<string> {
  try {
    const client = await connect(databaseUrl);
    const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
    await client.end();
    return rows[0]?.version.split(' ')[0] ?? '';
  } catch (cause) {
    throw new StorageFault(`PostgreSQL runs but lets us not in: ${messageOf(cause)}`, {
      where: data,
      hint: 'the password file beside it must be the one of its making; restore it from a backup',
      cause,
    });
  }
}

/** Asks the server to stop, unless an omens server uses it; the lock is kept until the end, so none can begin. */
async function stop(databaseUrl: string, pid: number, data: string): Promise<'stopped' | 'inUse'> {
  if (!(await isPostmasterOf(pid, data))) return 'stopped';
  const client = await connect(databaseUrl).catch((error: unknown) => {
    if (codeOf(error) === '53300') return 'full' as const; // too many connections: surely used
    return undefined; // wedged or already stopping: the signal is right
  });
  if (client === 'full') return 'inUse';
  if (client !== undefined && !(await tryServerLock(client).catch(() => true))) {
    await client.end();
    return 'inUse';
  }
  process.kill(pid, 'SIGINT');
  if (!(await waitForEnd(pid, stopTimeoutMs))) process.kill(pid, 'SIGQUIT');
  if (await waitForEnd(pid, stopTimeoutMs)) return 'stopped';
  throw new StorageFault(`PostgreSQL (process ${pid}) does not stop`, {
    where: data,
    hint: `see ${join(data, 'log')}`,
  });
}

/**
 * Opens the PostgreSQL of a data directory: makes the cluster if there is none, adopts its server if one runs, starts
 * one otherwise. Throws a `StorageFault` that says what, where and what to do. It takes no lock: `holdServerLock`.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const home = await makeHome(options.dataDirectory);
  const { place } = await openCluster(options);
  const { data } = placeDirectories(place);
  const running = await adopt(data);
  const file = running ?? (await start(options, place));
  const databaseUrl = await urlFor(home, file);
  const version = await versionOf(databaseUrl, data);
  const adopted = running !== undefined;
  options.log(adopted ? 'database.adopted' : 'database.started', { pid: file.pid, postgresql: version, place });
  return { databaseUrl, pid: file.pid, version, adopted, place, stop: () => stop(databaseUrl, file.pid, data) };
}
