// What is rehearsed before a SPIRE agent is restarted, on a real (software) TPM: good files pass, and every way in which
// SPIRE would fail is found.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { DevIdFiles } from '../../src/agent/install-ports.ts';
import { rehearseSpire } from '../../src/agent/spire-rehearsal.ts';
import { type AttestationKeyBlobs, createAttestationKey, createSigningKey } from '../../src/agent/tpm-keys.ts';
import { type TpmKeyBlobs, toSpireBlobs } from '../../src/tpm2/key-files.ts';
import { parseTpm2bPublic } from '../../src/tpm2/public-area.ts';
import { publicKeyOf } from '../../src/tpm2/subject-public-key-info.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { ca, devidPlan, issued, p256, spkiOf } from '../unit/x509/authority.ts';
import { type CertifiedSoftwareTpm, startCertifiedSwtpm, withTpm } from './swtpm.ts';

let swtpm: CertifiedSoftwareTpm;
let other: CertifiedSoftwareTpm;
let ak: AttestationKeyBlobs;
let key: TpmKeyBlobs;
const spec = (tpm: CertifiedSoftwareTpm): string => `unix:${tpm.socketPath}`;

beforeAll(async () => {
  swtpm = await startCertifiedSwtpm();
  other = await startCertifiedSwtpm();
  [ak, key] = await withTpm(spec(swtpm), async (tpm) => [
    await createAttestationKey(tpm),
    await createSigningKey(tpm, 'p256'),
  ]);
}, 120_000);
afterAll(async () => {
  await swtpm.stop();
  await other.stop();
});

const issuing = ca('Book of Omens', { issuer: ca('Eye of Thundera') });
const certificateFor = (subjectPublicKeyInfo: Uint8Array): string =>
  encodePem('CERTIFICATE', issued(devidPlan({ subjectPublicKeyInfo }), issuing)) +
  encodePem('CERTIFICATE', issuing.der);

function spkiOfKey(blobs: TpmKeyBlobs): Uint8Array {
  const read = publicKeyOf(parseTpm2bPublic(blobs.public));
  if (!read.ok) throw new Error(read.error.detail);
  return read.value.spkiDer;
}

function filesOf(blobs: TpmKeyBlobs, over: Partial<DevIdFiles> = {}): DevIdFiles {
  const { public: publicBlob, private: privateBlob } = toSpireBlobs(blobs);
  return { certificatePem: certificateFor(spkiOfKey(blobs)), publicBlob, privateBlob, ...over };
}

const rehearsed = (files: DevIdFiles, tpm = swtpm) =>
  withTpm(spec(tpm), (open) =>
    rehearseSpire(open, files, { ak, passwords: {}, nonce: new Uint8Array(randomBytes(32)) }),
  );

describe('a rehearsal', () => {
  test('passes with the key that the TPM made, of either type', async () => {
    await expect(rehearsed(filesOf(key))).resolves.toEqual({ ok: true, value: null });
    const rsa = await withTpm(spec(swtpm), (tpm) => createSigningKey(tpm, 'rsa2048'));
    await expect(rehearsed(filesOf(rsa))).resolves.toEqual({ ok: true, value: null });
  }, 60_000);

  test('finds a certificate for a software key beside the blobs of a TPM key', async () => {
    const certificatePem = certificateFor(spkiOf(p256().publicKey));
    await expect(rehearsed(filesOf(key, { certificatePem }))).resolves.toMatchObject({
      error: { reason: 'devIdNotOfThisKey' },
    });
  });

  test('finds blobs that still have the size field of tpm2-tools', async () => {
    const files = filesOf(key, { publicBlob: key.public, privateBlob: key.private });
    await expect(rehearsed(files)).resolves.toMatchObject({
      error: { reason: 'blobsUnusable', accepted: expect.stringContaining('without their size field') },
    });
  });

  test('finds a private part that is not that of the public one, or is cut', async () => {
    const another = await withTpm(spec(swtpm), (tpm) => createSigningKey(tpm, 'p256'));
    const mixed = filesOf(key, { privateBlob: toSpireBlobs(another).private });
    await expect(rehearsed(mixed)).resolves.toMatchObject({ error: { reason: 'devIdNotInTpm' } });
    const { privateBlob } = filesOf(key);
    await expect(rehearsed(filesOf(key, { privateBlob: privateBlob.slice(0, -1) }))).resolves.toMatchObject({
      error: { reason: 'devIdNotInTpm' },
    });
  });

  test('finds a key of another TPM', async () => {
    const foreign = await withTpm(spec(other), (tpm) => createSigningKey(tpm, 'p256'));
    await expect(rehearsed(filesOf(foreign))).resolves.toMatchObject({
      error: { reason: 'devIdNotInTpm', detail: expect.stringContaining('TPM2_Load') },
    });
  });

  test('does not blame the files for a TPM that is not there', async () => {
    await expect(
      withTpm('unix:/nonexistent/tpm', (tpm) =>
        rehearseSpire(tpm, filesOf(key), { ak, passwords: {}, nonce: new Uint8Array(32) }),
      ),
    ).rejects.toThrow();
  });
});
