// Composition root of the server: configuration, policies, database, issuers and services are put together here and
// nowhere else, and released in reverse order.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Authorities, loadAuthorities, readableRootKeys } from './authorities.ts';
import { type Config, loadConfig } from './config.ts';
import { openDatabase } from './database.ts';
import { drawRenewal } from './domain/renewal.ts';
import type { Refusal } from './domain/result.ts';
import { messageOf } from './domain/thrown.ts';
import { startHttp } from './http/server.ts';
import { issue, type IssuancePorts } from './issuance/issue.ts';
import { startScheduler } from './lifecycle/scheduler.ts';
import { edgeLog, logger, type Logger } from './log.ts';
import { openMetrics, watchedJobs } from './metrics-services.ts';
import { serverJobs } from './jobs.ts';
import type { Channel } from './domain/message.ts';
import { openChannels } from './notify-services.ts';
import { readPassphrase } from './passphrase.ts';
import { loadPolicies, type Policies } from './policies.ts';
import { httpServices } from './services.ts';
import { isOutage } from './storage/fault.ts';
import { issuanceIn } from './storage/issuance.ts';
import { issuersIn } from './storage/issuers.ts';
import { renewLevels } from './storage/serving.ts';
import { ownCertificate } from './own-certificate.ts';
import { enrollmentLimitOptions } from './enrollment-services.ts';
import { webOptions } from './web-services.ts';

export { initialize, type InitOptions, type InitReport } from './init.ts';
export { signTrustBundleFile, type SignBundleOptions } from './trust-signing.ts';

export type ServeOptions = {
  readonly configFile?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now?: () => Date;
  /** Wraps what issuance does to the world; tests put faults here. */
  readonly wrapIssuance?: (ports: IssuancePorts) => IssuancePorts;
};

export type RunningServer = {
  readonly url: string;
  readonly plainUrl: string;
  readonly databaseUrl: string;
  readonly stop: () => Promise<void>;
};

/** Why the server did not start; `hints` say what would do. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly hints: readonly string[];
  constructor(refusals: readonly Refusal[]) {
    super(refusals.map(({ detail, field }) => (field === undefined ? detail : `${field}: ${detail}`)).join('\n'));
    this.hints = [...new Set(refusals.flatMap(({ accepted }) => accepted ?? []))];
  }
}

/** Starts the server. Throws a `StartFailure` or a `StorageFault` when something it needs is missing or wrong. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const settings = await readSettings(options);
  const opened: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of opened.splice(0).toReversed()) await close();
  };
  try {
    const parts = await openParts(settings, options, opened);
    await startListening(parts, opened);
    return { url: parts.config.publicUrl, plainUrl: parts.config.plainUrl, databaseUrl: parts.databaseUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Settings = {
  readonly config: Config;
  readonly log: Logger;
  readonly policies: Policies;
  readonly passphrase: string;
  readonly channels: readonly Channel[];
  readonly now: () => Date;
};

/** Configuration, policies and secrets: everything that can be wrong before anything is opened. */
async function readSettings({ configFile, env, now = () => new Date() }: ServeOptions): Promise<Settings> {
  const config = valueOf(loadConfig({ env, ...(configFile === undefined ? {} : { file: configFile }) }));
  const policies = valueOf(loadPolicies(config.policiesDirectory));
  const { passphraseFile } = config;
  const credentialsDirectory = env['CREDENTIALS_DIRECTORY'];
  const passphrase = valueOf(readPassphrase({ passphraseFile, credentialsDirectory }));
  const channels = valueOf(openChannels(config.notify, { credentialsDirectory, now }));
  await mkdir(config.dataDirectory, { recursive: true, mode: 0o700 });
  return { config, log: logger(config.logLevel), policies, passphrase, channels, now };
}

type Parts = Awaited<ReturnType<typeof openParts>>;

/** Database, issuers and issuance; what was opened is put on the list of what is to be closed. */
async function openParts(settings: Settings, options: ServeOptions, opened: (() => Promise<void>)[]) {
  const { config, log, policies, passphrase, channels, now } = settings;
  const database = await openDatabase({
    config,
    searchPath: options.env['PATH'],
    log: log.info,
    onLockLost: (why) => leaveAtOnce(log, why),
  });
  opened.push(database.close);
  const authorities = await openAuthorities(database.db, config, passphrase);
  await warnOfRootKeys(config, log);
  const store = issuanceIn(database.db, policies.warnings);
  if (database.isExclusive) await store.endLeases(now());
  const levels = await renewLevels(database.db, policies.warnings);
  if (levels !== null) log.info('levels.renewed', { certificates: levels });
  const metrics = openMetrics(now, policies);
  const wrap = options.wrapIssuance ?? ((unchanged) => unchanged);
  const ports = wrap({ ...issuancePorts(authorities, config, store), watch: metrics.watchIssuance });
  const { db, databaseUrl } = database;
  return { config, log, policies, db, databaseUrl, authorities, store, metrics, ports, channels, now };
}

