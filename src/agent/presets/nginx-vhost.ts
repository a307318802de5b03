// A virtual host of nginx: leaf and chain in one file, and its key; both called after the target.
import { type Preset, rootOnly } from './preset.ts';
import { nginxConsumer } from './nginx.ts';

export const nginxVhost: Preset = {
  name: 'nginx-vhost',
  profile: 'nginx-vhost',
  key: { kind: 'software', type: 'ec-p256' },
  rekey: true,
  table: (name) => ({
    directory: { path: 'etc/nginx/ssl', mode: 0o755 },
    rows: [
      { path: `etc/nginx/ssl/${name}.key`, content: 'key', mode: 0o600, owner: rootOnly, readers: [] },
      { path: `etc/nginx/ssl/${name}.crt`, content: 'fullChain', mode: 0o644, owner: rootOnly, readers: [] },
    ],
    links: [],
  }),
  consumers: (host) => [nginxConsumer(host)],
};
