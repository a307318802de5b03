// The service function in a process of its own, wired as main.ts does it but without HTTP: parse and verify the request,
// authorize, plan, lint, durable intent, sign, read back, durable result with audit event and outbox message.
import { randomBytes } from 'node:crypto';
import { loadAuthorities } from '../src/authorities.ts';
import { loadConfig } from '../src/config.ts';
import { openDatabase } from '../src/database.ts';
import { noLimits } from '../src/domain/principal.ts';
import { renewAt } from '../src/domain/renewal.ts';
import { issue } from '../src/issuance/issue.ts';
import { issueFromCsr } from '../src/issuance/issue-from-csr.ts';
import { readPassphrase } from '../src/passphrase.ts';
import { loadPolicies } from '../src/policies.ts';
import { issuanceIn } from '../src/storage/issuance.ts';
import { issuersIn } from '../src/storage/issuers.ts';
import { isRocaWeak } from '../src/tpm2/roca.ts';
import { answering } from './child.ts';
import { startProfile } from './profile.ts';
import { readRequests } from './requests.ts';
import { run, type RunInput } from './run.ts';

type Input = { readonly configFile: string; readonly databaseUrl: string; readonly requestsFile: string };

/** The value of a result; a refusal here is a fault of the bench. */
function valueOf<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown },
): T {
  if (result.ok) return result.value;
  throw new Error(JSON.stringify(result.error));
}

async function issuer({ configFile, databaseUrl }: Input) {
  const env = { ...process.env, DATABASE_URL: databaseUrl };
  const config = valueOf(loadConfig({ file: configFile, env }));
  const policies = valueOf(loadPolicies(config.policiesDirectory));
  const passphrase = valueOf(readPassphrase({ passphraseFile: config.passphraseFile }));
  const never = (why: string): never => {
    throw new Error(why);
  };
  const { db } = await openDatabase({
    config,
    searchPath: process.env['PATH'],
    log: () => undefined,
    onLockLost: never,
  });
  const { active, chainPemOf } = valueOf(await loadAuthorities(await issuersIn(db).list(), config, passphrase));
  const issueOne = issue({
    issuerFor: (domain) => active.get(domain) ?? never(`no issuer for ${domain}`),
    chainPemOf,
    random: (octets) => randomBytes(octets),
    drawRenewal: renewAt,
    store: issuanceIn(db),
    secondOpinionSampling: config.secondOpinionSampling,
    leaseSeconds: config.issuanceLeaseSeconds,
  });
  return issueFromCsr({ profiles: policies.profiles, issue: issueOne, isWeakModulus: isRocaWeak, reservedNames: [] });
}

const principal = {
  kind: 'operator',
  tokenId: '00000000-0000-4000-8000-000000000000',
  name: 'bench',
  role: 'issuer',
  limits: noLimits,
} as const;

await answering(async (input: Input) => {
  const fromCsr = await issuer(input);
  const requests = readRequests(input.requestsFile);
  const issueItem = async (item: number) => {
    const issued = await fromCsr({
      profile: 'nginx-vhost',
      csrDer: new Uint8Array(requests[item]!),
      principal,
      idempotencyKey: null,
      bodySha256: '',
      now: new Date(),
    });
    return valueOf(issued);
  };
  return {
    sample: async (item: number) => {
      const { certificatePem, chainPem } = await issueItem(item);
      return JSON.stringify({ pem: certificatePem, chain: chainPem });
    },
    connect: async () => undefined,
    run: (wanted: RunInput) => run(wanted, issueItem),
    profile: async (wanted: RunInput) => {
      const endProfile = await startProfile();
      await run(wanted, issueItem);
      return endProfile();
    },
  };
});