/** The server's own certificate and the CRLs first, then both listeners, then what goes on by itself. */
async function startListening(parts: Parts, opened: (() => Promise<void>)[]): Promise<void> {
  const { config, log, authorities, metrics, ports, now } = parts;
  const own = await ownCertificate({ ...parts, issue: issue(ports), rootPem: rootPemOf(authorities) });
  const jobs = await serverJobs({ ...parts, own });
  await jobs.beforeListening();
  const services = await httpServices(parts);
  const http = await startHttp({
    services,
    web: webOptions(parts, services),
    contract: readFileSync(contractPath(), 'utf8'),
    publicUrl: config.publicUrl,
    otherAuthorities: [authorityOf(config.listen)],
    listen: config.listen,
    plainListen: config.plainListen,
    tls: own.tls,
    limits: enrollmentLimitOptions(config, randomBytes(32)),
    now,
    log: edgeLog(log),
    answered: metrics.countRequest,
    isOutage,
  });
  opened.push(http.close);
  const scheduler = startScheduler(watchedJobs(jobs.list, metrics), {
    after: afterTimeout,
    onFailure: (job, error) => log.error('job.failed', { job, error: messageOf(error) }),
  });
  opened.push(scheduler.stop);
  log.info('server.started', { url: config.publicUrl, plainUrl: config.plainUrl, listen: authorityOf(http.address) });
}

function afterTimeout(milliseconds: number, fn: () => void): () => void {
  const timer = setTimeout(fn, milliseconds);
  return () => clearTimeout(timer);
}

/** The value of a result, or the refusals as a failure to start. */
function valueOf<T>(
  result:
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly error: Refusal | readonly Refusal[] },
): T {
  if (result.ok) return result.value;
  throw new StartFailure('detail' in result.error ? [result.error] : result.error);
}

async function openAuthorities(
  db: Parameters<typeof issuersIn>[0],
  config: Config,
  passphrase: string,
): Promise<Authorities> {
  const rows = await issuersIn(db).list();
  if (rows.length === 0) {
    throw new StartFailure([
      { reason: 'notInitialized', detail: `${config.dataDirectory} holds no CA yet`, accepted: 'omens init' },
    ]);
  }
  return valueOf(await loadAuthorities(rows, config, passphrase));
}

async function warnOfRootKeys(config: Config, log: Logger): Promise<void> {
  for (const path of await readableRootKeys(config.rootKeyDirectory)) {
    log.warn('rootKey.readable', { path, hint: 'move it offline: this server never needs it' });
  }
}

function issuancePorts(authorities: Authorities, config: Config, store: ReturnType<typeof issuanceIn>): IssuancePorts {
  return {
    issuerFor: (domain) => {
      const issuer = authorities.active.get(domain);
      if (issuer === undefined) throw new Error(`no active issuing CA for ${domain}`);
      return issuer;
    },
    chainPemOf: (issuerId) => authorities.chainPemOf(issuerId),
    random: (octets) => randomBytes(octets),
    drawRenewal: drawRenewal(config.renewals.blackouts),
    store,
    secondOpinionSampling: config.secondOpinionSampling,
    leaseSeconds: config.issuanceLeaseSeconds,
  };
}

/** Two servers on one database directory would both sweep what the other is doing: the one without the lock ends. */
function leaveAtOnce(log: Logger, why: string): void {
  log.error('server.lockLost', { why, hint: 'start the server again; it takes the lock or says who holds it' });
  process.exit(1);
}

const rootPemOf = (authorities: Authorities): string =>
  authorities.rootPemOf(authorities.active.get('estate')?.id ?? '') ?? '';

/** openapi.yaml of the sources or, one level further up, of the build. */
function contractPath(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, '../openapi.yaml'), join(here, '../../openapi.yaml')];
  return candidates.find((candidate) => existsSync(candidate)) ?? 'openapi.yaml';
}

const authorityOf = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;
