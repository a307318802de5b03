// SPIRE's own steps with a DevID (its plugin tpm_devid), done on the TPM before any agent is restarted: load both blobs
// under the SRK that it makes from the template, certify, sign, and verify under the certificate. A certificate of a
// software key, and blobs of another TPM or another form, end here.
import { createHash } from 'node:crypto';
import { sameOctets } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { messageOf } from '../domain/thrown.ts';
import { contentOfTpm2bAttest, parseTpmsAttest } from '../tpm2/attest.ts';
import type { Tpm } from '../tpm2/command.ts';
import { fromSpireBlobs, type TpmKeyBlobs } from '../tpm2/key-files.ts';
import { nameOf } from '../tpm2/name.ts';
import { parseTpm2bPublic } from '../tpm2/public-area.ts';
import { publicKeyOf } from '../tpm2/subject-public-key-info.ts';
import { TpmError } from '../tpm2/tpm-error.ts';
import { verifyKeySignature } from '../tpm2/verify.ts';
import { readCertificate } from '../x509/certificate.ts';
import { decodePem } from '../x509/pem.ts';
import type { DevIdFiles } from './install-ports.ts';
import type { TpmPasswords } from './tpm-endorsement.ts';
import { type AttestationKeyBlobs, certifyKey, signDigest } from './tpm-keys.ts';

export type RehearsalReason =
  | 'blobsUnusable'
  | 'certificateUnusable'
  | 'devIdNotInTpm'
  | 'devIdNotOfThisKey'
  | 'devIdDoesNotSign';

type Fault = Refusal<RehearsalReason>;

/** Nobody else ever makes a TPM sign under this label. */
const label = 'omens-rehearsal-v1';

/**
 * Rehearses. A refusal means that SPIRE would fail with these files; a TPM that is busy or locked rejects. `nonce` is what
 * is signed: fresh octets.
 */
export async function rehearseSpire(
  tpm: Tpm,
  files: DevIdFiles,
  using: { readonly ak: AttestationKeyBlobs; readonly passwords: TpmPasswords; readonly nonce: Uint8Array },
): Promise<Result<null, Fault>> {
  const { ak, passwords, nonce } = using;
  const key = keyOf(files);
  if (!key.ok) return key;
  const leaf = leafKeyOf(files.certificatePem);
  if (leaf === null) return err({ reason: 'certificateUnusable', detail: 'the certificate file cannot be read' });
  const message = new Uint8Array([...new TextEncoder().encode(`${label}\0`), ...nonce]);
  const digest = new Uint8Array(createHash('sha256').update(message).digest());
  const area = parseTpm2bPublic(key.value.public);
  try {
    const { attest } = await certifyKey(tpm, { ak, key: key.value, qualifyingData: digest, passwords });
    const { attested } = parseTpmsAttest(contentOfTpm2bAttest(attest));
    if (attested.type !== 'certify' || !sameOctets(attested.name, nameOf(area))) {
      return err({ reason: 'devIdNotInTpm', detail: 'the TPM certified another key than that of devid.pub.blob' });
    }
    const certified = publicKeyOf(area);
    // SPIRE does not compare them; its challenge fails, and so would every restart.
    if (!certified.ok || !sameOctets(certified.value.spkiDer, leaf)) {
      return err({ reason: 'devIdNotOfThisKey', detail: 'the certificate is for another key than the one in the TPM' });
    }
    const signature = await signDigest(tpm, { key: key.value, digest, passwords });
    const verified = verifyKeySignature({ keyPublic: area, message, signature });
    return verified.ok ? ok(null) : err({ reason: 'devIdDoesNotSign', detail: verified.error.detail });
  } catch (error) {
    if (!(error instanceof TpmError) || !isOfTheBlobs(error)) throw error;
    return err({
      reason: 'devIdNotInTpm',
      detail: `this TPM does not load the blobs: ${messageOf(error)}`,
      accepted: 'a DevID key that was made in this TPM, under its ECC or RSA SRK',
    });
  }
}

/** What TPM2_Load says of blobs that are another TPM's, cut or mixed up. A TPM that is busy, full or locked blames nobody. */
const isOfTheBlobs = ({ command, failure }: TpmError): boolean =>
  command === 'Load' && !['auth', 'lockout', 'slots', 'retry'].includes(failure.kind);

function keyOf({ publicBlob, privateBlob }: DevIdFiles): Result<TpmKeyBlobs, Fault> {
  try {
    return ok(fromSpireBlobs({ public: publicBlob, private: privateBlob }));
  } catch (error) {
    const accepted = 'TPMT_PUBLIC and the private part, both without their size field';
    return err({
      reason: 'blobsUnusable',
      detail: `the blobs are not as SPIRE reads them: ${messageOf(error)}`,
      accepted,
    });
  }
}

/** SubjectPublicKeyInfo of the first certificate of a file. */
function leafKeyOf(pem: string): Uint8Array | null {
  const blocks = decodePem(pem, { labels: ['CERTIFICATE'], maxCharacters: 65_536, maxBlocks: 8 });
  const [leaf] = blocks.ok ? blocks.value : [];
  const read = leaf === undefined ? null : readCertificate(leaf.der);
  return read?.ok === true ? read.value.subjectPublicKeyInfo : null;
}
