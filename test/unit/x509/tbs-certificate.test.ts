import { describe, expect, test } from '@jest/globals';
import { issuingPurposes } from '../../../src/x509/ca-certificate.ts';
import { isSelfIssued, readCertificate, tbsOctets } from '../../../src/x509/certificate.ts';
import * as der from '../../../src/x509/der-writer.ts';
import { commonNameOf } from '../../../src/x509/distinguished-name.ts';
import * as extensions from '../../../src/x509/extensions.ts';
import { generalNamesDer, readHardwareModuleName } from '../../../src/x509/general-names.ts';
import { oids } from '../../../src/x509/oids.ts';
import { algorithmIdentifierDer } from '../../../src/x509/signature-algorithm.ts';
import { buildTbsCertificate } from '../../../src/x509/tbs-certificate.ts';
import { ca, devidPlan, handmade, issued, nextSerial, serverPlan } from './authority.ts';

const root = ca('Test Root');
const issuer = ca('Test Issuing CA', { issuer: root });
const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const none = { dnsNames: [], ipAddresses: [], uris: [] };

const certificateOf = (octets: Uint8Array) => {
  const result = readCertificate(octets);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
};

describe('a certificate of a plan', () => {
  test('is the same octets for the same plan and serial number', () => {
    const serialNumber = nextSerial();
    const by = {
      nameDer: issuer.nameDer,
      keyIdentifier: issuer.keyIdentifier,
      signatureAlgorithm: issuer.signer.algorithm,
    };
    const one = buildTbsCertificate(devidPlan(), { serialNumber, issuer: by });
    expect(hexOf(buildTbsCertificate(devidPlan(), { serialNumber, issuer: by }))).toBe(hexOf(one));
  });

  test('says the HardwareModuleName in the octets of RFC 4108 with an explicit tag', () => {
    const expected = '3027a02506082b06010505070804a019301706056781050102040e34393436353830303a61613a3031';
    expect(hexOf(generalNamesDer(none, '49465800:aa:01')!)).toBe(expected);
  });

  test('says both TCG policies', () => {
    const value = '3014300806066781050b0101300806066781050b0102';
    expect(hexOf(extensions.certificatePolicies([oids.verifiedTpmResidency, oids.verifiedTpmFixed]))).toContain(value);
  });

  test('reads back with every field in its place', () => {
    const serialNumber = nextSerial();
    const plan = serverPlan();
    const certificate = certificateOf(issued(plan, issuer, serialNumber));
    expect(certificate).toMatchObject({
      serialNumber,
      notBefore: plan.notBefore,
      notAfter: plan.notAfter,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [oids.serverAuth],
      basicConstraints: { isCa: false, pathLength: null },
      authorityInformationAccess: [{ method: oids.caIssuers, uri: plan.issuerUrl }],
      crlDistributionPoints: [plan.crlUrl],
      certificatePolicies: null,
      unknownExtensions: [],
    });
    expect(commonNameOf(certificate.subject)).toBe('tower.example.lan');
    expect(commonNameOf(certificate.issuer)).toBe('Test Issuing CA');
    expect(certificate.subjectAltName).toEqual([
      { kind: 'dNSName', value: 'tower.example.lan' },
      { kind: 'dNSName', value: 'agent.keylime.tower.example.lan' },
      { kind: 'iPAddress', value: '10.10.2.62' },
      { kind: 'iPAddress', value: '127.0.0.1' },
      { kind: 'iPAddress', value: '::1' },
      { kind: 'uniformResourceIdentifier', value: 'spiffe://example.lan/agent' },
    ]);
  });

  test('leaves out what the plan does not have', () => {
    const plan = devidPlan({
      names: none,
      hardwareSerial: null,
      issuerUrl: null,
      crlUrl: null,
      certificatePolicies: [],
    });
    expect(certificateOf(issued(plan, issuer))).toMatchObject({
      subjectAltName: null,
      authorityInformationAccess: null,
      crlDistributionPoints: null,
      certificatePolicies: null,
    });
  });

  test('holds its TBSCertificate octet for octet', () => {
    const octets = issued(devidPlan(), issuer);
    expect(hexOf(tbsOctets(octets)!)).toBe(hexOf(certificateOf(octets).tbs));
    expect(tbsOctets(octets.subarray(1))).toBeNull();
  });
});

