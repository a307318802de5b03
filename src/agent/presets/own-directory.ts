// Every certificate that no target claims: kept in the agent's own directory, for hooks and people to take from.
import type { FileContent, FileRow } from '../places.ts';
import { type Preset, rootOnly } from './preset.ts';
import { softwareKeyTypeOf } from '../software-key.ts';

/** The preset of a profile that has none of its own. */
export const ownDirectory = (profile: string): Preset => ({
  name: 'own-directory',
  profile,
  key: { kind: 'software', type: softwareKeyTypeOf(profile) },
  rekey: true,
  table: (name) => {
    const directory = `var/lib/omens/agent/certificates/${name}`;
    const file = (path: string, content: FileContent, mode: number): FileRow => ({
      ...{ path: `${directory}/${path}`, content, mode, owner: rootOnly, readers: [] },
    });
    return {
      directory: { path: directory, mode: 0o700 },
      rows: [
        file('key.pem', 'key', 0o600),
        file('certificate.crt', 'leaf', 0o644),
        file('chain.crt', 'chain', 0o644),
        file('fullchain.crt', 'fullChain', 0o644),
      ],
      links: [],
    };
  },
  consumers: () => [],
});
