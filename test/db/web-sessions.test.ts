// Sessions of the operator page, the audit, and the counts of the overview, in a real database.
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { auditIn } from '../../src/storage/audit.ts';
import { operatorTokenStore } from '../../src/storage/operator-tokens.ts';
import { overviewIn } from '../../src/storage/overview.ts';
import { webSessionStore } from '../../src/storage/web-sessions.ts';
import { auditServices } from '../../src/web-services.ts';
import { type Inventory, inventoryDatabase } from './support/inventory.ts';

const at = (seconds: number): Date => new Date(Date.UTC(2026, 5, 1) + seconds * 1000);

let inventory: Inventory;
let tokenId = '';
beforeAll(async () => {
  inventory = await inventoryDatabase();
  tokenId = randomUUID();
  await operatorTokenStore(inventory.db).insertOperatorToken({
    ...{ id: tokenId, secretSha256: randomBytes(32), name: 'ann', role: 'admin', limits: {}, createdBy: 'test' },
    ...{ createdAt: at(-10), expiresAt: at(100_000), revokedAt: null, lastUsedAt: null },
  });
});
afterAll(() => inventory.close());

const session = (over = {}) => ({
  ...{ idSha256: new Uint8Array(randomBytes(32)), tokenId, createdAt: at(0), lastUsedAt: at(0), expiresAt: at(43_200) },
  ...over,
});
const audit = { principal: 'operator:ann:1', source: '192.0.2.1' };

describe('a session', () => {
  test('is read back, touched once a minute, and ended with a line of the audit when its holder signs out', async () => {
    const store = webSessionStore(inventory.db);
    const mine = session();
    await store.insertWebSession(mine, audit);
    expect(await store.findWebSession(mine.idSha256)).toMatchObject({
      tokenId,
      lastUsedAt: at(0),
      expiresAt: at(43_200),
    });
    await store.touchWebSession(mine.idSha256, at(30));
    expect((await store.findWebSession(mine.idSha256))?.lastUsedAt).toEqual(at(0));
    await store.touchWebSession(mine.idSha256, at(90));
    expect((await store.findWebSession(mine.idSha256))?.lastUsedAt).toEqual(at(90));
    await store.deleteWebSession(mine.idSha256, { principal: audit.principal, at: at(100) });
    await store.deleteWebSession(mine.idSha256, { principal: audit.principal, at: at(101) });
    expect(await store.findWebSession(mine.idSha256)).toBeNull();
    await store.recordLoginRefusal({ at: at(102), source: '192.0.2.1', reason: 'unknownOperatorToken', tokenId: null });
    const lines = await auditIn(inventory.db).listAudit({
      ...{ after: null, event: 'web', principal: null, deviceId: null, limit: 10 },
    });
    expect(lines.map(({ event, facts }) => ({ event, facts }))).toEqual([
      { event: 'web.loginRefused', facts: { reason: 'unknownOperatorToken', source: '192.0.2.1' } },
      { event: 'web.logout', facts: { token: tokenId } },
      { event: 'web.login', facts: { token: tokenId, source: '192.0.2.1' } },
    ]);
  });

  test('is forgotten when it is over by either of its clocks', async () => {
    const store = webSessionStore(inventory.db);
    const [idle, old, good] = [session(), session({ expiresAt: at(500) }), session()];
    for (const one of [idle, old, good]) await store.insertWebSession(one, audit);
    for (const one of [old, good]) await store.touchWebSession(one.idSha256, at(1000));
    expect(await store.forgetWebSessions(at(1800))).toBe(2);
    expect(await store.findWebSession(good.idSha256)).not.toBeNull();
  });
});

describe('the audit', () => {
  const write = (event: string, principal: string, facts: object): Promise<unknown> =>
    inventory.db.query('insert into audit_event (at, event, principal, facts) values ($1, $2, $3, $4)', [
      ...[at(5000), event, principal, JSON.stringify(facts)],
    ]);

  test('is paged from its end, also through lines of one instant', async () => {
    for (let one = 0; one < 5; one += 1) await write('paged.line', 'operator:bob:1', { one });
    const { listAudit } = auditServices({ db: inventory.db });
    const seen: unknown[] = [];
    let cursor: string | null = null;
    do {
      const page = await listAudit({ event: 'paged.line', limit: 2, ...(cursor === null ? {} : { cursor }) });
      seen.push(...page.items.map(({ facts }) => facts['one']));
      cursor = page.next;
    } while (cursor !== null);
    expect(seen).toEqual([4, 3, 2, 1, 0]);
  });

  test('is found by family of events, by who did it, and by host', async () => {
    const device = randomUUID();
    await write('found.one', `device:${device}`, {});
    await write('found.two', 'operator:cy:1', { device });
    await write('foundling.three', 'operator:cy:2', {});
    const { listAudit } = auditServices({ db: inventory.db });
    const events = async (query: object): Promise<readonly string[]> =>
      (await listAudit({ limit: 10, ...query })).items.map(({ event }) => event);
    expect(await events({ event: 'found' })).toEqual(['found.two', 'found.one']);
    expect(await events({ principal: 'operator:cy' })).toEqual(['foundling.three', 'found.two']);
    expect(await events({ principal: 'operator:cy:1' })).toEqual(['found.two']);
    expect(await events({ device })).toEqual(['found.two', 'found.one']);
    expect(await events({ device: '%' })).toEqual([]);
  });
});

describe('the counts of the overview', () => {
  test('are of what serves, by day and level, and of what was issued, by hour', async () => {
    const from = new Date(Date.UTC(2026, 5, 1, 12));
    const now = new Date(Date.UTC(2026, 5, 1, 18));
    const device = await inventory.addDevice();
    await inventory.addCertificate({ device, from: new Date(from.getTime() - 80 * 86_400_000), days: 90 });
    await inventory.addCertificate({ device, from, days: 30 });
    await inventory.addCertificate({ from, days: 30, profile: 'nginx-vhost' });
    const counts = overviewIn(inventory.db);
    expect(await counts.endsByDay(now, 90)).toEqual([{ daysFromToday: 30, level: 'ok', count: 2 }]);
    expect(await counts.endedServing(new Date(Date.UTC(2026, 6, 2)), new Date(Date.UTC(2026, 6, 1)))).toBe(2);
    expect(await counts.endedServing(new Date(Date.UTC(2026, 8, 2)), new Date(Date.UTC(2026, 7, 1)))).toBe(1);
    expect(await counts.issuedByHour(from)).toContainEqual({ hour: from, count: 2 });
  });
});
