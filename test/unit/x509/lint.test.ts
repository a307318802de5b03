import { describe, expect, test } from '@jest/globals';
import type { Plan } from '../../../src/domain/plan.ts';
import { parseSerialNumber } from '../../../src/domain/serial.ts';
import * as der from '../../../src/x509/der-writer.ts';
import { commonNameDer } from '../../../src/x509/distinguished-name.ts';
import * as extensions from '../../../src/x509/extensions.ts';
import { generalNamesDer, uriNameDer } from '../../../src/x509/general-names.ts';
import { rules } from '../../../src/x509/lint-rules.ts';
import { lintCertificate, type LintExpectation } from '../../../src/x509/lint.ts';
import { oids } from '../../../src/x509/oids.ts';
import { algorithmIdentifierDer } from '../../../src/x509/signature-algorithm.ts';
import { keyIdentifierOf } from '../../../src/x509/subject-public-key.ts';
import { ca, day, devidPlan, handmade, issued, p256, rsa, serverPlan, spkiOf, start } from './authority.ts';

const root = ca('Test Root');
const issuer = ca('Test Issuing CA', { issuer: root });
const control = ca('Test Control CA', { domain: 'keylime-control' });
const plan = devidPlan();
const expected: LintExpectation = { plan, issuer };

const reasonsOf = (octets: Uint8Array, over: Partial<LintExpectation> = {}): readonly string[] =>
  lintCertificate(octets, { ...expected, ...over }).map(({ reason }) => reason);

/** The extensions of the DevID plan, each replaceable by another or by none. */
function extensionsWith(over: Readonly<Record<string, Uint8Array | null>> = {}): readonly Uint8Array[] {
  const all: Readonly<Record<string, Uint8Array | null>> = {
    aki: extensions.authorityKeyIdentifier(issuer.keyIdentifier),
    ski: extensions.subjectKeyIdentifier(keyIdentifierOf(plan.subjectPublicKeyInfo)),
    bc: extensions.endEntityConstraints,
    ku: extensions.keyUsage(['digitalSignature']),
    eku: extensions.extendedKeyUsage([oids.verifiedTpmFixed]),
    san: extensions.subjectAltName(generalNamesDer(plan.names, plan.hardwareSerial)!),
    policies: extensions.certificatePolicies([oids.verifiedTpmResidency, oids.verifiedTpmFixed]),
    aia: extensions.authorityInformationAccess(plan.issuerUrl!),
    cdp: extensions.crlDistributionPoints(plan.crlUrl!),
    ...over,
  };
  return Object.values(all).filter((extension) => extension !== null);
}
const withExtensions = (over: Readonly<Record<string, Uint8Array | null>>): Uint8Array =>
  handmade({ issuer, extensions: extensionsWith(over) });

describe('no finding in', () => {
  test('a DevID made by hand, extension by extension', () => {
    expect(reasonsOf(withExtensions({}))).toEqual([]);
  });

  test('a server certificate and a control client', () => {
    const server = serverPlan();
    expect(reasonsOf(issued(server, issuer), { plan: server })).toEqual([]);
    const client = devidPlan({ domain: 'keylime-control', extendedKeyUsage: ['clientAuth'], hardwareSerial: null });
    expect(reasonsOf(issued(client, control), { plan: client, issuer: control })).toEqual([]);
  });
});

const short = parseSerialNumber('0badc0de');
const shortSerial = short.ok ? der.unsignedInteger(Buffer.from(short.value, 'hex')) : new Uint8Array();
const gentime = (year: number): Uint8Array => der.element(0x18, der.ascii(`${year}1101000000Z`));
const names = (...list: readonly Uint8Array[]): Uint8Array => extensions.subjectAltName(der.sequence(...list));
const dns = (name: string): Uint8Array => der.taggedPrimitive(2, der.ascii(name));
const moduleName = generalNamesDer({ dnsNames: [], ipAddresses: [], uris: [] }, plan.hardwareSerial)!.subarray(2);
const noSerial = devidPlan({ hardwareSerial: null });
const noSerialDer = issued(noSerial, issuer);
const https = 'https://ca.example.lan/x';

