// nginx as a reader of certificates: its master reads them as root, and a reload that fails its own test changes nothing.
import type { HostFacts } from '../host-facts.ts';
import { type Found, ranks, unitConsumer } from './preset.ts';

export const nginxConsumer = (host: HostFacts): Found =>
  unitConsumer(host, {
    name: 'nginx',
    units: ['nginx.service'],
    ...{ verb: 'reload', rank: ranks.nginx, settleSeconds: 1, validate: ['nginx', '-t'], checks: [] },
  });
