// The full name of this host as its own files tell it. No name service is asked: its answer would name the certificate.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isHostName } from '../domain/names.ts';

/** The host's name in lower case: the kernel's when it is a full one, else the first full name of /etc/hosts for it. */
export async function ownName(root: string): Promise<string | null> {
  const name = hostname().toLowerCase();
  if (isHostName(name)) return name;
  const hosts = await readFile(join(root, 'etc/hosts'), 'utf8').catch(() => '');
  return fullNameIn(hosts, name);
}

/** The full name that a hosts file (hosts(5)) gives to a short one. */
export function fullNameIn(hosts: string, short: string): string | null {
  for (const line of hosts.split('\n')) {
    const [, ...names] = (line.split('#')[0] ?? '').toLowerCase().trim().split(/\s+/);
    const full = names.find((name) => name.startsWith(`${short}.`) && isHostName(name));
    if (full !== undefined && !full.startsWith('localhost.')) return full;
  }
  return null;
}
