// Which certificate serves, over PostgreSQL: after whatever is issued, confirmed, reopened, reported and revoked, also at the
// same time, it is the one that a plain look at everything finds.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { standardExpiry } from '../../src/domain/expiry.ts';
import { deviceStateStore } from '../../src/storage/device-states.ts';
import { hostReportStore } from '../../src/storage/host-reports.ts';
import { renewalsIn } from '../../src/storage/renewals.ts';
import { revocationStore } from '../../src/storage/revocations.ts';
import { renewLevels } from '../../src/storage/serving.ts';
import { day, type Inventory, type InventoryDevice, inventoryDatabase } from './support/inventory.ts';

let inventory: Inventory;
beforeAll(async () => {
  inventory = await inventoryDatabase();
});
afterAll(() => inventory.close());

/** A generator of small whole numbers (xorshift32): a failure can be had again. */
function diceOf(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % sides;
  };
}

/** By the sentence that defines it, over the whole history. */
const plain = `
  select l.id, (select c.fingerprint
                  from certificate c
                  join certificate_use u using (fingerprint)
                  join device d on d.id = c.device_id and d.state <> 'retired'
                 where c.lineage_id = l.id
                   and not exists (select from revocation r
                                    where (r.issuer_id, r.serial_number) = (c.issuer_id, c.serial_number))
                 order by u.confirmed_at desc nulls last, c.issued_at desc limit 1) as fingerprint
    from lineage l order by l.id`;
const stored = `
  select l.id, u.fingerprint from lineage l left join certificate_use u on u.lineage_id = l.id and u.is_serving order by l.id`;

const serving = async (fingerprint: string): Promise<boolean> => {
  const [row] = await inventory.db.query('select is_serving from certificate_use where fingerprint = $1', [
    fingerprint,
  ]);
  return row?.['is_serving'] === true;
};

type Act = { readonly minute: number; readonly mayIssue: boolean };

/** Does something to a lineage at a minute; nothing where it cannot be. One renewal of a lineage is under way at a time. */
async function act(device: InventoryDevice, roll: (sides: number) => number, { minute, mayIssue }: Act): Promise<void> {
  const { db } = inventory;
  const { lineageId, deviceId } = device;
  const at = new Date(day(1).getTime() + minute * 60_000);
  const rows = await db.query('select fingerprint from certificate where lineage_id = $1 order by issued_at desc', [
    lineageId,
  ]);
  const all = rows.map(({ fingerprint }) => String(fingerprint));
  const one = all[roll(Math.max(1, Math.min(3, all.length)))];
  const kind = roll(10);
  if (one === undefined || kind < 3) {
    if (mayIssue) await inventory.addCertificate({ device, from: at }).catch(() => undefined);
  } else if (kind < 6) {
    const effect = (['confirmed', 'confirmed', 'installed', 'reopened'] as const)[roll(4)] ?? 'confirmed';
    const confirmation = { lineageId, fingerprint: one, at, by: 'host', principal: 'test', effect } as const;
    await renewalsIn(db).recordConfirmation({ ...confirmation, evidence: {}, hasSpireAgent: null });
  } else if (kind < 8) {
    const lineage = { lineageId, error: null, failures: 0, hasSpireAgent: false, certificate: one };
    const report = { agentVersion: '1', lineages: [], unmanaged: [] } as never;
    const said = { deviceId, principal: 'test', at, report, lineages: [lineage], unmanaged: [] };
    await hostReportStore(db).recordReport(said, () => []);
  } else if (kind < 9) {
    const reasonCode = roll(3) === 0 ? 'keyCompromise' : 'superseded';
    await revocationStore(db).revokeCertificate(one, { reasonCode, at, by: 'test' });
  } else if (roll(6) === 0) {
    const states = ['suspended', 'active', 'active', 'retired'] as const;
    const state = states[roll(states.length)] ?? 'active';
    await deviceStateStore(db).changeDeviceState(deviceId, state, { by: 'test', at });
  }
}

