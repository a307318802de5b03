// Configuration: what is assumed, what overrides what, and that every fault is named at once.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { faultLines } from '../../src/checked-yaml.ts';
import { type Config, configSchema, loadConfig } from '../../src/config.ts';
import { readPassphrase } from '../../src/passphrase.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'omens-config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const write = (text: string): string => {
  const file = join(directory, 'omens.yaml');
  writeFileSync(file, text);
  return file;
};

function load(text: string, env: Readonly<Record<string, string>> = {}, uid = 0): Config {
  const config = loadConfig({ file: write(text), env, uid });
  if (!config.ok) throw new Error(faultLines(config.error));
  return config.value;
}

function faultsOf(text: string, env: Readonly<Record<string, string>> = {}): string {
  const config = loadConfig({ file: write(text), env, uid: 0 });
  return config.ok ? '' : faultLines(config.error);
}

describe('the configuration', () => {
  test('of an empty file is the documented defaults', () => {
    expect(load('')).toEqual({
      dataDirectory: '/var/lib/omens',
      listen: { host: '127.0.0.1', port: 8443 },
      publicUrl: 'https://127.0.0.1:8443',
      plainListen: { host: '127.0.0.1', port: 8080 },
      plainUrl: 'http://127.0.0.1:8080',
      policiesDirectory: join(import.meta.dirname, '../../policies'),
      rootKeyDirectory: '/var/lib/omens-roots',
      databaseUrl: null,
      passphraseFile: null,
      rateLimits: { enrollmentsPerEkPerHour: 20, enrollmentsPerSourcePerHour: 60, trustedSources: [] },
      renewals: { perHour: 600, perLineagePerHour: 6, blackouts: [], maxAbsenceDays: 400 },
      spire: null,
      probes: { everySeconds: 300, timeoutSeconds: 10, concurrency: 8, endpoints: [] },
      keylime: null,
      issuanceLeaseSeconds: 30,
      secondOpinionSampling: 100,
      notify: { digestAt: '09:00', timeZone: 'UTC', channels: [] },
      logLevel: 'info',
    });
  });

  test.each([
    [{ XDG_STATE_HOME: '/home/a/state', HOME: '/home/a' }, '/home/a/state/omens'],
    [{ HOME: '/home/a' }, '/home/a/.local/state/omens'],
    [{ XDG_STATE_HOME: 'state', HOME: '/home/a' }, '/home/a/.local/state/omens'],
  ])('of an ordinary user with %j keeps its data in %s', (env, expected) => {
    expect(load('', env, 1000).dataDirectory).toBe(expected);
  });

  test('takes three values from the environment before the file', () => {
    const config = load('dataDirectory: /a\nlisten: 127.0.0.1:1\ndatabaseUrl: postgres://a/b\n', {
      OMENS_DATA_DIRECTORY: '/b',
      OMENS_LISTEN: '[::1]:2',
      DATABASE_URL: 'postgresql://c/d',
    });
    expect(config.dataDirectory).toBe('/b');
    expect(config.rootKeyDirectory).toBe('/b-roots');
    expect(config.listen).toEqual({ host: '::1', port: 2 });
    expect(config.publicUrl).toBe('https://[::1]:2');
    expect(config.databaseUrl).toBe('postgresql://c/d');
  });

  test('reads relative paths from the place of the file', () => {
    const config = load('policiesDirectory: my/policies\npassphraseFile: ../secret\n');
    expect(config.policiesDirectory).toBe(join(directory, 'my/policies'));
    expect(config.passphraseFile).toBe(join(directory, '../secret'));
  });

  test('falls back to the credential of systemd for the passphrase', () => {
    expect(load('', { CREDENTIALS_DIRECTORY: '/run/credentials/omens.service' }).passphraseFile).toBe(
      '/run/credentials/omens.service/passphrase',
    );
  });

  test('is found through OMENS_CONFIG, and must then exist', () => {
    write('logLevel: debug\n');
    const named = loadConfig({ env: { OMENS_CONFIG: join(directory, 'omens.yaml') }, uid: 0 });
    expect(named.ok && named.value.logLevel).toBe('debug');
    const absent = loadConfig({ env: { OMENS_CONFIG: join(directory, 'none.yaml') }, uid: 0 });
    expect(absent.ok ? '' : faultLines(absent.error)).toMatch(/none\.yaml: does not exist/);
  });

  test.each([
    ['an unknown key', 'port: 1\n', /omens\.yaml: \/: unknown key "port" \(accepted: dataDirectory, listen/],
    ['a key given twice', 'listen: "a:1"\nlisten: "b:2"\n', /omens\.yaml:2:1: .*unique/],
    ['a listener without a port', 'listen: localhost\n', /\/listen: "localhost" is no address and port/],
    ['a port that is none', 'listen: 127.0.0.1:65536\n', /\/listen: /],
    ['a public URL without TLS', 'publicUrl: http://ca.example.org\n', /\/publicUrl: .*not an origin of https/],
    ['a public URL with a path', 'publicUrl: https://ca.example.org/a\n', /\/publicUrl: .*not an origin/],
    ['a public URL with a query', 'publicUrl: https://ca.example.org?a\n', /\/publicUrl: .*not an origin/],
    ['a public URL with a password', 'publicUrl: https://a:b@ca.example.org\n', /\/publicUrl: .*not an origin/],
    ['a plain URL with TLS', 'plainUrl: https://ca.example.org\n', /\/plainUrl: .*not an origin of http /],
    ['a listener on every address and no public URL', 'listen: 0.0.0.0:8443\n', /\/publicUrl: is missing/],
    ['a listener on every IPv6 address and no public URL', 'listen: "[::]:8443"\n', /\/publicUrl: is missing/],
    [
      'a trusted source that is no network',
      'rateLimits: {trustedSources: [10.0.0.0/33]}\n',
      /10\.0\.0\.0\/33 is no network/,
    ],
    [
      'a rate of nothing',
      'rateLimits: {enrollmentsPerEkPerHour: 0}\n',
      /\/rateLimits\/enrollmentsPerEkPerHour: 0 must be >= 1/,
    ],
    [
      'a blackout that is no time',
      'renewals: {blackouts: [{daily: "22:00-05:00"}, {daily: "24:00-05:00"}]}\n',
      /\/renewals\/blackouts\/1: .*is no time without renewals/,
    ],
    [
      'a blackout that ends before it begins',
      'renewals: {blackouts: [{from: "2026-12-24T00:00:00Z", to: "2026-12-23T00:00:00Z"}]}\n',
      /\/renewals\/blackouts\/0: /,
    ],
    ['a ceiling of nothing', 'renewals: {perHour: 0}\n', /\/renewals\/perHour: 0 must be >= 1/],
    ['a log level nobody knows', 'logLevel: loud\n', /\/logLevel: "loud" .*\(accepted: debug, info, warn, error\)/],
    ['a list for a file', '- a\n', /omens\.yaml: \/: .*must be object/],
  ])('is refused with %s', (_what, text, message) => {
    expect(faultsOf(text)).toMatch(message);
  });

  test('has all its faults named at once, those of the environment by the name of the variable', () => {
    const faults = faultsOf('publicUrl: ftp://a\nplainListen: "80"\n', {
      OMENS_LISTEN: 'x',
      DATABASE_URL: 'mysql://s3cret',
    });
    expect(faults.split('\n').map((line) => line.split(': ')[0])).toEqual([
      'OMENS_LISTEN',
      join(directory, 'omens.yaml'),
      join(directory, 'omens.yaml'),
      'DATABASE_URL',
    ]);
    expect(faults).not.toContain('s3cret');
  });

  test('accepts a public URL with a slash at the end and drops it', () => {
    expect(load('publicUrl: https://CA.example.org:8443/\n').publicUrl).toBe('https://ca.example.org:8443');
  });

  test('has a description for each of its keys, since the table of the README is made of them', () => {
    for (const [name, schema] of Object.entries(configSchema.properties)) {
      expect({ name, described: schema.description.length > 10 }).toEqual({ name, described: true });
    }
  });
});

describe('the passphrase', () => {
  const secret = (text: string, mode: number): string => {
    const file = join(directory, 'passphrase');
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  };
  const faultOf = (read: ReturnType<typeof readPassphrase>): string => (read.ok ? '' : read.error.detail);

  test('is the line of a private file', () => {
    const read = readPassphrase({ passphraseFile: secret('correct horse\n', 0o600) });
    expect(read.ok && read.value).toBe('correct horse');
  });

  test.each([0o640, 0o604, 0o660])('is refused from a file of mode %i', (mode) => {
    expect(faultOf(readPassphrase({ passphraseFile: secret('a\n', mode) }))).toMatch(/others than its owner/);
  });

  test('is read from the directory of credentials whatever the mode, and from no directory below it', () => {
    const passphraseFile = secret('a\n', 0o440);
    expect(readPassphrase({ passphraseFile, credentialsDirectory: directory }).ok).toBe(true);
    expect(readPassphrase({ passphraseFile, credentialsDirectory: join(directory, '..') }).ok).toBe(false);
  });

  test.each([
    ['empty', '\n', /is empty/],
    ['of two lines', 'a\nb\n', /several lines/],
    ['overlong', 'a'.repeat(1025), /1025 octets/],
  ])('is refused when %s', (_what, text, message) => {
    expect(faultOf(readPassphrase({ passphraseFile: secret(text, 0o600) }))).toMatch(message);
  });

  test('is refused when no file is configured or the file is absent', () => {
    expect(faultOf(readPassphrase({ passphraseFile: null }))).toMatch(/no passphrase is configured/);
    expect(faultOf(readPassphrase({ passphraseFile: join(directory, 'none') }))).toMatch(/ENOENT/);
  });
});
