// From an EK certificate to a self-signed root of its vendor, through intermediates that never count as anchors.
// Bounded, and nothing is ever fetched: what is missing is named, so that a reviewer can add it to the policy.
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { caFault, isCandidate, shownName, signatureFault, validityFault, type LinkReason } from './ca-link.ts';
import { isSelfIssued, readCertificate, type Certificate } from './certificate.ts';
import { derQuirks } from './der-reader.ts';
import { sha256Hex } from './digest.ts';

declare const policyBrand: unique symbol;

/** Vendor certificates that were loaded by `loadEndorsementPolicy`: anchors are self-signed CAs. */
export type EndorsementPolicy = {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  readonly [policyBrand]: true;
};

/** One certificate of a policy folder; `file` is for messages. */
export type PolicyCertificate = { readonly file: string; readonly der: Uint8Array };

export type PolicyReason = 'malformedPolicyCertificate' | 'anchorNotSelfSigned' | 'policyCertificateNotCa';

/** Loads roots and intermediates, or says everything that is wrong with them. Roots must be self-signed. */
export function loadEndorsementPolicy(files: {
  readonly roots: readonly PolicyCertificate[];
  readonly intermediates: readonly PolicyCertificate[];
}): Result<EndorsementPolicy, readonly Refusal<PolicyReason>[]> {
  const anchors = files.roots.map((file) => loadCa(file, 'root'));
  const intermediates = files.intermediates.map((file) => loadCa(file, 'intermediate'));
  const faults = [...anchors, ...intermediates].flatMap((loaded) => (loaded.ok ? [] : [loaded.error]));
  if (faults.length > 0) return err(faults);
  const values = (loaded: typeof anchors): Certificate[] => loaded.flatMap((one) => (one.ok ? [one.value] : []));
  // The one place that makes a policy: the brand says that it was checked.
  return ok({ anchors: values(anchors), intermediates: values(intermediates) } as unknown as EndorsementPolicy);
}

function loadCa(
  { file, der }: PolicyCertificate,
  role: 'root' | 'intermediate',
): Result<Certificate, Refusal<PolicyReason>> {
  const certificate = readCertificate(der, derQuirks);
  if (!certificate.ok) {
    return err({ reason: 'malformedPolicyCertificate', detail: `${file}: ${certificate.error.detail}`, field: file });
  }
  const fault = caFault(certificate.value, 0);
  if (fault !== null) return err({ reason: 'policyCertificateNotCa', detail: `${file}: ${fault.detail}`, field: file });
  if (role === 'root' && !isOwnIssuer(certificate.value)) {
    const accepted = 'a self-signed root; put an intermediate with the intermediates';
    return err({ reason: 'anchorNotSelfSigned', detail: `${file} is not self-signed`, field: file, accepted });
  }
  return certificate;
}

/**
 * Whether a certificate is its own issuer. What makes it an anchor is the digest that a reviewer pinned, so an old root
 * may have signed itself with an algorithm (SHA-1) that is accepted nowhere below it.
 */
function isOwnIssuer(certificate: Certificate): boolean {
  const fault = isSelfIssued(certificate) ? signatureFault(certificate, certificate) : undefined;
  return fault === null || fault?.reason === 'signatureAlgorithmNotAccepted';
}

export type EndorsementChainReason =
  | LinkReason
  | 'tooManyIntermediates'
  | 'issuerUnknown'
  | 'pathTooLong'
  | 'searchTooLong';

/** Certificates on a path, leaf and root included; intermediates that a request may bring; signatures to be checked. */
const limits = { path: 8, supplied: 10, signatures: 32 } as const;

export type ChainRequest = {
  readonly certificate: Certificate;
  /** DER of intermediates that came with the request, for instance from the TPM's NV. */
  readonly supplied: readonly Uint8Array[];
  readonly policy: EndorsementPolicy;
  readonly now: Date;
  /** `ignored` once a device is enrolled: an EK certificate that expires later does not unmake the TPM. */
  readonly validity: 'enforced' | 'ignored';
};

/** The path from the EK certificate (first) to the anchor (last). */
export type EndorsementChain = {
  readonly path: readonly Certificate[];
  /** SHA-256 of the anchor's DER, lower-case hex. */
  readonly anchorFingerprint: string;
};

