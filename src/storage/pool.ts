// The connections to PostgreSQL: knex gives the pool and the transactions, pg itself runs every statement ($1, not ?).
// It knows no table and holds no SQL of ours; that is sql/queries through statement.ts.
import knexPackage from 'knex';
import { types } from 'pg';
import { demandServerVersion } from './server-version.ts';

/** A row as pg gives it: bytea is Buffer, timestamptz Date, int8 number, date and numeric text, json parsed. */
export type RawRow = Readonly<Record<string, unknown>>;

/** The texts of sql/queries by file name (statement.ts, `loadStatements`). */
export type Statements = ReadonlyMap<string, string>;

/**
 * What a statement runs on: the pool, one statement at a time on any connection, or one transaction. `execute` runs a
 * text of sql/queries as a named prepared statement, so that its second execution on a connection costs Bind, Describe,
 * Execute and Sync only; `query` runs any other text. Values: Buffer or Uint8Array for bytea, Date for timestamptz,
 * JSON text for json, arrays for arrays, null for null.
 */
export type Session = {
  readonly execute: (name: string, values: readonly unknown[]) => Promise<readonly RawRow[]>;
  readonly query: (text: string, values?: readonly unknown[]) => Promise<readonly RawRow[]>;
};

/** The pool. `transaction` commits when `fn` resolves and rolls back when it rejects. */
export type Database = Session & {
  readonly transaction: <T>(fn: (tx: Session) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

/** `databaseUrl` as libpq's; without `statements`, `execute` knows none. Time-outs are the server's, in milliseconds. */
export type PoolOptions = {
  readonly databaseUrl: string;
  readonly statements?: Statements;
  readonly maxConnections?: number;
  readonly statementTimeoutMs?: number;
};

/** pg's own reading of a type. */
const standardParser: (oid: number, format?: 'text' | 'binary') => (text: string) => unknown = types.getTypeParser;

/** int8 as a number; throws rather than round. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text} is beyond the safe integers`);
  return value;
}

/** timestamptz as a Date; throws for infinity, which is no instant. */
function parseInstant(text: string): Date {
  const value = standardParser(types.builtins.TIMESTAMPTZ)(text);
  if (Object.prototype.toString.call(value) === '[object Date]') return value as Date;
  throw new RangeError(`timestamptz ${text} is not an instant`);
}

/** A timestamp without zone would be read in the local one. */
function refuseZoneless(): never {
  throw new TypeError('timestamp without time zone: use timestamptz');
}

const int8ArrayOid = 1016;

function parseInt8Array(text: string): unknown {
  const values = standardParser(int8ArrayOid)(text) as readonly (string | null)[];
  return values.map((value) => (value === null ? null : parseInt8(value)));
}

const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  [types.builtins.INT8]: parseInt8,
  [int8ArrayOid]: parseInt8Array,
  [types.builtins.TIMESTAMPTZ]: parseInstant,
  [types.builtins.TIMESTAMP]: refuseZoneless,
  [types.builtins.DATE]: (text) => text,
};

/** For this pool only; pg's registry is one per process and stays as it is. */
const customTypes = {
  getTypeParser: (oid: number, format?: string): ((text: string) => unknown) =>
    format === 'binary' ? standardParser(oid, 'binary') : (parsers[oid] ?? standardParser(oid)),
};

/** The part of a pg connection that we use. */
type Connection = {
  readonly query: (query: {
    readonly name?: string;
    readonly text: string;
    readonly values?: readonly unknown[];
  }) => Promise<{ readonly rows: readonly RawRow[] }>;
};

/** The part of knex's client (of the pool, or of a transaction) that lends connections; knex leaves it untyped. */
type Lender = {
  readonly acquireConnection: () => Promise<Connection>;
  readonly releaseConnection: (connection: Connection) => Promise<void>;
};

function sessionOn(connection: Connection, statements: Statements): Session {
  return {
    query: async (text, values = []) => (await connection.query({ text, values })).rows,
    execute: async (name, values) => {
      const text = statements.get(name);
      if (text === undefined) throw new Error(`no statement ${name} was loaded`);
      return (await connection.query({ name, text, values })).rows;
    },
  };
}

/**
 * A transaction in which a statement failed is dead: PostgreSQL answers its COMMIT with a silent rollback. So a `fn`
 * that swallowed such a failure must not pass as committed.
 */
async function guarded<T>(session: Session, fn: (tx: Session) => Promise<T>): Promise<T> {
  const failures: unknown[] = [];
  const watched =
    <A extends readonly unknown[], R>(run: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      run(...args).catch((error: unknown) => {
        failures.push(error);
        throw error;
      });
  const answer = await fn({ query: watched(session.query), execute: watched(session.execute) });
  if (failures.length > 0) throw new Error('a statement of this transaction failed', { cause: failures[0] });
  return answer;
}

/** Whatever the defaults of the server or role: read committed, and no endless wait for a lock. */
const sessionSettings = "set default_transaction_isolation = 'read committed'; set lock_timeout = '10s'";

const nothing = (): void => undefined;
/** knex would print to stdout what it also throws; the caller logs. */
const silent = { warn: nothing, error: nothing, deprecate: nothing, debug: nothing };

const makePool = (options: PoolOptions) =>
  knexPackage.knex({
    client: 'pg',
    connection: {
      connectionString: options.databaseUrl,
      application_name: 'omens',
      types: customTypes,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      statement_timeout: options.statementTimeoutMs ?? 30_000,
      idle_in_transaction_session_timeout: 60_000,
    },
    pool: {
      min: 0,
      max: options.maxConnections ?? 10,
      afterCreate: (connection: Connection, done: (error: unknown, connection: Connection) => void) => {
        connection.query({ text: sessionSettings }).then(
          () => done(null, connection),
          (error: unknown) => done(error, connection),
        );
      },
    },
    acquireConnectionTimeout: 30_000,
    log: silent,
  });

/** Opens the pool and checks the server's version (≥ 14). Throws a `StorageFault` when that is too old or out of reach. */
export async function openPool(options: PoolOptions): Promise<Database> {
  const statements: Statements = options.statements ?? new Map<string, string>();
  const pool = makePool(options);
  const lender = pool.client as Lender;
  const lend = async <T>(fn: (session: Session) => Promise<T>): Promise<T> => {
    const connection = await lender.acquireConnection();
    try {
      return await fn(sessionOn(connection, statements));
    } finally {
      await lender.releaseConnection(connection);
    }
  };
  const database: Database = {
    query: (text, values) => lend((session) => session.query(text, values)),
    execute: (name, values) => lend((session) => session.execute(name, values)),
    transaction: (fn) =>
      pool.transaction(async (trx) => {
        const connection = await (trx.client as Lender).acquireConnection(); // the transaction's own; never released
        return guarded(sessionOn(connection, statements), fn);
      }),
    close: () => pool.destroy(),
  };
  await demandServerVersion(options.databaseUrl, (sql) => database.query(sql)).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  return database;
}
