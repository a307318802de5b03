// Users of a host with their groups, from its passwd and group files, and whether one of them may read a file. Mode bits
// only: access control lists and security modules are not looked at.
import type { HostFile } from './host-files.ts';

/** A user's numbers; `groups` holds the primary group too. */
export type Identity = { readonly uid: number; readonly groups: ReadonlySet<number> };

/** passwd(5) and group(5) together. */
export function readIdentities(passwd: string, group: string): ReadonlyMap<string, Identity> {
  const memberships = new Map<string, number[]>();
  for (const [, , number = '', members = ''] of fieldsOf(group)) {
    for (const member of members.split(','))
      memberships.set(member, [...(memberships.get(member) ?? []), Number(number)]);
  }
  return new Map(
    fieldsOf(passwd).map(([name = '', , uid, gid]) => [
      name,
      { uid: Number(uid), groups: new Set([Number(gid), ...(memberships.get(name) ?? [])]) },
    ]),
  );
}

const fieldsOf = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name = '', , number = '']) => name !== '' && /^[0-9]{1,10}$/.test(number));

/** Whether the mode lets this user read the file. */
export function mayRead({ uid, groups }: Identity, file: Pick<HostFile, 'mode' | 'uid' | 'gid'>): boolean {
  if (uid === 0) return true;
  if (file.uid === uid) return (file.mode & 0o400) !== 0;
  return (file.mode & (groups.has(file.gid) ? 0o040 : 0o004)) !== 0;
}
