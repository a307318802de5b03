// Puts checked certificates in place: directories, owners by name, and one durable step per certificate and its key.
import { dirname, join } from 'node:path';
import { type Accounts, readAccounts } from './accounts.ts';
import type { InstalledCertificate } from './agent-state.ts';
import { type DurableFile, ensureDirectory, type Owner, placeFiles, placeLink } from './durable-file.ts';
import type { OwnerRule, PlacedFile, Placement } from './places.ts';

/** What was installed, and what a person should know about it. */
export type Installation = {
  readonly certificates: readonly InstalledCertificate[];
  readonly remarks: readonly string[];
};

/**
 * Installs under `root`. Modes are always set; owners only as the superuser (`uid` 0), and only those whose names exist
 * in the host's own files; what was skipped is said.
 */
export async function install(
  placements: readonly Placement[],
  host: { readonly root: string; readonly uid: number },
): Promise<Installation> {
  const accounts = await readAccounts(host.root);
  const skipped = new Set<string>();
  for (const placement of placements) {
    await ensureDirectory(join(host.root, placement.directory.path), placement.directory.mode);
    const files = placement.files.map((file): DurableFile => {
      const { owner, mode, wished } = ownership(file, accounts);
      if (host.uid !== 0 || owner === null) skipped.add(`${wished} of /${file.path}`);
      return {
        path: join(host.root, file.path),
        content: file.content,
        mode,
        owner: host.uid === 0 ? owner : null,
      };
    });
    await placeFiles(files);
    for (const { path, target } of placement.links) await placeLink(join(host.root, path), target);
  }
  return { certificates: placements.map(installed), remarks: remarksOf([...skipped], host.uid) };
}

/** The first alternative whose names exist; its own mode where it has one. */
export function ownership(
  file: Pick<PlacedFile, 'owner' | 'mode'>,
  accounts: Accounts,
): { readonly owner: Owner | null; readonly mode: number; readonly wished: string } {
  for (const { user, group, mode, reader } of file.owner) {
    const uid = user === 'root' ? 0 : accounts.users.get(user);
    const gid = group === 'root' ? 0 : accounts.groups.get(group);
    const groups = reader === undefined ? undefined : accounts.groupsOf.get(reader);
    if (uid !== undefined && gid !== undefined && (groups === undefined || groups.includes(gid))) {
      return { owner: { uid, gid }, mode: mode ?? file.mode, wished: `${user}:${group}` };
    }
  }
  return { owner: null, mode: file.mode, wished: describe(file.owner) };
}

const describe = (rule: OwnerRule): string => rule.map(({ user, group }) => `${user}:${group}`).join(' or ');

function remarksOf(skipped: readonly string[], uid: number): readonly string[] {
  if (skipped.length === 0) return [];
  const why = uid === 0 ? 'no such user or group here' : 'this is not root';
  return [`owners were not set (${why}): ${skipped.join(', ')}`];
}

const installed = ({ checked, certificateFile }: Placement): InstalledCertificate => ({
  profile: checked.wanted.profile,
  lineage: checked.resource.lineage,
  certificateSha256: checked.certificateSha256,
  certificateFile: join('/', certificateFile),
  notAfter: checked.resource.notAfter,
  renewAt: checked.resource.renewAt,
});

/** The directories that an installation writes to, for messages. */
export const directoriesOf = (placements: readonly Placement[]): readonly string[] => [
  ...new Set(placements.flatMap(({ files }) => files.map(({ path }) => join('/', dirname(path))))),
];
