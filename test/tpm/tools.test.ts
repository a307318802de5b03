// Our octets against tpm2-tools and tpm2-openssl, in both directions: an independent judge of every format.

import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readEkPublic, withEk } from '../../src/agent/tpm-endorsement.ts';
import {
  activate,
  type AttestationKeyBlobs,
  createAttestationKey,
  createSigningKey,
  signDigest,
} from '../../src/agent/tpm-keys.ts';
import { quote } from '../../src/tpm2/attestation.ts';
import { contentOfTpm2bAttest } from '../../src/tpm2/attest.ts';
import { parseWhole, TpmWriter } from '../../src/tpm2/cursor.ts';
import { checkEndorsementKey } from '../../src/tpm2/endorsement-key.ts';
import { parseTss2Pem, toTss2Pem } from '../../src/tpm2/key-files.ts';
import { makeCredential, type ProtectedCredential } from '../../src/tpm2/make-credential.ts';
import { nameOf } from '../../src/tpm2/name.ts';
import { createPrimary, load, withObject } from '../../src/tpm2/objects.ts';
import { parseTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { parseTpmtSignature } from '../../src/tpm2/signature.ts';
import { publicKeyOf } from '../../src/tpm2/subject-public-key-info.ts';
import { storagePrimaryEcc } from '../../src/tpm2/templates.ts';
import { verifyQuote } from '../../src/tpm2/verify.ts';
import { type SoftwareTpm, startSwtpm, tool, withTpm } from './swtpm.ts';

let swtpm: SoftwareTpm;
beforeAll(async () => {
  swtpm = await startSwtpm();
});
afterAll(() => swtpm.stop());

const onTpm = <T>(use: Parameters<typeof withTpm<T>>[1]) => withTpm(`unix:${swtpm.socketPath}`, use);
/** Runs a program of others; they leave objects and sessions in the TPM, which has three slots of each. */
async function others(command: string, args: readonly string[]): Promise<void> {
  try {
    await tool(swtpm, command, args);
  } finally {
    await tool(swtpm, 'tpm2_flushcontext', ['-t']);
    await tool(swtpm, 'tpm2_flushcontext', ['-l']);
  }
}
const tpm2 = (command: string, ...args: readonly string[]) => others(`tpm2_${command}`, args);
const openssl = (...args: readonly string[]) => others('openssl', args);
const file = (name: string) => join(swtpm.directory, name);
const read = async (name: string) => new Uint8Array(await readFile(file(name)));
const write = (name: string, octets: Uint8Array | string) => writeFile(file(name), octets);
const random = (length: number) => new Uint8Array(randomBytes(length));

/** The attributes and algorithm of our storage primary, in the words of tpm2-tools. */
const primaryAttributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt';
const storagePrimary = (hierarchy: 'o' | 'e', algorithm: 'ecc256' | 'rsa2048') =>
  tpm2(
    'createprimary',
    '-Q',
    '-C',
    hierarchy,
    '-g',
    'sha256',
    '-G',
    `${algorithm}:null:aes128cfb`,
    '-a',
    primaryAttributes,
    '-c',
    `${hierarchy}-${algorithm}.ctx`,
  );

describe.each([
  ['p256', 'ecc256'],
  ['rsa2048', 'rsa2048'],
] as const)('our signing key of type %s', (type, algorithm) => {
  test('is loaded by tpm2-tools from its two files, has the Name we compute, and signs', async () => {
    const key = await onTpm((tpm) => createSigningKey(tpm, type));
    await write('devid.pub', key.public);
    await write('devid.priv', key.private);
    await storagePrimary('o', algorithm);
    await tpm2(
      'load',
      '-Q',
      '-C',
      `o-${algorithm}.ctx`,
      '-u',
      'devid.pub',
      '-r',
      'devid.priv',
      '-c',
      'devid.ctx',
      '-n',
      'devid.name',
    );
    const area = parseTpm2bPublic(key.public);
    expect(await read('devid.name')).toEqual(nameOf(area));
    await tpm2('readpublic', '-Q', '-c', 'devid.ctx', '-f', 'pem', '-o', 'devid.pem');
    const spki = createPublicKey(await readFile(file('devid.pem'))).export({ format: 'der', type: 'spki' });
    const ours = publicKeyOf(area);
    expect(ours.ok && Buffer.from(ours.value.spkiDer)).toEqual(spki);
    await write('message', 'to be signed');
    await tpm2('sign', '-Q', '-c', 'devid.ctx', '-g', 'sha256', '-f', 'plain', '-o', 'signature', 'message');
    expect(
      verify('sha256', Buffer.from('to be signed'), await readFile(file('devid.pem')), await read('signature')),
    ).toBe(true);
  });

  test('signs for tpm2-tools what tpm2-tools verify', async () => {
    const message = Buffer.from('signed by us');
    const key = await onTpm((tpm) => createSigningKey(tpm, type));
    const digest = createHash('sha256').update(message).digest();
    await write('ours.sig', await onTpm((tpm) => signDigest(tpm, { key, digest })));
    await write('ours.pub', key.public);
    await write('ours.message', message);
    await tpm2('loadexternal', '-Q', '-C', 'n', '-u', 'ours.pub', '-c', 'ours.ctx');
    await tpm2('verifysignature', '-Q', '-c', 'ours.ctx', '-g', 'sha256', '-m', 'ours.message', '-s', 'ours.sig');
    await write('ours.message', 'signed by somebody else');
    await expect(
      tpm2('verifysignature', '-Q', '-c', 'ours.ctx', '-g', 'sha256', '-m', 'ours.message', '-s', 'ours.sig'),
    ).rejects.toMatchObject({ code: 1 });
  });
});

test('a key made by tpm2-tools signs through us, and its signature file is read by us', async () => {
  await storagePrimary('o', 'ecc256');
  const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign';
  await tpm2(
    'create',
    '-Q',
    '-C',
    'o-ecc256.ctx',
    '-g',
    'sha256',
    '-G',
    'ecc256:ecdsa-sha256:null',
    '-a',
    attributes,
    '-u',
    'k.pub',
    '-r',
    'k.priv',
  );
  const key = { public: await read('k.pub'), private: await read('k.priv') };
  const signature = await onTpm((tpm) => signDigest(tpm, { key, digest: random(32) }));
  expect(parseTpmtSignature(signature)).toMatchObject({ scheme: 'ecdsa', hash: 'sha256' });
});

describe('the PEM of tpm2-openssl', () => {
  test('that we write signs through the provider, and OpenSSL verifies', async () => {
    const key = await onTpm((tpm) => createSigningKey(tpm));
    await write('devid.key.pem', toTss2Pem(key));
    await write('message', 'by the provider');
    const provider = ['-provider', 'tpm2', '-provider', 'default', '-propquery', '?provider=tpm2,tpm2.digest!=yes'];
    await openssl('dgst', '-sha256', ...provider, '-sign', 'devid.key.pem', '-out', 'message.sig', 'message');
    const publicKey = publicKeyOf(parseTpm2bPublic(key.public));
    if (!publicKey.ok) throw new Error(publicKey.error.detail);
    expect(verify('sha256', Buffer.from('by the provider'), publicKey.value.keyObject, await read('message.sig'))).toBe(
      true,
    );
  });

  test('that the provider writes is read by us', async () => {
    const provider = ['-provider', 'tpm2', '-provider', 'default'];
    await openssl('genpkey', ...provider, '-algorithm', 'EC', '-pkeyopt', 'group:P-256', '-out', 'made.pem');
    const made = parseTss2Pem(await readFile(file('made.pem'), 'utf8'));
    expect(made).toMatchObject({ emptyAuth: true, parent: 0x40000001 });
    expect(parseTpm2bPublic(made.public)).toMatchObject({ type: 'ecc', curve: 'P-256' });
  });

  test('that tpm2_encodeobject writes differs from ours in its boolean only', async () => {
    const key = await onTpm((tpm) => createSigningKey(tpm));
    await write('e.pub', key.public);
    await write('e.priv', key.private);
    await storagePrimary('o', 'ecc256');
    await tpm2('encodeobject', '-C', '0x40000001', '-u', 'e.pub', '-r', 'e.priv', '-o', 'e.pem');
    const body = (pem: string) =>
      Buffer.from(
        pem
          .split('\n')
          .filter((line) => !line.startsWith('-'))
          .join(''),
        'base64',
      ).toString('hex');
    const theirs = body(await readFile(file('e.pem'), 'utf8'));
    const emptyAuth = /^(30(?:81..|82....)06066781050a0103)(?:a0030101..)?/;
    expect(body(toTss2Pem(key)).replace(emptyAuth, '')).toBe(theirs.replace(emptyAuth, ''));
  });
});

/** tpm2-tools' credential file: magic, version, TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET. */
const credentialFile = (made: ProtectedCredential) =>
  new TpmWriter().uint32(0xbadcc0de).uint32(1).octets(made.credentialBlob).octets(made.encryptedSecret).finish();
const parseCredentialFile = (octets: Uint8Array): ProtectedCredential =>
  parseWhole(octets, (reader) => {
    expect(reader.uint32()).toBe(0xbadcc0de);
    expect(reader.uint32()).toBe(1);
    const sized = () => new TpmWriter().sized(reader.sized()).finish();
    return { credentialBlob: sized(), encryptedSecret: sized() };
  });

/** The EK and our AK as contexts of tpm2-tools, and a policy session for the EK. */
async function prepareTools(ek: 'L-1' | 'L-2' | 'H-3', ak: AttestationKeyBlobs) {
  await write('ak.pub', ak.public);
  await write('ak.priv', ak.private);
  await storagePrimary('e', 'ecc256');
  await tpm2('load', '-Q', '-C', 'e-ecc256.ctx', '-u', 'ak.pub', '-r', 'ak.priv', '-c', 'ak.ctx');
  const algorithm = { 'L-1': 'rsa', 'L-2': 'ecc', 'H-3': 'ecc384' }[ek];
  await tpm2('createek', '-Q', '-c', 'ek.ctx', '-G', algorithm, '-u', 'ek.pub');
}

describe.each(['L-1', 'L-2', 'H-3'] as const)('credentials for the EK by template %s', (ek) => {
  let ak: AttestationKeyBlobs;
  let ekPublic: Uint8Array;
  beforeAll(async () => {
    [ak, ekPublic] = await onTpm(async (tpm) => [await createAttestationKey(tpm), await readEkPublic(tpm, ek)]);
  });

  test('are opened by tpm2_activatecredential when we made them', async () => {
    await prepareTools(ek, ak);
    expect(await read('ek.pub')).toEqual(ekPublic);
    const checked = checkEndorsementKey(parseTpm2bPublic(ekPublic));
    if (!checked.ok) throw new Error(checked.error.detail);
    const credential = random(32);
    const objectName = nameOf(parseTpm2bPublic(ak.public));
    await write(
      'cred',
      credentialFile(makeCredential({ endorsementKey: checked.value, objectName, credential, random })),
    );
    const hash = ek === 'H-3' ? 'sha384' : 'sha256';
    await tpm2('startauthsession', '-Q', '--policy-session', '-g', hash, '-S', 'session.ctx');
    try {
      await tpm2('policysecret', '-Q', '-S', 'session.ctx', '-c', 'e');
      const auth = ek === 'H-3' ? [] : ['-P', 'session:session.ctx']; // H-3 may also be used with its empty password
      await tpm2('activatecredential', '-Q', '-c', 'ak.ctx', '-C', 'ek.ctx', '-i', 'cred', '-o', 'secret', ...auth);
    } finally {
      await tpm2('flushcontext', 'session.ctx');
    }
    expect(await read('secret')).toEqual(credential);
  });

  test('made by tpm2_makecredential are opened by us', async () => {
    const credential = random(32);
    await write('their.ek', ekPublic);
    await write('their.secret', credential);
    const name = Buffer.from(nameOf(parseTpm2bPublic(ak.public))).toString('hex');
    await tpm2('makecredential', '-Q', '-u', 'their.ek', '-s', 'their.secret', '-n', name, '-o', 'their.cred');
    const made = parseCredentialFile(await read('their.cred'));
    expect(await onTpm((tpm) => activate(tpm, { ...made, ak, ek }))).toEqual(credential);
  });
});

test('tpm2_checkquote accepts a quote by our AK, and verifyQuote the PCR digest that tpm2-tools compute', async () => {
  const qualifyingData = random(32);
  const pcrSelect = [{ hash: 'sha256', select: Uint8Array.of(0x03, 0, 0) }] as const;
  const ak = await onTpm((tpm) => createAttestationKey(tpm));
  const { attest, signature } = await onTpm((tpm) =>
    withObject(
      tpm,
      withObject(tpm, createPrimary(tpm, { hierarchy: 'endorsement', template: storagePrimaryEcc }), (parent) =>
        load(tpm, parent, ak),
      ),
      (loaded) => quote(tpm, { ak: loaded, qualifyingData, pcrSelect }),
    ),
  );
  const publicKey = publicKeyOf(parseTpm2bPublic(ak.public));
  if (!publicKey.ok) throw new Error(publicKey.error.detail);
  await write('quote.key', publicKey.value.keyObject.export({ format: 'pem', type: 'spki' }));
  await write('quote.msg', contentOfTpm2bAttest(attest));
  await write('quote.sig', signature);
  await tpm2(
    'checkquote',
    '-u',
    'quote.key',
    '-m',
    'quote.msg',
    '-s',
    'quote.sig',
    '-q',
    Buffer.from(qualifyingData).toString('hex'),
  );
  await tpm2('pcrread', '-Q', 'sha256:0,1', '-o', 'pcrs');
  const pcrDigest = new Uint8Array(
    createHash('sha256')
      .update(await read('pcrs'))
      .digest(),
  );
  const akPublic = parseTpm2bPublic(ak.public);
  expect(verifyQuote({ attest, signature, akPublic, qualifyingData, pcrDigest })).toMatchObject({ ok: true });
  expect(verifyQuote({ attest, signature, akPublic, qualifyingData, pcrDigest: random(32) })).toMatchObject({
    error: { reason: 'pcrMismatch' },
  });
});

test('the EK we make is the one that tpm2-tools make', async () => {
  await tpm2('createek', '-Q', '-c', 'ek.ctx', '-G', 'rsa', '-u', 'ek.pub');
  expect(await read('ek.pub')).toEqual(await onTpm((tpm) => readEkPublic(tpm, 'L-1')));
  await onTpm((tpm) => withEk(tpm, { template: 'L-1', passwords: {} }, async (ek) => expect(ek.area.type).toBe('rsa')));
});
