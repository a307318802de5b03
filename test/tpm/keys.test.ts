// What the agent does with a TPM, on a real (software) one.

import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chooseEk, readEkCertificates, readEkPublic } from '../../src/agent/tpm-endorsement.ts';
import { activate, certifyKey, createAttestationKey, createSigningKey, signDigest } from '../../src/agent/tpm-keys.ts';
import { sign } from '../../src/tpm2/attestation.ts';
import { contentOfTpm2bAttest, parseTpmsAttest } from '../../src/tpm2/attest.ts';
import { flushAll, getRandom, handleRanges, handlesFrom, readIdentity } from '../../src/tpm2/capability.ts';
import { checkEndorsementKey } from '../../src/tpm2/endorsement-key.ts';
import { checkAttestationKey, checkSigningKey } from '../../src/tpm2/key-checks.ts';
import { makeCredential } from '../../src/tpm2/make-credential.ts';
import { nameOf, nameOfHandle, qualifiedNameOf, TPM_RH } from '../../src/tpm2/name.ts';
import { createPrimary, load, withObject } from '../../src/tpm2/objects.ts';
import { parseTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { publicKeyOf } from '../../src/tpm2/subject-public-key-info.ts';
import { storagePrimaryEcc } from '../../src/tpm2/templates.ts';
import { verifyCertify, verifyKeySignature } from '../../src/tpm2/verify.ts';
import {
  type CertifiedSoftwareTpm,
  type SoftwareTpm,
  startCertifiedSwtpm,
  startSwtpm,
  tool,
  withTpm,
} from './swtpm.ts';

let swtpm: CertifiedSoftwareTpm;
beforeAll(async () => {
  swtpm = await startCertifiedSwtpm();
});
afterAll(() => swtpm.stop());

const onTpm = <T>(use: Parameters<typeof withTpm<T>>[1]) => withTpm(`unix:${swtpm.socketPath}`, use);
const random = (length: number) => new Uint8Array(randomBytes(length));

/** The one thing every use of a TPM owes the next: no slot is left taken. */
const expectNothingLeft = () =>
  onTpm(async (tpm) => {
    expect(await handlesFrom(tpm, handleRanges.transient)).toEqual([]);
    expect(await handlesFrom(tpm, handleRanges.loadedSession)).toEqual([]);
  });

test('the TPM says who made it', async () => {
  expect(await onTpm(readIdentity)).toMatchObject({ manufacturer: 'IBM', isInLockout: false });
});

test('the TPM gives random octets', async () => {
  const [a, b] = await onTpm(async (tpm) => [await getRandom(tpm, 16), await getRandom(tpm, 16)]);
  expect(a).toHaveLength(16);
  expect(a).not.toEqual(b);
});

describe('the EK certificates in NV', () => {
  test('are read whole, and belong to the keys that their templates make', async () => {
    const found = await onTpm((tpm) => readEkCertificates(tpm));
    expect(found.leaves.map(({ template }) => template)).toEqual(['L-1', 'H-3']);
    for (const { template, octets } of found.leaves) {
      const certificate = new X509Certificate(octets);
      expect(certificate.verify(new X509Certificate(swtpm.ekIntermediatePem).publicKey)).toBe(true);
      const key = publicKeyOf(parseTpm2bPublic(await onTpm((tpm) => readEkPublic(tpm, template))));
      expect(key.ok && Buffer.from(key.value.spkiDer)).toEqual(
        certificate.publicKey.export({ format: 'der', type: 'spki' }),
      );
    }
  });

  test('decide which EK is used unless one is asked for', async () => {
    const found = await onTpm((tpm) => readEkCertificates(tpm));
    expect(chooseEk(found)).toBe('L-1');
    expect(chooseEk(found, 'L-2')).toBe('L-2');
    expect(chooseEk({ leaves: [], chain: [] })).toBe('L-1');
    expect(chooseEk({ ...found, leaves: found.leaves.slice(1) })).toBe('H-3');
  });
});

test.each(['L-1', 'L-2', 'H-2', 'H-3'] as const)(
  'the TPM with EK %s recovers a secret protected for its AK, and for no other Name',
  async (ek) => {
    await onTpm(async (tpm) => {
      const ak = await createAttestationKey(tpm);
      const checked = checkEndorsementKey(parseTpm2bPublic(await readEkPublic(tpm, ek)));
      if (!checked.ok) throw new Error(checked.error.detail);
      expect(checked.value.template).toBe(ek);
      const credential = random(32);
      const objectName = nameOf(parseTpm2bPublic(ak.public));
      const made = makeCredential({ endorsementKey: checked.value, objectName, credential, random });
      expect(await activate(tpm, { ...made, ak, ek })).toEqual(credential);
      const other = await createAttestationKey(tpm);
      await expect(activate(tpm, { ...made, ak: other, ek })).rejects.toMatchObject({
        name: 'TpmError',
        command: 'ActivateCredential',
        failure: { kind: 'integrity', code: 0x1df },
      });
    });
    await expectNothingLeft();
  },
);

describe.each(['p256', 'rsa2048'] as const)('a signing key of type %s', (type) => {
  test('is of the recipe, is certified by the AK, and signs', async () => {
    const digestInput = Buffer.from('the request');
    const qualifyingData = random(32);
    const { ak, key, certification, proof } = await onTpm(async (tpm) => {
      const ak = await createAttestationKey(tpm);
      const key = await createSigningKey(tpm, type);
      const certification = await certifyKey(tpm, { ak, key, qualifyingData });
      const digest = createHash('sha256').update(digestInput).digest();
      return { ak, key, certification, proof: await signDigest(tpm, { key, digest }) };
    });
    const akPublic = parseTpm2bPublic(ak.public);
    const keyPublic = parseTpm2bPublic(key.public);
    expect(ak.hierarchy).toBe('endorsement');
    expect(checkAttestationKey(akPublic)).toMatchObject({ ok: true });
    expect(checkSigningKey(keyPublic, 'devid')).toMatchObject({ ok: true });
    const input = { ...certification, akPublic, certifiedPublic: keyPublic, qualifyingData };
    expect(verifyCertify(input)).toMatchObject({ ok: true });
    expect(verifyCertify({ ...input, qualifyingData: random(32) })).toMatchObject({
      error: { reason: 'qualifyingDataMismatch' },
    });
    expect(verifyKeySignature({ signature: proof, keyPublic, message: digestInput })).toMatchObject({ ok: true });
    await expectNothingLeft();
  });
});

test('the AK signs no digest from outside', async () => {
  await onTpm(async (tpm) => {
    const ak = await createAttestationKey(tpm);
    const asOwnersKey = withObject(
      tpm,
      createPrimary(tpm, { hierarchy: 'endorsement', template: storagePrimaryEcc }),
      async (parent) => {
        return withObject(tpm, load(tpm, parent, ak), (key) => sign(tpm, { key, digest: random(32) }));
      },
    );
    await expect(asOwnersKey).rejects.toMatchObject({ failure: { code: 0x3e0, name: 'TPM_RC_TICKET' } });
  });
  await expectNothingLeft();
});

test('what the AK says names its place in the endorsement hierarchy', async () => {
  await onTpm(async (tpm) => {
    const ak = await createAttestationKey(tpm);
    const key = await createSigningKey(tpm);
    const { attest } = await certifyKey(tpm, { ak, key, qualifyingData: random(32) });
    const said = parseTpmsAttest(contentOfTpm2bAttest(attest));
    const primaryName = await withObject(
      tpm,
      createPrimary(tpm, { hierarchy: 'endorsement', template: storagePrimaryEcc }),
      async ({ name }) => name,
    );
    const primary = qualifiedNameOf(nameOfHandle(TPM_RH.endorsement), primaryName);
    expect(said.qualifiedSigner).toEqual(qualifiedNameOf(primary, nameOf(parseTpm2bPublic(ak.public))));
  });
});

describe('with hierarchy passwords', () => {
  const passwords = { owner: Buffer.from('ownerpw'), endorsement: Buffer.from('endorsepw') };
  let owned: SoftwareTpm;
  const onOwned = <T>(use: Parameters<typeof withTpm<T>>[1]) => withTpm(`unix:${owned.socketPath}`, use);
  beforeAll(async () => {
    owned = await startSwtpm();
    await tool(owned, 'tpm2_changeauth', ['-c', 'owner', 'ownerpw']);
    await tool(owned, 'tpm2_changeauth', ['-c', 'endorsement', 'endorsepw']);
  });
  afterAll(() => owned.stop());

  test('everything works when they are given', async () => {
    await onOwned(async (tpm) => {
      const ak = await createAttestationKey(tpm, passwords);
      expect(ak.hierarchy).toBe('endorsement');
      const key = await createSigningKey(tpm, 'p256', passwords);
      await expect(certifyKey(tpm, { ak, key, qualifyingData: random(32), passwords })).resolves.toMatchObject({});
      for (const ek of ['L-2', 'H-3'] as const) {
        const checked = checkEndorsementKey(parseTpm2bPublic(await readEkPublic(tpm, ek, passwords)));
        if (!checked.ok) throw new Error(checked.error.detail);
        const objectName = nameOf(parseTpm2bPublic(ak.public));
        const made = makeCredential({ endorsementKey: checked.value, objectName, credential: random(32), random });
        expect(await activate(tpm, { ...made, ak, ek, passwords })).toHaveLength(32);
      }
    });
  });

  test('the AK moves to the owner hierarchy when only that password is known, and says so', async () => {
    const { owner } = passwords;
    const ak = await onOwned((tpm) => createAttestationKey(tpm, { owner }));
    expect(ak.hierarchy).toBe('owner');
    const key = await onOwned((tpm) => createSigningKey(tpm, 'p256', { owner }));
    const qualifyingData = random(32);
    const made = await onOwned((tpm) => certifyKey(tpm, { ak, key, qualifyingData, passwords: { owner } }));
    const akPublic = parseTpm2bPublic(ak.public);
    expect(
      verifyCertify({ ...made, akPublic, certifiedPublic: parseTpm2bPublic(key.public), qualifyingData }),
    ).toMatchObject({ ok: true });
  });

  test('a wrong password is an error of authorization that says where passwords come from', async () => {
    await expect(onOwned((tpm) => createSigningKey(tpm))).rejects.toMatchObject({
      command: 'CreatePrimary',
      failure: { kind: 'auth', name: 'TPM_RC_BAD_AUTH', subject: { of: 'session', number: 1 } },
    });
    const wrong = { ...passwords, endorsement: Buffer.from('wrong') };
    await expect(onOwned((tpm) => createAttestationKey(tpm, wrong))).rejects.toMatchObject({
      failure: { kind: 'auth' },
    });
  });
});

describe('when nobody knows the endorsement password', () => {
  let foreign: CertifiedSoftwareTpm;
  const onForeign = <T>(use: Parameters<typeof withTpm<T>>[1]) => withTpm(`unix:${foreign.socketPath}`, use);
  beforeAll(async () => {
    foreign = await startCertifiedSwtpm();
    await tool(foreign, 'tpm2_changeauth', ['-c', 'endorsement', 'unknown']);
  });
  afterAll(() => foreign.stop());

  const activateWith = (ek: 'L-1' | 'L-2' | 'H-3') =>
    onForeign(async (tpm) => {
      const ak = await createAttestationKey(tpm);
      expect(ak.hierarchy).toBe('owner');
      const checked = checkEndorsementKey(parseTpm2bPublic(await readEkPublic(tpm, ek)));
      if (!checked.ok) throw new Error(checked.error.detail);
      const objectName = nameOf(parseTpm2bPublic(ak.public));
      const made = makeCredential({ endorsementKey: checked.value, objectName, credential: random(32), random });
      return activate(tpm, { ...made, ak, ek });
    });

  test('the persistent high-range EK still proves the AK, in the owner hierarchy', async () => {
    expect(await activateWith('H-3')).toHaveLength(32);
  });

  test('a low-range EK cannot, since its policy is that password', async () => {
    await expect(activateWith('L-1')).rejects.toMatchObject({ command: 'PolicySecret', failure: { kind: 'auth' } });
  });

  test('an EK that is not persistent is not to be had, and the message says so', async () => {
    await expect(activateWith('L-2')).rejects.toThrow('no EK by template L-2 is persistent');
  });

  test('no slot is left taken by the failures', () =>
    onForeign(async (tpm) => {
      expect(await handlesFrom(tpm, handleRanges.transient)).toEqual([]);
      expect(await handlesFrom(tpm, handleRanges.loadedSession)).toEqual([]);
    }));
});

test('a key of another TPM is refused as not of this parent', async () => {
  const other = await startSwtpm();
  try {
    const foreign = await withTpm(`unix:${other.socketPath}`, (tpm) => createSigningKey(tpm));
    await expect(onTpm((tpm) => signDigest(tpm, { key: foreign, digest: random(32) }))).rejects.toMatchObject({
      command: 'Load',
      failure: { kind: 'integrity', name: 'TPM_RC_INTEGRITY' },
    });
    await expectNothingLeft();
  } finally {
    await other.stop();
  }
});

test('a full TPM says so, and flushing everything makes it usable again', async () => {
  await onTpm(async (tpm) => {
    const primary = { hierarchy: 'owner', template: storagePrimaryEcc } as const;
    for (let i = 0; i < 3; i += 1) await createPrimary(tpm, primary);
    await expect(createPrimary(tpm, primary)).rejects.toMatchObject({ failure: { kind: 'slots', code: 0x902 } });
    await flushAll(tpm);
    await expect(createSigningKey(tpm)).resolves.toMatchObject({});
  });
  await expectNothingLeft();
});
