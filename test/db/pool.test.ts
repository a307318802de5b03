// Pool, transactions, types and statements against a real server.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from 'pg';
import { migrate } from '../../src/storage/migrate.ts';
import { type Database, openPool, type Session } from '../../src/storage/pool.ts';
import { loadStatements, statement } from '../../src/storage/statement.ts';
import { freshDatabase, migrationsDirectory, type TestDatabase } from './database.ts';

const addNumber = statement<[number: number, note: string | null], number>('add_number.sql', (row) => Number(row['n']));
const numbers = statement<[], { n: number; note: unknown }>('numbers.sql', (row) => ({
  n: Number(row['n']),
  note: row['note'],
}));

let directory: string;
let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'omens-queries-'));
  await writeFile(join(directory, 'add_number.sql'), 'insert into number (n, note) values ($1, $2) returning n;\n');
  await writeFile(join(directory, 'numbers.sql'), '-- all of them\nselect n, note from number order by n;\n');
  database = await freshDatabase({ migrations: null });
  db = await database.pool({ statements: await loadStatements(directory), maxConnections: 3 });
  await db.query('create table number (n bigint primary key, note text)');
});
afterAll(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

const one = async (session: Session, text: string, values: readonly unknown[] = []): Promise<unknown> =>
  Object.values((await session.query(text, values))[0] ?? {})[0];

describe('types', () => {
  test('int8 is a number, and one that would be rounded is a fault', async () => {
    expect(await one(db, 'select $1::int8', [2 ** 53 - 1])).toBe(9007199254740991);
    expect(await one(db, 'select array[1, null, -9007199254740991]::int8[]')).toEqual([1, null, -9007199254740991]);
    await expect(one(db, 'select 9007199254740992::int8')).rejects.toThrow(/beyond the safe integers/);
    await expect(one(db, 'select array[9007199254740993]::int8[]')).rejects.toThrow(/beyond the safe integers/);
  });

  test('timestamptz comes back as the instant that went in, and infinity is a fault', async () => {
    const instant = new Date('2026-03-29T01:30:00.000Z');
    expect(await one(db, 'select $1::timestamptz', [instant])).toEqual(instant);
    await expect(one(db, "select 'infinity'::timestamptz")).rejects.toThrow(/not an instant/);
  });

  test('a timestamp without zone is a fault, and a date is text', async () => {
    await expect(one(db, 'select localtimestamp')).rejects.toThrow(/use timestamptz/);
    expect(await one(db, "select date '2026-03-29'")).toBe('2026-03-29');
  });

  test('bytes come back as a Buffer, also in arrays and from a Uint8Array', async () => {
    expect(await one(db, 'select $1::bytea', [Uint8Array.of(0, 255, 92)])).toEqual(Buffer.from([0, 255, 92]));
    const pieces = [Buffer.from([0, 1]), Buffer.from([34, 92])];
    expect(await one(db, 'select b from unnest($1::bytea[]) as u(b) offset 1', [pieces])).toEqual(pieces[1]);
  });

  test('a question mark in a text is an operator, not a binding', async () => {
    expect(await one(db, `select '{"a":1}'::jsonb ? $1`, ['a'])).toBe(true);
  });

  test('a fault while reading a row leaves the connection usable', async () => {
    await db.transaction(async (tx) => {
      await tx.query('select 1');
    });
    const single = await database.pool({ maxConnections: 1 });
    await expect(one(single, 'select 9007199254740992::int8')).rejects.toThrow();
    expect(await one(single, 'select 7')).toBe(7);
  });
});

describe('transactions', () => {
  test('what a transaction wrote is there after it, and gone when it rejects', async () => {
    await db.transaction((tx) => addNumber(tx, [1, null]));
    const refused = db.transaction(async (tx) => {
      await addNumber(tx, [2, null]);
      expect((await numbers(tx, [])).map((row) => row.n)).toEqual([1, 2]);
      throw new Error('no');
    });
    await expect(refused).rejects.toThrow('no');
    expect(await numbers(db, [])).toEqual([{ n: 1, note: null }]);
  });

  test('a failure that was swallowed inside does not pass as a commit', async () => {
    const swallowed = db.transaction(async (tx) => {
      await addNumber(tx, [10, null]);
      await addNumber(tx, [1, null]).catch(() => undefined);
      return 'committed?';
    });
    await expect(swallowed).rejects.toThrow(/a statement of this transaction failed/);
    expect((await numbers(db, [])).map((row) => row.n)).toEqual([1]);
  });

  test('it is read committed even where the database says otherwise', async () => {
    const other = await freshDatabase({ migrations: null });
    try {
      const name = new URL(other.databaseUrl).pathname.slice(1);
      await (await other.pool()).query(`alter database ${name} set default_transaction_isolation = 'serializable'`);
      const pool = await other.pool();
      expect(await pool.transaction((tx) => one(tx, 'show transaction_isolation'))).toBe('read committed');
    } finally {
      await other.close();
    }
  });

  test('more callers than connections wait for their turn', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => db.transaction((tx) => one(tx, 'select $1::int', [i]))),
    );
    expect(answers).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  test('a connection that the server ended fails its transaction and is replaced', async () => {
    const single = await database.pool({ maxConnections: 1 });
    const killed = single.transaction(async (tx) => {
      const pid = await one(tx, 'select pg_backend_pid()');
      await db.query('select pg_terminate_backend($1)', [pid]);
      await one(tx, 'select 1');
    });
    await expect(killed).rejects.toThrow();
    expect(await one(single, 'select 7')).toBe(7);
  });
});

