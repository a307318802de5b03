import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import * as der from '../../../src/x509/der-writer.ts';
import { commonNameDer } from '../../../src/x509/distinguished-name.ts';
import { readEndorsementCertificate } from '../../../src/x509/endorsement-certificate.ts';
import { loadEndorsementPolicy, verifyEndorsementChain } from '../../../src/x509/endorsement-chain.ts';
import * as extensions from '../../../src/x509/extensions.ts';
import { oids } from '../../../src/x509/oids.ts';
import { decodePem } from '../../../src/x509/pem.ts';
import { ca, day, handmade, p256, rsa, spkiOf, start, type Ca } from './authority.ts';

const fixture = (name: string) => readFileSync(new URL(`../../../certs-test/fixtures/ek/${name}`, import.meta.url));
const pemFixture = (name: string): Uint8Array => {
  const blocks = decodePem(fixture(name).toString(), { labels: ['CERTIFICATE'], maxCharacters: 9999, maxBlocks: 1 });
  if (!blocks.ok) throw new Error(blocks.error.detail);
  return blocks.value[0]!.der;
};

const swtpmRsa = new Uint8Array(fixture('swtpm-rsa2048.der'));
const swtpmP384 = new Uint8Array(fixture('swtpm-p384.der'));
const now = new Date(start + day);
const swtpmTime = new Date(Date.UTC(2026, 11, 1));

const vendorRoot = ca('Vendor EK Root', { pathLength: null });
const vendor = ca('Vendor EK CA', { issuer: vendorRoot, extendedKeyUsage: [] });
const ekKeys = rsa();
const rsaVendor = ca('RSA Vendor CA', { issuer: vendorRoot, keys: rsa() });

const pair = (type: string, value: string): Uint8Array =>
  der.sequence(der.objectIdentifier(type), der.utf8String(value));
const tpmName = (manufacturer: string): Uint8Array =>
  der.tagged(
    4,
    der.sequence(
      ...[
        pair(oids.tpmManufacturer, manufacturer),
        pair(oids.tpmModel, 'SLB9670'),
        pair(oids.tpmVersion, 'id:00070055'),
      ].map((attribute) => der.setOf(attribute)),
    ),
  );
const unsorted = (manufacturer: string): Uint8Array =>
  der.tagged(
    4,
    der.sequence(der.element(0x31, pair(oids.tpmManufacturer, manufacturer), pair(oids.tpmModel, 'NPCT75x'))),
  );
const san = (...names: readonly Uint8Array[]): Uint8Array =>
  extensions.extension(oids.subjectAltName, 'critical', der.sequence(...names));
const nonMinimalSerial = Uint8Array.of(2, 4, 0, 0, 0x12, 0x34);

/** An EK certificate of the ordinary kind, each part replaceable. */
function ek(
  over: Readonly<Record<string, Uint8Array | null>> = {},
  parts: Partial<Parameters<typeof handmade>[0]> = {},
): Uint8Array {
  const issuer = parts.issuer ?? vendor;
  const all: Readonly<Record<string, Uint8Array | null>> = {
    aki: extensions.authorityKeyIdentifier(issuer.keyIdentifier),
    bc: extensions.endEntityConstraints,
    ku: extensions.keyUsage(['keyEncipherment']),
    eku: extensions.extendedKeyUsage([oids.ekCertificate]),
    san: san(tpmName('id:49465800')),
    ...over,
  };
  const list = Object.values(all).filter((extension) => extension !== null);
  return handmade({
    issuer,
    spki: spkiOf(ekKeys.publicKey),
    subject: der.sequence(),
    serialNumber: der.smallInteger(0xab12),
    extensions: list,
    ...parts,
  });
}

const policyOf = (roots: readonly Uint8Array[], intermediates: readonly Uint8Array[] = []) => {
  const file = (octets: Uint8Array) => ({ file: 'x.pem', der: octets });
  const policy = loadEndorsementPolicy({ roots: roots.map(file), intermediates: intermediates.map(file) });
  if (!policy.ok) throw new Error(JSON.stringify(policy.error));
  return policy.value;
};
const chainOf = (octets: Uint8Array, over: Partial<Parameters<typeof verifyEndorsementChain>[0]> = {}) => {
  const read = readEndorsementCertificate(octets);
  if (!read.ok) throw new Error(read.error.detail);
  const base = { supplied: [vendor.der], policy: policyOf([vendorRoot.der]), now, validity: 'enforced' } as const;
  return verifyEndorsementChain({ certificate: read.value.certificate, ...base, ...over });
};