describe('a CA certificate', () => {
  test('of a root is its own issuer and has no purposes', () => {
    const certificate = certificateOf(root.der);
    expect(isSelfIssued(certificate)).toBe(true);
    expect(certificate).toMatchObject({
      basicConstraints: { isCa: true, pathLength: 1 },
      keyUsage: ['keyCertSign', 'cRLSign'],
      extendedKeyUsage: null,
      certificatePolicies: null,
    });
    expect(certificate.authorityKeyIdentifier).toEqual(certificate.subjectKeyIdentifier);
  });

  test('of an issuing CA ends paths and cannot stand behind a TLS client of the estate', () => {
    expect(certificateOf(issuer.der)).toMatchObject({
      basicConstraints: { isCa: true, pathLength: 0 },
      extendedKeyUsage: issuingPurposes.estate,
    });
    expect(issuingPurposes.estate).not.toContain(oids.clientAuth);
    expect(issuingPurposes['keylime-control']).not.toContain(oids.serverAuth);
  });
});

describe('the reader refuses', () => {
  const good = [extensions.endEntityConstraints];
  const explicitFalse = der.sequence(
    der.objectIdentifier(oids.basicConstraints),
    Uint8Array.of(1, 1, 0),
    der.octetString(der.sequence()),
  );
  const bc = (content: Uint8Array): Uint8Array => extensions.extension(oids.basicConstraints, 'critical', content);
  const ku = (octets: readonly number[]): Uint8Array =>
    extensions.extension(oids.keyUsage, 'critical', Uint8Array.from([3, octets.length, ...octets]));
  test.each([
    ['version 1', handmade({ issuer, extensions: good, version: new Uint8Array() })],
    ['version 2', handmade({ issuer, extensions: good, version: der.tagged(0, der.smallInteger(1)) })],
    ['no extensions', handmade({ issuer, extensions: [] })],
    [
      'a unique identifier',
      handmade({ issuer, extensions: good, afterKey: [der.taggedPrimitive(1, Uint8Array.of(0, 1))] }),
    ],
    ['a serial number of zero', handmade({ issuer, extensions: good, serialNumber: Uint8Array.of(2, 1, 0) })],
    ['a negative serial number', handmade({ issuer, extensions: good, serialNumber: Uint8Array.of(2, 1, 0x80) })],
    ['a non-minimal serial number', handmade({ issuer, extensions: good, serialNumber: Uint8Array.of(2, 2, 0, 1) })],
    [
      'a serial number of 21 octets',
      handmade({ issuer, extensions: good, serialNumber: Uint8Array.of(2, 21, ...new Uint8Array(21).fill(1)) }),
    ],
    [
      'two different signature algorithms',
      handmade({ issuer, extensions: good, outerAlgorithm: algorithmIdentifierDer('ecdsaWithSHA384') }),
    ],
    ['criticality FALSE written out', handmade({ issuer, extensions: [explicitFalse] })],
    ['cA FALSE written out', handmade({ issuer, extensions: [bc(der.sequence(Uint8Array.of(1, 1, 0)))] })],
    ['octets behind an extension value', handmade({ issuer, extensions: [bc(Uint8Array.of(0x30, 0, 5, 0))] })],
    ['a keyUsage without a bit', handmade({ issuer, extensions: [ku([0])] })],
    ['a keyUsage with trailing zero bits', handmade({ issuer, extensions: [ku([0, 0x80])] })],
    ['a keyUsage beyond the nine bits', handmade({ issuer, extensions: [ku([6, 0x80, 0x40])] })],
    ['an empty subjectAltName', handmade({ issuer, extensions: [extensions.subjectAltName(der.sequence())] })],
    ['an empty extendedKeyUsage', handmade({ issuer, extensions: [extensions.extendedKeyUsage([])] })],
  ])('%s', (_, octets) => {
    expect(readCertificate(octets)).toMatchObject({ ok: false, error: { reason: 'malformedCertificate' } });
  });

  test('a certificate of more than 32 KiB before it parses it', () => {
    expect(readCertificate(new Uint8Array(32_769))).toMatchObject({
      ok: false,
      error: { reason: 'certificateTooLarge' },
    });
  });

  test('a HardwareModuleName with an implicit serial number', () => {
    const value = der.sequence(der.objectIdentifier(oids.tpm20), der.taggedPrimitive(0, Uint8Array.of(1)));
    expect(readHardwareModuleName(value)).toBeNull();
  });
});

test('every change of one octet is refused, or changes the signed octets or the signature', () => {
  const octets = issued(devidPlan(), issuer);
  const good = certificateOf(octets);
  for (let at = 0; at < octets.length; at++) {
    const bad = Uint8Array.from(octets);
    bad[at]! ^= 1 << (at % 8);
    const result = readCertificate(bad);
    if (!result.ok) continue;
    const isSame =
      hexOf(result.value.tbs) === hexOf(good.tbs) && hexOf(result.value.signature) === hexOf(good.signature);
    expect([at, isSame]).toEqual([at, false]);
  }
});
