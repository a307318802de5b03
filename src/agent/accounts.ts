// Users and groups of a host by name, from its passwd and group files: no name service, so that `--root` can stand for
// another host's `/`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Numbers by name. `groupsOf` has, for each user, every group by number, its own first. */
export type Accounts = {
  readonly users: ReadonlyMap<string, number>;
  readonly groups: ReadonlyMap<string, number>;
  readonly groupsOf: ReadonlyMap<string, readonly number[]>;
};

/** Reads both files under `root`; one that is absent names nobody. */
export async function readAccounts(root: string): Promise<Accounts> {
  const [passwd, group] = await Promise.all(
    ['etc/passwd', 'etc/group'].map((path) => readFile(join(root, path), 'utf8').catch(() => '')),
  );
  return accountsIn(passwd ?? '', group ?? '');
}

/** The same from the text of both files. */
export function accountsIn(passwd: string, group: string): Accounts {
  const groupsOf = new Map<string, readonly number[]>();
  for (const [name = '', , , own = ''] of passwd.split('\n').map((line) => line.split(':'))) {
    if (!/^[0-9]{1,10}$/.test(own) || groupsOf.has(name)) continue;
    const others = group.split('\n').flatMap((line) => {
      const [, , number = '', members = ''] = line.split(':');
      return members.split(',').includes(name) && /^[0-9]{1,10}$/.test(number) ? [Number(number)] : [];
    });
    groupsOf.set(name, [...new Set([Number(own), ...others])]);
  }
  return { users: numbersByName(passwd), groups: numbersByName(group), groupsOf };
}

/** Name and number are the first and third field of both formats (passwd(5), group(5)). */
function numbersByName(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name = '', , number = ''] = line.split(':');
    if (name !== '' && /^[0-9]{1,10}$/.test(number) && !numbers.has(name)) numbers.set(name, Number(number));
  }
  return numbers;
}
