// How often somebody may try to sign in from one place: only what fails counts. In memory, of a size that no caller can grow.
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { bucketsOf, consume, type Rate } from '../enrollment-limits.ts';

export type LoginLimit = {
  /** Seconds to wait, 0 when one may try. */
  readonly take: (source: string) => Promise<number>;
  /** It was a good token: the try does not count. */
  readonly giveBack: (source: string) => Promise<void>;
};

/** Ten wrong tokens in five minutes. */
export const ordinaryLoginRate: Rate = { count: 10, seconds: 300 };

/** The limit of one server; `salt` is drawn at its start. */
export function loginLimit({ count, seconds }: Rate, salt: Uint8Array): LoginLimit {
  const tries = new RateLimiterMemory({ points: count, duration: seconds });
  const bucketOf = bucketsOf(salt);
  return {
    take: (source) => consume(tries, bucketOf(source)),
    giveBack: async (source) => {
      await tries.reward(bucketOf(source));
    },
  };
}
