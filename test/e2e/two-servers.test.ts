// Two servers on one database that is not theirs: the same request at both ends in one certificate, and neither sweeps
// what the other is doing.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshDatabase, type TestDatabase } from '../db/database.ts';
import { ensureBuilt } from '../db/support/embedded-process.ts';
import {
  call,
  type Estate,
  freePort,
  initializeEstate,
  removeEstate,
  type ServerProcess,
  startServer,
} from './support/estate.ts';

let database: TestDatabase;
let one: Estate;
let two: Estate;
let servers: readonly ServerProcess[];

beforeAll(async () => {
  await ensureBuilt();
  database = await freshDatabase({ migrations: null });
  one = await initializeEstate({ databaseUrl: database.databaseUrl });
  const [port, plainPort] = [await freePort(), await freePort()];
  const configFile = join(one.directory, 'second.yaml');
  const lines = readFileSync(one.configFile, 'utf8')
    .replace(/^listen: .*$/m, `listen: 127.0.0.1:${port}`)
    .replace(/^plainListen: .*$/m, `plainListen: 127.0.0.1:${plainPort}`);
  writeFileSync(configFile, lines);
  two = { ...one, configFile, url: `https://127.0.0.1:${port}` };
  servers = [await startServer(one), await startServer(two)];
}, 120_000);

afterAll(async () => {
  for (const server of servers) await server.stop();
  removeEstate(one);
  rmSync(one.directory, { recursive: true, force: true });
  await database.close();
}, 60_000);

function freshCsr(): string {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(one.directory, 'k')];
  const args = ['req', '-new', ...key, '-subj', '/CN=www.funlab.casa', '-outform', 'DER'];
  return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString('base64url');
}

/** Asks until it is answered, as every client of ours does on 409 with Retry-After. */
async function issue(estate: Estate, body: unknown, key: string): Promise<string> {
  for (let tries = 0; tries < 20; tries++) {
    const reply = await call(estate, '/v1/certificates', { body, headers: { 'idempotency-key': key } });
    if (reply.status === 201) return (JSON.parse(reply.body) as { certificate: string }).certificate;
    expect([reply.status, reply.body]).toEqual([409, expect.stringContaining('issuanceInProgress')]);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('never answered');
}

test('the same request at both servers, ten times at once, ends in one certificate each time', async () => {
  for (let round = 0; round < 10; round++) {
    const [body, key] = [{ profile: 'nginx-vhost', csr: freshCsr() }, randomUUID()];
    const made = await Promise.all([one, two, one, two].map((estate) => issue(estate, body, key)));
    expect(new Set(made).size).toBe(1);
  }
});

test('a certificate of one server is known to the other', async () => {
  const made = await issue(one, { profile: 'nginx-vhost', csr: freshCsr() }, randomUUID());
  expect((await call(two, `/v1/certificates/${made}`)).status).toBe(200);
});

test('nothing of the other was swept, and both serve the same CRL', async () => {
  const db = await database.pool();
  const [row] = await db.query(
    `select count(*) filter (where outcome = 'abandoned')::int as abandoned, count(*)::int as all from issuance_intent`,
  );
  expect(row?.['abandoned']).toBe(0);
  const crls = await db.query('select issuer_id, count(*)::int as count from crl group by issuer_id');
  expect(crls.map((crl) => crl['count'])).toEqual([1, 1]);
});