type Case = readonly [rule: string, what: string, octets: Uint8Array, over?: Partial<LintExpectation>];
const cases: readonly Case[] = [
  ['serialNumber', 'of 28 bits', handmade({ issuer, extensions: extensionsWith(), serialNumber: shortSerial })],
  [
    'signatureAlgorithm',
    'with SHA-384',
    handmade({
      issuer,
      extensions: extensionsWith(),
      algorithm: algorithmIdentifierDer('ecdsaWithSHA384'),
      hash: 'sha384',
    }),
  ],
  [
    'issuerName',
    'of another CA',
    handmade({ issuer, extensions: extensionsWith(), issuerName: commonNameDer('Test Root') }),
  ],
  [
    'issuerName',
    'in another string type',
    handmade({
      issuer,
      extensions: extensionsWith(),
      issuerName: der.sequence(
        der.setOf(der.sequence(der.objectIdentifier(oids.commonName), der.element(0x13, der.ascii('Test Issuing CA')))),
      ),
    }),
  ],
  ['validity', 'a second longer', issued(devidPlan({ notAfter: new Date(start + 90 * day) }), issuer)],
  [
    'validityEncoding',
    'as GeneralizedTime before 2050',
    handmade({ issuer, extensions: extensionsWith(), validity: der.sequence(gentime(2026), der.time(plan.notAfter)) }),
  ],
  [
    'withinIssuer',
    'longer than the issuer',
    issued(plan, issuer),
    { issuer: { ...issuer, notAfter: new Date(start + day) } },
  ],
  [
    'withinIssuer',
    'earlier than the issuer',
    issued(plan, issuer),
    { issuer: { ...issuer, notBefore: new Date(start + day) } },
  ],
  ['subject', 'another name', handmade({ issuer, extensions: extensionsWith(), subject: commonNameDer('other') })],
  ['subject', 'empty', handmade({ issuer, extensions: extensionsWith(), subject: der.sequence() })],
  [
    'subject',
    'two attributes',
    handmade({
      issuer,
      extensions: extensionsWith(),
      subject: der.sequence(commonNameDer(plan.commonName).subarray(2), commonNameDer('b').subarray(2)),
    }),
  ],
  [
    'subjectPublicKey',
    'another key',
    handmade({ issuer, extensions: extensionsWith(), spki: spkiOf(p256().publicKey) }),
  ],
  ['authorityKeyIdentifier', 'absent', withExtensions({ aki: null })],
  [
    'authorityKeyIdentifier',
    'of another CA',
    withExtensions({ aki: extensions.authorityKeyIdentifier(root.keyIdentifier) }),
  ],
  ['subjectKeyIdentifier', 'absent', withExtensions({ ski: null })],
  [
    'subjectKeyIdentifier',
    'of another key',
    withExtensions({ ski: extensions.subjectKeyIdentifier(root.keyIdentifier) }),
  ],
  ['basicConstraints', 'absent', withExtensions({ bc: null })],
  ['basicConstraints', 'of a CA', withExtensions({ bc: extensions.caConstraints(null) })],
  ['keyUsage', 'absent', withExtensions({ ku: null })],
  ['keyUsage', 'keyCertSign', withExtensions({ ku: extensions.keyUsage(['digitalSignature', 'keyCertSign']) })],
  [
    'keyUsageFitsKey',
    'keyEncipherment of an EC key',
    issued(devidPlan({ keyUsage: ['keyEncipherment'] }), issuer),
    { plan: devidPlan({ keyUsage: ['keyEncipherment'] }) },
  ],
  ['extendedKeyUsage', 'another', withExtensions({ eku: extensions.extendedKeyUsage([oids.serverAuth]) })],
  ['onePurpose', 'none', withExtensions({ eku: null })],
  ['onePurpose', 'two', withExtensions({ eku: extensions.extendedKeyUsage([oids.verifiedTpmFixed, oids.serverAuth]) })],
  ['trustDomain', 'clientAuth in the estate', withExtensions({ eku: extensions.extendedKeyUsage([oids.clientAuth]) })],
  ['trustDomain', 'any purpose', withExtensions({ eku: extensions.extendedKeyUsage([oids.anyExtendedKeyUsage]) })],
  ['trustDomain', 'no purpose', withExtensions({ eku: null })],
  [
    'trustDomain',
    'serverAuth in keylime-control',
    issued(serverPlan({ domain: 'keylime-control' }), control),
    { plan: serverPlan({ domain: 'keylime-control' }), issuer: control },
  ],
  ['trustDomain', 'a plan for the other domain', issued(plan, control), { issuer: control }],
  ['subjectAltName', 'absent', withExtensions({ san: null })],
  [
    'subjectAltName',
    'one more',
    withExtensions({ san: names(moduleName, dns('tower.example.lan'), dns('evil.example.lan')) }),
  ],
  ['subjectAltName', 'one less', withExtensions({ san: names(moduleName) })],
  [
    'subjectAltName',
    'of another kind',
    withExtensions({ san: names(moduleName, dns('tower.example.lan'), der.taggedPrimitive(1, der.ascii('a@b'))) }),
  ],
  [
    'subjectAltName',
    'the same text as URI',
    withExtensions({ san: names(moduleName, uriNameDer('tower.example.lan')) }),
  ],
  ['hardwareModuleName', 'absent', noSerialDer],
  ['hardwareModuleName', 'not first', withExtensions({ san: names(dns('tower.example.lan'), moduleName) })],
  ['hardwareModuleName', 'unplanned', issued(plan, issuer), { plan: noSerial }],
  ['hardwareModuleName', 'of another TPM', issued(plan, issuer), { plan: devidPlan({ hardwareSerial: 'X:Y:Z' }) }],
  ['hardwareModuleName', 'twice', withExtensions({ san: names(moduleName, moduleName, dns('tower.example.lan')) })],
  ['certificatePolicies', 'absent', withExtensions({ policies: null })],
  [
    'certificatePolicies',
    'one more',
    withExtensions({
      policies: extensions.certificatePolicies([
        oids.verifiedTpmResidency,
        oids.verifiedTpmFixed,
        oids.verifiedTpmRestricted,
      ]),
    }),
  ],
  ['authorityInformationAccess', 'absent', withExtensions({ aia: null })],
  [
    'authorityInformationAccess',
    'https',
    issued(devidPlan({ issuerUrl: https }), issuer),
    { plan: devidPlan({ issuerUrl: https }) },
  ],
  ['crlDistributionPoints', 'absent', withExtensions({ cdp: null })],
  [
    'crlDistributionPoints',
    'https',
    issued(devidPlan({ crlUrl: https }), issuer),
    { plan: devidPlan({ crlUrl: https }) },
  ],
  [
    'criticality',
    'a keyUsage that is not critical',
    withExtensions({ ku: extensions.extension(oids.keyUsage, 'nonCritical', der.namedBits([0])) }),
  ],
  [
    'criticality',
    'a critical subjectAltName',
    withExtensions({
      san: extensions.extension(oids.subjectAltName, 'critical', generalNamesDer(plan.names, plan.hardwareSerial)!),
    }),
  ],
  [
    'unknownExtension',
    'of any kind',
    withExtensions({ other: extensions.extension('1.2.3', 'nonCritical', der.nullValue) }),
  ],
  ['pemCharacters', 'above the limit', issued(plan, issuer), { plan: devidPlan({ maxPemCharacters: 500 }) }],
  ['unreadable', 'a duplicate extension', withExtensions({ again: extensions.endEntityConstraints })],
  ['unreadable', 'octets behind it', Uint8Array.of(...issued(plan, issuer), 0)],
];

describe('lint finds', () => {
  test.each(cases)('%s: %s', (rule, _, octets, ...[over]) => {
    expect(reasonsOf(octets, over)).toContain(rule);
  });

  test('with every rule, somewhere in this list', () => {
    const shown = new Set<string>(cases.map(([rule]) => rule));
    expect(rules.map(([name]) => name).filter((name) => !shown.has(name))).toEqual([]);
  });
});

test('a Keylime agent certificate from an RSA-4096 issuer with every name stays below 2048 characters', () => {
  const agent: Plan = serverPlan({ subjectPublicKeyInfo: spkiOf(p256().publicKey), maxPemCharacters: 2047 });
  const unsigned = issued(agent, issuer).length;
  const rsaIssuer = ca('Book of Omens', { keys: rsa() });
  const signature4096 = issued(agent, rsaIssuer).length + 256;
  expect(signature4096).toBeGreaterThan(unsigned);
  expect(Math.ceil(signature4096 / 3) * 4 * (65 / 64) + 60).toBeLessThan(2048);
});
