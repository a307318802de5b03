// Creates an embedded cluster and picks the programs for it. A cluster is complete or absent: it is made aside and
// renamed into place. Starting it is server.ts.
import { appendFile, readFile, readdir, rename, rm, writeFile, chown, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, StorageFault } from '../fault.ts';
import { copyInstallation, findInstallations, oldestMajor, type BinarySources, type Installation } from './binaries.ts';
import {
  choosePlace,
  homeFiles,
  homeOf,
  keepSecret,
  makeDirectoryOf,
  placeDirectories,
  readRecord,
  siblingOf,
  syncDirectory,
  writeRecord,
  type ClusterRecord,
} from './place.ts';
import { isAlive } from './postmaster.ts';
import { canExecute, runAs, runUserFor, type RunUser } from './run-user.ts';

/** Writes a line of the log: an event's name and its fields. */
export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

/** What creating and starting need from the caller. */
export type EmbeddedOptions = {
  readonly dataDirectory: string;
  readonly log: Log;
  /** For the generated passwords. */
  readonly randomBytes: (size: number) => Uint8Array;
  readonly now?: () => Date;
  /** Which programs a *new* cluster is made with; without it the system's, else the npm package's. */
  readonly binaries?: 'system' | 'npm';
  readonly sources?: BinarySources;
};

/** The role and the database of the service; the role is no superuser. */
export const roleName = 'omens';
export const databaseName = 'omens';

/** Settings that an operator may change later; what must not change is given on the command line (server.ts). */
const configuration = `
# written when the cluster was made
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
log_checkpoints = off
`;

const describe = (one: Installation): string => `${one.version} (${one.binDirectory})`;

/** Npm programs that the run user cannot reach are copied beside the cluster; unreachable system ones are passed over. */
async function reachable(user: RunUser, place: string, one: Installation): Promise<Installation | undefined> {
  if (await canExecute(user, join(one.binDirectory, 'postgres'))) return one;
  return one.kind === 'npm' ? copyInstallation(one, place) : undefined;
}

async function firstReachable(
  user: RunUser,
  place: string,
  candidates: readonly Installation[],
): Promise<Installation | undefined> {
  for (const candidate of candidates) {
    const one = await reachable(user, place, candidate);
    if (one !== undefined) return one;
  }
  return undefined;
}

async function programsForNew(options: EmbeddedOptions, user: RunUser, place: string): Promise<Installation> {
  const all = await findInstallations(options.sources ?? {}, [place]);
  const wanted = all
    .filter((one) => one.major >= oldestMajor)
    .filter((one) => options.binaries === undefined || (one.kind === 'system') === (options.binaries === 'system'));
  const chosen = await firstReachable(user, place, wanted);
  if (chosen !== undefined) return chosen;
  throw new StorageFault(`no PostgreSQL ≥ ${oldestMajor} that ${user.name} can run was found`, {
    where: all.length === 0 ? '/usr/lib/postgresql, the search path, node_modules' : all.map(describe).join(', '),
    hint: 'install the package postgresql, or run npm ci without --omit=optional, or set databaseUrl',
  });
}

/** The programs for an existing cluster: of its major version, wherever they are; of the recorded kind first. */
export async function programsForExisting(
  options: EmbeddedOptions,
  user: RunUser,
  record: ClusterRecord,
): Promise<Installation> {
  const { data } = placeDirectories(record.place);
  const major = Number((await readFile(join(data, 'PG_VERSION'), 'utf8')).trim());
  const all = await findInstallations(options.sources ?? {}, [record.place]);
  const same = all.filter((one) => one.major === major);
  const isSystem = (one: { readonly kind: Installation['kind'] }): boolean => one.kind === 'system';
  const ordered = same.toSorted(
    (a, b) => Number(isSystem(b) === isSystem(record)) - Number(isSystem(a) === isSystem(record)),
  );
  const chosen = await firstReachable(user, record.place, ordered);
  if (chosen !== undefined) return chosen;
  const found = all.length === 0 ? 'none at all' : all.map(describe).join(', ');
  throw new StorageFault(`the database was made by PostgreSQL ${major}; found on this machine: ${found}`, {
    where: data,
    hint:
      `install PostgreSQL ${major} again (package postgresql-${major}; it was ${record.version} in ${record.binDirectory}), ` +
      `or upgrade the directory with pg_upgrade, which needs both versions, ` +
      `or dump it with version ${major} and restore the dump into a new database`,
  });
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );

async function refuseUnrecorded(place: string): Promise<void> {
  const { data } = placeDirectories(place);
  if (!(await isDirectory(data))) return;
  throw new StorageFault('there is a database directory without the record of its making', {
    where: data,
    hint: `restore cluster.json and the password files from a backup, or move ${place} away to begin anew`,
  });
}

