// The certificate by which a Keylime verifier asks agents: of keylime-control, which agents obey.
import { keylimeKey, keylimeOpen, keylimeTable, type Preset } from './preset.ts';
import { verifierConsumer } from './keylime-verifier.ts';

export const keylimeVerifierClient: Preset = {
  name: 'keylime-verifier-client',
  profile: 'keylime-verifier-client',
  key: { kind: 'software', type: 'ec-p256' },
  rekey: true,
  table: () =>
    keylimeTable([
      keylimeKey('verifier-client-pkcs8.key'),
      keylimeOpen('verifier-client.crt', 'fullChain'),
      keylimeOpen('keylime-control-ca.crt', 'controlChain'),
    ]),
  consumers: (host) => [verifierConsumer(host)],
};
