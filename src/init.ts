// `omens init`: both trust domains, made or imported, and the first operator token. Part of the composition root. It
// refuses to run twice, and writes keys before the rows that name them, so that a crash leaves nothing half-named.
import { randomBytes, randomUUID, type KeyObject } from 'node:crypto';
import { chmod, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issuerKeyPath } from './authorities.ts';
import { type Config, loadConfig } from './config.ts';
import { openDatabase, type OpenDatabase } from './database.ts';
import type { TrustDomain } from './domain/profile.ts';
import { err, ok, type Refusal, type Result } from './domain/result.ts';
import { type OperatorTokenResource, wireTime } from './domain/wire.ts';
import { createOperatorToken } from './enrollment/operator-tokens.ts';
import { type CaRecord, importTrustDomain, makeTrustDomain } from './issuance/ceremony.ts';
import { type IssuerKeyType, readKeyFile, writeKeyFile } from './issuers/key-file.ts';
import { logger } from './log.ts';
import { readPassphrase } from './passphrase.ts';
import { insertIssuer, issuersIn } from './storage/issuers.ts';
import { operatorTokenStore } from './storage/operator-tokens.ts';
import { type PublishedBundle, trustBundlesIn } from './storage/trust-bundles.ts';
import { firstTrustBundle } from './trust-signing.ts';
import { subjectCommonName } from './x509/certificate.ts';
import { decodePem, encodePem } from './x509/pem.ts';

export type InitOptions = {
  readonly configFile?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly keyType: IssuerKeyType;
  /** Passphrase of the root keys; without it that of the issuing keys. */
  readonly rootPassphraseFile?: string;
  /** An issuing CA of the estate that exists already; the control domain is made in any case. */
  readonly importEstate?: {
    readonly certificateFile: string;
    readonly keyFile: string;
    readonly chainFile: string;
    readonly keyPassphraseFile?: string;
  };
};

export type InitReport = {
  readonly dataDirectory: string;
  readonly rootKeyFiles: readonly string[];
  readonly issuers: readonly {
    readonly domain: TrustDomain;
    readonly role: 'root' | 'intermediate' | 'issuing';
    readonly subject: string;
    readonly sha256: string;
    readonly notAfter: string;
  }[];
  /** The first trust bundle; null when no key of a root of the estate was at hand to sign it. */
  readonly trustBundle: { readonly generation: 1 } | null;
  readonly operatorToken: OperatorTokenResource;
};

type Refused = Result<never, readonly Refusal[]>;

/** A trust domain as it goes to disk and database; an imported root has no key here. */
type Domain = {
  readonly records: readonly CaRecord[];
  readonly issuingKey: KeyObject;
  readonly rootKey: KeyObject | null;
};

/** Makes a server out of an empty data directory. Everything that stands in the way is a refusal; faults throw. */
export async function initialize(options: InitOptions): Promise<Result<InitReport, readonly Refusal[]>> {
  const config = loadConfig({
    env: options.env,
    ...(options.configFile === undefined ? {} : { file: options.configFile }),
  });
  if (!config.ok) return config;
  const source = (passphraseFile: string | null) => ({
    passphraseFile,
    credentialsDirectory: options.env['CREDENTIALS_DIRECTORY'],
  });
  const passphrase = readPassphrase(source(config.value.passphraseFile));
  if (!passphrase.ok) return err([passphrase.error]);
  const rootPassphrase =
    options.rootPassphraseFile === undefined ? passphrase : readPassphrase(source(options.rootPassphraseFile));
  if (!rootPassphrase.ok) return err([rootPassphrase.error]);

  await mkdir(config.value.dataDirectory, { recursive: true, mode: 0o700 });
  const database = await openDatabase({
    config: config.value,
    searchPath: options.env['PATH'],
    log: logger('warn').info,
    onLockLost: stopNow,
  });
  try {
    const existing = await issuersIn(database.db).list();
    if (existing.length > 0) return alreadyInitialized(config.value);
    const domains = await makeDomains(options, config.value, new Date());
    if (!domains.ok) return domains;
    const rootKeyFiles = await writeKeys(domains.value, config.value, {
      issuing: passphrase.value,
      root: rootPassphrase.value,
    });
    const trustBundle = await firstTrustBundle(domains.value, new Date());
    const operatorToken = await record(database, domains.value, trustBundle);
    return ok({
      dataDirectory: config.value.dataDirectory,
      rootKeyFiles,
      issuers: domains.value.flatMap((domain) => domain.records.map(reported)),
      trustBundle: trustBundle === null ? null : { generation: 1 },
      operatorToken,
    });
  } finally {
    await database.close();
  }
}

const stopNow = (why: string): never => {
  throw new Error(`the database was lost: ${why}`);
};

const alreadyInitialized = (config: Config): Refused =>
  err([
    {
      reason: 'alreadyInitialized',
      detail: `${config.dataDirectory} holds an initialized CA`,
      accepted: 'omens serve; or another dataDirectory for another CA',
    },
  ]);

