// The policies of the repository, and what becomes of a policies directory that somebody spoiled.
import { createHash, X509Certificate } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { faultLines } from '../../src/checked-yaml.ts';
import { matchesAny } from '../../src/domain/names.ts';
import type { Profile } from '../../src/domain/profile.ts';
import { levelsFor, missedInstants } from '../../src/domain/warning-policy.ts';
import { loadPolicies, type Policies } from '../../src/policies.ts';
import { readWarnings } from '../../src/warnings-file.ts';

const repository = join(import.meta.dirname, '../../policies');

function load(directory: string): Policies {
  const loaded = loadPolicies(directory);
  if (!loaded.ok) throw new Error(faultLines(loaded.error));
  return loaded.value;
}

function faultsOf(directory: string): string {
  const loaded = loadPolicies(directory);
  return loaded.ok ? '' : faultLines(loaded.error);
}

describe('the policies of the repository', () => {
  const { profiles, endorsementRoots, endorsementIntermediates, tpmDenials, warnings } = load(repository);
  const profile = (name: string): Profile => profiles.get(name)!;

  test('hold exactly the profiles of the two trust domains', () => {
    const names = (domain: string) => [...profiles.values()].filter((p) => p.domain === domain).map((p) => p.name);
    expect(names('estate').sort()).toEqual([
      'devid',
      'keylime-agent',
      'keylime-server',
      'nginx-vhost',
      'omens-server',
      'openbao-server',
      'spire-agents',
      'spire-bundle-endpoint',
      'tower-infrastructure',
    ]);
    expect(names('keylime-control').sort()).toEqual([
      'keylime-admin',
      'keylime-monitor',
      'keylime-tenant',
      'keylime-verifier-client',
      'spire-server-keylime-plugin',
    ]);
  });

  test('deny no TPM: what an estate denies is its own affair', () => {
    expect(tpmDenials).toEqual({ endorsementKeys: new Map(), certificates: new Map(), firmware: [] });
  });

  test.each([...profiles.values()])('profile $name has an EKU that its root may sign', (one) => {
    expect(one.extendedKeyUsage).toEqual(
      one.domain === 'keylime-control' ? ['clientAuth'] : one.name === 'devid' ? ['tpmFixed'] : ['serverAuth'],
    );
  });

  test.each([...profiles.values()])('profile $name carries the SHA-256 of its file', (one) => {
    const octets = readFileSync(join(repository, 'profiles', `${one.name}.yaml`));
    expect(one.digest).toBe(createHash('sha256').update(octets).digest('hex'));
  });

  test.each([
    ['devid', 2160, ['ec-p256', 'rsa-2048']],
    ['keylime-agent', 24, ['ec-p256']],
    ['keylime-server', 24, ['ec-p256']],
    ['tower-infrastructure', 168, ['rsa-2048']],
    ['spire-agents', 168, ['ec-p256']],
    ['openbao-server', 720, ['rsa-2048']],
    ['keylime-admin', 24, ['ec-p256']],
  ])('profile %s lives %i hours and takes keys of type %j', (name, hours, keyTypes) => {
    expect(profile(name).lifetimeSeconds).toBe(hours * 3600);
    expect(profile(name).keyTypes).toEqual(keyTypes);
  });

  test('keylime-admin is for operators alone, and the server certificate for the service alone', () => {
    expect(profile('keylime-admin').obtainedBy).toEqual(['operator']);
    expect(profile('keylime-admin').commonName).toBe('principal');
    expect(profile('omens-server').obtainedBy).toEqual(['service']);
  });

  test('unattended clients of Keylime are granted to devices and had by no CSR of an operator', () => {
    for (const name of [
      'keylime-verifier-client',
      'keylime-tenant',
      'keylime-monitor',
      'spire-server-keylime-plugin',
    ]) {
      expect(profile(name).obtainedBy).toEqual(['device']);
    }
  });

  test('no server profile that an operator can ask for takes any DNS name', () => {
    const open = [...profiles.values()].filter(
      ({ obtainedBy, extendedKeyUsage, allowedNames }) =>
        obtainedBy.includes('operator') &&
        extendedKeyUsage.includes('serverAuth') &&
        matchesAny(allowedNames.dnsNames, 'www.example.net'),
    );
    expect(open).toEqual([]);
  });

  test('keylime-agent writes the loopback addresses and bounds its PEM', () => {
    expect(profile('keylime-agent').fixedNames).toEqual({ dnsNames: [], ipAddresses: ['127.0.0.1', '::1'], uris: [] });
    expect(profile('keylime-agent').maxPemCharacters).toBe(2047);
  });

  test.each([
    ['spiffe://funlab.casa/agent/spire', true],
    ['spiffe://funlab.casa/', false],
    ['spiffe://funlab.casa/a/../b', false],
    ['spiffe://funlab.casa//a', false],
    ['spiffe://funlab.casa.evil.example/a', false],
    ['spiffe://funlabxcasa/a', false],
  ])('tower-infrastructure judges the URI %s: %s', (uri, isAllowed) => {
    expect(matchesAny(profile('tower-infrastructure').allowedNames.uris, uri)).toBe(isAllowed);
  });

  test.each([
    ['funlab.casa', true],
    ['auth.funlab.casa', true],
    ['notfunlab.casa', false],
    ['auth', false],
  ])('tower-infrastructure judges the DNS name %s: %s', (name, isAllowed) => {
    expect(matchesAny(profile('tower-infrastructure').allowedNames.dnsNames, name)).toBe(isAllowed);
  });

  test.each([
    ['nginx-vhost', 24, 6, 2],
    ['tower-infrastructure', 168, 48, 24],
    ['openbao-server', 720, 237.6, 57.6],
    ['devid', 2160, 720, 168],
  ])('warn of the end of %s certificates of %i hours %d and %d hours before', (name, hours, warning, critical) => {
    const levels = levelsFor(warnings.expiry, { profile: name, lifetime: hours * 3600 });
    expect(levels.warning / 3600).toBeCloseTo(warning, 5);
    expect(levels.critical / 3600).toBeCloseTo(critical, 5);
  });

  test('warn of a renewal of 24 hours that was missed no sooner than it is due', () => {
    const at = (hours: number): Date => new Date(Date.UTC(2026, 0, 1) + hours * 3_600_000);
    const missed = (dueHour: number) => {
      const certificate = { profile: 'nginx-vhost', notBefore: at(0), notAfter: at(24) };
      const found = missedInstants(
        { renewalMissed: warnings.renewalMissed },
        { ...certificate, succeededAt: at(0), dueAt: at(dueHour) },
      );
      return [found.warningAt, found.criticalAt];
    };
    expect(missed(6)).toEqual([at(12), at(14)]);
    expect(missed(12)).toEqual([at(12.5), at(14.5)]);
    expect(missed(18)).toEqual([at(18.5), at(20.5)]);
  });

  test('give a profile its own levels, and know what they were read from', () => {
    const text = readFileSync(join(repository, 'warnings.yaml'), 'utf8');
    const own = text.replace('profiles: {}', 'profiles: { devid: { warning: 45d, critical: 15d } }');
    const read = readWarnings('warnings.yaml', own, null);
    const levels = read.ok ? levelsFor(read.value.expiry, { profile: 'devid', lifetime: 3600 }) : null;
    expect(levels).toEqual({ warning: 45 * 86_400, critical: 15 * 86_400 });
    expect(read.ok && read.value.digest).toBe(createHash('sha256').update(own).digest('hex'));
    expect(warnings.digest).toBe(createHash('sha256').update(text).digest('hex'));
  });

  test('anchor the RSA and the ECC chips of Infineon', () => {
    const subjects = endorsementRoots.map(({ der }) => new X509Certificate(der).subject);
    expect(subjects.filter((s) => s.includes('Infineon OPTIGA(TM)'))).toHaveLength(2);
  });

  test('have a root for each intermediate', () => {
    const roots = endorsementRoots.map(({ der }) => new X509Certificate(der));
    for (const { file, der } of endorsementIntermediates) {
      const certificate = new X509Certificate(der);
      const signers = roots.filter((root) => certificate.checkIssued(root) && certificate.verify(root.publicKey));
      expect({ file, signers: signers.length }).toEqual({ file, signers: 1 });
    }
  });
});

