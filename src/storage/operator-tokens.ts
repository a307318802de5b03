// Rows of operator tokens. Whether a token is good, and for what, is decided elsewhere.
import type { OperatorTokenRecord } from '../domain/operator-token.ts';
import type { OperatorRole } from '../domain/principal.ts';
import type { LimitsResource } from '../domain/wire.ts';
import { groupCommit } from './group-commit.ts';
import type { RawRow, Session } from './pool.ts';
import { instant, instantOrNull, octets, text } from './row.ts';
import { statement } from './statement.ts';

const insert = statement<readonly unknown[], string>('insert_operator_token.sql', (row) => text(row, 'id'));
const find = statement<[string], OperatorTokenRecord>('find_operator_token.sql', fromRow);
const list = statement<[Date | null, string | null, number], OperatorTokenRecord>('list_operator_tokens.sql', fromRow);
const revoke = statement<[string, Date, string], string>('revoke_operator_token.sql', (row) => text(row, 'id'));
const touch = statement<[string, Date], string>('touch_operator_token.sql', (row) => text(row, 'id'));

/** Operator tokens in a database, as `enrollment/operator-tokens.ts` needs them. */
export const operatorTokenStore = (db: Session) => ({
  insertOperatorToken: async (token: OperatorTokenRecord): Promise<void> => {
    const { id, secretSha256, name, role, limits, createdBy, createdAt, expiresAt } = token;
    await insert(db, [id, secretSha256, name, role, JSON.stringify(limits), createdBy, createdAt, expiresAt]);
  },
  /** Each request looks, but requests that arrive while a look-up is on its way share the next one. */
  findOperatorToken: groupCommit<string, OperatorTokenRecord | null>({
    maxBatch: 256,
    mayBeOfOneItem: () => false,
    run: async (ids) => {
      const found = new Map<string, OperatorTokenRecord | null>();
      for (const id of new Set(ids)) found.set(id, (await find(db, [id]))[0] ?? null);
      return ids.map((id) => found.get(id) ?? null);
    },
  }),
  /** Newest first, after `after`. */
  listOperatorTokens: (
    after: { readonly createdAt: Date; readonly id: string } | null,
    limit: number,
  ): Promise<readonly OperatorTokenRecord[]> => list(db, [after?.createdAt ?? null, after?.id ?? null, limit]),
  /** False when there is no such token; revoking again changes nothing. */
  revokeOperatorToken: async (id: string, at: Date, revokedBy: string): Promise<boolean> =>
    (await revoke(db, [id, at, revokedBy])).length === 1,
  recordOperatorTokenUse: async (id: string, at: Date): Promise<void> => {
    await touch(db, [id, at]);
  },
});

function fromRow(row: RawRow): OperatorTokenRecord {
  return {
    id: text(row, 'id'),
    secretSha256: octets(row, 'secret_sha256'),
    name: text(row, 'name'),
    role: roleFrom(text(row, 'role')),
    limits: limitsFrom(row['limits']),
    createdBy: text(row, 'created_by'),
    createdAt: instant(row, 'created_at'),
    expiresAt: instant(row, 'expires_at'),
    revokedAt: instantOrNull(row, 'revoked_at'),
    lastUsedAt: instantOrNull(row, 'last_used_at'),
  };
}

function roleFrom(value: string): OperatorRole {
  if (value === 'viewer' || value === 'issuer' || value === 'admin') return value;
  throw new TypeError('column role is no role');
}

/** A limit that cannot be read must not turn into none. */
function limitsFrom(value: unknown): LimitsResource {
  const known = ['profiles', 'names', 'sources'];
  const isLimits =
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(
      ([name, items]) =>
        known.includes(name) && Array.isArray(items) && items.every((item: unknown) => typeof item === 'string'),
    );
  if (!isLimits) throw new TypeError('column limits is malformed');
  return value;
}
