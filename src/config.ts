// Configuration of the server: omens.yaml and three environment variables, read once, whole, with every fault named.
// Nothing else in the server reads process.env. The client's own settings are read in cli/.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileSchema, type FileFault, readYaml } from './checked-yaml.ts';
import { formatIpAddress, isCidr, parseHostAndPort, parseIpAddress } from './domain/names.ts';
import { err, ok, type Result } from './domain/result.ts';
import type { NotifySettings } from './domain/channel-settings.ts';
import type { ProbeSettings } from './domain/endpoint.ts';
import type { KeylimeSettings } from './domain/keylime.ts';
import type { SpireSettings } from './domain/spire.ts';
import { type KeylimeFile, keylimeSchema, readKeylime } from './keylime-config.ts';
import { type NotifyFile, notifySchema, readNotify } from './notify-config.ts';
import { type ProbesFile, probesSchema, readProbes } from './probes-config.ts';
import { readRenewals, type Renewals, type RenewalsFile, renewalsSchema } from './renewals-config.ts';
import { type SpireFile, spireSchema, spireSettings } from './spire-config.ts';

/** Where a listener binds. `host` is an address without brackets or a host name; port 0 takes a free one. */
export type ListenAddress = { readonly host: string; readonly port: number };

/** How often an enrollment may be tried, and from where as often as one likes. */
export type RateLimits = {
  readonly enrollmentsPerEkPerHour: number;
  readonly enrollmentsPerSourcePerHour: number;
  /** Networks (`address/bits`) that the limit per source does not bind. */
  readonly trustedSources: readonly string[];
};

/** The names of omens.yaml; paths are absolute, URLs without a slash at the end. */
export type Config = {
  readonly dataDirectory: string;
  readonly listen: ListenAddress;
  readonly publicUrl: string;
  readonly plainListen: ListenAddress;
  readonly plainUrl: string;
  readonly policiesDirectory: string;
  readonly rootKeyDirectory: string;
  /** A `postgres://` URL, or null: the server then owns a PostgreSQL in its data directory. */
  readonly databaseUrl: string | null;
  /** The file that `readPassphrase` reads; null when neither the file nor a systemd credential is configured. */
  readonly passphraseFile: string | null;
  readonly rateLimits: RateLimits;
  readonly renewals: Renewals;
  readonly notify: NotifySettings;
  /** The SPIRE server whose agents attest by DevIDs; null when there is none that this service knows of. */
  readonly spire: SpireSettings | null;
  readonly probes: ProbeSettings;
  /** Null when there is no Keylime that this service knows of. */
  readonly keylime: KeylimeSettings | null;
  readonly issuanceLeaseSeconds: number;
  /** One certificate in so many is also read by the second and third X.509 library. */
  readonly secondOpinionSampling: number;
  readonly logLevel: LogLevel;
};

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof logLevels)[number];

type PathName = 'dataDirectory' | 'policiesDirectory' | 'rootKeyDirectory' | 'passphraseFile';
type TextName = 'listen' | 'publicUrl' | 'plainListen' | 'plainUrl' | 'databaseUrl';
type NumberName = 'issuanceLeaseSeconds' | 'secondOpinionSampling';

/** omens.yaml as written. */
type ConfigFile = { readonly [Name in PathName | TextName]?: string } & {
  readonly [Name in NumberName]?: number;
} & {
  readonly rateLimits?: Partial<RateLimits>;
  readonly renewals?: RenewalsFile;
  readonly notify?: NotifyFile;
  readonly spire?: SpireFile;
  readonly probes?: ProbesFile;
  readonly keylime?: KeylimeFile;
  readonly logLevel?: LogLevel;
};

const text = (description: string) => ({ type: 'string', minLength: 1, maxLength: 2048, description }) as const;

const count = (description: string, value: number) =>
  ({ type: 'integer', minimum: 1, maximum: 1_000_000_000, description, default: value }) as const;

