// A PostgreSQL of the run's own: what the server makes for itself, with fsync on, but started here so that its processes
// are known.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbedded } from '../src/storage/embedded/server.ts';

export type Postgres = {
  readonly databaseUrl: string;
  /** Of the postmaster. */
  readonly pid: number;
  /** Stops it and removes its data. */
  readonly stop: () => Promise<void>;
};

/** Starts one below `directory`, which the user of PostgreSQL must be able to traverse. */
export async function startPostgres(directory: string): Promise<Postgres> {
  const dataDirectory = join(directory, 'database');
  const postgres = await openEmbedded({
    dataDirectory,
    randomBytes,
    log: () => undefined,
    sources: { searchPath: process.env['PATH'] ?? '' },
  });
  const stop = async (): Promise<void> => {
    await postgres.stop();
    rmSync(postgres.place, { recursive: true, force: true });
  };
  return { databaseUrl: postgres.databaseUrl, pid: postgres.pid, stop };
}
