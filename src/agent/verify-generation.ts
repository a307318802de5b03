// The last look at a generation before it goes into service: the files as they were written, read back. They must be one
// certificate, its own key, and a chain that leads by key identifier to a root that this host trusts.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { sameOctets } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { fromSpireBlobs, type TpmKeyBlobs } from '../tpm2/key-files.ts';
import { parseTpm2bPublic } from '../tpm2/public-area.ts';
import { publicKeyOf } from '../tpm2/subject-public-key-info.ts';
import type { Certificate } from '../x509/certificate.ts';
import { encodePem } from '../x509/pem.ts';
import { readCertificates } from '../x509/pem-certificates.ts';
import { isIssuedBy, pathFault } from './check-issued.ts';
import { fileIn, type GenerationStore, type Manifest } from './generation-store.ts';
import type { FileContent, PlacementInput } from './places.ts';
import { publicKeyInfoOf } from './software-key.ts';

export type GenerationReason =
  | 'noCertificate'
  | 'malformedCertificate'
  | 'keyDoesNotMatch'
  | 'brokenChain'
  | 'notUnderPinnedRoot'
  | 'notYetValid'
  | 'expired'
  | 'wrongName';

type Fault = Refusal<GenerationReason>;

/** A generation as its files say. */
export type ReadGeneration = {
  readonly leaf: Certificate;
  readonly chain: readonly Certificate[];
  readonly certificateSha256: string;
  readonly leafPem: string;
  readonly chainPem: string;
  readonly key:
    | { readonly kind: 'software'; readonly privateKeyPem: string }
    | { readonly kind: 'devid'; readonly blobs: TpmKeyBlobs; readonly spire: TpmKeyBlobs };
};

/** Where a file of some kind is, absolute; null where there is none. */
export type FindFile = (kind: FileContent) => string | null;

/** Finds the files of a generation by its manifest. */
export const filesIn =
  (store: GenerationStore, manifest: Manifest): FindFile =>
  (kind) => {
    const file = manifest.files.find((one) => one.kind === kind);
    return file === undefined ? null : fileIn(store, manifest.generation, file.name);
  };

/** Reads files back. Octets that are no certificate or no key are a refusal; a file that cannot be read throws. */
export async function readGeneration(fileOf: FindFile): Promise<Result<ReadGeneration, Fault>> {
  const certificateFile = fileOf('fullChain') ?? fileOf('leaf');
  if (certificateFile === null) return err({ reason: 'noCertificate', detail: 'there is no certificate file' });
  const own = certificatesOf(await readFile(certificateFile, 'utf8'));
  const chainFile = fileOf('chain');
  const further = own?.length === 1 && chainFile !== null ? certificatesOf(await readFile(chainFile, 'utf8')) : [];
  const [leaf, ...chain] = [...(own ?? []), ...(further ?? [])];
  if (leaf === undefined) {
    return err({
      reason: 'malformedCertificate',
      detail: 'the certificate file holds no certificate that can be read',
    });
  }
  const key = await keyOf(fileOf);
  if (key === null) return err({ reason: 'keyDoesNotMatch', detail: 'there is no private key that can be read' });
  return ok({
    ...{ leaf, chain, key },
    certificateSha256: createHash('sha256').update(leaf.der).digest('hex'),
    leafPem: encodePem('CERTIFICATE', leaf.der),
    chainPem: chain.map(({ der }) => encodePem('CERTIFICATE', der)).join(''),
  });
}

async function keyOf(fileOf: FindFile): Promise<ReadGeneration['key'] | null> {
  const octets = async (kind: FileContent): Promise<Uint8Array | null> => {
    const file = fileOf(kind);
    return file === null ? null : new Uint8Array(await readFile(file));
  };
  const software = fileOf('key');
  if (software !== null) return { kind: 'software', privateKeyPem: await readFile(software, 'utf8') };
  const [publicPart, privatePart] = [await octets('tpmPublic'), await octets('tpmPrivate')];
  const [spirePublic, spirePrivate] = [await octets('spirePublic'), await octets('spirePrivate')];
  if (publicPart === null || privatePart === null || spirePublic === null || spirePrivate === null) return null;
  return {
    kind: 'devid',
    blobs: { public: publicPart, private: privatePart },
    spire: { public: spirePublic, private: spirePrivate },
  };
}