/** JSON Schema of omens.yaml. The configuration table of the README is these descriptions and defaults. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    dataDirectory: text('state of the server; default /var/lib/omens for root, else $XDG_STATE_HOME/omens'),
    listen: { ...text('address:port of HTTPS'), default: '127.0.0.1:8443' },
    publicUrl: text('https URL under which clients reach listen; default https://<listen>'),
    plainListen: { ...text('address:port of plain HTTP for CRLs and issuer certificates'), default: '127.0.0.1:8080' },
    plainUrl: text(
      'http URL under which relying parties reach plainListen, written into each certificate; default http://<plainListen>',
    ),
    policiesDirectory: text('profiles and TPM vendor roots; default the policies/ of this installation'),
    rootKeyDirectory: text('encrypted keys of the roots, to be moved offline; default <dataDirectory>-roots'),
    databaseUrl: text('postgres:// URL; without it the server owns a PostgreSQL in dataDirectory'),
    passphraseFile: text('passphrase of the issuer keys, mode 0600; default $CREDENTIALS_DIRECTORY/passphrase'),
    rateLimits: {
      type: 'object',
      additionalProperties: false,
      description: 'limits of POST /v1/enrollments',
      properties: {
        enrollmentsPerEkPerHour: count('attempts of one endorsement key in an hour', 20),
        enrollmentsPerSourcePerHour: count('attempts from one address in an hour', 60),
        trustedSources: {
          type: 'array',
          items: text('address/bits, e.g. 10.10.0.0/16'),
          description: 'networks without a limit per address, as a list of address/bits',
          default: [],
        },
      },
    },
    renewals: renewalsSchema,
    notify: notifySchema,
    spire: spireSchema,
    probes: probesSchema,
    keylime: keylimeSchema,
    issuanceLeaseSeconds: count('after so many seconds an issuance without a result counts as abandoned', 30),
    secondOpinionSampling: count('one certificate in so many is also read by two further X.509 libraries', 100),
    logLevel: { type: 'string', enum: logLevels, description: logLevels.join(', '), default: 'info' },
  },
} as const;

const validateConfig = compileSchema<ConfigFile>(configSchema);

const defaultFile = '/etc/omens/omens.yaml';

/** What `loadConfig` is told about the process. */
export type ConfigSources = {
  /** `--config`; else OMENS_CONFIG, else /etc/omens/omens.yaml, and only the last may be absent. */
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** User id of the process; root keeps its data in /var/lib/omens. */
  readonly uid?: number;
};

/**
 * Reads the configuration: file, then DATABASE_URL, OMENS_DATA_DIRECTORY and OMENS_LISTEN, then defaults. Relative paths
 * of the file are relative to the file. Every fault is reported, not only the first; unknown keys are faults.
 */
export function loadConfig(sources: ConfigSources): Result<Config, readonly FileFault[]> {
  const named = sources.file ?? sources.env['OMENS_CONFIG'];
  const path = resolve(named ?? defaultFile);
  const read = readConfigFile(path, named === undefined);
  if (!read.ok) return read;
  return assemble(read.value, path, sources);
}

function readConfigFile(path: string, mayBeAbsent: boolean): Result<ConfigFile, readonly FileFault[]> {
  if (!existsSync(path)) {
    if (mayBeAbsent) return ok({});
    return err([{ reason: 'fileUnreadable', detail: 'does not exist', field: path, accepted: 'a YAML file' }]);
  }
  return readYaml(path, readFileSync(path, 'utf8'), validateConfig);
}

/** A setting as somebody wrote it, and where: the place is what a fault names. */
type Written = { readonly value: string; readonly field: string };

function assemble(file: ConfigFile, path: string, sources: ConfigSources): Result<Config, readonly FileFault[]> {
  const { env } = sources;
  const paths = (name: PathName): string | null =>
    file[name] === undefined ? null : resolve(dirname(path), file[name]);
  const written = (name: TextName, variable?: string): Written | null => {
    const overriding = variable === undefined ? '' : (env[variable] ?? '');
    if (variable !== undefined && overriding !== '') return { value: overriding, field: variable };
    return file[name] === undefined ? null : { value: file[name], field: `${path}: /${name}` };
  };
  const defaults = configSchema.properties;
  const dataDirectory = resolve(env['OMENS_DATA_DIRECTORY'] || (paths('dataDirectory') ?? stateDirectory(sources)));
  const listen = readListen(written('listen', 'OMENS_LISTEN') ?? { value: defaults.listen.default, field: 'listen' });
  const plainListen = readListen(
    written('plainListen') ?? { value: defaults.plainListen.default, field: 'plainListen' },
  );
  const publicUrl = readUrl(written('publicUrl'), `${path}: /publicUrl`, { scheme: 'https', listen });
  const plainUrl = readUrl(written('plainUrl'), `${path}: /plainUrl`, { scheme: 'http', listen: plainListen });
  const databaseUrl = readDatabaseUrl(written('databaseUrl', 'DATABASE_URL'));
  const rateLimits = readRateLimits(file.rateLimits ?? {}, `${path}: /rateLimits/trustedSources`);
  const renewals = readRenewals(file.renewals ?? {}, `${path}: /renewals/blackouts`);
  const notify = readNotify(file.notify ?? {}, path);
  const watched = readWatched(file, path);
  const origins = listen.ok && plainListen.ok && publicUrl.ok && plainUrl.ok;
  if (origins && databaseUrl.ok && rateLimits.ok && renewals.ok && notify.ok && watched.ok) {
    return ok({
      dataDirectory,
      listen: listen.value,
      publicUrl: publicUrl.value,
      plainListen: plainListen.value,
      plainUrl: plainUrl.value,
      policiesDirectory: paths('policiesDirectory') ?? installedPolicies(),
      rootKeyDirectory: paths('rootKeyDirectory') ?? `${dataDirectory}-roots`,
      databaseUrl: databaseUrl.value,
      passphraseFile: paths('passphraseFile') ?? credentialFile(env),
      rateLimits: rateLimits.value,
      renewals: renewals.value,
      notify: notify.value,
      spire: file.spire === undefined ? null : spireSettings(file.spire),
      ...watched.value,
      issuanceLeaseSeconds: file.issuanceLeaseSeconds ?? defaults.issuanceLeaseSeconds.default,
      secondOpinionSampling: file.secondOpinionSampling ?? defaults.secondOpinionSampling.default,
      logLevel: file.logLevel ?? defaults.logLevel.default,
    });
  }
  const results = [listen, plainListen, publicUrl, plainUrl, databaseUrl, rateLimits, renewals, notify, watched];
  return err(results.flatMap((result) => (result.ok ? [] : result.error)));
}

