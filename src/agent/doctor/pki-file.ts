// What a file holds of a PKI: certificates in order, and a private key by its form and public half. Lenient, since it reads
// what others left; nothing here trusts it, and no private key leaves.
import { createHash, createPublicKey } from 'node:crypto';
import { type Certificate, readCertificate } from '../../x509/certificate.ts';
import { decodePem } from '../../x509/pem.ts';
import type { HostFile } from './host-files.ts';

/** A certificate with the SHA-256 of its DER in lower-case hex. */
export type FoundCertificate = { readonly certificate: Certificate; readonly sha256: string };

export type KeyForm = 'pkcs8' | 'encryptedPkcs8' | 'sec1' | 'pkcs1' | 'tss2';

/** A private key: how it is written, and the DER of its public half where that can be read without a password. */
export type FoundKey = {
  readonly form: KeyForm;
  readonly startsFile: boolean;
  readonly publicKeyInfo: Uint8Array | null;
};

export type PkiFile = Omit<HostFile, 'content'> & {
  readonly certificates: readonly FoundCertificate[];
  /** Certificate blocks that could not be read. */
  readonly unreadable: number;
  readonly key: FoundKey | null;
};

const labels: Readonly<Record<string, KeyForm>> = {
  'PRIVATE KEY': 'pkcs8',
  'ENCRYPTED PRIVATE KEY': 'encryptedPkcs8',
  'EC PRIVATE KEY': 'sec1',
  'RSA PRIVATE KEY': 'pkcs1',
  'TSS2 PRIVATE KEY': 'tss2',
};

const blockForm = /-----BEGIN ([A-Z0-9 ]{1,40})-----[\s\S]*?-----END \1-----/g;
const mostBlocks = 64;

/** The PKI in a file; null when there is none. */
export function readPkiFile({ content, ...file }: HostFile): PkiFile | null {
  const text = Buffer.from(content).toString('latin1');
  const blocks = [...text.matchAll(blockForm)].slice(0, mostBlocks);
  const read = blocks.filter(([, label]) => label === 'CERTIFICATE').map(([block]) => certificateOf(block));
  const certificates = read.filter((one) => one !== null);
  const keyBlock = blocks.find(([, label = '']) => label in labels);
  const form = labels[keyBlock?.[1] ?? ''];
  if (read.length === 0 && form === undefined) return null;
  return {
    ...file,
    certificates,
    unreadable: read.length - certificates.length,
    key:
      keyBlock === undefined || form === undefined
        ? null
        : {
            form,
            startsFile: text.startsWith('-----BEGIN ') && keyBlock.index === 0,
            publicKeyInfo: publicHalf(keyBlock[0], form),
          },
  };
}

function certificateOf(block: string): FoundCertificate | null {
  const decoded = decodePem(block, { labels: ['CERTIFICATE'], maxCharacters: 65_536, maxBlocks: 1 });
  const [one] = decoded.ok ? decoded.value : [];
  const read = one === undefined ? null : readCertificate(one.der);
  if (one === undefined || read?.ok !== true) return null;
  return { certificate: read.value, sha256: createHash('sha256').update(one.der).digest('hex') };
}

function publicHalf(block: string, form: KeyForm): Uint8Array | null {
  if (form === 'tss2' || form === 'encryptedPkcs8') return null;
  try {
    return new Uint8Array(createPublicKey(block).export({ type: 'spki', format: 'der' }));
  } catch {
    return null;
  }
}