describe('an EK certificate', () => {
  test('of a software TPM is read with its critical subjectAltName', () => {
    const read = readEndorsementCertificate(swtpmRsa);
    expect(read).toMatchObject({
      ok: true,
      value: {
        manufacturer: '00001014',
        model: 'swtpm',
        version: 'id:20191023',
        key: { keyType: 'rsa-2048' },
        quirk: null,
      },
    });
    expect(read.ok && read.value.hardwareSerial).toMatch(/^00001014:[0-9A-F]{40}:02$/);
    expect(readEndorsementCertificate(swtpmP384)).toMatchObject({ ok: true, value: { key: { keyType: 'ec-p384' } } });
  });

  test('names its TPM in upper-case hex', () => {
    const aki = Buffer.from(vendor.keyIdentifier).toString('hex').toUpperCase();
    expect(readEndorsementCertificate(ek())).toMatchObject({
      ok: true,
      value: { hardwareSerial: `49465800:${aki}:AB12` },
    });
    expect(readEndorsementCertificate(ek({ aki: null }))).toMatchObject({ ok: true, value: { hardwareSerial: null } });
  });

  test.each([
    ['zeros', (octets: Uint8Array) => Uint8Array.of(...octets, ...new Uint8Array(300))],
    ['FF', (octets: Uint8Array) => Uint8Array.of(...octets, ...new Uint8Array(300).fill(0xff))],
    [
      'a PC Client header',
      (octets: Uint8Array) => Uint8Array.of(0x10, 1, 0, octets.length >> 8, octets.length, ...octets),
    ],
    [
      'a PC Client header with its tag',
      (octets: Uint8Array) =>
        Uint8Array.of(0x10, 1, 0, (octets.length + 2) >> 8, octets.length + 2, 0x10, 2, ...octets, 0xff),
    ],
  ])('is freed from %s', (_, wrap) => {
    const bare = readEndorsementCertificate(ek());
    const wrapped = readEndorsementCertificate(wrap(bare.ok ? bare.value.certificate.der : new Uint8Array()));
    expect(wrapped.ok && wrapped.value.fingerprint).toBe(bare.ok && bare.value.fingerprint);
  });

  test.each([
    [
      'STMicroelectronics with a non-minimal serial number',
      'nonMinimalSerial',
      ek({ san: san(tpmName('id:53544D20')) }, { serialNumber: nonMinimalSerial }),
    ],
    ['Nuvoton with unsorted attributes', 'unsortedSet', ek({ san: san(unsorted('id:4E544300')) })],
  ])('of %s is read under the name of the quirk', (_, quirk, octets) => {
    expect(readEndorsementCertificate(octets)).toMatchObject({ ok: true, value: { quirk } });
  });
});

describe('refused as EK certificate is', () => {
  const ku = extensions.keyUsage(['digitalSignature']);
  test.each([
    ['padding of two kinds', Uint8Array.of(...ek(), 0, 0xff), 'trailingOctets'],
    ['padding of another octet', Uint8Array.of(...ek(), 1, 1), 'trailingOctets'],
    ['a second certificate behind it', Uint8Array.of(...ek(), ...ek()), 'trailingOctets'],
    [
      'something behind what a PC Client header counts',
      Uint8Array.of(0x10, 1, 0, ek().length >> 8, ek().length, ...ek(), 1, 2),
      'trailingOctets',
    ],
    ['no octets', new Uint8Array(), 'malformedCertificate'],
    ['only padding', new Uint8Array(100).fill(0xff), 'malformedCertificate'],
    ["another vendor's non-minimal serial number", ek({}, { serialNumber: nonMinimalSerial }), 'quirkNotAllowed'],
    ["another vendor's unsorted attributes", ek({ san: san(unsorted('id:49465800')) }), 'quirkNotAllowed'],
    [
      'both quirks at once',
      ek({ san: san(unsorted('id:4E544300')) }, { serialNumber: nonMinimalSerial }),
      'malformedCertificate',
    ],
    ['no subjectAltName', ek({ san: null }), 'noTpmManufacturer'],
    ['a malformed manufacturer', ek({ san: san(tpmName('IFX')) }), 'noTpmManufacturer'],
    ['two manufacturers', ek({ san: san(tpmName('id:49465800'), tpmName('id:53544D20')) }), 'noTpmManufacturer'],
    ['a CA', ek({ bc: extensions.caConstraints(null) }), 'notEndEntity'],
    ['no purpose', ek({ eku: null }), 'notAnEkCertificate'],
    ['another purpose', ek({ eku: extensions.extendedKeyUsage([oids.serverAuth]) }), 'notAnEkCertificate'],
    ['no keyUsage', ek({ ku: null }), 'wrongKeyUsage'],
    ['keyUsage of a signing key', ek({ ku }), 'wrongKeyUsage'],
    ['keyUsage of the other key type', ek({}, { spki: spkiOf(p256().publicKey) }), 'wrongKeyUsage'],
    [
      'an unknown critical extension',
      ek({ x: extensions.extension('1.2.3', 'critical', der.nullValue) }),
      'unhandledCriticalExtension',
    ],
    [
      'a critical subjectAltName with a DNS name',
      ek({ san: san(tpmName('id:49465800'), der.taggedPrimitive(2, der.ascii('a.b'))) }),
      'unhandledCriticalExtension',
    ],
    [
      'a key of another kind',
      ek(
        {},
        { spki: der.sequence(der.sequence(der.objectIdentifier('1.3.101.110')), der.bitString(new Uint8Array(32))) },
      ),
      'keyTypeNotSupported',
    ],
  ])('%s', (_, octets, reason) => {
    expect(readEndorsementCertificate(octets)).toMatchObject({ ok: false, error: { reason } });
  });

  test('a modulus that the caller knows to be weak', () => {
    expect(readEndorsementCertificate(ek(), () => true)).toMatchObject({ ok: false, error: { reason: 'weakKey' } });
  });
});

