// A power cut at every step of issuance, and a failing database at every statement: afterwards each signature that was
// ever made has a row, and each client has exactly one certificate.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { ensureBuilt } from '../db/support/embedded-process.ts';
import {
  call,
  type Estate,
  initializeEstate,
  endEstate,
  type Reply,
  type ServerProcess,
  startServer,
} from './support/estate.ts';
import { type FailingDatabase, openFailingDatabase } from './support/failing-database.ts';
import { steps } from './support/faults.ts';

let estate: Estate;
let signatures: string;
/** Undoes what the set-up came to, last first. */
const endings: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  await ensureBuilt();
  estate = await initializeEstate();
  endings.push(() => endEstate(estate));
  signatures = join(estate.directory, 'signatures');
}, 120_000);

afterAll(async () => {
  for (const end of endings.toReversed()) await end();
}, 60_000);

/** A fresh key and its CSR for `www.funlab.casa`, base64url. */
function freshCsr(): string {
  const arguments_ = [
    'req',
    '-new',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    join(estate.directory, 'k'),
  ];
  return execFileSync('openssl', [...arguments_, '-subj', '/CN=www.funlab.casa', '-outform', 'DER'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString('base64url');
}

const issueOnce = (body: unknown, key: string): Promise<Reply> =>
  call(estate, '/v1/certificates', { body, headers: { 'idempotency-key': key } });

/** Every signature that the process wrote down is a TBS of an intent, and every intent is concluded. */
async function expectAccounted(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ tbs_certificate: Buffer; outcome: string | null }>(
      'select tbs_certificate, outcome from issuance_intent',
    );
    const known = new Set(rows.map((row) => createHash('sha256').update(row.tbs_certificate).digest('hex')));
    const made = readFileSync(signatures, 'utf8').trim().split('\n');
    expect(made.filter((digest) => !known.has(digest))).toEqual([]);
    expect(rows.filter((row) => row.outcome === null)).toHaveLength(0);
    const { rows: stray } = await client.query<{ count: number }>(
      `select count(*)::int as count from issuance_intent i
        where (outcome = 'issued') <> exists (select from certificate c where (c.issuer_id, c.serial_number) = (i.issuer_id, i.serial_number))
           or (outcome = 'abandoned') <> exists (select from revocation r where (r.issuer_id, r.serial_number) = (i.issuer_id, i.serial_number))`,
    );
    expect(stray[0]?.count).toBe(0);
  } finally {
    await client.end();
  }
}

describe('kill -9 of the server', () => {
  test.each(steps)(
    '%s: after a restart the same request ends in exactly one certificate',
    async (step) => {
      const [body, key] = [{ profile: 'nginx-vhost', csr: freshCsr() }, randomUUID()];
      const faulty = await startServer(estate, { FAULT_AT: step, SIGNATURES: signatures });
      await expect(issueOnce(body, key)).rejects.toThrow();
      await faulty.ended;

      const server = await startServer(estate, { SIGNATURES: signatures });
      try {
        expect(server.log()).toContain('database.adopted');
        const first = await issueOnce(body, key);
        const second = await issueOnce(body, key);
        expect([first.status, second.status]).toEqual([201, 201]);
        expect(JSON.parse(second.body)).toEqual(JSON.parse(first.body));
        await expectAccounted(server.databaseUrl);
      } finally {
        await server.kill();
      }
    },
    60_000,
  );
});

describe('a database that fails at one statement', () => {
  let server: ServerProcess;
  let database: FailingDatabase;

  beforeAll(async () => {
    server = await startServer(estate, { SIGNATURES: signatures });
    database = await openFailingDatabase(server.databaseUrl);
  }, 60_000);

  afterAll(async () => {
    await database.close();
    await server.stop();
  });

  test.each([
    ['public_key', 'insert'],
    ['issuance_intent', 'insert'],
    ['idempotent_request', 'insert'],
    ['issuance_intent', 'update'],
    ['certificate', 'insert'],
    ['audit_event', 'insert'],
    ['outbox', 'insert'],
  ])(
    '%s, %s: the request fails whole, and succeeds once when it is repeated',
    async (table, event) => {
      const [body, key] = [{ profile: 'nginx-vhost', csr: freshCsr() }, randomUUID()];
      const failed = await database.whileFailing(table, event, () => issueOnce(body, key));
      expect(failed.status).toBe(500);
      expect(failed.body).not.toContain('injected');

      await database.admin.query(
        "update issuance_intent set lease_until = now() - interval '1 second' where outcome is null",
      );
      const first = await issueOnce(body, key);
      const second = await issueOnce(body, key);
      expect([first.status, second.status]).toEqual([201, 201]);
      expect(JSON.parse(second.body)).toEqual(JSON.parse(first.body));
      await expectAccounted(server.databaseUrl);
    },
    60_000,
  );
});
