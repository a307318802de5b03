// The stores of enrollment on a fresh database, as one store.
import { deviceStateStore } from '../../../src/storage/device-states.ts';
import { deviceStore } from '../../../src/storage/devices.ts';
import { enrollmentStore } from '../../../src/storage/enrollments.ts';
import { enrollmentTokenStore } from '../../../src/storage/enrollment-tokens.ts';
import { preregistrationStore } from '../../../src/storage/preregistrations.ts';
import type { Database } from '../../../src/storage/pool.ts';
import { loadStatements } from '../../../src/storage/statement.ts';
import type { EnrollmentStoreUnderTest } from '../../fakes/enrollment-store-suite.ts';
import { freshDatabase, queriesDirectory } from '../database.ts';

export type EnrollmentDatabase = {
  readonly db: Database;
  readonly store: EnrollmentStoreUnderTest & { readonly settle: () => Promise<void> };
  readonly close: () => Promise<void>;
};

export async function enrollmentDatabase(): Promise<EnrollmentDatabase> {
  const database = await freshDatabase();
  const db = await database.pool({ statements: await loadStatements(queriesDirectory) });
  /** Keys that a test puts there; the next call of the store waits for them. */
  let settled: Promise<unknown> = Promise.resolve();
  const enrollments = enrollmentStore(db);
  const store = {
    ...enrollments,
    ...deviceStore(db),
    ...deviceStateStore(db),
    ...enrollmentTokenStore(db),
    ...preregistrationStore(db),
    holdPublicKey: (spkiSha256: string, kind: string, isCompromised = false): void => {
      const text = `insert into public_key (spki_sha256, kind, first_seen_at, compromised_at)
                    values ($1, $2, now(), case when $3 then now() end)`;
      settled = settled.then(() => db.query(text, [spkiSha256, kind, isCompromised]));
    },
    take: async (taking: Parameters<typeof enrollments.take>[0]) => {
      await settled;
      return enrollments.take(taking);
    },
    settle: async () => {
      await settled;
    },
  };
  return { db, store, close: () => database.close() };
}