describe('statements', () => {
  test('the second execution on a connection is Bind, Describe, Execute, Sync and no Parse', async () => {
    const sent: string[] = [];
    const prototype = Connection.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
    const watched = ['parse', 'bind', 'describe', 'execute', 'sync', 'query'];
    const originals = watched.map((name) => [name, prototype[name]!] as const);
    const single = await database.pool({ statements: await loadStatements(directory), maxConnections: 1 });
    await numbers(single, []);
    for (const [name, original] of originals) {
      prototype[name] = function (...args: unknown[]) {
        sent.push(name);
        return original.apply(this, args);
      };
    }
    try {
      await numbers(single, []);
    } finally {
      for (const [name, original] of originals) prototype[name] = original;
    }
    expect(sent).toEqual(['bind', 'describe', 'execute', 'sync']);
  });

  test('a missing file stops the boot and is named', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'omens-queries-'));
    await writeFile(join(empty, 'numbers.sql'), 'select 1');
    await expect(loadStatements(empty)).rejects.toMatchObject({
      name: 'StorageFault',
      where: empty,
      message: expect.stringContaining('add_number.sql'),
    });
    await rm(empty, { recursive: true });
  });

  test('a name that PostgreSQL would cut or a path is refused', () => {
    for (const name of ['../etc.sql', `${'a'.repeat(60)}.sql`, 'numbers', 'Numbers.sql']) {
      expect(() => statement(name, (row) => row)).toThrow(/not a name of a statement/);
    }
  });
});

describe('opening', () => {
  test('a server that is out of reach is named without its password', async () => {
    const databaseUrl = 'postgresql://omens:hunter2@127.0.0.1:1/omens';
    for (const open of [
      () => openPool({ databaseUrl }),
      () => migrate({ databaseUrl, directory: migrationsDirectory }),
    ]) {
      const opening = open();
      await expect(opening).rejects.toMatchObject({ name: 'StorageFault', where: '127.0.0.1:1/omens' });
      await opening.catch((error: unknown) => expect(String(error)).not.toContain('hunter2'));
    }
  });

  test('a server older than 14 is refused by its version', async () => {
    const server = await oldServer();
    try {
      const refusal = /PostgreSQL 13\.21 is too old: 14 or newer/;
      await expect(openPool({ databaseUrl: server.url })).rejects.toThrow(refusal);
      await expect(migrate({ databaseUrl: server.url, directory: migrationsDirectory })).rejects.toThrow(refusal);
    } finally {
      await server.close();
    }
  });

  test('a statement that takes too long is ended by the server', async () => {
    const hasty = await database.pool({ statementTimeoutMs: 50 });
    await expect(hasty.query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' });
  });

  test('after close nothing is connected any more', async () => {
    const watcher = new Client({ connectionString: database.databaseUrl });
    await watcher.connect();
    const pool = await openPool({ databaseUrl: database.databaseUrl });
    const pid = await one(pool, 'select pg_backend_pid()');
    await pool.close();
    const sql = 'select from pg_stat_activity where pid = $1';
    for (let tries = 0; (await watcher.query(sql, [pid])).rowCount !== 0; tries += 1) {
      expect(tries).toBeLessThan(100);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await watcher.end();
  });
});

/** Speaks just enough of the protocol to let a client in and to say that it is PostgreSQL 13.21. */
async function oldServer(): Promise<{ url: string; close: () => Promise<void> }> {
  const message = (type: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(5, type);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const ready = message('Z', Buffer.from('I'));
  const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
  const field = (name: string): Buffer =>
    Buffer.concat([Buffer.from(`${name}\0`), Buffer.alloc(6), Buffer.from([0, 0, 0, 25]), Buffer.alloc(8)]);
  const value = (text: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
  const rows = Buffer.concat([
    message('T', Buffer.concat([int16(2), field('version'), field('num')])),
    message('D', Buffer.concat([int16(2), value('13.21'), value('130021')])),
    message('C', Buffer.from('SELECT 1\0')),
    ready,
  ]);
  const set = Buffer.concat([message('C', Buffer.from('SET\0')), ready]);
  const server = createServer((socket) => {
    let begun = false;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      if (!begun) socket.write(Buffer.concat([message('R', Buffer.alloc(4)), ready]));
      else if (data.includes('set default')) socket.write(set);
      else if (data.includes('server_version_num')) socket.write(rows);
      else if (data.includes('version()')) {
        const head = message('T', Buffer.concat([int16(1), field('version')]));
        const body = message('D', Buffer.concat([int16(1), value('PostgreSQL 13.21 on x')]));
        socket.write(Buffer.concat([head, body, message('C', Buffer.from('SELECT 1\0')), ready]));
      }
      begun = true;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return {
    url: `postgresql://omens:x@127.0.0.1:${address.port}/omens?sslmode=disable`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
