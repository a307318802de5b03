// One look at what the server offers as trust anchors: a bundle counts only when the key of a root that is trusted already
// has signed it; a root named by its digest in this host's own file counts without. What merely came over TLS is told.
import type { AnchorApi } from '../client/api.ts';
import type { ClientFault } from '../client/connection.ts';
import type { TrustDomain } from '../domain/profile.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import { acceptBundle, type KnownAnchor } from '../domain/trust-bundle.ts';
import { openTrustBundle, readAnchor } from '../x509/signed-trust-bundle.ts';
import { decodePem } from '../x509/pem.ts';
import { readAuthorities } from './read-authorities.ts';
import type { HeldAnchor, HeldCertificate, HostTrust } from './trust.ts';

/** What this host trusts, the root it was enrolled under, and the digests that its own configuration names. */
export type TrustInput = {
  readonly held: HostTrust | null;
  /** `AgentState.server.rootSha256`. */
  readonly pinnedSha256: string;
  readonly local: readonly KnownAnchor[];
};

/** What is trusted after the look. */
export type TrustTaken = {
  readonly trust: HostTrust;
  /** Domains whose CA certificates differ from those held before. */
  readonly changed: readonly TrustDomain[];
  /** What was offered and was not taken, for the log and the report. */
  readonly refused: readonly Refusal[];
};

/** Generations that are taken at one look; the next look goes on. */
const maxSteps = 32;

/**
 * Takes what may be taken: bundles one generation after the other, roots that this host's file names by digest, and the
 * CAs below the roots. Nothing is written. An error is a fault of the connection, and nothing changed.
 */
export async function takeTrustBundle(api: AnchorApi, input: TrustInput): Promise<Result<TrustTaken, ClientFault>> {
  const begun = await beginning(api, input);
  if (!begun.ok) return begun;
  const followed = await follow(api, begun.value);
  if (!followed.ok) return followed;
  const { generation, anchors, refused } = followed.value;
  const below = await readAuthorities(api, anchors);
  if (!below.ok) return below;
  const { held } = input;
  const now = { generation, anchors, authorities: below.value.authorities };
  const changed = (['estate', 'keylime-control'] as const).filter(
    (domain) => digests(held, domain) !== digests(now, domain),
  );
  const unapplied = [...new Set([...(held?.unapplied ?? []), ...changed])];
  return ok({
    trust: { version: 1, enrolledUnder: input.pinnedSha256, ...now, unapplied },
    changed,
    refused: [...begun.value.refused, ...refused, ...below.value.refused],
  });
}

/** One text for everything that is trusted in a domain. */
const digests = (trust: Pick<HostTrust, 'anchors' | 'authorities'> | null, domain: TrustDomain): string =>
  [...(trust?.anchors ?? []), ...(trust?.authorities ?? [])]
    .flatMap((one) => (one.domain === domain ? [one.sha256] : []))
    .sort()
    .join();

type Progress = {
  readonly generation: number;
  readonly anchors: readonly HeldAnchor[];
  readonly refused: readonly Refusal[];
};

/** What is trusted before the server is asked for bundles: what is held, and what this host's own file names today. */
async function beginning(
  api: AnchorApi,
  { held, pinnedSha256, local }: TrustInput,
): Promise<Result<Progress, ClientFault>> {
  const earlier = held?.enrolledUnder === pinnedSha256 ? held : null;
  const generation = earlier?.generation ?? 0;
  const kept = (earlier?.anchors ?? []).filter(({ from }) => from !== 'local');
  const pinned = { domain: 'estate', sha256: pinnedSha256, from: 'enrollment' } as const;
  const wanted = [
    ...(generation === 0 ? [pinned] : []),
    ...local.map((anchor) => ({ ...anchor, from: 'local' as const })),
  ];
  const anchors: HeldAnchor[] = [...kept];
  const refused: Refusal[] = [];
  for (const { domain, sha256, from } of wanted) {
    if (anchors.some((anchor) => anchor.domain === domain && anchor.sha256 === sha256)) continue;
    const known = held?.anchors.find((anchor) => anchor.domain === domain && anchor.sha256 === sha256);
    const fetched = known === undefined ? await fetchRoot(api, { domain, sha256 }) : ok(known);
    if (!fetched.ok) return fetched;
    if ('reason' in fetched.value) refused.push(fetched.value);
    else anchors.push({ ...fetched.value, from });
  }
  return ok({ generation, anchors, refused });
}

