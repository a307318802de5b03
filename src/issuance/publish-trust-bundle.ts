// Takes a trust bundle that was signed offline, when hosts can follow it, and tells the published ones. Nothing is signed.
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import {
  acceptBundle,
  type AcceptBundleReason,
  type KnownAnchor,
  type TrustedAnchors,
} from '../domain/trust-bundle.ts';
import { type TrustBundleResource, wireTime } from '../domain/wire.ts';
import { commonNameOf } from '../x509/distinguished-name.ts';
import { encodePem } from '../x509/pem.ts';
import {
  type OpenBundleReason,
  type OpenedTrustBundle,
  openTrustBundle,
  readTrustBundle,
} from '../x509/signed-trust-bundle.ts';

export type PublishBundleReason = AcceptBundleReason | OpenBundleReason | 'rootInUseMissing';

/** A bundle as it is stored. `facts` go to the audit. */
export type TrustBundleRow = {
  readonly generation: number;
  /** The generation that it was judged against. */
  readonly follows: number;
  readonly cms: Uint8Array;
  readonly publishedBy: string;
  readonly publishedAt: Date;
  readonly facts: { readonly signedBy: string; readonly anchors: readonly string[] };
};

export type TrustBundlePorts = {
  /** SignedData in DER. */
  readonly newestTrustBundle: () => Promise<Uint8Array | null>;
  /** The first one of a larger generation. */
  readonly trustBundleAfter: (generation: number) => Promise<Uint8Array | null>;
  /** False when this generation or a larger one is there already, or another that follows on the same one. */
  readonly insertTrustBundle: (row: TrustBundleRow) => Promise<boolean>;
  /** Every root of the inventory. */
  readonly roots: readonly KnownAnchor[];
  /** Those above the CAs that issue today. */
  readonly rootsInUse: readonly KnownAnchor[];
};

/** Publishes a bundle; a host takes it once it asks. */
export const publishTrustBundle =
  (ports: TrustBundlePorts) =>
  async (
    cms: Uint8Array,
    { principal, now }: { readonly principal: string; readonly now: Date },
  ): Promise<Result<TrustBundleResource, Refusal<PublishBundleReason>>> => {
    const current = await inForce(ports);
    const estate = current.anchors.flatMap(({ domain, sha256 }) => (domain === 'estate' ? [sha256] : []));
    const opened = openTrustBundle(cms, estate);
    if (!opened.ok) return opened;
    const { generation, anchors, signerSha256 } = opened.value;
    const accepted = acceptBundle(current, opened.value);
    if (!accepted.ok) return accepted;
    const missing = ports.rootsInUse.find((root) => !anchors.some((anchor) => isSame(anchor, root)));
    if (missing !== undefined) return rootMissing(missing);
    const facts = { signedBy: signerSha256, anchors: anchors.map(({ sha256 }) => sha256) };
    const row = { generation, follows: current.generation, cms, publishedBy: principal, publishedAt: now, facts };
    if (await ports.insertTrustBundle(row)) return ok(resourceOf(cms, opened.value));
    const detail = `generation ${generation} or a larger one was published at the same moment`;
    return err({ reason: 'generationNotLarger', detail });
  };

/** The newest bundle, or the first after a generation; null when there is none. */
export const showTrustBundle =
  (ports: Pick<TrustBundlePorts, 'newestTrustBundle' | 'trustBundleAfter'>) =>
  async (after: number | null): Promise<TrustBundleResource | null> => {
    const cms = await (after === null ? ports.newestTrustBundle() : ports.trustBundleAfter(after));
    return cms === null ? null : resourceOf(cms, stored(cms));
  };

/** What hosts trust that follow: the newest bundle, or before the first the roots of the inventory. */
async function inForce({ newestTrustBundle, roots }: TrustBundlePorts): Promise<TrustedAnchors<KnownAnchor>> {
  const newest = await newestTrustBundle();
  return newest === null ? { generation: 0, anchors: roots } : stored(newest);
}

/** Its signature was verified when it was published. */
function stored(cms: Uint8Array): OpenedTrustBundle {
  const read = readTrustBundle(cms);
  if (read.ok) return read.value;
  throw new Error(`a published trust bundle does not read back: ${read.error.detail}`);
}

const isSame = (a: KnownAnchor, b: KnownAnchor): boolean => a.domain === b.domain && a.sha256 === b.sha256;

/** Hosts that took such a bundle would no longer reach this server, or obey what it issues. */
const rootMissing = ({ domain, sha256 }: KnownAnchor): Result<never, Refusal<PublishBundleReason>> =>
  err({
    reason: 'rootInUseMissing',
    detail: `the bundle does not list ${sha256}, the root of the ${domain} CA that issues today`,
    accepted: 'every root in use, until its CA has been replaced',
  });

const resourceOf = (cms: Uint8Array, { bundle, signerSha256, anchors }: OpenedTrustBundle): TrustBundleResource => ({
  generation: bundle.generation,
  bundle: encodePem('CMS', cms),
  createdAt: bundle.createdAt,
  signedBy: signerSha256,
  anchors: anchors.map(({ domain, sha256, certificate }) => ({
    trustDomain: domain,
    certificate: sha256,
    subject: commonNameOf(certificate.subject) ?? '',
    notAfter: wireTime(certificate.notAfter),
  })),
});