const certificatesOf = (pem: string): readonly Certificate[] | null => readCertificates(pem, 8);

/** Why a generation must not go into service, or null. `now` is the host's clock: no certificate may begin after it. */
export function generationFault(read: ReadGeneration, input: PlacementInput, now: Date): Fault | null {
  const path = [read.leaf, ...read.chain];
  const broken = pathFault(path);
  return (
    keyFault(read) ??
    (broken === null ? null : { ...broken, reason: 'brokenChain' }) ??
    rootFault(path, input) ??
    dateFault(path, now) ??
    nameFault(read.leaf, input)
  );
}

function keyFault({ leaf, key }: ReadGeneration): Fault | null {
  const fault = (detail: string): Fault => ({ reason: 'keyDoesNotMatch', detail });
  if (key.kind === 'software') {
    if (!key.privateKeyPem.startsWith('-----BEGIN PRIVATE KEY-----\n')) return fault('the key file is not PKCS #8');
    const isOwn = sameOctets(publicKeyOrNothing(key.privateKeyPem), leaf.subjectPublicKeyInfo);
    return isOwn ? null : fault('the private key does not belong to the certificate');
  }
  try {
    const both = [key.blobs, fromSpireBlobs(key.spire)];
    const certified = both.map((blobs) => publicKeyOf(parseTpm2bPublic(blobs.public)));
    const isOwn = certified.every((one) => one.ok && sameOctets(one.value.spkiDer, leaf.subjectPublicKeyInfo));
    return isOwn ? null : fault('the TPM key of the blobs is not the key of the certificate');
  } catch (error) {
    return fault(`the blobs are no TPM key: ${(error as Error).message}`);
  }
}

/** Empty octets match no certificate. */
function publicKeyOrNothing(privateKeyPem: string): Uint8Array {
  try {
    return publicKeyInfoOf(privateKeyPem);
  } catch {
    return new Uint8Array(0);
  }
}

/** A domain of which this host was given no root cannot be checked further than its own chain. */
function rootFault(path: readonly Certificate[], { checked, root, anchors }: PlacementInput): Fault | null {
  const estate = [encodePem('CERTIFICATE', root), anchors?.estate.rootsPem ?? ''];
  const control = anchors?.['keylime-control'].rootsPem ?? '';
  const texts = checked.isUnderPinnedRoot ? estate : [control];
  const roots = texts.flatMap((text) => (text === '' ? [] : (certificatesOf(text) ?? [])));
  if (!checked.isUnderPinnedRoot && roots.length === 0) return null;
  const last = path.at(-1);
  if (roots.some((one) => isIssuedBy(last, one))) return null;
  return { reason: 'notUnderPinnedRoot', detail: 'its chain does not end under a root that this host trusts' };
}

function dateFault(path: readonly Certificate[], now: Date): Fault | null {
  for (const { notBefore, notAfter } of path) {
    if (now < notBefore) {
      const detail = `it is not valid before ${notBefore.toISOString()}, and this host has ${now.toISOString()}`;
      return { reason: 'notYetValid', detail, accepted: 'a right clock here' };
    }
    if (now > notAfter) return { reason: 'expired', detail: `it ended on ${notAfter.toISOString()}` };
  }
  return null;
}

function nameFault({ subjectAltName }: Certificate, { checked }: PlacementInput): Fault | null {
  const named = (subjectAltName ?? []).flatMap((name) => (name.kind === 'dNSName' ? [name.value] : []));
  const absent = (checked.wanted.dnsNames ?? []).filter((name) => !named.includes(name));
  return absent.length === 0 ? null : { reason: 'wrongName', detail: `it does not name ${absent.join(', ')}` };
}
