// A server's database that fails at one statement, as long as a test wants it to.
import { Client } from 'pg';

export type FailingDatabase = {
  readonly admin: Client;
  /** Lets every `event` on `table` fail while `work` runs; its text, which nobody outside may see, is "injected". */
  readonly whileFailing: <T>(table: string, event: string, work: () => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

/** Connects beside the server; `close` takes back what it put into the database. */
export async function openFailingDatabase(connectionString: string): Promise<FailingDatabase> {
  const admin = new Client({ connectionString });
  await admin.connect();
  await admin.query(
    `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'injected'; end $$`,
  );
  return {
    admin,
    whileFailing: async (table, event, work) => {
      await admin.query(`create trigger fault before ${event} on ${table} for each row execute function refuse()`);
      try {
        return await work();
      } finally {
        await admin.query(`drop trigger fault on ${table}`);
      }
    },
    close: async () => {
      await admin.query('drop function refuse');
      await admin.end();
    },
  };
}
