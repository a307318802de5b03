// The page at which a SPIRE server's bundle is fetched; nginx serves it.
import { type Preset, rootOnly } from './preset.ts';
import { nginxConsumer } from './nginx.ts';

const directory = 'etc/spire/bundle-certs';

export const spireBundleEndpoint: Preset = {
  name: 'spire-bundle-endpoint',
  profile: 'spire-bundle-endpoint',
  key: { kind: 'software', type: 'ec-p256' },
  rekey: true,
  table: () => ({
    directory: { path: directory, mode: 0o755 },
    rows: [
      { path: `${directory}/bundle.key`, content: 'key', mode: 0o600, owner: rootOnly, readers: [] },
      { path: `${directory}/bundle.crt`, content: 'fullChain', mode: 0o644, owner: rootOnly, readers: [] },
    ],
    links: [],
  }),
  consumers: (host) => [nginxConsumer(host)],
};
