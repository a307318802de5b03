// How many signed requests one host may send: each writes a line of the audit or more, and no host needs so many. In
// memory, one counter for each device; whoever is counted was proved before.
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { consume, type Rate } from './enrollment-limits.ts';
import type { Outcome } from './route.ts';

/** Null when the host may go on, else the 429 with its Retry-After. */
export type DeviceLimit = (deviceId: string) => Promise<Outcome | null>;

/** A host with a hundred certificates that all renew within a minute stays under it. */
export const ordinaryDeviceRate: Rate = { count: 600, seconds: 60 };

/** The limit of one server. */
export function deviceLimit({ count, seconds }: Rate): DeviceLimit {
  const requests = new RateLimiterMemory({ points: count, duration: seconds });
  return async (deviceId) => {
    const wait = await consume(requests, deviceId);
    return wait > 0 ? tooMany(wait) : null;
  };
}

const tooMany = (seconds: number): Outcome => ({
  refusals: {
    reason: 'tooManyRequests',
    detail: `this host sent too many requests; wait ${seconds} s`,
    accepted: 'a new request after Retry-After',
  },
  headers: { 'Retry-After': String(seconds) },
});
