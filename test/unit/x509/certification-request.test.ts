import { constants, sign, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { defaultRequestLimits, readCertificationRequest } from '../../../src/x509/certification-request.ts';
import * as der from '../../../src/x509/der-writer.ts';
import { commonNameDer } from '../../../src/x509/distinguished-name.ts';
import * as extensions from '../../../src/x509/extensions.ts';
import { generalNamesDer } from '../../../src/x509/general-names.ts';
import { oids } from '../../../src/x509/oids.ts';
import { algorithmIdentifierDer } from '../../../src/x509/signature-algorithm.ts';
import { readSubjectPublicKey } from '../../../src/x509/subject-public-key.ts';
import { p256, p384, rsa, spkiOf, type KeyPair } from './authority.ts';

const keys = p256();
const rsaKeys = rsa();
const p384Keys = p384();

const attribute = (type: string, ...values: readonly Uint8Array[]): Uint8Array =>
  der.sequence(der.objectIdentifier(type), der.setOf(...values));

const requested = (...list: readonly Uint8Array[]): Uint8Array =>
  attribute(oids.extensionRequest, der.sequence(...list));

const names = extensions.subjectAltName(
  generalNamesDer(
    { dnsNames: ['Tower.example.LAN'], ipAddresses: ['10.0.0.1', '::1'], uris: ['spiffe://a.b/c'] },
    null,
  )!,
);

type Parts = {
  readonly keys?: KeyPair;
  readonly version?: number;
  readonly subject?: Uint8Array;
  readonly spki?: Uint8Array;
  readonly attributes?: readonly Uint8Array[];
  readonly algorithm?: Uint8Array;
  readonly signWith?: KeyObject;
  readonly signature?: (info: Uint8Array) => Uint8Array;
  readonly behind?: Uint8Array;
};

/** A good request for a P-256 key; a test states only its difference. */
function request(parts: Parts = {}): Uint8Array {
  const pair = parts.keys ?? keys;
  const info = der.sequence(
    der.smallInteger(parts.version ?? 0),
    parts.subject ?? commonNameDer('tower.example.lan'),
    parts.spki ?? spkiOf(pair.publicKey),
    der.tagged(0, ...(parts.attributes ?? [requested(names)])),
  );
  const kind = pair.publicKey.asymmetricKeyType === 'rsa' ? 'sha256WithRSAEncryption' : 'ecdsaWithSHA256';
  const signature = parts.signature?.(info) ?? new Uint8Array(sign('sha256', info, parts.signWith ?? pair.privateKey));
  return der.sequence(
    info,
    parts.algorithm ?? algorithmIdentifierDer(kind),
    der.bitString(signature),
    ...(parts.behind === undefined ? [] : [parts.behind]),
  );
}

const p256Point = (): Uint8Array => spkiOf(keys.publicKey).subarray(26);
const ecSpki = (parameters: Uint8Array, point: Uint8Array): Uint8Array =>
  der.sequence(der.sequence(der.objectIdentifier(oids.idEcPublicKey), parameters), der.bitString(point));
const rsaSpki = (modulus: Uint8Array, exponent: Uint8Array, parameters = [der.nullValue]): Uint8Array =>
  der.sequence(
    der.sequence(der.objectIdentifier(oids.rsaEncryption), ...parameters),
    der.bitString(der.sequence(der.unsignedInteger(modulus), der.unsignedInteger(exponent))),
  );
const modulusOf = (key: KeyObject): Uint8Array =>
  new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).n!, 'base64url'));
const f4 = Uint8Array.of(1, 0, 1);
const swapped = (info: Uint8Array): Uint8Array => {
  const other = Uint8Array.from(info);
  other[other.length - 1]! ^= 1;
  return new Uint8Array(sign('sha256', other, keys.privateKey));
};
const sha1Rsa = der.sequence(der.objectIdentifier('1.2.840.113549.1.1.5'), der.nullValue);
const pss = der.sequence(der.objectIdentifier('1.2.840.113549.1.1.10'), der.sequence());

