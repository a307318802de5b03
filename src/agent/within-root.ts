// Paths of a host below a directory that stands for its `/`: links are followed as that host would, and never lead out.
import { lstat, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AgentFailure } from './failure.ts';

/** As many links as Linux follows. */
const mostLinks = 40;

/**
 * The real place of `path`, which is relative to `root`. An absolute link starts again at `root`, and `..` does not leave
 * it. What does not exist yet is taken as it is written.
 */
export async function resolveWithin(root: string, path: string): Promise<string> {
  const left = path.split('/');
  let at = root;
  let links = 0;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at = at === root ? root : dirname(at);
      continue;
    }
    const next = join(at, part);
    const target = await linkTarget(next);
    if (target === null) {
      at = next;
      continue;
    }
    links += 1;
    if (links > mostLinks) throw new AgentFailure(`/${path} has too many levels of symbolic links`);
    if (target.startsWith('/')) at = root;
    left.unshift(...target.split('/'));
  }
  return at;
}

/** The text of a link; null for everything else, and for what is not there. */
async function linkTarget(path: string): Promise<string | null> {
  const found = await lstat(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  });
  return found?.isSymbolicLink() === true ? readlink(path) : null;
}