describe('the certificate that serves', () => {
  test('is the last confirmed of its lineage, else its newest, whatever happens and at the same time', async () => {
    const roll = diceOf(20260101);
    const devices = await Promise.all(Array.from({ length: 8 }, () => inventory.addDevice()));
    let most = 0;
    for (let round = 0; round < 40; round += 1) {
      const acts = devices.flatMap((device, i) => [
        act(device, roll, { minute: round * 40 + i, mayIssue: true }),
        act(device, roll, { minute: round * 40 + 20 + i, mayIssue: false }),
      ]);
      await Promise.all(acts);
      const now = await inventory.db.query(stored);
      expect(now).toEqual(await inventory.db.query(plain));
      most = Math.max(most, now.filter(({ fingerprint }) => fingerprint !== null).length);
    }
    const [count] = await inventory.db.query(
      'select count(*)::int as n, count(distinct lineage_id)::int as lineages from certificate_use where is_serving',
    );
    expect(count).toMatchObject({ n: count?.['lineages'] });
    expect(most).toBeGreaterThan(2);
  });

  test('is an older one that was confirmed, when the newest is revoked', async () => {
    const device = await inventory.addDevice();
    const { lineageId } = device;
    const older = await inventory.addCertificate({ device, from: day(1) });
    expect(await serving(older)).toBe(true);
    const newer = await inventory.addCertificate({ device, from: day(60) });
    expect([await serving(older), await serving(newer)]).toEqual([false, true]);
    const confirm = (fingerprint: string, at: Date, effect: 'confirmed' | 'reopened') =>
      renewalsIn(inventory.db).recordConfirmation({
        ...{ lineageId, fingerprint, at, by: 'host', principal: 'test', effect, evidence: {}, hasSpireAgent: null },
      });
    await confirm(older, day(61), 'confirmed');
    expect([await serving(older), await serving(newer)]).toEqual([true, false]);
    await confirm(newer, day(62), 'confirmed');
    expect([await serving(older), await serving(newer)]).toEqual([false, true]);
    await revocationStore(inventory.db).revokeCertificate(newer, { reasonCode: 'superseded', at: day(63), by: 'test' });
    expect([await serving(older), await serving(newer)]).toEqual([true, false]);
  });

  test('without a lineage is the last of its profile and names, and none when that one is revoked', async () => {
    const profile = 'tls-alone';
    const older = await inventory.addCertificate({ profile, from: day(1) });
    const newer = await inventory.addCertificate({ profile, from: day(2) });
    expect([await serving(older), await serving(newer)]).toEqual([false, true]);
    const [row] = await inventory.db.query('select superseded_at from certificate_use where fingerprint = $1', [older]);
    expect(row?.['superseded_at']).toEqual(day(2));
    await revocationStore(inventory.db).revokeCertificate(newer, { reasonCode: 'superseded', at: day(3), by: 'test' });
    expect([await serving(older), await serving(newer)]).toEqual([false, false]);
  });

  test('without a lineage stays what it was, when another was revoked while it was signed', async () => {
    const profile = 'tls-compromised';
    const older = await inventory.addCertificate({ profile, from: day(1) });
    const { intent } = await inventory.addIntent({ profile, from: day(2) });
    await inventory.db.query(
      `insert into revocation (issuer_id, serial_number, reason_code, revoked_at, revoked_by)
       values ($1, $2, 'keyCompromise', $3, 'test')`,
      [intent.issuerId, intent.serialNumber, day(2)],
    );
    const names = { dnsNames: ['www.example.org'], ipAddresses: [], uris: [] };
    const [der, fingerprint] = [new Uint8Array([1, 2, 3]), 'c'.repeat(64)];
    const issued = { intent, der, fingerprint, names, commonName: 'www.example.org', renewAt: null };
    await inventory.store.recordIssued({ ...issued, notBefore: day(2), issuedAt: day(2) });
    expect([await serving(older), await serving(fingerprint)]).toEqual([true, false]);
  });

  test('is one of those that are recorded in one batch', async () => {
    const profile = 'tls-batch';
    const made = await Promise.all([1, 2, 3, 4].map((from) => inventory.addCertificate({ profile, from: day(from) })));
    const states = await Promise.all(made.map(serving));
    expect(states.filter(Boolean)).toHaveLength(1);
  });
});

describe('levels', () => {
  test('are stored with a certificate, and computed anew when the policy is another one', async () => {
    const fingerprint = await inventory.addCertificate({ profile: 'tls-levels', from: day(0), days: 90 });
    const levels = async () => {
      const [row] = await inventory.db.query(
        'select not_after, warning_at, critical_at from certificate_use where fingerprint = $1',
        [fingerprint],
      );
      return row;
    };
    expect(await levels()).toEqual({ not_after: day(90), warning_at: day(60), critical_at: day(83) });
    const profiles = new Map([['tls-levels', { warning: 10 * 86_400, critical: 5 * 86_400 }]]);
    const policy = { digest: 'other', expiry: { ...standardExpiry.expiry, profiles } };
    expect(await renewLevels(inventory.db, policy)).toBe(1);
    expect(await levels()).toMatchObject({ warning_at: day(80), critical_at: day(85) });
    expect(await renewLevels(inventory.db, policy)).toBeNull();
  });
});