/** The certificate that a digest names. The server may be anybody: only the octets of exactly that digest are taken. */
async function fetchRoot(api: AnchorApi, wanted: KnownAnchor): Promise<Result<HeldCertificate | Refusal, ClientFault>> {
  const answer = await api.issuerPem(wanted.sha256, 'root');
  if (!answer.ok) {
    const { reason, detail } = answer.error;
    return reason === 'problem' ? ok({ reason: 'anchorNotFound', detail: `${wanted.sha256}: ${detail}` }) : answer;
  }
  const anchor = readAnchor(wanted.domain, answer.value);
  if (!anchor.ok) return ok(anchor.error);
  const { domain, sha256, pem } = anchor.value;
  if (sha256 === wanted.sha256) return ok({ domain, sha256, certificate: pem });
  return ok({ reason: 'anchorDiffers', detail: `the server gave ${sha256} where ${wanted.sha256} was asked for` });
}

/**
 * Bundles in turn. One whose signer is not trusted does not end it: a host that was enrolled later begins with a later
 * root. But what is last refused stays told, unless a later one was taken.
 */
async function follow(api: AnchorApi, begun: Progress): Promise<Result<Progress, ClientFault>> {
  let { generation, anchors } = begun;
  const own = anchors.filter(({ from }) => from === 'local');
  let refused: readonly Refusal[] = [];
  let seen = generation;
  for (let step = 0; step < maxSteps; step++) {
    const answer = await api.trustBundle({ after: seen });
    if (!answer.ok && answer.error.reason !== 'problem') return answer;
    if (!answer.ok) break;
    const taken = judge(answer.value, { generation, anchors });
    if (taken.ok) {
      ({ generation } = taken.value);
      anchors = withOwn(taken.value.anchors, own);
      refused = [];
    } else refused = [taken.error];
    if (answer.value.generation <= seen) break;
    seen = answer.value.generation;
  }
  return ok({ generation, anchors, refused });
}

/** Roots that this host's own file names stay, whatever a bundle says. */
const withOwn = (anchors: readonly HeldAnchor[], own: readonly HeldAnchor[]): readonly HeldAnchor[] => [
  ...anchors,
  ...own.filter(({ sha256, domain }) => !anchors.some((one) => one.sha256 === sha256 && one.domain === domain)),
];

/** Nothing is believed but what stands in the signed octets. */
function judge(
  offered: { readonly generation: number; readonly bundle: string },
  current: Pick<Progress, 'generation' | 'anchors'>,
): Result<Pick<Progress, 'generation' | 'anchors'>, Refusal> {
  const blocks = decodePem(offered.bundle, { labels: ['CMS'], maxCharacters: 80_000, maxBlocks: 1 });
  if (!blocks.ok) return blocks;
  const estate = current.anchors.flatMap(({ domain, sha256 }) => (domain === 'estate' ? [sha256] : []));
  const opened = openTrustBundle(blocks.value[0]?.der ?? new Uint8Array(), estate);
  if (!opened.ok) return opened;
  if (opened.value.generation !== offered.generation) {
    return err({ reason: 'generationDiffers', detail: 'the answer names another generation than the signed bundle' });
  }
  const accepted = acceptBundle(current, opened.value);
  if (!accepted.ok) return accepted;
  const anchors = accepted.value.anchors.map(
    ({ domain, sha256, pem }): HeldAnchor => ({ domain, sha256, certificate: pem, from: 'bundle' }),
  );
  return ok({ generation: accepted.value.generation, anchors });
}
