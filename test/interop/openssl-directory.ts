// A directory of its own in which OpenSSL's command works for one file of tests.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `openssl` runs in it to its end; `write` answers the name of the file, as the command takes it. */
export function opensslDirectory() {
  const path = mkdtempSync(join(tmpdir(), 'omens-openssl-'));
  return {
    path,
    openssl: (...args: readonly string[]) => {
      const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: path, encoding: 'utf8' });
      return { status, stdout, stderr, text: stdout + stderr };
    },
    write: (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(path, name), content);
      return name;
    },
    remove: (): void => rmSync(path, { recursive: true }),
  };
}
