// OpenBao's TLS server certificate. Reloaded, never restarted: a restarted OpenBao is sealed.
import type { OwnerRule } from '../places.ts';
import { type Preset, ranks, unitConsumer } from './preset.ts';

const directory = 'opt/openbao/tls';

const owner: OwnerRule = [{ user: 'openbao', group: 'openbao' }];

export const openbaoServer: Preset = {
  name: 'openbao-server',
  profile: 'openbao-server',
  key: { kind: 'software', type: 'rsa-2048' },
  rekey: true,
  table: () => ({
    directory: { path: directory, mode: 0o755 },
    rows: [
      { path: `${directory}/tls.key`, content: 'key', mode: 0o640, owner, readers: ['openbao'] },
      { path: `${directory}/tls.crt`, content: 'fullChain', mode: 0o644, owner, readers: ['openbao'] },
    ],
    links: [],
  }),
  consumers: (host) => [
    unitConsumer(host, {
      name: 'openbao',
      units: ['openbao.service', 'bao.service'],
      ...{ verb: 'reload', rank: ranks.openbao, settleSeconds: 2, checks: [] },
    }),
  ],
};
