// The Keylime agent's own TLS: file names, modes and owners that the Rust agent, SPIRE's plugin and the verifier expect.
import type { HostFacts } from '../host-facts.ts';
import type { OwnerRule } from '../places.ts';
import {
  type Found,
  keylimeChainLink,
  keylimeKey,
  keylimeOpen,
  keylimeTable,
  keylimeTrust,
  type Preset,
  ranks,
  unitConsumer,
  usualSettleSeconds,
} from './preset.ts';
import { spireAgentConsumer } from './spire-agent.ts';

const forSpireToo: OwnerRule = [
  { user: 'keylime', group: 'spire' },
  { user: 'keylime', group: 'tss' },
];

/** HUP ends a Keylime agent. SPIRE's plugin reads agent.crt once, at its start, and so follows. */
const consumers = (host: HostFacts): readonly Found[] => [
  unitConsumer(host, {
    name: 'keylime-agent',
    units: ['keylime_agent.service', 'keylime-agent.service'],
    ...{ verb: 'restart', rank: ranks.keylimeAgent, settleSeconds: usualSettleSeconds },
    checks: [{ kind: 'served', ...host.keylimeAgent, serverName: null, withinSeconds: 30 }],
  }),
  spireAgentConsumer(host),
];

export const keylimeAgent: Preset = {
  name: 'keylime-agent',
  profile: 'keylime-agent',
  key: { kind: 'software', type: 'ec-p256' },
  rekey: true,
  table: () =>
    keylimeTable(
      [
        // SPIRE's agent plugin reads this key too, as a member of its own group; Keylime reads it as its owner.
        { ...keylimeKey('agent-pkcs8.key'), owner: forSpireToo, readers: ['keylime', 'spire'] },
        { ...keylimeOpen('agent.crt', 'fullChain'), readers: ['keylime', 'spire'] },
        ...keylimeTrust,
      ],
      keylimeChainLink,
    ),
  consumers,
};
