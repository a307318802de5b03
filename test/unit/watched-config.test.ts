// Sections probes and keylime of omens.yaml: defaults of each kind, paths beside the file, and what is refused by name.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { faultLines } from '../../src/checked-yaml.ts';
import { loadConfig } from '../../src/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'omens-watched-'));
afterAll(() => rmSync(directory, { recursive: true }));

function load(text: string) {
  const file = join(directory, 'omens.yaml');
  writeFileSync(file, text);
  return loadConfig({ file, env: {}, uid: 0 });
}
const faults = (text: string): string => {
  const read = load(text);
  return read.ok ? '' : faultLines(read.error);
};
const endpoints = (...items: readonly string[]): string =>
  `probes:\n  endpoints:\n${items.map((item) => `    - ${item}\n`).join('')}`;

describe('an endpoint', () => {
  test('has the usual path and demand of its kind, the estate for its trust, and its host for a name', () => {
    const read = load(endpoints('{ name: agent-1, kind: keylime-agent, address: "Host1.example.org:9002" }'));
    expect(read.ok && read.value.probes.endpoints).toEqual([
      {
        ...{ name: 'agent-1', kind: 'keylime-agent', host: 'host1.example.org', port: 9002, path: '/version' },
        ...{ serverName: 'host1.example.org', expects: null, trust: { kind: 'domain', domain: 'estate' } },
        ...{ clientAuth: 'demanded', clientCertificate: null, triesThrowaway: true, wrongCertificate: null },
      },
    ]);
  });

  test('names its files beside the configuration, and the lineage that belongs there', () => {
    const read = load(
      endpoints(
        '{ name: v, kind: keylime-verifier, address: "[fd00::1]:8881", serverName: verifier.example.org, trust: { caFile: ca.pem }, expects: { host: h.example.org, profile: keylime-server }, wrongClientCertificate: { certificateFile: s.crt, keyFile: s.key } }',
      ),
    );
    expect(read.ok && read.value.probes.endpoints[0]).toMatchObject({
      ...{ host: 'fd00::1', port: 8881, serverName: 'verifier.example.org', clientAuth: 'optional' },
      trust: { kind: 'file', path: join(directory, 'ca.pem') },
      expects: { kind: 'lineage', hostName: 'h.example.org', profile: 'keylime-server', place: null },
      wrongCertificate: { certificateFile: join(directory, 's.crt'), keyFile: join(directory, 's.key') },
    });
  });

  test('shows no certificate that must be refused where it is told not to, or where none is asked for', () => {
    const read = load(
      endpoints(
        '{ name: a, kind: nginx, address: "a:443" }',
        '{ name: b, kind: openbao, address: "a:8200", clientAuth: optional, wrongClientCertificate: false }',
      ),
    );
    expect(read.ok && read.value.probes.endpoints.map((one) => one.triesThrowaway)).toEqual([false, false]);
  });

  test.each([
    [
      'a URL for an address',
      '{ name: a, kind: tls, address: "https://a:1" }',
      /"https:\/\/a:1" is no address and port/,
    ],
    ['port 0', '{ name: a, kind: tls, address: "a:0" }', /\/probes\/endpoints\/0: "a:0"/],
    ['a kind that nobody knows', '{ name: a, kind: ftp, address: "a:1" }', /accepted: tls, nginx, openbao/],
    ['an unknown key', '{ name: a, kind: tls, address: "a:1", url: b }', /unknown key "url"/],
    ['a name in capitals', '{ name: A, kind: tls, address: "a:1" }', /must match pattern/],
  ])('is refused with %s', (_what, item, message) => {
    expect(faults(endpoints(item))).toMatch(message);
  });

  test('is refused when its name is another one’s', () => {
    const one = '{ name: a, kind: tls, address: "a:1" }';
    expect(faults(endpoints(one, one))).toMatch(/endpoints\/1\/name: the name a is there twice/);
  });
});

describe('Keylime', () => {
  const files = 'certificateFile: m.crt, keyFile: m.key, caFile: ca.pem';

  test('is asked every minute, with the gate open', () => {
    const read = load(`keylime: { ${files}, verifierUrl: "https://verifier.example.org:8881/" }\n`);
    expect(read.ok && read.value.keylime).toEqual({
      ...{ registrarUrl: null, verifierUrl: 'https://verifier.example.org:8881', apiVersion: '2.6', everySeconds: 60 },
      certificateFile: join(directory, 'm.crt'),
      keyFile: join(directory, 'm.key'),
      caFile: join(directory, 'ca.pem'),
      gate: { isEnabled: false, failingForSeconds: 900, passingForSeconds: 300, mostHeld: { hosts: 5 } },
    });
  });

  test('may hold a share of its hosts', () => {
    const read = load(`keylime: { ${files}, verifierUrl: "https://v:1", gate: { enabled: true, mostHeld: 10% } }\n`);
    expect(read.ok && read.value.keylime?.gate).toMatchObject({ isEnabled: true, mostHeld: { percent: 10 } });
  });

  test.each([
    ['neither registrar nor verifier', `keylime: { ${files} }\n`, /names neither registrar nor verifier/],
    ['plain HTTP', `keylime: { ${files}, registrarUrl: "http://r:8890" }\n`, /\/keylime\/registrarUrl/],
    ['a path in the URL', `keylime: { ${files}, verifierUrl: "https://v:1/v2.6" }\n`, /\/keylime\/verifierUrl/],
    [
      'a gate without a verifier',
      `keylime: { ${files}, registrarUrl: "https://r:1", gate: { enabled: true } }\n`,
      /gate/,
    ],
    ['no certificate', 'keylime: { verifierUrl: "https://v:1" }\n', /"certificateFile" is missing/],
    ['101 percent', `keylime: { ${files}, verifierUrl: "https://v:1", gate: { mostHeld: 101% } }\n`, /mostHeld/],
  ])('is refused with %s', (_what, text, message) => {
    expect(faults(text)).toMatch(message);
  });
});
