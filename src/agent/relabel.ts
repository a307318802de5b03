// Security labels of SELinux for files that were just written: where the host enforces them, its own policy names them.
import { readFile } from 'node:fs/promises';
import type { InstallPorts } from './install-ports.ts';

/** Does nothing under another root than `/`, and where SELinux is absent or does not enforce. */
export async function relabel(ports: Pick<InstallPorts, 'root' | 'run' | 'progress'>, path: string): Promise<void> {
  if (ports.root !== '/') return;
  const enforcing = await readFile('/sys/fs/selinux/enforce', 'utf8').catch(() => '');
  if (enforcing.trim() !== '1') return;
  const result = await ports.run(['restorecon', '-R', '-F', path], 30);
  if (!result.ok) ports.progress.note(`SELinux labels of ${path} were not restored: ${result.detail}`);
}