/** Half-made clusters of processes that are gone. */
async function sweepHalfMade(place: string): Promise<void> {
  for (const name of await readdir(place)) {
    const pid = /^making-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || (Number(pid) !== process.pid && (await isAlive(Number(pid))))) continue;
    await rm(join(place, name), { recursive: true, force: true });
  }
}

async function mustSucceed(user: RunUser, command: readonly [string, ...string[]], input = ''): Promise<void> {
  const done = await runAs(user, command, input);
  if (done.code === 0) return;
  const lines = `${done.stdout}\n${done.stderr}`.trim().split('\n').slice(-6).join('\n');
  throw new StorageFault(`making the database failed: ${lines}`, {
    where: command[0],
    hint: 'see the lines above: mostly a full disk, or a mount that forbids it; nothing was left half-made',
  });
}

type Making = { readonly user: RunUser; readonly programs: Installation };

/**
 * initdb and the first role, in a directory aside. Locale C with UTF8: text sorts by code point and no upgrade of libc
 * or ICU can change an index. The role and database are made in single-user mode, so that no server ever listened
 * without them.
 */
async function makeAside(making: Making, aside: string, secrets: { role: string; superuser: string }): Promise<void> {
  const { user, programs } = making;
  const data = join(aside, 'data');
  const passwordFile = join(aside, 'password');
  await makeDirectoryOf(user, aside);
  await writeFile(passwordFile, secrets.superuser, { mode: 0o600 });
  if (user.switched) await chown(passwordFile, user.uid, user.gid);
  const auth = ['--auth-host=scram-sha-256', '--auth-local=scram-sha-256', '--username=postgres'];
  await mustSucceed(user, [
    join(programs.binDirectory, 'initdb'),
    ...[`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...auth],
    ...['--encoding=UTF8', '--locale=C', '--data-checksums'],
  ]);
  await rm(passwordFile);
  await appendFile(join(data, 'postgresql.conf'), configuration);
  const sql = [
    `create role ${roleName} login createdb password '${secrets.role}'`,
    `create database ${databaseName} owner ${roleName}`,
  ];
  const single = ['--single', '-D', data, '-c', 'exit_on_error=on', '-c', 'logging_collector=off', 'postgres'];
  await mustSucceed(user, [join(programs.binDirectory, 'postgres'), ...single], `${sql.join('\n')}\n`);
}

const secretFrom = (options: EmbeddedOptions): string => Buffer.from(options.randomBytes(24)).toString('base64url');

async function create(options: EmbeddedOptions): Promise<ClusterRecord> {
  const home = homeOf(options.dataDirectory);
  const user = await runUserFor(undefined);
  const meanwhile = await existing(options.dataDirectory);
  if (meanwhile !== undefined) return meanwhile;
  for (const place of [home, await siblingOf(options.dataDirectory)]) await refuseUnrecorded(place);
  const place = await choosePlace(options.dataDirectory, user);
  const programs = await programsForNew(options, user, place);
  options.log('database.creating', { place, postgresql: programs.version, user: user.name });
  await sweepHalfMade(place);
  const files = homeFiles(home);
  const secrets = {
    role: await keepSecret(files.password, secretFrom(options)),
    superuser: await keepSecret(files.superuserPassword, secretFrom(options)),
  };
  const aside = join(place, `making-${process.pid}`);
  const { kind, binDirectory, version, major } = programs;
  const createdAt = (options.now ?? (() => new Date()))().toISOString();
  const record: ClusterRecord = { format: 1, place, kind, binDirectory, version, major, createdAt };
  try {
    await makeAside({ user, programs }, aside, secrets);
    await writeRecord(home, record);
    await rename(join(aside, 'data'), placeDirectories(place).data); // the cluster exists from here on
    await syncDirectory(place);
  } catch (error) {
    // Another process may have made the same cluster meanwhile, with the same passwords: then that one is ours too.
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return record;
}

/** The recorded cluster, if its directory is there. Throws when it belongs to another data directory. */
async function existing(dataDirectory: string): Promise<ClusterRecord | undefined> {
  const home = homeOf(dataDirectory);
  const record = await readRecord(home);
  if (record === undefined || !(await isDirectory(placeDirectories(record.place).data))) return undefined;
  const sibling = await siblingOf(dataDirectory);
  if (record.place === home || record.place === sibling) return record;
  throw new StorageFault('this data directory was moved or copied, and its database lies elsewhere', {
    where: record.place,
    hint: `stop every server of the original, move ${record.place} to ${sibling} and write that into ${homeFiles(home).record}`,
  });
}

/** The cluster of a data directory, made now if there is none. */
export const openCluster = async (options: EmbeddedOptions): Promise<ClusterRecord> =>
  (await existing(options.dataDirectory)) ?? create(options);
