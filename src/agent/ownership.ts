// Who shall own a file on this host, by the names that it has.
import type { Accounts } from './accounts.ts';
import type { Owner } from './durable-file.ts';
import type { OwnerRule, PlacedFile } from './places.ts';

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
