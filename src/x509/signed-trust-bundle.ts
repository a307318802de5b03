// A trust bundle (domain/trust-bundle.ts) inside its signature (cms-signed-data.ts), with each of its roots read. Whether
// it follows on what is trusted is decided by acceptBundle.
import type { TrustDomain } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { parseTrustBundle, type TrustBundle, type TrustBundleReason } from '../domain/trust-bundle.ts';
import { caFault, isSelfSigned, shownName } from './ca-link.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { type CmsReason, readSignedData, verifySignedData } from './cms-signed-data.ts';
import { sha256Hex } from './digest.ts';
import { decodePem, encodePem } from './pem.ts';

/** Octets of a whole bundle in DER at most: sixteen roots with large keys fit. */
const maxTrustBundleOctets = 49_152;

export type AnchorReason = 'anchorNotARoot';

/** A root that was read; `pem` is its one block, written by us. */
export type ReadAnchor = {
  readonly domain: TrustDomain;
  readonly sha256: string;
  readonly certificate: Certificate;
  readonly pem: string;
};

/** A bundle whose signature is good. */
export type OpenedTrustBundle = {
  readonly bundle: TrustBundle;
  readonly generation: number;
  readonly signerSha256: string;
  readonly anchors: readonly ReadAnchor[];
};

export type OpenBundleReason = CmsReason | TrustBundleReason | AnchorReason;

type Opened = Result<OpenedTrustBundle, Refusal<OpenBundleReason>>;

/** Verifies the signature, by one of the roots that are named by digest, and reads what was signed. */
export function openTrustBundle(cms: Uint8Array, trustedSha256: readonly string[]): Opened {
  const verified = verifySignedData(cms, { trustedSha256, maxOctets: maxTrustBundleOctets });
  return verified.ok ? readContent(verified.value) : verified;
}

/** The same without looking at the signature: before it is made, and for what was verified when it was stored. */
export function readTrustBundle(cms: Uint8Array): Opened {
  const read = readSignedData(cms, maxTrustBundleOctets);
  return read.ok ? readContent(read.value) : read;
}

function readContent({
  content,
  signerSha256,
}: {
  readonly content: Uint8Array;
  readonly signerSha256: string;
}): Opened {
  const bundle = parseTrustBundle(content);
  if (!bundle.ok) return bundle;
  const anchors: ReadAnchor[] = [];
  for (const { domain, certificate } of bundle.value.anchors) {
    const anchor = readAnchor(domain, certificate);
    if (!anchor.ok) return anchor;
    anchors.push(anchor.value);
  }
  return ok({ bundle: bundle.value, generation: bundle.value.generation, signerSha256, anchors });
}

/** One self-signed CA certificate in PEM. Its dates are not looked at: relying parties do, by their own clocks. */
export function readAnchor(domain: TrustDomain, text: string): Result<ReadAnchor, Refusal<AnchorReason>> {
  const blocks = decodePem(text, { labels: ['CERTIFICATE'], maxCharacters: 16_384, maxBlocks: 1 });
  if (!blocks.ok) return notARoot(blocks.error.detail);
  const der = blocks.value[0]?.der ?? new Uint8Array();
  const certificate = readCertificate(der);
  if (!certificate.ok) return notARoot(certificate.error.detail);
  const fault = caFault(certificate.value, 0);
  if (fault !== null) return notARoot(fault.detail);
  if (!isSelfSigned(certificate.value)) return notARoot(`${shownName(certificate.value.subject)} is not self-signed`);
  return ok({ domain, sha256: sha256Hex(der), certificate: certificate.value, pem: encodePem('CERTIFICATE', der) });
}

const notARoot = (detail: string): Result<never, Refusal<AnchorReason>> =>
  err({ reason: 'anchorNotARoot', detail, field: 'anchors', accepted: 'one self-signed CA certificate in PEM' });
