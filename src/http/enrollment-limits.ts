// How many enrollments may be begun: per source and per endorsement key. In memory, of a size that no caller can grow.
import { createHmac } from 'node:crypto';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { inCidr, parseIpAddress } from '../domain/names.ts';
import type { Outcome } from './route.ts';

/** So many in so many seconds. */
export type Rate = { readonly count: number; readonly seconds: number };

export type EnrollmentLimitOptions = {
  readonly perSource: Rate;
  readonly perEndorsementKey: Rate;
  /** Networks (CIDR) that the first rate does not apply to: one address may be a whole site. */
  readonly trustedSources: readonly string[];
  /** Names the endorsement key in an `ekPublic` (base64url TPM2B_PUBLIC), however it is dressed up. */
  readonly endorsementKeyName: (ekPublic: string) => string;
  /** 32 octets drawn at start, so that nobody can aim at another's bucket. */
  readonly salt: Uint8Array;
};

export type EnrollmentLimits = {
  /** Null when the enrollment may begin, else the 429 with its Retry-After. */
  readonly take: (request: { readonly source: string; readonly ekPublic: string }) => Promise<Outcome | null>;
};

/** Counters share this many buckets; two callers in one bucket are rare, and a map of all callers would have no end. */
const buckets = 16_384;

/** Limits as configured. */
export function enrollmentLimits(options: EnrollmentLimitOptions): EnrollmentLimits {
  const sources = new RateLimiterMemory({ points: options.perSource.count, duration: options.perSource.seconds });
  const keys = new RateLimiterMemory({
    points: options.perEndorsementKey.count,
    duration: options.perEndorsementKey.seconds,
  });
  const bucketOf = namedBucket(options.salt);
  const sourceBucket = bucketsOf(options.salt);
  return {
    take: async ({ source, ekPublic }) => {
      const isTrusted = options.trustedSources.some((network) => inCidr(network, source));
      const sourceWait = isTrusted ? 0 : await consume(sources, sourceBucket(source));
      // Who has no room left must not fill the buckets of keys: there are few enough to fill them all from one place.
      if (sourceWait > 0) return tooMany(sourceWait);
      const keyWait = await consume(keys, bucketOf(options.endorsementKeyName(ekPublic)));
      return keyWait > 0 ? tooMany(keyWait) : null;
    },
  };
}

const namedBucket =
  (salt: Uint8Array) =>
  (name: string): string =>
    String(createHmac('sha256', salt).update(name).digest().readUInt32BE(0) % buckets);

/** The bucket of whoever calls from an address. */
export const bucketsOf = (salt: Uint8Array): ((source: string) => string) => {
  const bucketOf = namedBucket(salt);
  return (source) => bucketOf(networkOf(source));
};

/** Seconds to wait, 0 when there is room. */
export async function consume(limiter: RateLimiterMemory, bucket: string): Promise<number> {
  try {
    await limiter.consume(bucket);
    return 0;
  } catch (rejection) {
    // The library rejects with what is left to wait, and with an error only when it failed.
    if (typeof rejection !== 'object' || rejection === null || !('msBeforeNext' in rejection)) throw rejection;
    return Math.max(1, Math.ceil(Number(rejection.msBeforeNext) / 1000));
  }
}

/** A host of IPv6 has a whole /64 to call from. */
function networkOf(source: string): string {
  const octets = parseIpAddress(source);
  if (octets === null) return source;
  return Buffer.from(octets.length === 16 ? octets.subarray(0, 8) : octets).toString('hex');
}

const tooMany = (seconds: number): Outcome => ({
  refusals: {
    reason: 'tooManyEnrollments',
    detail: `too many enrollments were begun from here or for this endorsement key; wait ${seconds} s`,
    accepted: 'the same request after Retry-After',
  },
  headers: { 'Retry-After': String(seconds) },
});