describe('a chain is found', () => {
  test('from a software TPM to the root of its CA', () => {
    const policy = policyOf([pemFixture('swtpm-root.pem')], [pemFixture('swtpm-issuer.pem')]);
    for (const octets of [swtpmRsa, swtpmP384]) {
      const chain = chainOf(octets, { policy, supplied: [], now: swtpmTime });
      expect(chain.ok && chain.value.path).toHaveLength(3);
    }
  });

  test('with a supplied intermediate, and past one of the same name and another key', () => {
    const twin = ca('Vendor EK CA', { issuer: vendorRoot });
    expect(chainOf(ek(), { supplied: [twin.der, vendor.der] })).toMatchObject({
      ok: true,
      value: { path: [{}, {}, {}] },
    });
    expect(chainOf(ek({ aki: null }), { supplied: [twin.der, vendor.der] })).toMatchObject({ ok: true });
  });

  test('past what cannot be read among the supplied certificates', () => {
    const supplied = [new Uint8Array(5), new Uint8Array(40_000), vendor.der];
    expect(chainOf(ek(), { supplied })).toMatchObject({ ok: true, value: { path: [{}, {}, {}] } });
  });

  test('through a supplied intermediate that departs from DER as vendors do', () => {
    const keys = p256();
    const odd: Ca = { ...ca('Odd Vendor CA', { keys, issuer: vendorRoot }), keys };
    const octets = handmade({
      issuer: vendorRoot,
      subject: odd.nameDer,
      spki: spkiOf(keys.publicKey),
      serialNumber: nonMinimalSerial,
      extensions: [
        extensions.caConstraints(0),
        extensions.keyUsage(['keyCertSign']),
        extensions.subjectKeyIdentifier(odd.keyIdentifier),
      ],
    });
    expect(chainOf(ek({}, { issuer: odd }), { supplied: [octets] })).toMatchObject({ ok: true });
  });

  test('for an expired EK certificate only where validity is ignored', () => {
    const late = new Date(start + 1000 * day);
    expect(chainOf(ek(), { now: late })).toMatchObject({ ok: false, error: { reason: 'certificateExpired' } });
    expect(chainOf(ek(), { now: late, validity: 'ignored' })).toMatchObject({ ok: true });
  });
});

