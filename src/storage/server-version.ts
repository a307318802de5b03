// Which PostgreSQL servers we accept, and how a fault names one. It opens no connection itself.
import { messageOf } from '../domain/thrown.ts';
import { StorageFault } from './fault.ts';

/** The oldest server that we accept, as `server_version_num`: 14. */
const oldestServer = 140000;

const versionSql = `select current_setting('server_version') as version,
       current_setting('server_version_num')::int as num`;

/** Host or socket directory and database of a URL, for messages: never the password. */
function placeOf(databaseUrl: string): string {
  try {
    const url = new URL(databaseUrl);
    return `${url.searchParams.get('host') ?? url.host}${url.pathname}`;
  } catch {
    return 'databaseUrl';
  }
}

/**
 * Asks a server for its version by `query`, which may connect first. Throws a `StorageFault` when the server is out of
 * reach or older than 14.
 */
export async function demandServerVersion(
  databaseUrl: string,
  query: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>,
): Promise<void> {
  const where = placeOf(databaseUrl);
  const rows = await query(versionSql).catch((cause: unknown) => {
    throw new StorageFault(`the database cannot be reached: ${messageOf(cause)}`, {
      where,
      hint: 'check databaseUrl, and that PostgreSQL runs and lets this user in',
      cause,
    });
  });
  if (Number(rows[0]?.['num']) >= oldestServer) return;
  throw new StorageFault(`PostgreSQL ${String(rows[0]?.['version'])} is too old: 14 or newer is needed`, {
    where,
    hint: 'upgrade the server, or leave databaseUrl out to use an embedded one',
  });
}
