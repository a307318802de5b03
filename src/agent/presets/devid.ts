// The DevID: a key of the TPM in every form that its readers know, and its certificate.
import type { FileContent, FileRow, OwnerRule } from '../places.ts';
import { type Preset, rootOnly } from './preset.ts';
import { spireAgentConsumer } from './spire-agent.ts';

const readableByTss: OwnerRule = [{ user: 'root', group: 'tss' }];

/** SPIRE runs as a user of its own and is the one reader beside root; nobody writes what only the TPM can make. */
const forSpire: OwnerRule = [{ user: 'spire', group: 'root', mode: 0o400 }, ...rootOnly];

/** SPIRE's plugin opens the certificate itself: where its user is not in tss, the group is spire's. */
const certificateOwner: OwnerRule = [
  { user: 'root', group: 'tss', reader: 'spire' },
  { user: 'root', group: 'spire' },
  { user: 'root', group: 'tss' },
];

const directory = 'var/lib/tpm2-devid';

const file = (name: string, content: FileContent, rule: Pick<FileRow, 'mode' | 'owner'>): FileRow => ({
  path: `${directory}/${name}`,
  content,
  ...rule,
  readers: rule.owner === readableByTss || rule.owner === rootOnly ? [] : ['spire'],
});

export const devId: Preset = {
  name: 'devid',
  profile: 'devid',
  key: { kind: 'devid' },
  rekey: true,
  table: () => ({
    directory: { path: directory, mode: 0o755 },
    rows: [
      file('devid.pub', 'tpmPublic', { mode: 0o640, owner: readableByTss }),
      file('devid.priv', 'tpmPrivate', { mode: 0o600, owner: rootOnly }),
      file('devid.pub.blob', 'spirePublic', { mode: 0o600, owner: forSpire }),
      file('devid.priv.blob', 'spirePrivate', { mode: 0o600, owner: forSpire }),
      file('devid.key.pem', 'tss2Key', { mode: 0o600, owner: rootOnly }),
      file('devid.crt', 'fullChain', { mode: 0o640, owner: certificateOwner }),
    ],
    links: [],
  }),
  consumers: (host) => [spireAgentConsumer(host)],
};