describe('a policies directory', () => {
  let directory: string;
  const path = (...parts: string[]) => join(directory, ...parts);
  const edit = (file: string, change: (text: string) => string) =>
    writeFileSync(path(file), change(readFileSync(path(file), 'utf8')));

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'omens-policies-'));
    cpSync(repository, directory, { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test.each([
    [
      'an unknown key',
      (t: string) => `${t}colour: red\n`,
      /nginx-vhost\.yaml: \/: unknown key "colour" \(accepted: name, /,
    ],
    ['a key that is given twice', (t: string) => `${t}lifetime: 1h\n`, /nginx-vhost\.yaml:\d+:\d+: .*unique/],
    [
      'a lifetime left out',
      (t: string) => t.replace(/^lifetime:.*$/m, ''),
      /"lifetime" is missing \(accepted: time between/,
    ],
    [
      'a lifetime without a unit',
      (t: string) => t.replace('24h', '86400'),
      /\/lifetime: 86400 must be string \(accepted: .*24h\)/,
    ],
    [
      'an unknown key type',
      (t: string) => t.replace('[ec-p256]', '[dsa]'),
      /\/key\/types\/0: "dsa" .*\(accepted: ec-p256, ec-p384/,
    ],
    [
      'an unknown kind of rule',
      (t: string) => t.replace('subdomainsOf', 'under'),
      /\/names\/dns\/1: .*accepted: an exact name, or one of/,
    ],
    [
      'a name that is not well formed',
      (t: string) => t.replace('[funlab.casa,', '[Funlab.casa,'),
      /\/names\/dns\/0: "Funlab.casa" is not well formed/,
    ],
    [
      'another name than its file',
      (t: string) => t.replace('name: nginx-vhost', 'name: vhost'),
      /\/name: "vhost" is not the name of the file \(accepted: nginx-vhost\)/,
    ],
    [
      'clientAuth in the estate',
      (t: string) => t.replace('[serverAuth]', '[serverAuth, clientAuth]'),
      /\/extendedKeyUsage: clientAuth is never issued/,
    ],
    ['no extended key usage', (t: string) => t.replace('[serverAuth]', '[]'), /\/extendedKeyUsage: is empty/],
    [
      'serverAuth in keylime-control',
      (t: string) => t.replace('domain: estate', 'domain: keylime-control'),
      /signs client certificates and nothing else/,
    ],
    [
      'a software key that claims a TPM',
      (t: string) => t.replace('certificatePolicies: []', 'certificatePolicies: [verifiedTpmFixed]'),
      /must not claim to live in a TPM/,
    ],
    [
      'an alias',
      (t: string) =>
        `${t.replace('[serverAuth]', '&a [serverAuth]').replace('keyUsage: [digitalSignature]', '')}keyUsage: *a\n`,
      /nginx-vhost\.yaml: has an alias/,
    ],
  ])('is refused for a profile with %s', (_what, change, message) => {
    edit('profiles/nginx-vhost.yaml', change);
    expect(faultsOf(directory)).toMatch(message);
  });

  test('is refused when a TPM profile is open to operators or takes part in TLS', () => {
    edit('profiles/devid.yaml', (t) =>
      t.replace('[device]', '[device, operator]').replace('[tpmFixed]', '[serverAuth]'),
    );
    expect(faultsOf(directory)).toMatch(/\/obtainedBy: only a device can prove/);
    expect(faultsOf(directory)).toMatch(/takes part in no TLS/);
  });

  test('is refused when a person’s certificate goes to devices or lives longer than a day', () => {
    edit('profiles/keylime-admin.yaml', (t) => t.replace('lifetime: 24h', 'lifetime: 25h'));
    expect(faultsOf(directory)).toMatch(/keylime-admin\.yaml: \/commonName: .*lives a day at most/);
  });

  test('has the faults of all its files reported at once', () => {
    edit('profiles/devid.yaml', (t) => t.replace('lifetime: 2160h', 'lifetime: long'));
    edit('profiles/nginx-vhost.yaml', (t) => t.replace('[serverAuth]', '[]'));
    rmSync(path('ek-roots/intel-tpm-ek-root.pem'));
    const faults = loadPolicies(directory);
    expect(faults.ok ? [] : faults.error.map((f) => f.reason).sort()).toEqual([
      'manifestDiffers',
      'ruleBroken',
      'schemaViolated',
    ]);
  });

  test('is refused without profiles', () => {
    rmSync(path('profiles'), { recursive: true });
    expect(faultsOf(directory)).toMatch(/cannot be listed: ENOENT/);
  });

  test('is refused for a certificate that no manifest lists', () => {
    cpSync(path('ek-roots/intel-tpm-ek-root.pem'), path('ek-roots/another.pem'));
    expect(faultsOf(directory)).toBe(
      'ek-roots/another.pem: is not in the manifest (accepted: an entry {file, sha256, subject, origin, note} in manifest.yaml)',
    );
  });

  test('is refused for a certificate that differs from the manifest', () => {
    cpSync(path('ek-roots/intel-tpm-ek-root.pem'), path('ek-roots/nationz-tpm-root-ca.pem'));
    expect(faultsOf(directory)).toMatch(/ek-roots\/nationz-tpm-root-ca\.pem: has SHA-256 2e1b3b.*\(accepted: 1293d7/);
  });

  test('is refused without a manifest', () => {
    rmSync(path('ek-intermediates/manifest.yaml'));
    expect(faultsOf(directory)).toMatch(/ek-intermediates\/manifest\.yaml: is missing/);
  });

  test('is refused without a list of denied TPMs, even though that may be empty', () => {
    rmSync(path('tpm-denied.yaml'));
    expect(faultsOf(directory)).toMatch(/^tpm-denied\.yaml: cannot be read: ENOENT \(accepted: .*may be empty\)$/);
  });

  const digest = 'ab'.repeat(32);

  test('denies keys, certificates and ranges of firmware, whose missing numbers reach as far as they can', () => {
    const firmware = `firmware: [{manufacturer: "4e544300", from: "7.2", to: "7.2.1", reason: r}]`;
    const lists = `endorsementKeys: [{sha256: "${digest}", reason: stolen}]\ncertificates: [{sha256: "${digest}", reason: lost}]`;
    writeFileSync(path('tpm-denied.yaml'), `${lists}\n${firmware}\n`);
    expect(load(directory).tpmDenials).toEqual({
      endorsementKeys: new Map([[digest, 'stolen']]),
      certificates: new Map([[digest, 'lost']]),
      firmware: [{ manufacturer: '4E544300', from: 0x0007000200000000n, to: 0x000700020001ffffn, reason: 'r' }],
    });
  });

  test('has all the faults of its list of denied TPMs reported at once', () => {
    edit('tpm-denied.yaml', (t) =>
      t
        .replace('endorsementKeys: []', `endorsementKeys: [{sha256: "${digest.toUpperCase()}", reason: x}]`)
        .replace('certificates: []', `certificates: [{sha256: "${digest}", reason: x, file: y}]`)
        .replace('firmware: []', 'firmware: [{manufacturer: 00001014, from: 7.10, to: "7", reason: x}]\nmore: []'),
    );
    expect(faultsOf(directory).split('\n').sort()).toEqual([
      expect.stringMatching(/^tpm-denied\.yaml: \/: unknown key "more"/),
      expect.stringMatching(/^tpm-denied\.yaml: \/certificates\/0: unknown key "file"/),
      expect.stringMatching(/^tpm-denied\.yaml: \/endorsementKeys\/0\/sha256: .*64 lower-case hex digits, in quotes/),
      expect.stringMatching(/^tpm-denied\.yaml: \/firmware\/0\/from: 7\.1 must be string .*in quotes/),
      expect.stringMatching(/^tpm-denied\.yaml: \/firmware\/0\/manufacturer: 1014 must be string .*in quotes/),
      expect.stringMatching(/^tpm-denied\.yaml: \/firmware\/0\/to: "7" must match/),
    ]);
  });

  test('is refused for a digest that is denied twice, and for firmware that ends before it begins or does not exist', () => {
    const twice = `[{sha256: "${digest}", reason: x}, {sha256: "${digest}", reason: y}]`;
    const range = (from: string, to: string) => `{manufacturer: "00001014", from: "${from}", to: "${to}", reason: x}`;
    edit('tpm-denied.yaml', (t) =>
      t
        .replace('endorsementKeys: []', `endorsementKeys: ${twice}`)
        .replace('firmware: []', `firmware: [${range('7.3', '7.2')}, ${range('7.70000', '8.01')}]`),
    );
    expect(faultsOf(directory).split('\n')).toEqual([
      'tpm-denied.yaml: /endorsementKeys/1/sha256: is there twice (accepted: each digest once)',
      'tpm-denied.yaml: /firmware/0/to: lies before "from" (accepted: "7.3" or later)',
      expect.stringMatching(/^tpm-denied\.yaml: \/firmware\/1\/from: "7\.70000" is no firmware version/),
      expect.stringMatching(/^tpm-denied\.yaml: \/firmware\/1\/to: "8\.01" is no firmware version/),
    ]);
  });

  test('is refused without the levels of warnings: nobody would hear of anything', () => {
    rmSync(path('warnings.yaml'));
    expect(faultsOf(directory)).toMatch(
      /^warnings\.yaml: cannot be read: ENOENT \(accepted: .*policies\/warnings\.yaml/,
    );
  });

  test.each([
    ['an unknown key', 'grace: 30m', 'grace: 30m\n  colour: red', /\/renewalMissed: unknown key "colour"/],
    ['a missing key', /^crl: .*$/m, '', /\/: "crl" is missing \(accepted: .*a duration\)/],
    ['a duration in weeks', 'grace: 30m', 'grace: 1w', /\/renewalMissed\/grace: "1w" .*90s, 15m, 12h, 30d\)/],
    ['a duration without a unit', 'grace: 30m', 'grace: 30', /\/renewalMissed\/grace: 30 must be string/],
    ['a share of everything', 'graceShare: 0.02', 'graceShare: 1', /\/renewalMissed\/graceShare: 1 must be < 1/],
    [
      'a critical level before the warning',
      'spireBundle: { warning: 12h, critical: 6h }',
      'spireBundle: { warning: 6h, critical: 12h }',
      /\/spireBundle: has its levels in the wrong order \(accepted: critical nearer to the end/,
    ],
    [
      'a critical level that comes sooner than the warning',
      '{ warning: 2d, critical: 14d }',
      '{ warning: 2d, critical: 1d }',
      /\/trustOutdated: .*\(accepted: critical later than warning\)/,
    ],
    [
      'a rule that is never reached',
      'lifetimeUpTo: 8d, warning: 2d',
      'lifetimeUpTo: 24h, warning: 2d',
      /\/expiry\/absolute\/1: is never reached \(accepted: the shorter lifetimes first\)/,
    ],
    [
      'a profile that is none',
      'profiles: {}',
      'profiles: { devidd: { warning: 45d, critical: 15d } }',
      /\/expiry\/profiles\/devidd: is no profile \(accepted: devid, /,
    ],
  ])('is refused for levels of warnings with %s', (_what, from, to, message) => {
    edit('warnings.yaml', (t) => t.replace(from, to));
    expect(faultsOf(directory)).toMatch(/^warnings\.yaml: /);
    expect(faultsOf(directory)).toMatch(message);
  });

  test('is refused for an intermediate among the roots and a root among the intermediates', () => {
    const move = (file: string, from: string, to: string) => {
      renameSync(path(from, file), path(to, file));
      const entry = new RegExp(`  - file: ${file}\n(?:    .*\n)+`);
      const found = entry.exec(readFileSync(path(from, 'manifest.yaml'), 'utf8'))![0];
      edit(join(from, 'manifest.yaml'), (t) => t.replace(found, ''));
      appendFileSync(path(to, 'manifest.yaml'), found);
    };
    move('stm-tpm-ek-root-ca.pem', 'ek-intermediates', 'ek-roots');
    move('intel-tpm-ek-root.pem', 'ek-roots', 'ek-intermediates');
    expect(faultsOf(directory).split('\n')).toEqual([
      expect.stringMatching(/^ek-roots\/stm-tpm-ek-root-ca\.pem: is not self-signed/),
      expect.stringMatching(/^ek-intermediates\/intel-tpm-ek-root\.pem: is self-signed/),
    ]);
  });

  test('is refused for a file of two certificates and for DER with octets after it', () => {
    const pem = readFileSync(path('ek-roots/intel-tpm-ek-root.pem'), 'utf8');
    writeFileSync(path('ek-roots/intel-tpm-ek-root.pem'), pem + pem);
    const der = Buffer.concat([
      new X509Certificate(readFileSync(path('ek-roots/nationz-tpm-root-ca.pem'))).raw,
      Buffer.of(0),
    ]);
    writeFileSync(path('ek-roots/nationz-tpm-root-ca.pem'), der);
    expect(faultsOf(directory).match(/is not exactly one X\.509 certificate/g)).toHaveLength(2);
  });

  test('takes one more root in DER once its entry is appended to the manifest', () => {
    const file = 'nationz-tpm-root-ca.pem';
    writeFileSync(path('ek-roots/more.cer'), new X509Certificate(readFileSync(path('ek-roots', file))).raw);
    const digest = /nationz[^\n]*\n    sha256: ([0-9a-f]+)/.exec(
      readFileSync(path('ek-roots/manifest.yaml'), 'utf8'),
    )![1]!;
    appendFileSync(
      path('ek-roots/manifest.yaml'),
      `  - file: more.cer\n    sha256: ${digest}\n    subject: CN=More\n    origin: a test\n    note: none\n`,
    );
    const count = readdirSync(path('ek-roots')).length - 1;
    expect(load(directory).endorsementRoots).toHaveLength(count);
  });
});
