// Users and groups of a host by name, from its passwd and group files: no name service, so that `--root` can stand for
// another host's `/`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Numbers by name. */
export type Accounts = {
  readonly users: ReadonlyMap<string, number>;
  readonly groups: ReadonlyMap<string, number>;
};

/** Reads both files under `root`; one that is absent names nobody. */
export async function readAccounts(root: string): Promise<Accounts> {
  const [passwd, group] = await Promise.all(
    ['etc/passwd', 'etc/group'].map((path) => readFile(join(root, path), 'utf8').catch(() => '')),
  );
  return { users: numbersByName(passwd ?? ''), groups: numbersByName(group ?? '') };
}

/** Name and number are the first and third field of both formats (passwd(5), group(5)). */
export function numbersByName(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name = '', , number = ''] = line.split(':');
    if (name !== '' && /^[0-9]{1,10}$/.test(number) && !numbers.has(name)) numbers.set(name, Number(number));
  }
  return numbers;
}