type Refused = Refusal<EndorsementChainReason>;
type Search = ChainRequest & { readonly candidates: readonly Certificate[]; signaturesLeft: number };

/**
 * Finds a path. On each link: names and key identifiers, signature (no SHA-1), validity, basicConstraints, keyUsage,
 * pathLenConstraint, critical extensions. A supplied certificate that cannot be read is passed over. Without a path the refusal is the one met furthest from the EK certificate.
 */
export function verifyEndorsementChain(request: ChainRequest): Result<EndorsementChain, Refused> {
  if (request.supplied.length > limits.supplied) {
    const detail = `${request.supplied.length} intermediates were sent`;
    return err({ reason: 'tooManyIntermediates', detail, accepted: `at most ${limits.supplied}` });
  }
  const expired = request.validity === 'enforced' ? validityFault(request.certificate, request.now) : null;
  if (expired !== null) return err(expired);
  const candidates = [...request.policy.anchors, ...request.policy.intermediates, ...readable(request.supplied)];
  const found = extend([request.certificate], { ...request, candidates, signaturesLeft: limits.signatures });
  if (!found.ok) return err(found.error.refusal);
  const anchor = found.value[found.value.length - 1] ?? request.certificate;
  return ok({ path: found.value, anchorFingerprint: sha256Hex(anchor.der) });
}

/** Those that can be read, with the departures from DER that vendors are known for: NV may hold anything, and what is missed because of it is named as an unknown issuer. */
const readable = (supplied: readonly Uint8Array[]): readonly Certificate[] =>
  supplied.flatMap((der) => {
    const reading = readCertificate(der, derQuirks);
    return reading.ok ? [reading.value] : [];
  });

type DeadEnd = { readonly refusal: Refused; readonly depth: number };

/** Depth-first: the path so far, extended by each issuer that fits, until an anchor ends it. */
function extend(path: readonly Certificate[], search: Search): Result<readonly Certificate[], DeadEnd> {
  const last = path[path.length - 1];
  if (last === undefined) throw new RangeError('a path begins with a certificate');
  let deadEnd: DeadEnd = { refusal: unknownIssuer(last), depth: path.length };
  for (const issuer of search.candidates) {
    if (path.includes(issuer) || !isCandidate(last, issuer)) continue;
    const result = step(path, issuer, search);
    if (result.ok) return result;
    if (result.error.depth > deadEnd.depth || deadEnd.refusal.reason === 'issuerUnknown') deadEnd = result.error;
    if (deadEnd.refusal.reason === 'searchTooLong') break;
  }
  return err(deadEnd);
}

function step(
  path: readonly Certificate[],
  issuer: Certificate,
  search: Search,
): Result<readonly Certificate[], DeadEnd> {
  const longer = [...path, issuer];
  const refusal = stepFault(path, issuer, search);
  if (refusal !== null) return err({ refusal, depth: longer.length });
  return search.policy.anchors.includes(issuer) ? ok(longer) : extend(longer, search);
}

function stepFault(path: readonly Certificate[], issuer: Certificate, search: Search): Refused | null {
  const last = path[path.length - 1] ?? issuer;
  if (path.length >= limits.path) {
    return { reason: 'pathTooLong', detail: `there is no root within ${limits.path} certificates` };
  }
  if (search.signaturesLeft-- <= 0) {
    const accepted = `a path that is found with at most ${limits.signatures} signatures`;
    return { reason: 'searchTooLong', detail: 'too many certificates fit each other', accepted };
  }
  const below = path.slice(1).filter((certificate) => !isSelfIssued(certificate)).length;
  return (
    signatureFault(last, issuer) ??
    (search.validity === 'enforced' ? validityFault(issuer, search.now) : null) ??
    caFault(issuer, below)
  );
}

const unknownIssuer = (certificate: Certificate): Refused => ({
  reason: 'issuerUnknown',
  detail: `no certificate of the issuer ${shownName(certificate.issuer)} is at hand`,
  accepted: "a chain to one of the policy's EK roots; missing intermediates belong into its EK intermediates",
});
