// The Keylime registrar's TLS server certificate.
import { keylimeServerTable, type Preset, ranks, unitConsumer, usualSettleSeconds } from './preset.ts';

export const keylimeRegistrar: Preset = {
  name: 'keylime-registrar',
  profile: 'keylime-server',
  key: { kind: 'software', type: 'ec-p256' },
  rekey: true,
  table: () => keylimeServerTable('registrar'),
  consumers: (host) => [
    unitConsumer(host, {
      name: 'keylime-registrar',
      units: ['keylime_registrar.service', 'keylime-registrar.service'],
      ...{ verb: 'restart', rank: ranks.registrar, settleSeconds: usualSettleSeconds },
      checks: [{ kind: 'tcp', ...host.keylimeRegistrar, withinSeconds: 60 }],
    }),
  ],
};
