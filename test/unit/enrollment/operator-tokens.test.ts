// Operator tokens: what is stored, who is recognized, and what is told to whom.
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { encodeCursor } from '../../../src/domain/cursor.ts';
import { type OperatorTokenRecord, parseOperatorToken } from '../../../src/domain/operator-token.ts';
import type { OperatorTokenBody } from '../../../src/domain/wire.ts';
import {
  authenticateOperator,
  createOperatorToken,
  listOperatorTokens,
  type OperatorTokenPorts,
  revokeOperatorToken,
} from '../../../src/enrollment/operator-tokens.ts';

const now = new Date('2026-03-01T12:00:00.700Z');
const after = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

let tokens: Map<string, OperatorTokenRecord>;
let uses: Date[];
let ports: OperatorTokenPorts;

beforeEach(() => {
  tokens = new Map();
  uses = [];
  let count = 0;
  ports = {
    random: (octets) => new Uint8Array(octets).fill(++count),
    newId: () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`,
    insertOperatorToken: async (token) => void tokens.set(token.id, token),
    findOperatorToken: async (id) => tokens.get(id) ?? null,
    listOperatorTokens: async (from, limit) => {
      const all = [...tokens.values()].toReversed();
      const start = from === null ? 0 : all.findIndex((token) => token.id === from.id) + 1;
      return all.slice(start, start + limit);
    },
    revokeOperatorToken: async (id, at) => {
      const token = tokens.get(id);
      if (token !== undefined) tokens.set(id, { ...token, revokedAt: at });
      return token !== undefined;
    },
    recordOperatorTokenUse: async (id, at) => {
      uses.push(at);
      tokens.set(id, { ...tokens.get(id)!, lastUsedAt: at });
    },
  };
});

const maker = { text: 'operator:root:1', sources: null };

async function made(over: Partial<OperatorTokenBody> = {}) {
  const result = await createOperatorToken(ports)({ name: 'deploy', role: 'issuer', ...over }, maker, { now });
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return { ...result.value, text: result.value.token ?? '' };
}

describe('making one', () => {
  test('shows the token once and stores its digest only', async () => {
    const { id, text } = await made();
    expect(text).toMatch(new RegExp(`^omens-operator-v1\\.${id}\\.[A-Za-z0-9_-]{43}$`));
    const stored = tokens.get(id)!;
    const secret = Buffer.from(text.split('.')[2]!, 'base64url');
    expect(secret).toHaveLength(32);
    expect(Buffer.from(stored.secretSha256)).toEqual(createHash('sha256').update(secret).digest());
    expect(JSON.stringify([...tokens.values()])).not.toContain(text.split('.')[2]);
    const page = await listOperatorTokens(ports)({ limit: 10 });
    expect(page.items[0]).not.toHaveProperty('token');
  });
  test('lasts thirty days unless said otherwise', async () => {
    expect((await made()).expiresAt).toBe('2026-03-31T12:00:00Z');
    expect((await made({ ttlSeconds: 60 })).expiresAt).toBe('2026-03-01T12:01:00Z');
  });
  test('refuses to limit an admin to names or profiles, which it could grant itself', async () => {
    for (const limits of [{ names: ['a.example.org'] }, { profiles: ['nginx-vhost'] }]) {
      const result = await createOperatorToken(ports)({ name: 'x', role: 'admin', limits }, maker, { now });
      expect(result.ok ? [] : result.error.map(({ reason }) => reason)).toEqual(['limitsNotForAdmin']);
    }
    expect((await made({ role: 'admin', limits: { sources: ['10.0.0.0/8'] } })).limits).toEqual({
      sources: ['10.0.0.0/8'],
    });
  });
  test('gives no token more networks than its maker has', async () => {
    const bound = { text: 'operator:bound:1', sources: ['10.1.0.0/16', 'fd00::/8'] };
    const ask = (sources?: readonly string[]) =>
      createOperatorToken(ports)(
        { name: 'x', role: 'admin', ...(sources === undefined ? {} : { limits: { sources } }) },
        bound,
        { now },
      );
    const inherited = await ask();
    expect(inherited.ok && inherited.value.limits.sources).toEqual(bound.sources);
    expect((await ask(['10.1.2.0/24', 'fd12::/16'])).ok).toBe(true);
    for (const wider of [['0.0.0.0/0'], ['10.0.0.0/8'], ['10.2.0.0/16'], ['10.1.2.0/24', '::/0']]) {
      const result = await ask(wider);
      expect(result.ok ? [] : result.error.map(({ reason }) => reason)).toEqual(['sourceBeyondCreator']);
    }
  });
  test('refuses every malformed limit at once', async () => {
    const limits = {
      names: ['www.example.org', '*.example.org', '10.0.0.0/8', 'not a name', '*'],
      sources: ['10.0.0.0/33', '10.0.0.1', '::/0'],
    };
    const result = await createOperatorToken(ports)({ name: 'x', role: 'issuer', limits }, maker, { now });
    const faults = result.ok ? [] : result.error;
    expect(faults.map(({ field }) => field)).toEqual([
      'limits.names.3',
      'limits.names.4',
      'limits.sources.0',
      'limits.sources.1',
    ]);
    expect(new Set(faults.map(({ reason }) => reason))).toEqual(new Set(['malformedLimit']));
    expect(tokens.size).toBe(0);
  });
});

describe('recognizing one', () => {
  const ask = (text: string, source = '192.0.2.1', at = now) => authenticateOperator(ports)(text, source, at);

  test('gives its name, role and limits', async () => {
    const { id, text } = await made({
      limits: { profiles: ['nginx-vhost'], names: ['*.example.org', 'a.example.net', '10.0.0.0/8'] },
    });
    expect(await ask(text)).toEqual({
      ok: true,
      value: {
        kind: 'operator',
        tokenId: id,
        name: 'deploy',
        role: 'issuer',
        limits: {
          profiles: ['nginx-vhost'],
          names: [{ subdomainsOf: 'example.org' }, { exact: 'a.example.net' }, { cidr: '10.0.0.0/8' }],
          sources: null,
        },
      },
    });
  });
  test('takes no other secret, id or form', async () => {
    const { text } = await made();
    const other = await made();
    const [label, id, secret] = text.split('.') as [string, string, string];
    const wrong = [
      `${label}.${id}.${'A'.repeat(43)}`,
      `${label}.${other.id}.${secret}`,
      `${label}.${id}.${secret}=`,
      `${label}.${id.toUpperCase().replace('0', 'O')}.${secret}`,
      `omens-operator-v2.${id}.${secret}`,
      `${text} `,
      '',
    ];
    for (const one of wrong) expect(await ask(one)).toMatchObject({ error: { reason: 'unknownOperatorToken' } });
    expect(uses).toEqual([]);
  });
  test('takes one spelling of a secret only', () => {
    const id = '00000000-0000-4000-8000-000000000001';
    expect(parseOperatorToken(`omens-operator-v1.${id}.${'A'.repeat(43)}`)).not.toBeNull();
    // The last character carries four bits: its two lowest must be zero.
    expect(parseOperatorToken(`omens-operator-v1.${id}.${'A'.repeat(42)}B`)).toBeNull();
  });
  test('ends at the instant that the token names', async () => {
    const { text } = await made({ ttlSeconds: 60 });
    expect(await ask(text, '192.0.2.1', after(59))).toMatchObject({ ok: true });
    expect(await ask(text, '192.0.2.1', after(60))).toMatchObject({ error: { reason: 'expiredOperatorToken' } });
  });
  test('ends with the revocation, and only the holder is told', async () => {
    const { id, text } = await made();
    await revokeOperatorToken(ports)(id, 'test', { now });
    expect(await ask(text)).toMatchObject({ error: { reason: 'revokedOperatorToken' } });
    expect(await ask(`${text.slice(0, -43)}${'A'.repeat(43)}`)).toMatchObject({
      error: { reason: 'unknownOperatorToken' },
    });
  });
  test('asks where the token is used', async () => {
    const { text } = await made({ limits: { sources: ['192.0.2.0/24', '2001:db8::/32'] } });
    for (const source of ['192.0.2.255', '2001:db8::1']) expect(await ask(text, source)).toMatchObject({ ok: true });
    for (const source of ['192.0.3.0', '::1', '']) {
      expect(await ask(text, source)).toMatchObject({ error: { reason: 'sourceNotAllowed' } });
    }
  });
  test('stores the last use at most once a minute', async () => {
    const { text } = await made();
    for (const seconds of [0, 1, 59, 60, 61]) await ask(text, '192.0.2.1', after(seconds));
    expect(uses).toEqual([after(0), after(60)]);
  });
});

describe('lists and ends', () => {
  test('pages go on where the last one ended', async () => {
    for (let i = 0; i < 5; i++) await made();
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listOperatorTokens(ports)({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual([...tokens.keys()].toReversed());
  });
  test('a cursor that is not ours, or of another list, is refused', async () => {
    const other = encodeCursor({ at: now, id: 'ab'.repeat(32) });
    for (const cursor of ['bm9uc2Vuc2U', other]) {
      await expect(listOperatorTokens(ports)({ limit: 2, cursor })).rejects.toThrow('start again without one');
    }
  });
  test('a token that is not there cannot be revoked', async () => {
    expect(await revokeOperatorToken(ports)('x', 'test', { now })).toMatchObject({ error: { reason: 'notFound' } });
  });
});
