// Rows of the sessions of the operator page, and the audit of signing in and out. Whether one is good is decided elsewhere.
import type { WebSessionRecord } from '../domain/web-session.ts';
import { sessionIdleSeconds } from '../domain/web-session.ts';
import type { RawRow, Session } from './pool.ts';
import { instant, number, octets, text } from './row.ts';
import { statement } from './statement.ts';

const insert = statement<readonly unknown[], string>('insert_web_session.sql', (row) => text(row, 'token_id'));
const find = statement<[Uint8Array], WebSessionRecord>('find_web_session.sql', fromRow);
const touch = statement<[Uint8Array, Date], string>('touch_web_session.sql', (row) => text(row, 'token_id'));
const remove = statement<[Uint8Array, string | null, Date | null], string>('delete_web_session.sql', (row) =>
  text(row, 'token_id'),
);
const forget = statement<[Date, Date], number>('forget_web_sessions.sql', (row) => number(row, 'count'));
const refuse = statement<[Date, string, string, string | null], number>('record_login_refusal.sql', (row) =>
  number(row, 'id'),
);

/** Sessions in a database, as `enrollment/web-sessions.ts` needs them. */
export const webSessionStore = (db: Session) => ({
  insertWebSession: async (
    { idSha256, tokenId, createdAt, expiresAt }: WebSessionRecord,
    audit: { readonly principal: string; readonly source: string },
  ): Promise<void> => {
    await insert(db, [idSha256, tokenId, createdAt, expiresAt, audit.principal, audit.source]);
  },
  findWebSession: async (idSha256: Uint8Array): Promise<WebSessionRecord | null> =>
    (await find(db, [idSha256]))[0] ?? null,
  touchWebSession: async (idSha256: Uint8Array, at: Date): Promise<void> => {
    await touch(db, [idSha256, at]);
  },
  deleteWebSession: async (
    idSha256: Uint8Array,
    signedOut: { readonly principal: string; readonly at: Date } | null,
  ): Promise<void> => {
    await remove(db, [idSha256, signedOut?.principal ?? null, signedOut?.at ?? null]);
  },
  /** Removes what is over by its own clocks; resolves to how many. */
  forgetWebSessions: async (now: Date): Promise<number> =>
    (await forget(db, [now, new Date(now.getTime() - sessionIdleSeconds * 1000)]))[0] ?? 0,
  recordLoginRefusal: async (refusal: {
    readonly at: Date;
    readonly source: string;
    readonly reason: string;
    readonly tokenId: string | null;
  }): Promise<void> => {
    await refuse(db, [refusal.at, refusal.source, refusal.reason, refusal.tokenId]);
  },
});

function fromRow(row: RawRow): WebSessionRecord {
  return {
    idSha256: octets(row, 'id_sha256'),
    tokenId: text(row, 'token_id'),
    createdAt: instant(row, 'created_at'),
    lastUsedAt: instant(row, 'last_used_at'),
    expiresAt: instant(row, 'expires_at'),
  };
}
