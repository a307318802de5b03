// What is installed for a target, as one file for programs that want it that way: PKCS #12 with the key, or PKCS #7 with
// the certificates alone. Made on this host from its own files; nothing is asked of the server.
import { createPrivateKey } from 'node:crypto';
import { sameOctets } from '../domain/octets.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { type Certificate, readCertificate } from '../x509/certificate.ts';
import { composeChain } from '../x509/chain.ts';
import { decodePem, encodePem } from '../x509/pem.ts';
import { pkcs12, type Pkcs12Reason } from '../x509/pkcs12.ts';
import { certificatesOnly } from '../x509/pkcs7.ts';
import { publicKeyInfoOf } from './software-key.ts';

export type ExportFormat = 'pkcs12' | 'pkcs7';

export type ExportReason = Pkcs12Reason | 'keyInTpm' | 'keyDoesNotMatch' | 'notACertificate' | 'passwordMissing';

/** The part of an installed generation that goes into the file. */
export type ExportSource = {
  readonly leafPem: string;
  /** Without the root. */
  readonly chainPem: string;
  readonly key: { readonly kind: 'software'; readonly privateKeyPem: string } | { readonly kind: 'devid' };
};

export type ExportRequest = {
  readonly format: ExportFormat;
  /** The target's; key stores show it. */
  readonly name: string;
  /** Roots that this host trusts, DER: the one above the chain goes along. */
  readonly roots: readonly Uint8Array[];
  /** For PKCS #12. */
  readonly password: string | null;
  readonly random: (octets: number) => Uint8Array;
};

/** Octets of the file: a PFX in DER, or PEM of label PKCS7. */
export function exportInstalled(
  source: ExportSource,
  request: ExportRequest,
): Result<Uint8Array, Refusal<ExportReason>> {
  const certificates = certificatesOf(source, request.roots);
  if (!certificates.ok) return certificates;
  const [leaf] = certificates.value;
  const ders = certificates.value.map(({ der }) => der);
  if (request.format === 'pkcs7') return ok(new TextEncoder().encode(encodePem('PKCS7', certificatesOnly(ders))));
  const { key } = source;
  if (key.kind === 'devid') {
    return err({
      reason: 'keyInTpm',
      detail: `the key of ${request.name} was made in the TPM of this host and cannot leave it`,
      accepted: 'pkcs7, which has the certificates; programs use the key by way of the TPM',
    });
  }
  if (request.password === null) {
    return err({ reason: 'passwordMissing', detail: 'PKCS #12 needs a password', accepted: '--password-file F' });
  }
  if (leaf === undefined || !sameOctets(publicKeyInfoOf(key.privateKeyPem), leaf.subjectPublicKeyInfo)) {
    const detail = `the key that is installed for ${request.name} is not that of its certificate`;
    return err({ reason: 'keyDoesNotMatch', detail, accepted: 'a whole pair: omens agent doctor says more' });
  }
  return pkcs12({
    privateKey: new Uint8Array(createPrivateKey(key.privateKeyPem).export({ type: 'pkcs8', format: 'der' })),
    certificates: ders,
    friendlyName: request.name,
    password: request.password,
    random: request.random,
  });
}

/** Leaf, chain, and the root above them where this host knows it. */
function certificatesOf(
  { leafPem, chainPem }: ExportSource,
  roots: readonly Uint8Array[],
): Result<readonly Certificate[], Refusal<ExportReason>> {
  const blocks = decodePem(leafPem + chainPem, { labels: ['CERTIFICATE'], maxCharacters: 131_072, maxBlocks: 9 });
  if (!blocks.ok) return notACertificate(blocks.error.detail);
  const installed: Certificate[] = [];
  for (const { der } of blocks.value) {
    const certificate = readCertificate(der);
    if (!certificate.ok) return notACertificate(certificate.error.detail);
    installed.push(certificate.value);
  }
  const known = roots.flatMap((der) => {
    const root = readCertificate(der);
    return root.ok ? [root.value] : [];
  });
  const [leaf, ...chain] = installed;
  const composed = leaf === undefined ? null : composeChain(leaf, [...chain, ...known]);
  return leaf !== undefined && composed?.ok === true ? ok([leaf, ...composed.value]) : ok(installed);
}

const notACertificate = (detail: string): Result<never, Refusal<ExportReason>> =>
  err({ reason: 'notACertificate', detail: `what is installed cannot be read: ${detail}` });
