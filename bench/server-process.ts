// The whole server in a process of its own, as `omens serve` starts it, which also tells its processor time.
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { serve } from '../src/main.ts';
import { answering } from './child.ts';
import { type SelfTime, startProfile } from './profile.ts';

export type ServerInput = {
  readonly configFile: string;
  /** Overrides the one of the file. */
  readonly databaseUrl?: string;
  /** Rate limits count over so many seconds instead of an hour: nobody waits an hour for a bench. */
  readonly windowSeconds?: number;
};

function shortenWindows(seconds: number): void {
  Object.defineProperty(RateLimiterMemory.prototype, 'duration', { get: () => seconds, set: () => undefined });
}

await answering(async ({ configFile, databaseUrl, windowSeconds }: ServerInput) => {
  if (windowSeconds !== undefined) shortenWindows(windowSeconds);
  const server = await serve({ configFile, env: { PATH: process.env['PATH'], DATABASE_URL: databaseUrl } });
  let endProfile: () => Promise<readonly SelfTime[]> = () => Promise.resolve([]);
  return {
    startProfile: async () => {
      endProfile = await startProfile();
    },
    endProfile: () => endProfile(),
    cpuMicroseconds: async () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    end: server.stop,
  };
});