async function makeDomains(
  options: InitOptions,
  config: Config,
  now: Date,
): Promise<Result<readonly Domain[], readonly Refusal[]>> {
  const control = await make('keylime-control', { options, config, now });
  if (options.importEstate === undefined) return ok([await make('estate', { options, config, now }), control]);
  const estate = await importEstate(options.importEstate, now);
  return estate.ok ? ok([estate.value, control]) : estate;
}

async function make(
  domain: TrustDomain,
  { options, config, now }: { readonly options: InitOptions; readonly config: Config; readonly now: Date },
): Promise<Domain> {
  const made = await makeTrustDomain({
    domain,
    keyType: options.keyType,
    plainUrl: config.plainUrl,
    random: (octets) => randomBytes(octets),
    now,
  });
  return { records: [made.root, made.issuing], issuingKey: made.issuingKey, rootKey: made.rootKey };
}

async function importEstate(
  files: NonNullable<InitOptions['importEstate']>,
  now: Date,
): Promise<Result<Domain, readonly Refusal[]>> {
  const passphrase =
    files.keyPassphraseFile === undefined
      ? ok('')
      : readPassphrase({ passphraseFile: files.keyPassphraseFile, credentialsDirectory: undefined });
  if (!passphrase.ok) return err([passphrase.error]);
  const key = await readKeyFile(files.keyFile, passphrase.value, { acceptPlain: true });
  if (!key.ok) return err([key.error]);
  const certificates = await readPemFile(files.certificateFile);
  const chain = await readPemFile(files.chainFile);
  if (!certificates.ok) return err([certificates.error]);
  if (!chain.ok) return err([chain.error]);
  const [certificateDer, ...more] = certificates.value;
  if (certificateDer === undefined)
    return err([{ reason: 'notACertificate', detail: `${files.certificateFile} is empty` }]);
  const chainDer = [...more, ...chain.value];
  const imported = importTrustDomain({ domain: 'estate', certificateDer, key: key.value, chainDer, now });
  return imported.ok ? ok({ records: imported.value, issuingKey: key.value, rootKey: null }) : err([imported.error]);
}

async function readPemFile(path: string): Promise<Result<readonly Uint8Array[], Refusal>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return err({ reason: 'fileUnreadable', detail: `${path} cannot be read`, field: path });
  }
  const blocks = decodePem(text, { labels: ['CERTIFICATE'], maxCharacters: 65_536, maxBlocks: 8 });
  return blocks.ok ? ok(blocks.value.map((block) => block.der)) : err({ ...blocks.error, field: path });
}

/** Issuing keys below the data directory, root keys beside it with their certificates; resolves to the root keys' paths. */
async function writeKeys(
  domains: readonly Domain[],
  config: Config,
  passphrases: { readonly issuing: string; readonly root: string },
): Promise<readonly string[]> {
  await mkdir(join(config.dataDirectory, 'issuers'), { recursive: true, mode: 0o700 });
  const rootKeyFiles: string[] = [];
  for (const { records, issuingKey, rootKey } of domains) {
    const [root, issuing] = [records[0], records[records.length - 1]];
    if (root === undefined || issuing === undefined) continue;
    await writeKeyFile(issuerKeyPath(config.dataDirectory, issuing.id), issuingKey, passphrases.issuing);
    if (rootKey === null) continue;
    await mkdir(config.rootKeyDirectory, { recursive: true, mode: 0o700 });
    await chmod(config.rootKeyDirectory, 0o700);
    const name = join(config.rootKeyDirectory, `${root.domain}-root-${root.id.slice(0, 16)}`);
    await writeKeyFile(`${name}.key.pem`, rootKey, passphrases.root);
    await writeDurably(`${name}.crt`, encodePem('CERTIFICATE', root.der));
    rootKeyFiles.push(`${name}.key.pem`);
  }
  return rootKeyFiles;
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Issuers, the first trust bundle and the first operator token; the token's text exists in the answer only. */
async function record(
  { db }: OpenDatabase,
  domains: readonly Domain[],
  trustBundle: PublishedBundle | null,
): Promise<OperatorTokenResource> {
  const now = new Date();
  await db.transaction(async (tx) => {
    for (const issuer of domains.flatMap((domain) => domain.records)) {
      await insertIssuer(tx, { ...issuer, isActive: issuer.role !== 'intermediate', createdAt: now });
    }
    if (trustBundle !== null) await trustBundlesIn(tx).insertTrustBundle(trustBundle);
  });
  const token = await createOperatorToken({
    random: (octets) => randomBytes(octets),
    newId: () => randomUUID(),
    ...operatorTokenStore(db),
  })({ name: 'first-admin', role: 'admin' }, { text: 'init', sources: null }, { now });
  if (token.ok) return token.value;
  throw new Error(token.error.map((refusal) => refusal.detail).join('; '));
}

function reported(record: CaRecord): InitReport['issuers'][number] {
  return {
    domain: record.domain,
    role: record.role,
    subject: subjectCommonName(record.der) ?? '',
    sha256: record.id,
    notAfter: wireTime(record.notAfter),
  };
}
