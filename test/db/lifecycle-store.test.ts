import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issuanceIn } from '../../src/storage/issuance.ts';
import { insertIssuer } from '../../src/storage/issuers.ts';
import { lineagesIn } from '../../src/storage/lineages.ts';
import type { Database } from '../../src/storage/pool.ts';
import { renewalsIn } from '../../src/storage/renewals.ts';
import { loadStatements } from '../../src/storage/statement.ts';
import { describeLifecycleStore } from '../fakes/lifecycle-store-suite.ts';
import { freshDatabase, queriesDirectory, type TestDatabase } from './database.ts';
import { insertDevice, insertLineage, sha256 } from './support/rows.ts';

let database: TestDatabase;
let db: Database;
const [root, issuerId] = [sha256('root'), sha256('issuer')];
const now = new Date(Date.UTC(2000, 0, 1));

beforeAll(async () => {
  database = await freshDatabase();
  db = await database.pool({ statements: await loadStatements(queriesDirectory) });
  const row = { domain: 'estate', der: randomBytes(10), notBefore: now, notAfter: now, isActive: true } as const;
  const both = [
    { id: root, role: 'root', parentId: null, subjectKeyIdentifier: 'aa', spkiSha256: root },
    { id: issuerId, role: 'issuing', parentId: root, subjectKeyIdentifier: 'bb', spkiSha256: issuerId },
  ] as const;
  for (const issuer of both) await insertIssuer(db, { ...row, ...issuer, createdAt: now });
});

afterAll(() => database.close());

async function addHost(createdAt: Date) {
  const { deviceId } = await insertDevice(db, { at: createdAt });
  const lineageId = await insertLineage(db, { deviceId, profile: 'nginx-vhost', at: createdAt });
  return { deviceId, lineageId };
}

const firstOf = async (text: string, values: readonly unknown[]): Promise<unknown> =>
  Object.values((await db.query(text, values))[0] ?? { nothing: null })[0];

describeLifecycleStore('PostgreSQL', async () => ({
  store: { ...lineagesIn(db), ...renewalsIn(db) },
  issuance: issuanceIn(db),
  issuerId,
  addHost,
  suspendDevice: async (deviceId) => {
    await db.query(`update device set state = 'suspended' where id = $1`, [deviceId]);
  },
  withdrawGrant: async (lineageId) => {
    await db.query('delete from device_grant g using lineage l where l.id = $1 and g.device_id = l.device_id', [
      lineageId,
    ]);
  },
  holdTpmKey: async (spkiSha256, deviceId) => {
    await db.query(
      `insert into tpm_key (name, device_id, role, public, spki_sha256, created_at) values ($1, $2, 'devid', '', $3, now())`,
      [randomUUID(), deviceId, spkiSha256],
    );
  },
  compromiseKey: async (spkiSha256) => {
    await db.query('update public_key set compromised_at = now() where spki_sha256 = $1', [spkiSha256]);
  },
  supersededAt: async (fingerprint) =>
    (await firstOf('select superseded_at from certificate_use where fingerprint = $1', [fingerprint])) as Date | null,
  events: async (id) => {
    const text = `select event from audit_event where $1 in (facts ->> 'renewal', facts ->> 'certificate') order by id`;
    return (await db.query(text, [id])).map((row) => String(row['event']));
  },
}));

test('a page of lineages is cut before anything is joined to it, in the plan for any parameters too', async () => {
  const text = await readFile(join(queriesDirectory, 'lineage_facts.sql'), 'utf8');
  const plan = await db.transaction(async (tx) => {
    await tx.query('set local plan_cache_mode = force_generic_plan');
    await tx.query(`prepare page as ${text}`);
    const [row] = await tx.query(
      `explain (format json) execute page(null, null, null, now(), '00000000-0000-4000-8000-000000000000', 500)`,
    );
    await tx.query('deallocate page');
    return row!['QUERY PLAN'] as readonly { readonly Plan: Node }[];
  });
  const limits = nodesOf(plan[0]!.Plan).filter((node) => node['Node Type'] === 'Limit');
  const cut = limits.map((node) => nodesOf(node).flatMap((below) => below['Relation Name'] ?? []));
  expect(cut).toContainEqual(['lineage']);
});

type Node = { readonly 'Node Type': string; readonly 'Relation Name'?: string; readonly Plans?: readonly Node[] };
const nodesOf = (node: Node): readonly Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