describe('no chain', () => {
  const under = (issuer: Ca): Uint8Array => ek({}, { issuer });
  const notCa = ca('Vendor EK CA', { issuer: vendorRoot });
  const leafAsCa: Ca = {
    ...notCa,
    der: handmade({
      issuer: vendorRoot,
      subject: commonNameDer('Vendor EK CA'),
      spki: spkiOf(notCa.publicKey),
      extensions: [extensions.endEntityConstraints, extensions.subjectKeyIdentifier(notCa.keyIdentifier)],
    }),
  };
  const caWith = (...list: readonly Uint8Array[]): Ca => ({
    ...notCa,
    der: handmade({
      issuer: vendorRoot,
      subject: commonNameDer('Vendor EK CA'),
      spki: spkiOf(notCa.publicKey),
      extensions: list,
    }),
  });
  const noCertSign = caWith(extensions.caConstraints(null), extensions.keyUsage(['cRLSign']));
  const constrained = caWith(
    extensions.caConstraints(null),
    extensions.extension(oids.nameConstraints, 'critical', der.sequence()),
  );
  const past = ca('Old CA', { issuer: vendorRoot, notAfter: new Date(start) });
  const future = ca('New CA', { issuer: vendorRoot, notBefore: new Date(start + 9 * day) });
  const low = ca('Low CA', { issuer: vendor });
  const weak = ca('Weak CA', { issuer: vendorRoot, keys: rsa(1024) });
  const foreignRoot = ca('Vendor EK Root');
  const forged = ca('Vendor EK CA', { issuer: foreignRoot });
  const sha1 = handmade({
    issuer: rsaVendor,
    spki: spkiOf(ekKeys.publicKey),
    extensions: [
      extensions.extendedKeyUsage([oids.ekCertificate]),
      extensions.keyUsage(['keyEncipherment']),
      san(tpmName('id:49465800')),
    ],
    algorithm: der.sequence(der.objectIdentifier('1.2.840.113549.1.1.5'), der.nullValue),
    hash: 'sha1',
  });

  test.each([
    ['without the intermediate', ek(), [], 'issuerUnknown'],
    ['through an intermediate of the right name and another key', under(forged), [forged.der], 'issuerUnknown'],
    ['with a forged signature', under({ ...vendor, keys: p256() }), [vendor.der], 'wrongSignature'],
    ['through an end entity', under(leafAsCa), [leafAsCa.der], 'issuerNotCa'],
    ['through a CA that may not sign certificates', under(noCertSign), [noCertSign.der], 'issuerKeyUsage'],
    [
      'through a CA with a critical extension that is not understood',
      under(constrained),
      [constrained.der],
      'unhandledCriticalExtension',
    ],
    ['through an expired CA', under(past), [past.der], 'certificateExpired'],
    ['through a CA of the future', under(future), [future.der], 'certificateNotYetValid'],
    ['through more CAs than allowed', under(low), [low.der, vendor.der], 'pathLengthExceeded'],
    ['through a CA with an RSA key of 1024 bits', under(weak), [weak.der], 'issuerKeyNotAccepted'],
    ['with SHA-1', sha1, [rsaVendor.der], 'signatureAlgorithmNotAccepted'],
    ['with eleven intermediates', ek(), Array.from({ length: 11 }, () => vendor.der), 'tooManyIntermediates'],
    ['with an intermediate that is no certificate', ek(), [new Uint8Array(5)], 'issuerUnknown'],
  ])('%s', (_, octets, supplied, reason) => {
    expect(chainOf(octets, { supplied })).toMatchObject({ ok: false, error: { reason } });
  });

  test('through more than eight certificates', () => {
    let issuer = ca('CA 0', { issuer: vendorRoot, pathLength: null });
    const supplied = [issuer.der];
    for (let i = 1; i < 9; i++) {
      issuer = ca(`CA ${i}`, { issuer, pathLength: null });
      supplied.push(issuer.der);
    }
    expect(chainOf(under(issuer), { supplied })).toMatchObject({ ok: false, error: { reason: 'pathTooLong' } });
  });

  test('in a web of CAs that certify each other, after a bounded search', () => {
    const keys = p256();
    const web = Array.from({ length: 10 }, (_, i) =>
      ca('Web', { keys, issuer: ca('Web', { keys }), pathLength: null, notAfter: new Date(start + (100 + i) * day) }),
    );
    expect(chainOf(under(web[0]!), { supplied: web.map((one) => one.der) })).toMatchObject({
      ok: false,
      error: { reason: expect.stringMatching(/searchTooLong|pathTooLong/) },
    });
  });
});

describe('a policy', () => {
  test.each([
    ['an intermediate among the roots', vendor.der, 'anchorNotSelfSigned'],
    ['an end entity', ek(), 'policyCertificateNotCa'],
    ['garbage', new Uint8Array(3), 'malformedPolicyCertificate'],
  ])('with %s is not loaded, and names the file', (_, octets, reason) => {
    const loaded = loadEndorsementPolicy({ roots: [{ file: 'bad.pem', der: octets }], intermediates: [] });
    expect(loaded).toMatchObject({ ok: false, error: [{ reason, field: 'bad.pem' }] });
  });

  test('does not take a self-issued certificate with a foreign signature for a root', () => {
    const keys = p256();
    const fake = ca('Vendor EK Root', { issuer: { ...vendorRoot, keys } });
    expect(loadEndorsementPolicy({ roots: [{ file: 'f', der: fake.der }], intermediates: [] }).ok).toBe(false);
  });
});
