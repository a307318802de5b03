// The Keylime verifier's TLS server certificate.
import type { HostFacts } from '../host-facts.ts';
import { type Found, keylimeServerTable, type Preset, ranks, unitConsumer, usualSettleSeconds } from './preset.ts';

export const keylimeVerifier: Preset = {
  name: 'keylime-verifier',
  profile: 'keylime-server',
  key: { kind: 'software', type: 'ec-p256' },
  rekey: true,
  table: () => keylimeServerTable('verifier'),
  consumers: (host) => [verifierConsumer(host)],
};

/** Restarted: a verifier builds its TLS context once. */
export const verifierConsumer = (host: HostFacts): Found =>
  unitConsumer(host, {
    name: 'keylime-verifier',
    units: ['keylime_verifier.service', 'keylime-verifier.service'],
    ...{ verb: 'restart', rank: ranks.verifier, settleSeconds: usualSettleSeconds },
    checks: [{ kind: 'tcp', ...host.keylimeVerifier, withinSeconds: 60 }],
  });