describe('a good request gives its key and its names', () => {
  test('for P-256, names normalized', () => {
    const result = readCertificationRequest(request());
    expect(result).toMatchObject({
      ok: true,
      value: {
        keyType: 'ec-p256',
        commonName: 'tower.example.lan',
        names: { dnsNames: ['tower.example.lan'], ipAddresses: ['10.0.0.1', '::1'], uris: ['spiffe://a.b/c'] },
        unsupportedNames: [],
      },
    });
    expect(result.ok && result.value.subjectPublicKeyInfo).toEqual(spkiOf(keys.publicKey));
    expect(result.ok && result.value.publicKey.equals(keys.publicKey)).toBe(true);
  });

  test.each([
    ['rsa-2048', rsaKeys],
    ['ec-p384', p384Keys],
  ])('for %s', (keyType, pair) => {
    expect(readCertificationRequest(request({ keys: pair }))).toMatchObject({ ok: true, value: { keyType } });
  });

  test.each([
    ['ecdsaWithSHA384', 'sha384', keys],
    ['sha384WithRSAEncryption', 'sha384', rsaKeys],
    ['sha512WithRSAEncryption', 'sha512', rsaKeys],
  ] as const)('signed with %s', (algorithm, hash, pair) => {
    const octets = request({
      keys: pair,
      algorithm: algorithmIdentifierDer(algorithm),
      signature: (info) => new Uint8Array(sign(hash, info, pair.privateKey)),
    });
    expect(readCertificationRequest(octets).ok).toBe(true);
  });

  test('without attributes, without commonName', () => {
    expect(readCertificationRequest(request({ attributes: [], subject: der.sequence() }))).toMatchObject({
      ok: true,
      value: { commonName: null, names: { dnsNames: [], ipAddresses: [], uris: [] } },
    });
  });

  test('and lists the kinds of names that are never certified', () => {
    const san = extensions.subjectAltName(
      der.sequence(
        der.taggedPrimitive(1, der.ascii('root@example.lan')),
        der.tagged(0, der.objectIdentifier('1.2.3'), der.tagged(0, der.nullValue)),
        der.tagged(4, commonNameDer('x')),
      ),
    );
    expect(readCertificationRequest(request({ attributes: [requested(san)] }))).toMatchObject({
      ok: true,
      value: { unsupportedNames: ['rfc822Name', 'otherName 1.2.3', 'directoryName'] },
    });
  });

  test('and ignores other requested extensions and attributes', () => {
    const attributes = [
      requested(extensions.caConstraints(null), names),
      attribute('1.2.840.113549.1.9.7', der.utf8String('x')),
    ];
    const result = readCertificationRequest(request({ attributes }));
    expect(result).toMatchObject({ ok: true, value: { names: { dnsNames: ['tower.example.lan'] } } });
  });
});

const compressed = Uint8Array.of(2, ...p256Point().subarray(1, 33));
const offCurve = Uint8Array.from(p256Point()).fill(1, 40);
const evenModulus = Uint8Array.from(modulusOf(rsaKeys.publicKey));
evenModulus[255]! &= 0xfe;
const curve = der.objectIdentifier(oids.secp256r1);
const unsupportedCurve = der.objectIdentifier('1.3.132.0.10');
const ipOfFive = extensions.subjectAltName(der.sequence(der.taggedPrimitive(7, new Uint8Array(5))));
const withNul = extensions.subjectAltName(der.sequence(der.taggedPrimitive(2, Uint8Array.of(0x61, 0, 0x62))));
const implicitOther = extensions.subjectAltName(
  der.sequence(der.tagged(0, der.objectIdentifier(oids.hardwareModuleName), der.octetString(f4))),
);
const many = extensions.subjectAltName(
  generalNamesDer({ dnsNames: Array.from({ length: 101 }, (_, i) => `h${i}.lan`), ipAddresses: [], uris: [] }, null)!,
);

test.each([
  ['rsa-3072', 384],
  ['rsa-4096', 512],
])('%s is a key type that is taken', (keyType, octets) => {
  const modulus = new Uint8Array(octets).fill(0xd5);
  expect(readSubjectPublicKey(rsaSpki(modulus, f4))).toMatchObject({ ok: true, value: { keyType } });
});

