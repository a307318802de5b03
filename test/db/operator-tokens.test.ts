// Operator tokens, nonces and shared secrets in a real database: what only its constraints and statements can promise.
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { OperatorTokenRecord } from '../../src/domain/operator-token.ts';
import { newNonce, spendNonce } from '../../src/enrollment/nonces.ts';
import { authenticateOperator, createOperatorToken, listOperatorTokens } from '../../src/enrollment/operator-tokens.ts';
import { nonceStore, sharedSecret } from '../../src/storage/nonces.ts';
import { operatorTokenStore } from '../../src/storage/operator-tokens.ts';
import type { Database } from '../../src/storage/pool.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
});
afterAll(() => database.close());

const now = new Date('2026-03-01T12:00:00Z');
const after = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

const token = (over: Partial<OperatorTokenRecord> = {}): OperatorTokenRecord => ({
  id: randomUUID(),
  secretSha256: randomBytes(32),
  name: 'deploy',
  role: 'issuer',
  limits: { names: ['*.example.org'], sources: ['10.0.0.0/8'] },
  createdBy: 'operator:root',
  createdAt: now,
  expiresAt: after(3600),
  revokedAt: null,
  lastUsedAt: null,
  ...over,
});

const auditOf = async (id: string): Promise<readonly string[]> => {
  const rows = await db.query("select event from audit_event where facts ->> 'token' = $1 order by id", [id]);
  return rows.map((row) => String(row['event']));
};

describe('an operator token', () => {
  test('is read back as it was stored, and its making is in the audit', async () => {
    const store = operatorTokenStore(db);
    const stored = token();
    await store.insertOperatorToken(stored);
    expect(await store.findOperatorToken(stored.id)).toEqual(stored);
    expect(await store.findOperatorToken(randomUUID())).toBeNull();
    expect(await auditOf(stored.id)).toEqual(['operatorToken.created']);
  });

  test('is revoked once, and audited once', async () => {
    const store = operatorTokenStore(db);
    const stored = token();
    await store.insertOperatorToken(stored);
    const results = await Promise.all([1, 2, 3, 4].map((s) => store.revokeOperatorToken(stored.id, after(s), 'test')));
    expect(results).toEqual([true, true, true, true]);
    const first = (await store.findOperatorToken(stored.id))?.revokedAt;
    await store.revokeOperatorToken(stored.id, after(99), 'test');
    expect((await store.findOperatorToken(stored.id))?.revokedAt).toEqual(first);
    expect(await auditOf(stored.id)).toEqual(['operatorToken.created', 'operatorToken.revoked']);
    expect(await store.revokeOperatorToken(randomUUID(), now, 'test')).toBe(false);
  });

  test('notes its use at most once a minute', async () => {
    const store = operatorTokenStore(db);
    const stored = token();
    await store.insertOperatorToken(stored);
    const seen = [];
    for (const seconds of [0, 30, 60, 61]) {
      await store.recordOperatorTokenUse(stored.id, after(seconds));
      seen.push((await store.findOperatorToken(stored.id))?.lastUsedAt);
    }
    expect(seen).toEqual([after(0), after(0), after(60), after(60)]);
  });

  test('with a limit that cannot be read is a fault, not a token without limits', async () => {
    const store = operatorTokenStore(db);
    const stored = token();
    await store.insertOperatorToken(stored);
    await db.query(`update operator_token set limits = '{"networks": ["10.0.0.0/8"]}' where id = $1`, [stored.id]);
    await expect(store.findOperatorToken(stored.id)).rejects.toThrow('limits');
    await db.query('delete from operator_token where id = $1', [stored.id]);
  });

  test('is made, found by its text, and listed page by page', async () => {
    const ports = {
      random: (octets: number) => new Uint8Array(randomBytes(octets)),
      newId: () => randomUUID(),
      ...operatorTokenStore(db),
    };
    const made = await createOperatorToken(ports)(
      { name: 'ops', role: 'admin' },
      { text: 'init', sources: null },
      { now },
    );
    const text = made.ok ? (made.value.token ?? '') : '';
    expect(await authenticateOperator(ports)(text, '::1', now)).toMatchObject({
      ok: true,
      value: { name: 'ops', role: 'admin' },
    });
    for (let i = 0; i < 7; i++) await ports.insertOperatorToken(token({ createdAt: after(i % 3) }));
    const all = await listOperatorTokens(ports)({ limit: 1000 });
    const paged: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listOperatorTokens(ports)({ limit: 3, ...(cursor === undefined ? {} : { cursor }) });
      paged.push(...page.items.map(({ id }) => id));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(paged).toEqual(all.items.map(({ id }) => id));
    expect(new Set(paged).size).toBe(paged.length);
  });
});

describe('a nonce', () => {
  test('is spent by one of twenty who try at once', async () => {
    const nonces = {
      key: randomBytes(32),
      random: (octets: number) => new Uint8Array(randomBytes(octets)),
      ...nonceStore(db),
    };
    const nonce = newNonce(nonces)(now);
    const results = await Promise.all(Array.from({ length: 20 }, () => spendNonce(nonces)(nonce, now)));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
    expect(results.find(({ ok }) => !ok)).toMatchObject({ error: { reason: 'spentNonce' } });
  });
  test('is forgotten only once its own date refuses it', async () => {
    const nonces = {
      key: randomBytes(32),
      random: (octets: number) => new Uint8Array(randomBytes(octets)),
      ...nonceStore(db),
    };
    const nonce = newNonce(nonces)(now);
    await spendNonce(nonces)(nonce, now);
    // A server whose clock is almost an hour ahead of ours forgets nothing that we would still take.
    await nonces.forgetNonces(after(3900));
    expect(await spendNonce(nonces)(nonce, after(300))).toMatchObject({ error: { reason: 'spentNonce' } });
    expect(await nonces.forgetNonces(after(3901))).toBeGreaterThan(0);
    expect(await spendNonce(nonces)(nonce, after(301))).toMatchObject({ error: { reason: 'expiredNonce' } });
  });
});

test('all servers of a database share one secret', async () => {
  const candidates = Array.from({ length: 10 }, () => randomBytes(32));
  const secrets = await Promise.all(candidates.map((candidate) => sharedSecret(db, 'test', candidate)));
  expect(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1);
});
