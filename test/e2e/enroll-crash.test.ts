// First contact interrupted: the server killed while it issues, and its database failing at each table. The agent, run
// again as a person would, ends with one device and one certificate in each of its lineages.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { ensureBuilt } from '../db/support/embedded-process.ts';
import { type CertifiedSoftwareTpm, policiesTrusting, startCertifiedSwtpm } from '../tpm/swtpm.ts';
import { call, type Estate, initializeEstate, endEstate, type ServerProcess, startServer } from './support/estate.ts';
import { type FailingDatabase, openFailingDatabase } from './support/failing-database.ts';

const omens = join(import.meta.dirname, '../../dist/src/cli/omens.js');
let estate: Estate;
let policies: string;
let tpm: CertifiedSoftwareTpm;
/** Undoes what the set-up came to, last first. */
const endings: (() => Promise<void> | void)[] = [];

type Host = { readonly name: string; readonly directory: string; readonly tokenFile: string };
type Ended = { readonly code: number; readonly output: string };

beforeAll(async () => {
  await ensureBuilt();
  tpm = await startCertifiedSwtpm();
  endings.push(() => tpm.stop());
  policies = join(mkdtempSync(join(tmpdir(), 'omens-policies-')), 'policies');
  endings.push(() => rmSync(join(policies, '..'), { recursive: true, force: true }));
  await policiesTrusting(tpm, policies);
  const limits = '{ enrollmentsPerEkPerHour: 1000, enrollmentsPerSourcePerHour: 1000 }';
  estate = await initializeEstate({ config: [`policiesDirectory: ${policies}`, `rateLimits: ${limits}`] });
  endings.push(() => endEstate(estate));
}, 120_000);

afterAll(async () => {
  for (const end of endings.toReversed()) await end();
}, 60_000);

/** A host of this name with a token of its own; the TPM is the same, so earlier devices are retired first. */
async function host(name: string): Promise<Host> {
  const devices = JSON.parse((await call(estate, '/v1/devices?limit=100')).body) as {
    items: { id: string; state: string }[];
  };
  for (const { id } of devices.items.filter(({ state }) => state !== 'retired')) {
    await call(estate, `/v1/devices/${id}/retirement`, { method: 'POST' });
  }
  const created = await call(estate, '/v1/enrollment-tokens', { body: { hostName: name } });
  const directory = mkdtempSync(join(tmpdir(), 'omens-host-'));
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, (JSON.parse(created.body) as { token: string }).token, { mode: 0o600 });
  return { name, directory, tokenFile };
}

/** `omens agent enroll`, as often as it takes within the time a person would give it. */
const enroll = ({ name, directory, tokenFile }: Host): Promise<Ended> =>
  new Promise((resolve) => {
    const args = [
      'agent',
      'enroll',
      '--token-file',
      tokenFile,
      '--hostname',
      name,
      '--root',
      join(directory, 'root'),
      '--tpm',
      `unix:${tpm.socketPath}`,
    ];
    execFile(process.execPath, [omens, ...args], { timeout: 90_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr }),
    );
  });

/** One device of this name, a certificate in each lineage, nothing open, the token spent. */
async function expectOneOfEach(server: ServerProcess, { name }: Host): Promise<void> {
  const client = new Client({ connectionString: server.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ profile: string; count: number }>(
      `select l.profile, count(c.fingerprint)::int as count
         from device d join lineage l on l.device_id = d.id left join certificate c on c.lineage_id = l.id
        where d.host_name = $1 and d.state = 'active' group by l.profile order by l.profile`,
      [name],
    );
    expect(rows).toEqual([
      { profile: 'devid', count: 1 },
      { profile: 'keylime-agent', count: 1 },
    ]);
    const { rows: open } = await client.query('select from issuance_intent where outcome is null');
    expect(open).toHaveLength(0);
    const { rows: tokens } = await client.query(
      'select from enrollment_token where host_name = $1 and spent_at is not null',
      [name],
    );
    expect(tokens).toHaveLength(1);
  } finally {
    await client.end();
  }
}

describe('kill -9 of the server during an activation', () => {
  test.each(['before intent', 'after intent', 'after signature', 'before result', 'after result'])(
    '%s: the agent, run again, ends with one of each',
    async (step) => {
      const calm = await startServer(estate);
      const it = await host(`${step.replace(' ', '-')}.example.org`);
      await calm.stop();
      const faulty = await startServer(estate, { FAULT_AT: step });
      const first = await Promise.all([enroll(it), faulty.ended.then(async () => startServer(estate))]);
      const server = first[1];
      try {
        const last = first[0].code === 0 ? first[0] : await enroll(it);
        expect([last.code, last.output]).toEqual([0, expect.stringContaining('is device')]);
        await expectOneOfEach(server, it);
      } finally {
        await server.stop();
        rmSync(it.directory, { recursive: true, force: true });
      }
    },
    180_000,
  );
});

describe('a database that fails while a device is taken in', () => {
  let server: ServerProcess;
  let database: FailingDatabase;

  beforeAll(async () => {
    server = await startServer(estate);
    database = await openFailingDatabase(server.databaseUrl);
  }, 60_000);

  afterAll(async () => {
    await database.close();
    await server.stop();
  });

  test.each([
    ['enrollment', 'insert'],
    ['device', 'insert'],
    ['endorsement_key', 'insert'],
    ['tpm_key', 'insert'],
    ['device_grant', 'insert'],
    ['lineage', 'insert'],
    ['enrollment_token', 'update'],
    ['issuance_intent', 'insert'],
    ['certificate', 'insert'],
  ])(
    '%s, %s: nothing is half taken, and the agent, run again, ends with one of each',
    async (table, event) => {
      const it = await host(`${table.replace('_', '-')}-${event}.example.org`);
      const failed = await database.whileFailing(table, event, () => enroll(it));
      expect(failed.code).toBe(1);
      expect(failed.output).not.toContain('injected');
      await database.admin.query(`update enrollment set lease_until = null`);
      await database.admin.query(
        `update issuance_intent set lease_until = now() - interval '1 second' where outcome is null`,
      );

      const last = await enroll(it);
      expect([last.code, last.output]).toEqual([0, expect.stringContaining('is device')]);
      await expectOneOfEach(server, it);
      rmSync(it.directory, { recursive: true, force: true });
    },
    180_000,
  );
});
