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

/** Throws unless commits wait for the disk and every certificate of `profile` has its audit event and its message. */
export async function judgeDurability(databaseUrl: string, profile: string): Promise<Durability> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const one = async (sql: string, values: readonly string[] = []): Promise<string> =>
      String(Object.values((await client.query<Record<string, unknown>>(sql, [...values])).rows[0] ?? {})[0]);
    const ofProfile = "where facts->>'profile' = $1";
    const found: Durability = {
      version: await one('show server_version'),
      fsync: await one('show fsync'),
      synchronousCommit: await one('show synchronous_commit'),
      certificates: Number(await one('select count(*) from certificate where profile = $1', [profile])),
      auditEvents: Number(
        await one(`select count(*) from audit_event ${ofProfile} and event = 'certificate.issued'`, [profile]),
      ),
      outboxMessages: Number(await one(`select count(*) from outbox ${ofProfile}`, [profile])),
      openIntents: Number(await one('select count(*) from issuance_intent where outcome is null')),
    };
    const { fsync, synchronousCommit, certificates, auditEvents, outboxMessages, openIntents } = found;
    const isWhole = auditEvents === certificates && outboxMessages === certificates && openIntents === 0;
    if (fsync === 'on' && synchronousCommit === 'on' && isWhole) return found;
    throw new Error(`not durable, or not whole: ${JSON.stringify(found)}`);
  } finally {
    await client.end();
  }
}