/** What the server looks at beside itself. */
function readWatched(file: ConfigFile, path: string): Result<Pick<Config, 'probes' | 'keylime'>, readonly FileFault[]> {
  const absolute = (name: string): string => resolve(dirname(path), name);
  const probes = readProbes(file.probes ?? {}, { field: `${path}: /probes/endpoints`, absolute });
  const keylime =
    file.keylime === undefined ? ok(null) : readKeylime(file.keylime, { field: `${path}: /keylime`, absolute });
  if (probes.ok && keylime.ok) return ok({ probes: probes.value, keylime: keylime.value });
  return err([probes, keylime].flatMap((result) => (result.ok ? [] : [result.error])));
}

const broken = (field: string, detail: string, accepted: string): Result<never, FileFault> =>
  err({ reason: 'ruleBroken', detail, field, accepted });

/** `host:port`, with an IPv6 address in brackets. */
function readListen({ value, field }: Written): Result<ListenAddress, FileFault> {
  const address = parseHostAndPort(value);
  return address === null
    ? broken(field, `"${value}" is no address and port`, '127.0.0.1:8443 or [::1]:8443')
    : ok(address);
}

type UrlRule = { readonly scheme: 'https' | 'http'; readonly listen: Result<ListenAddress, FileFault> };

/** An origin without a slash at the end: as written, or of the listener where that is an address one can reach. */
function readUrl(written: Written | null, field: string, { scheme, listen }: UrlRule): Result<string, FileFault> {
  const accepted = `${scheme}://host or ${scheme}://host:port`;
  if (written === null) {
    if (!listen.ok) return ok('');
    const { host, port } = listen.value;
    const octets = parseIpAddress(host);
    if (port === 0 || octets?.every((octet) => octet === 0) === true) {
      return broken(field, 'is missing, and the listener names no single address to make it of', accepted);
    }
    return ok(`${scheme}://${octets?.length === 16 ? `[${formatIpAddress(octets)}]` : host}:${port}`);
  }
  const { value } = written;
  if (!URL.canParse(value)) return broken(field, `"${value}" is no URL`, accepted);
  const url = new URL(value);
  // An origin and nothing else: path, query, fragment and user would be lost without a word.
  const isOrigin = url.protocol === `${scheme}:` && url.host !== '' && /^[a-z]+:\/\/[^/?#@\\]+\/?$/i.test(value);
  if (!isOrigin) {
    return broken(field, `"${value}" is not an origin of ${scheme}`, accepted);
  }
  return ok(url.origin);
}

function readDatabaseUrl(written: Written | null): Result<string | null, FileFault> {
  if (written === null) return ok(null);
  // Not repeated in the message: it may hold a password.
  if (!/^postgres(?:ql)?:\/\/./.test(written.value)) {
    return broken(written.field, 'is no PostgreSQL URL', 'postgres://user@host:5432/database');
  }
  return ok(written.value);
}

function readRateLimits(written: Partial<RateLimits>, field: string): Result<RateLimits, FileFault> {
  const limits = configSchema.properties.rateLimits.properties;
  const trustedSources = written.trustedSources ?? [];
  const wrong = trustedSources.filter((source) => !isCidr(source));
  if (wrong.length > 0) return broken(field, `${wrong.join(', ')} is no network`, 'address/bits, e.g. 10.10.0.0/16');
  return ok({
    enrollmentsPerEkPerHour: written.enrollmentsPerEkPerHour ?? limits.enrollmentsPerEkPerHour.default,
    enrollmentsPerSourcePerHour: written.enrollmentsPerSourcePerHour ?? limits.enrollmentsPerSourcePerHour.default,
    trustedSources,
  });
}

function stateDirectory({ env, uid = process.getuid?.() }: ConfigSources): string {
  if (uid === 0) return '/var/lib/omens';
  // XDG Base Directory Specification: an empty or relative value counts as unset.
  const state = env['XDG_STATE_HOME'] ?? '';
  return isAbsolute(state) ? join(state, 'omens') : join(env['HOME'] ?? homedir(), '.local/state/omens');
}

/** The policies/ of the sources or, one level further up, of the build. */
function installedPolicies(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, '../policies'), join(here, '../../policies')];
  return candidates.find((candidate) => existsSync(candidate)) ?? '/usr/share/omens/policies';
}

const credentialFile = (env: ConfigSources['env']): string | null => {
  const directory = env['CREDENTIALS_DIRECTORY'] ?? '';
  return directory === '' ? null : join(directory, 'passphrase');
};
