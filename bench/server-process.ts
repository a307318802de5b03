// The whole server in a process of its own, as `omens serve` starts it, which also tells its processor time.
import { serve } from '../src/main.ts';
import { answering } from './child.ts';

await answering(async ({ configFile }: { readonly configFile: string }) => {
  const server = await serve({ configFile, env: { PATH: process.env['PATH'] } });
  return {
    cpuMicroseconds: async () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    end: server.stop,
  };
});
