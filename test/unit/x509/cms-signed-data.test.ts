// SignedData: what is written is read, and everything else is refused. OpenSSL's judgment is in test/interop.
import { createHash, sign, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { readCertificate } from '../../../src/x509/certificate.ts';
import {
  assembleSignedData,
  cmsSignedAttributes,
  readSignedData,
  verifySignedData,
} from '../../../src/x509/cms-signed-data.ts';
import * as der from '../../../src/x509/der-writer.ts';
import { oids } from '../../../src/x509/oids.ts';
import { sha256Hex } from '../../../src/x509/digest.ts';
import { algorithmIdentifierDer } from '../../../src/x509/signature-algorithm.ts';
import { serialNumberDer } from '../../../src/x509/tbs-certificate.ts';
import { ca, rsa, type Ca } from './authority.ts';

const content = new TextEncoder().encode('{"version":1}\n');
const signedAt = new Date('2026-11-26T10:00:00Z');
const p256Root = ca('Test Root');
const rsaRoot = ca('Test Root', { keys: rsa() });

const certificateOf = (root: Ca) => {
  const read = readCertificate(root.der);
  if (!read.ok) throw new Error(read.error.detail);
  return read.value;
};
const signWith = (key: KeyObject, octets: Uint8Array): Uint8Array => new Uint8Array(sign('sha256', octets, key));

type Change = {
  readonly attributes?: Uint8Array;
  readonly inside?: Uint8Array;
  readonly signer?: Ca;
  readonly key?: KeyObject;
};

/** A SignedData by our own assembler, one thing changed. */
function made(root: Ca, change: Change = {}): Uint8Array {
  const attributes = change.attributes ?? cmsSignedAttributes(content, signedAt);
  return assembleSignedData({
    content: change.inside ?? content,
    signer: certificateOf(change.signer ?? root),
    algorithm: root.signer.algorithm,
    attributes,
    signature: signWith(change.key ?? root.keys.privateKey, attributes),
  });
}

type Parts = {
  readonly version?: Uint8Array;
  readonly digests?: readonly Uint8Array[];
  readonly certificates?: readonly Uint8Array[];
  readonly crls?: Uint8Array;
  readonly signers?: readonly Uint8Array[];
  readonly contentType?: string;
  readonly detached?: boolean;
};
const sha256 = der.sequence(der.objectIdentifier(oids.sha256));

/** A SignedData put together by hand. */
function handmade(parts: Parts): Uint8Array {
  const type = der.objectIdentifier(parts.contentType ?? oids.idData);
  return der.sequence(
    der.objectIdentifier(oids.idSignedData),
    der.tagged(
      0,
      der.sequence(
        parts.version ?? der.smallInteger(1),
        der.setOf(...(parts.digests ?? [sha256])),
        parts.detached === true ? der.sequence(type) : der.sequence(type, der.tagged(0, der.octetString(content))),
        der.tagged(0, ...(parts.certificates ?? [p256Root.der])),
        ...(parts.crls === undefined ? [] : [der.tagged(1, parts.crls)]),
        der.setOf(...(parts.signers ?? [signerInfo()])),
      ),
    ),
  );
}

/** A SignerInfo put together by hand. */
function signerInfo(
  over: {
    readonly version?: number;
    readonly sid?: Uint8Array;
    readonly digest?: Uint8Array;
    readonly algorithm?: Uint8Array;
    readonly more?: readonly Uint8Array[];
    readonly attributes?: Uint8Array | null;
  } = {},
): Uint8Array {
  const { issuer, serialNumber } = certificateOf(p256Root);
  const attributes = over.attributes === undefined ? cmsSignedAttributes(content, null) : over.attributes;
  return der.sequence(
    der.smallInteger(over.version ?? 1),
    over.sid ?? der.sequence(issuer.der, serialNumberDer(serialNumber)),
    over.digest ?? sha256,
    ...(attributes === null ? [] : [der.concatenate([Uint8Array.of(0xa0), attributes.subarray(1)])]),
    over.algorithm ?? algorithmIdentifierDer('ecdsaWithSHA256'),
    der.octetString(signWith(p256Root.keys.privateKey, attributes ?? content)),
    ...(over.more ?? []),
  );
}

const verify = (cms: Uint8Array, trusted: readonly Ca[] = [p256Root], maxOctets = 8192) =>
  verifySignedData(cms, { trustedSha256: trusted.map((root) => sha256Hex(root.der)), maxOctets });
const reasonOf = (result: ReturnType<typeof verify>): string => (result.ok ? 'accepted' : result.error.reason);

describe.each([
  ['P-256', p256Root],
  ['RSA', rsaRoot],
])('by a root with %s', (_, root) => {
  test('what was signed is read back, with its signer and its time', () => {
    const read = verify(made(root), [root]);
    expect(read).toMatchObject({ ok: true, value: { signerSha256: sha256Hex(root.der), signingTime: signedAt } });
    expect(read.ok && Buffer.from(read.value.content).toString()).toBe(Buffer.from(content).toString());
  });

  test('a time is not needed', () => {
    const attributes = cmsSignedAttributes(content, null);
    expect(verify(made(root, { attributes }), [root])).toMatchObject({ ok: true, value: { signingTime: null } });
  });

  test('no octet can be changed, left out or added', () => {
    const cms = made(root);
    for (let at = 0; at < cms.length; at++) {
      const changed = Uint8Array.from(cms);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      expect([at, verify(changed, [root]).ok]).toEqual([at, false]);
    }
    expect(reasonOf(verify(cms.subarray(0, -1), [root]))).toBe('malformedCms');
    expect(reasonOf(verify(Uint8Array.from([...cms, 0]), [root]))).toBe('malformedCms');
  });
});

describe('a SignedData is refused', () => {
  test('when its signer is not one that is trusted, although its signature is good', () => {
    expect(reasonOf(verify(made(rsaRoot), [p256Root]))).toBe('signerNotTrusted');
    expect(reasonOf(verify(made(p256Root), []))).toBe('signerNotTrusted');
  });

  test('when another key signed under the name of a trusted root', () => {
    const stranger = ca('Test Root');
    expect(reasonOf(verify(made(p256Root, { key: stranger.keys.privateKey })))).toBe('wrongCmsSignature');
  });

  test('when its content is another than the one that was signed', () => {
    const inside = new TextEncoder().encode('{"version":2}\n');
    expect(reasonOf(verify(made(p256Root, { inside })))).toBe('cmsDigestDiffers');
  });

  test('before it is parsed, when it is too large', () => {
    expect(reasonOf(verify(made(p256Root), [p256Root], 100))).toBe('cmsTooLarge');
  });

  const twice = (one: Uint8Array): readonly Uint8Array[] => [one, one];
  const attribute = (type: string, ...values: readonly Uint8Array[]): Uint8Array =>
    der.sequence(der.objectIdentifier(type), der.setOf(...values));
  const contentType = attribute(oids.contentType, der.objectIdentifier(oids.idData));
  const contentDigest = new Uint8Array(createHash('sha256').update(content).digest());
  const digest = attribute(oids.messageDigest, der.octetString(contentDigest));

  test('the parts of these tests are good ones', () => {
    expect(reasonOf(verify(handmade({})))).toBe('accepted');
    expect(reasonOf(verify(handmade({ signers: [signerInfo({ attributes: der.setOf(contentType, digest) })] })))).toBe(
      'accepted',
    );
  });

  test.each<readonly [string, Parts]>([
    ['two signers', { signers: twice(signerInfo()) }],
    ['a second signer of another form', { signers: [signerInfo(), signerInfo({ version: 3 })] }],
    ['no signer', { signers: [] }],
    ['a signer that is named by key identifier', { signers: [signerInfo({ version: 3 })] }],
    ['two certificates', { certificates: twice(p256Root.der) }],
    ['no certificate', { certificates: [] }],
    ['a CRL', { crls: der.sequence() }],
    ['unsigned attributes', { signers: [signerInfo({ more: [der.tagged(1, contentType)] })] }],
    ['no signed attributes', { signers: [signerInfo({ attributes: null })] }],
    ['a content that is elsewhere', { detached: true }],
    ['a content of another type', { contentType: oids.idSignedData }],
    ['another version', { version: der.smallInteger(3) }],
    [
      'another attribute',
      { signers: [signerInfo({ attributes: der.setOf(contentType, digest, attribute('1.2.3', der.nullValue)) })] },
    ],
    [
      'an attribute of two values',
      {
        signers: [
          signerInfo({
            attributes: der.setOf(attribute(oids.contentType, ...twice(der.objectIdentifier(oids.idData))), digest),
          }),
        ],
      },
    ],
  ])('when it has %s', (_, parts) => {
    expect(reasonOf(verify(handmade(parts)))).toBe('malformedCms');
  });

  test.each<readonly [string, Parts]>([
    ['no digest attribute', { signers: [signerInfo({ attributes: der.setOf(contentType) })] }],
    ['no content type attribute', { signers: [signerInfo({ attributes: der.setOf(digest) })] }],
    ['an attribute twice', { signers: [signerInfo({ attributes: der.setOf(contentType, contentType, digest) })] }],
    ['another digest algorithm', { digests: [der.sequence(der.objectIdentifier('1.3.14.3.2.26'))] }],
    [
      'another digest algorithm of the signer',
      { signers: [signerInfo({ digest: der.sequence(der.objectIdentifier('1.3.14.3.2.26')) })] },
    ],
    [
      'another signature algorithm',
      { signers: [signerInfo({ algorithm: algorithmIdentifierDer('ecdsaWithSHA384') })] },
    ],
    ['a signer whose certificate is not there', { certificates: [rsaRoot.der] }],
  ])('when it has %s, since that is not of the subset', (_, parts) => {
    expect(reasonOf(verify(handmade(parts)))).toBe('cmsNotSupported');
  });
});

test('reading without verifying still compares digest and content', () => {
  const stranger = ca('Stranger');
  expect(readSignedData(made(p256Root, { key: stranger.keys.privateKey }), 8192).ok).toBe(true);
  expect(readSignedData(made(p256Root, { inside: new Uint8Array() }), 8192)).toMatchObject({
    error: { reason: 'cmsDigestDiffers' },
  });
});
