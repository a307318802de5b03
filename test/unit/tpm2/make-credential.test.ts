// Opens credentials with software EKs, written from the other side of the specification: what a TPM does.

import {
  constants,
  createDecipheriv,
  createECDH,
  createHmac,
  type KeyObject,
  privateDecrypt,
  timingSafeEqual,
} from 'node:crypto';
import { expect, test } from '@jest/globals';
import { curves, hashes } from '../../../src/tpm2/algorithms.ts';
import { leftPad, parseWhole } from '../../../src/tpm2/cursor.ts';
import { checkEndorsementKey, type EndorsementKey } from '../../../src/tpm2/endorsement-key.ts';
import { kdfA, kdfE } from '../../../src/tpm2/kdf.ts';
import { makeCredential, parseIdObject, type ProtectedCredential } from '../../../src/tpm2/make-credential.ts';
import { nameOf } from '../../../src/tpm2/name.ts';
import type { TpmtPublic } from '../../../src/tpm2/public-area.ts';
import { ekTemplates } from '../../../src/tpm2/templates.ts';
import { ak, countedOctets, eccKey, rsaKey } from './samples.ts';

function checked(area: TpmtPublic): EndorsementKey {
  const result = checkEndorsementKey(area);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

function seedOf(ek: { area: TpmtPublic; privateKey: KeyObject }, encryptedSecret: Uint8Array): Uint8Array {
  const secret = parseWhole(encryptedSecret, (reader) => reader.sized());
  const hash = ek.area.nameAlg;
  if (ek.area.type === 'rsa')
    return privateDecrypt(
      {
        key: ek.privateKey,
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: hash,
        oaepLabel: Buffer.from('IDENTITY\0'),
      },
      secret,
    );
  const { size, openssl } = curves[ek.area.curve];
  const { x, y } = parseWhole(secret, (reader) => ({ x: reader.sized(), y: reader.sized() }));
  const ecdh = createECDH(openssl);
  ecdh.setPrivateKey(Buffer.from(ek.privateKey.export({ format: 'jwk' }).d!, 'base64url'));
  const z = leftPad(ecdh.computeSecret(Buffer.concat([Uint8Array.of(4), x, y])), size)!;
  return kdfE({
    hash,
    z,
    label: 'IDENTITY',
    partyU: x,
    partyV: leftPad(ek.area.x, size)!,
    bits: hashes[hash].size * 8,
  });
}

/** TPM2_ActivateCredential in software; `null` is TPM_RC_INTEGRITY. */
function activate(
  ek: { area: TpmtPublic; privateKey: KeyObject },
  made: ProtectedCredential,
  name: Uint8Array,
): Uint8Array | null {
  const hash = ek.area.nameAlg;
  const key = seedOf(ek, made.encryptedSecret);
  const { outerHmac, encIdentity } = parseIdObject(made.credentialBlob);
  const none = new Uint8Array(0);
  const hmacKey = kdfA({ hash, key, label: 'INTEGRITY', contextU: none, contextV: none, bits: hashes[hash].size * 8 });
  if (!timingSafeEqual(createHmac(hash, hmacKey).update(encIdentity).update(name).digest(), outerHmac)) return null;
  const bits = ek.area.symmetric!.keyBits;
  const storageKey = kdfA({ hash, key, label: 'STORAGE', contextU: name, contextV: none, bits });
  const identity = createDecipheriv(`aes-${bits}-cfb`, storageKey, new Uint8Array(16)).update(encIdentity);
  return parseWhole(identity, (reader) => reader.sized());
}

const secret = new Uint8Array(32).fill(0x5a);
const eks = {
  'RSA-2048': () => rsaKey(ekTemplates['L-1']),
  'RSA-3072 with SHA-384': () => rsaKey(ekTemplates['H-6']),
  'P-256': () => eccKey(ekTemplates['L-2']),
  'P-384': () => eccKey(ekTemplates['H-3']),
  'P-521': () => eccKey(ekTemplates['H-4']),
};

test.each(Object.entries(eks))(
  'the holder of an EK of %s recovers the secret, for the right Name only',
  (_name, make) => {
    const ek = make();
    const objectName = nameOf(ak().area);
    const made = makeCredential({
      endorsementKey: checked(ek.area),
      objectName,
      credential: secret,
      random: countedOctets(),
    });
    expect(activate(ek, made, objectName)).toEqual(secret);
    expect(activate(ek, made, nameOf(ak().area))).toBeNull();
  },
);

test('leading zeros of coordinates and of the shared secret do no harm in 400 activations', () => {
  const random = countedOctets();
  const ek = eccKey(ekTemplates['L-2']);
  const endorsementKey = checked(ek.area);
  const objectName = nameOf(ak().area);
  for (let i = 0; i < 400; i += 1)
    expect(
      activate(ek, makeCredential({ endorsementKey, objectName, credential: secret, random }), objectName),
    ).toEqual(secret);
});

test('the same randomness gives the same ECC credential, another gives another', () => {
  const endorsementKey = checked(eccKey(ekTemplates['L-2']).area);
  const input = { endorsementKey, objectName: nameOf(ak().area), credential: secret };
  const random = countedOctets();
  const first = makeCredential({ ...input, random });
  expect(makeCredential({ ...input, random: countedOctets() })).toEqual(first);
  expect(makeCredential({ ...input, random })).not.toEqual(first);
});

test.each(['P-256', 'P-384', 'P-521'] as const)(
  'the order of %s is the largest number that is no private key',
  (curve) => {
    const { order, size, openssl } = curves[curve];
    const octets = (n: bigint) => Buffer.from(n.toString(16).padStart(size * 2, '0'), 'hex');
    expect(() => createECDH(openssl).setPrivateKey(octets(order - 1n))).not.toThrow();
    expect(() => createECDH(openssl).setPrivateKey(octets(order))).toThrow();
  },
);

test('a broken source of randomness is a fault, not an endless loop', () => {
  const endorsementKey = checked(eccKey(ekTemplates['L-2']).area);
  const input = {
    endorsementKey,
    objectName: nameOf(ak().area),
    credential: secret,
    random: (n: number) => new Uint8Array(n),
  };
  expect(() => makeCredential(input)).toThrow('no usable private key');
});

test('a credential longer than the digest of the EK is refused', () => {
  const endorsementKey = checked(eccKey(ekTemplates['L-2']).area);
  const input = { endorsementKey, objectName: nameOf(ak().area), random: countedOctets() };
  expect(() => makeCredential({ ...input, credential: new Uint8Array(33) })).toThrow('longer than a sha256 digest');
});
