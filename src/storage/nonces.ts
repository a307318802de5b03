// Spent nonces, and the key they are made with: shared by all servers of one database.
import type { Session } from './pool.ts';
import { number, octets, text } from './row.ts';
import { statement } from './statement.ts';

const spend = statement<[string, Date], string>('spend_nonce.sql', (row) => text(row, 'nonce_sha256'));
const forget = statement<[Date], number>('forget_nonces.sql', (row) => number(row, 'gone'));
const offer = statement<[string, Uint8Array], string>('insert_server_secret.sql', (row) => text(row, 'name'));
const find = statement<[string], Uint8Array>('find_server_secret.sql', (row) => octets(row, 'value'));

/** The secret of this name that all servers of this database share; `candidate` becomes it when there is none yet. */
export async function sharedSecret(db: Session, name: string, candidate: Uint8Array): Promise<Uint8Array> {
  await offer(db, [name, candidate]);
  const [value] = await find(db, [name]);
  if (value === undefined) throw new Error(`the shared secret ${name} is not there`);
  return value;
}

/** Spent nonces in a database, as `enrollment/nonces.ts` needs them. */
export const nonceStore = (db: Session) => ({
  /** True for the first who spends it. */
  spendNonce: async (sha256: string, expiresAt: Date): Promise<boolean> =>
    (await spend(db, [sha256, expiresAt])).length === 1,
  /** Forgets what expired an hour before `now`; says how many. */
  forgetNonces: async (now: Date): Promise<number> => (await forget(db, [now]))[0] ?? 0,
});
