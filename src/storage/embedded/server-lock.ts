// The lock that keeps two servers off one database: a session advisory lock, held by a connection of its own.
// It is no lock on rows and none for migrations (migrate.ts).
import { Client } from 'pg';
import { err, ok, type Refusal, type Result } from '../../domain/result.ts';
import { messageOf } from '../../domain/thrown.ts';
import { poll } from './postmaster.ts';

// Two int4: "OMEN", and 1 for "the server".
const lockKey = [0x4f4d454e, 1] as const;

/** Holds the lock until released. */
export type ServerLock = { readonly release: () => Promise<void> };

/** Tries once to take the lock in this session; it ends with the session. */
export async function tryServerLock(client: Client): Promise<boolean> {
  const sql = 'select pg_try_advisory_lock($1::int4, $2::int4) as held';
  const { rows } = await client.query<{ held: boolean }>(sql, [...lockKey]);
  return rows[0]?.held === true;
}

async function holderOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ pid: number; since: Date }>(
    `select a.pid, a.backend_start as since from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and l.classid = $1::int8::oid and l.objid = $2::int8::oid
        and l.database = (select oid from pg_database where datname = current_database())`,
    [...lockKey],
  );
  const holder = rows[0];
  return holder === undefined ? '' : `, since ${holder.since.toISOString()} (database session ${holder.pid})`;
}

/**
 * Takes the lock for the life of a server. Refused when another server holds it, after two seconds of trying, since
 * the session of a killed server takes a moment to end. `onLost` is called at most once, when the session dies without
 * `release`: from then on another server may have taken the lock, so the caller must stop at once and not take it again.
 */
export async function holdServerLock(
  databaseUrl: string,
  on: { readonly onLost: (why: string) => void },
): Promise<Result<ServerLock, Refusal<'serverAlreadyRunning'>>> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'omens server lock', keepAlive: true });
  let state: 'taking' | 'held' | 'over' = 'taking';
  const lost = (why: string): void => {
    if (state === 'held') on.onLost(why);
    state = 'over';
  };
  client.on('error', (error) => lost(messageOf(error)));
  client.on('end', () => lost('the connection ended'));
  await client.connect();
  await client.query('set idle_session_timeout = 0');
  if ((await poll(async () => ((await tryServerLock(client)) ? true : undefined), 2000)) === undefined) {
    const holder = await holderOf(client);
    await client.end();
    return err({
      reason: 'serverAlreadyRunning',
      detail: `another omens server runs on this database${holder}`,
      accepted: 'stop the other server, or give this one a dataDirectory of its own',
    });
  }
  state = 'held';
  const release = async (): Promise<void> => {
    state = 'over';
    await client.end();
  };
  return ok({ release });
}
