// What others say of the results: OpenSSL of a certificate, PostgreSQL of its own durability and of the rows.
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

/** Throws unless `openssl verify -x509_strict` accepts the certificate. `chainPem`: the issuing CAs and the root. */
export function judgeCertificate(directory: string, sample: { readonly pem: string; readonly chainPem: string }): void {
  const [leaf, chain] = [join(directory, 'sample.pem'), join(directory, 'sample-chain.pem')];
  writeFileSync(leaf, sample.pem);
  writeFileSync(chain, sample.chainPem);
  const trusted = ['-CAfile', chain, '-purpose', 'sslserver'];
  execFileSync('openssl', ['verify', '-x509_strict', ...trusted, leaf], { stdio: ['ignore', 'ignore', 2] });
  const { subjectAltName } = new X509Certificate(sample.pem);
  if (subjectAltName?.startsWith('DNS:host-') !== true) throw new Error(`the certificate is for ${subjectAltName}`);
}

export type Durability = {
  readonly version: string;
  readonly fsync: string;
  readonly synchronousCommit: string;
  readonly certificates: number;
  readonly auditEvents: number;
  readonly outboxMessages: number;
  readonly openIntents: number;
};

/** Asks for one value at a time. */
type AskDatabase = (sql: string, values?: readonly string[]) => Promise<string>;

async function asking<T>(databaseUrl: string, work: (ask: AskDatabase) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work(async (sql, values = []) => {
      const { rows } = await client.query<Record<string, unknown>>(sql, [...values]);
      return String(Object.values(rows[0] ?? {})[0]);
    });
  } finally {
    await client.end();
  }
}

/** Throws unless commits wait for the disk and every certificate of `profile` has its audit event and its message. */
export const judgeDurability = (databaseUrl: string, profile: string): Promise<Durability> =>
  asking(databaseUrl, async (ask) => {
    const count = async (what: string): Promise<number> => Number(await ask(`select count(*) from ${what}`, [profile]));
    const ofProfile = "where facts->>'profile' = $1";
    const found: Durability = {
      version: await ask('show server_version'),
      fsync: await ask('show fsync'),
      synchronousCommit: await ask('show synchronous_commit'),
      certificates: await count('certificate where profile = $1'),
      auditEvents: await count(`audit_event ${ofProfile} and event = 'certificate.issued'`),
      outboxMessages: await count(`outbox ${ofProfile}`),
      openIntents: await count('issuance_intent where profile = $1 and outcome is null'),
    };
    const { fsync, synchronousCommit, certificates, auditEvents, outboxMessages, openIntents } = found;
    const isWhole = auditEvents === certificates && outboxMessages === certificates && openIntents === 0;
    if (fsync === 'on' && synchronousCommit === 'on' && isWhole) return found;
    throw new Error(`not durable, or not whole: ${JSON.stringify(found)}`);
  });

/** Throws unless so many devices are active, and each has a DevID and a Keylime agent certificate. */
export const judgeEnrollments = (databaseUrl: string, expected: number): Promise<void> =>
  asking(databaseUrl, async (ask) => {
    const devices = Number(await ask("select count(*) from device where state = 'active'"));
    const ofDevices = 'select count(distinct device_id) from certificate where profile = $1';
    const devIds = Number(await ask(ofDevices, ['devid']));
    const agents = Number(await ask(ofDevices, ['keylime-agent']));
    if (devices === expected && devIds === expected && agents === expected) return;
    throw new Error(`${expected} enrolled, but ${devices} devices, ${devIds} DevIDs, ${agents} agent certificates`);
  });