describe('refused by name is', () => {
  const hostile: readonly (readonly [string, Uint8Array, string])[] = [
    ['more than 16 KiB', new Uint8Array(16_385), 'requestTooLarge'],
    ['no octets', new Uint8Array(), 'malformedRequest'],
    ['an octet behind it', Uint8Array.of(...request(), 0), 'trailingOctets'],
    ['a second request behind it', Uint8Array.of(...request(), ...request()), 'trailingOctets'],
    ['a field behind the signature', request({ behind: der.nullValue }), 'malformedRequest'],
    ['a truncated request', request().subarray(0, -1), 'malformedRequest'],
    ['version 1', request({ version: 1 }), 'unsupportedVersion'],
    [
      'two commonNames',
      request({ subject: der.sequence(commonNameDer('a').subarray(2), commonNameDer('b').subarray(2)) }),
      'severalCommonNames',
    ],
    ['two extensionRequests', request({ attributes: [requested(names), requested(names)] }), 'duplicateAttribute'],
    [
      'an extensionRequest with two values',
      request({ attributes: [attribute(oids.extensionRequest, der.sequence(names), der.sequence(names, names))] }),
      'duplicateAttribute',
    ],
    ['an extension requested twice', request({ attributes: [requested(names, names)] }), 'duplicateAttribute'],
    ['an address of five octets', request({ attributes: [requested(ipOfFive)] }), 'malformedRequest'],
    ['a DNS name with a NUL', request({ attributes: [requested(withNul)] }), 'malformedRequest'],
    ['an otherName without explicit tag', request({ attributes: [requested(implicitOther)] }), 'malformedRequest'],
    ['101 names', request({ attributes: [requested(many)] }), 'tooManyNames'],
    [
      'attribute values that are not DER',
      request({ attributes: [attribute('1.2.3', Uint8Array.of(1, 1, 1))] }),
      'malformedRequest',
    ],
    [
      'P-521',
      request({ spki: ecSpki(der.objectIdentifier(oids.secp521r1), new Uint8Array(133)) }),
      'keyTypeNotSupported',
    ],
    ['secp256k1', request({ spki: ecSpki(unsupportedCurve, p256Point()) }), 'keyTypeNotSupported'],
    [
      'explicit curve parameters',
      request({ spki: ecSpki(der.sequence(der.smallInteger(1)), p256Point()) }),
      'keyTypeNotSupported',
    ],
    [
      'Ed25519',
      request({
        spki: der.sequence(der.sequence(der.objectIdentifier('1.3.101.112')), der.bitString(new Uint8Array(32))),
      }),
      'keyTypeNotSupported',
    ],
    ['a compressed point', request({ spki: ecSpki(curve, compressed) }), 'malformedKey'],
    ['a point that is not on the curve', request({ spki: ecSpki(curve, offCurve) }), 'malformedKey'],
    ['the point at infinity', request({ spki: ecSpki(curve, Uint8Array.of(0)) }), 'malformedKey'],
    ['RSA without parameters', request({ spki: rsaSpki(modulusOf(rsaKeys.publicKey), f4, []) }), 'malformedKey'],
    ['RSA-1024', request({ keys: rsa(1024) }), 'weakKey'],
    [
      'RSA-2056',
      request({ spki: rsaSpki(Uint8Array.of(0x81, ...modulusOf(rsaKeys.publicKey)), f4) }),
      'keyTypeNotSupported',
    ],
    [
      'RSA-2047',
      request({ spki: rsaSpki(Uint8Array.of(0x7f, ...modulusOf(rsaKeys.publicKey).subarray(1)), f4) }),
      'weakKey',
    ],
    ['exponent 3', request({ spki: rsaSpki(modulusOf(rsaKeys.publicKey), Uint8Array.of(3)) }), 'weakKey'],
    ['an even modulus', request({ spki: rsaSpki(evenModulus, f4) }), 'weakKey'],
    [
      'SHA-1',
      request({
        keys: rsaKeys,
        algorithm: sha1Rsa,
        signature: (info) => new Uint8Array(sign('sha1', info, rsaKeys.privateKey)),
      }),
      'unsupportedSignatureAlgorithm',
    ],
    [
      'RSASSA-PSS',
      request({
        keys: rsaKeys,
        algorithm: pss,
        signature: (info) =>
          new Uint8Array(sign('sha256', info, { key: rsaKeys.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING })),
      }),
      'unsupportedSignatureAlgorithm',
    ],
    [
      'ECDSA with parameters',
      request({ algorithm: der.sequence(der.objectIdentifier(oids.ecdsaWithSHA256), der.nullValue) }),
      'unsupportedSignatureAlgorithm',
    ],
    [
      'ECDSA with SHA-512',
      request({
        algorithm: algorithmIdentifierDer('ecdsaWithSHA512'),
        signature: (info) => new Uint8Array(sign('sha512', info, keys.privateKey)),
      }),
      'unsupportedSignatureAlgorithm',
    ],
    [
      'an algorithm for another kind of key',
      request({ algorithm: algorithmIdentifierDer('sha256WithRSAEncryption') }),
      'wrongSignature',
    ],
    ['a signature by another key', request({ signWith: p256().privateKey }), 'wrongSignature'],
    ['a signature over other octets', request({ signature: swapped }), 'wrongSignature'],
    ['an empty signature', request({ signature: () => new Uint8Array() }), 'wrongSignature'],
    [
      'a signature with octets behind it',
      request({ signature: (info) => Uint8Array.of(...sign('sha256', info, keys.privateKey), 0) }),
      'wrongSignature',
    ],
    [
      'a raw r‖s signature',
      request({
        signature: (info) => new Uint8Array(sign('sha256', info, { key: keys.privateKey, dsaEncoding: 'ieee-p1363' })),
      }),
      'wrongSignature',
    ],
  ];
  test.each(hostile)('%s', (_, octets, reason) => {
    expect(readCertificationRequest(octets)).toMatchObject({ ok: false, error: { reason } });
  });

  test('a modulus that the caller knows to be weak', () => {
    const seen: number[] = [];
    const isWeakModulus = (modulus: Uint8Array): boolean => seen.push(modulus.length) > 0;
    expect(
      readCertificationRequest(request({ keys: rsaKeys }), { ...defaultRequestLimits, isWeakModulus }),
    ).toMatchObject({
      ok: false,
      error: { reason: 'weakKey' },
    });
    expect(seen).toEqual([256]);
  });
});

test('every change of one octet is refused', () => {
  const good = request();
  for (let at = 0; at < good.length; at++) {
    const bad = Uint8Array.from(good);
    bad[at]! ^= 1 << (at % 8);
    expect([at, readCertificationRequest(bad).ok]).toEqual([at, false]);
  }
});

test('no change of a request makes the reader throw or passes', () => {
  const good = request({ keys: rsaKeys });
  const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(edits, (changes) => {
      const bad = Uint8Array.from(good);
      for (const [at, mask] of changes) bad[at]! ^= mask;
      fc.pre(Buffer.compare(bad, good) !== 0);
      expect(readCertificationRequest(bad).ok).toBe(false);
    }),
    { numRuns: 500 },
  );
});
