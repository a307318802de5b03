// The list of roots that hosts shall trust, one generation after the other, and the decision whether the next one counts.
// Pure. Its signature is x509/cms-signed-data.ts; where it is kept is others' matter.
import type { TrustDomain } from './profile.ts';
import { err, ok, type Refusal, type Result } from './result.ts';
import { parseStrictJson } from './strict-json.ts';

/** A root as a bundle names it; `certificate` is one PEM block. */
export type BundledAnchor = { readonly domain: TrustDomain; readonly certificate: string };

/** What is signed, as JSON. `createdAt` is RFC 3339 UTC in whole seconds, and tells people something; it decides nothing. */
export type TrustBundle = {
  readonly version: 1;
  readonly generation: number;
  readonly createdAt: string;
  readonly anchors: readonly BundledAnchor[];
};

/** A root by the SHA-256 of its DER in lower-case hex. */
export type KnownAnchor = { readonly domain: TrustDomain; readonly sha256: string };

/** Why a text is no bundle. */
export type TrustBundleReason = 'malformedTrustBundle' | 'unknownTrustDomain';

/** Why a bundle does not follow on what is trusted. */
export type AcceptBundleReason = 'signerNotTrusted' | 'generationNotLarger' | 'noEstateAnchor' | 'anchorTwice';

const trustDomains: readonly TrustDomain[] = ['estate', 'keylime-control'];

/** Whether a text names a trust domain. */
export const isTrustDomain = (text: unknown): text is TrustDomain => trustDomains.some((domain) => domain === text);

/** More roots than any estate has; the size of the whole is capped before parsing. */
const maxAnchors = 16;
const maxGeneration = 2_147_483_647;

/** Whether a number can be a generation: a positive integer below 2^31. */
export const isGeneration = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= maxGeneration;

/** The octets that are signed: JSON in UTF-8. They are never made again from the values: the signed ones are kept. */
export const encodeTrustBundle = (bundle: TrustBundle): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(bundle)}\n`);

/** Reads the signed octets; every member must be there, and no other. Whether a PEM block is a root is not looked at. */
export function parseTrustBundle(octets: Uint8Array): Result<TrustBundle, Refusal<TrustBundleReason>> {
  const document = parseStrictJson(octets);
  if (!document.ok) return malformed(`the bundle is not strict JSON: ${document.error.detail}`);
  const members = document.value;
  if (!hasExactly(members, ['version', 'generation', 'createdAt', 'anchors'])) {
    return malformed('the bundle does not have the members version, generation, createdAt and anchors');
  }
  const { version, generation, createdAt, anchors } = members;
  if (version !== 1) return malformed('the version is not 1', 'version');
  if (!isGeneration(generation)) return malformed('the generation is no positive integer', 'generation');
  if (!isWireTime(createdAt)) return malformed('createdAt is no RFC 3339 time in UTC and whole seconds', 'createdAt');
  if (!Array.isArray(anchors) || anchors.length === 0 || anchors.length > maxAnchors) {
    return malformed(`there are not 1 to ${maxAnchors} anchors`, 'anchors');
  }
  const read = readAnchors(anchors);
  return read.ok ? ok({ version, generation, createdAt, anchors: read.value }) : read;
}

function readAnchors(anchors: readonly unknown[]): Result<readonly BundledAnchor[], Refusal<TrustBundleReason>> {
  const read: BundledAnchor[] = [];
  for (const anchor of anchors) {
    if (!hasExactly(anchor, ['domain', 'certificate']) || typeof anchor.certificate !== 'string') {
      return malformed('an anchor does not have the members domain and certificate', 'anchors');
    }
    const { domain, certificate } = anchor;
    if (!isTrustDomain(domain)) {
      const detail = 'an anchor is of a trust domain that is not known';
      return err({ reason: 'unknownTrustDomain', detail, field: 'anchors', accepted: trustDomains.join(', ') });
    }
    read.push({ domain, certificate });
  }
  return ok(read);
}

/** What is trusted; generation 0 before the first bundle. */
export type TrustedAnchors<A extends KnownAnchor> = { readonly generation: number; readonly anchors: readonly A[] };

/** A bundle whose signature was verified with the key of the certificate that `signerSha256` names. */
export type OfferedBundle<A extends KnownAnchor> = TrustedAnchors<A> & { readonly signerSha256: string };

/**
 * What is trusted after a bundle: exactly its anchors, so that an old one stays only where it is listed again. Refused:
 * a signer that is no trusted root of the estate, a generation that does not grow, an anchor that is there twice, and a
 * list without any root of the estate, under which no further bundle could ever be accepted.
 */
export function acceptBundle<A extends KnownAnchor>(
  current: TrustedAnchors<KnownAnchor>,
  bundle: OfferedBundle<A>,
): Result<TrustedAnchors<A>, Refusal<AcceptBundleReason>> {
  const { generation, anchors, signerSha256 } = bundle;
  if (!current.anchors.some(({ domain, sha256 }) => domain === 'estate' && sha256 === signerSha256)) {
    return err({
      reason: 'signerNotTrusted',
      detail: `the bundle is signed by ${signerSha256}, which is no root of the estate that is trusted`,
      accepted: 'a signature by a root of the estate that is trusted already',
    });
  }
  if (generation <= current.generation) {
    const detail = `the bundle has generation ${generation}, and generation ${current.generation} is in force`;
    return err({ reason: 'generationNotLarger', detail, accepted: `${current.generation + 1} or more` });
  }
  if (new Set(anchors.map(({ sha256 }) => sha256)).size !== anchors.length) {
    return err({ reason: 'anchorTwice', detail: 'a root is listed twice', accepted: 'each root once, in one domain' });
  }
  if (!anchors.some(({ domain }) => domain === 'estate')) {
    const detail = 'the bundle lists no root of the estate';
    return err({ reason: 'noEstateAnchor', detail, accepted: 'at least one root of the estate' });
  }
  return ok({ generation, anchors });
}

const malformed = (detail: string, field?: string): Result<never, Refusal<TrustBundleReason>> =>
  err({
    ...{ reason: 'malformedTrustBundle', detail },
    ...(field === undefined ? {} : { field }),
    accepted: '{version:1, generation, createdAt, anchors:[{domain, certificate}]}',
  });

function hasExactly<K extends string>(value: unknown, members: readonly K[]): value is Readonly<Record<K, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const names = Object.keys(value);
  return names.length === members.length && members.every((member) => names.includes(member));
}

const isWireTime = (value: unknown): value is string =>
  typeof value === 'string' &&
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/.test(value) &&
  !Number.isNaN(new Date(value).getTime());
