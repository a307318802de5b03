// The SPIRE agent as a reader of certificates: it reads a DevID, and its Keylime plugin agent.crt, only at its start.
import type { HostFacts } from '../host-facts.ts';
import { type Found, ranks, unitConsumer, usualSettleSeconds } from './preset.ts';

/** Restarted; healthy when its own ready page says so, where its configuration turns one on. */
export const spireAgentConsumer = (host: HostFacts): Found =>
  unitConsumer(host, {
    name: 'spire-agent',
    units: ['spire-agent.service', 'spire_agent.service'],
    ...{ verb: 'restart', rank: ranks.spireAgent, settleSeconds: usualSettleSeconds },
    checks: host.spireReadyUrl === null ? [] : [{ kind: 'url', url: host.spireReadyUrl, withinSeconds: 60 }],
  });
