// The Keylime tenant's client certificate, for the command that an administrator of this host runs as root.
import { keylimeKey, keylimeOpen, keylimeTable, type Preset, rootOnly } from './preset.ts';

export const keylimeTenant: Preset = {
  name: 'keylime-tenant',
  profile: 'keylime-tenant',
  key: { kind: 'software', type: 'ec-p256' },
  rekey: true,
  table: () =>
    keylimeTable([
      { ...keylimeKey('tenant-pkcs8.key'), mode: 0o600, owner: rootOnly, readers: [] },
      keylimeOpen('tenant.crt', 'fullChain'),
      keylimeOpen('keylime-control-ca.crt', 'controlChain'),
    ]),
  // Read anew each time the command runs.
  consumers: () => [],
};
