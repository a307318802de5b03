// What the built executable really loads when a host asks how it stands.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const run = promisify(execFile);
const executable = resolve('dist/src/cli/omens.js');

/** Runs the executable and answers every CommonJS module that it loaded; all the heavy packages are such. */
async function loadedBy(args: readonly string[]): Promise<readonly string[]> {
  const script = `
    import Module from 'node:module';
    process.on('exit', () => {
      process.stderr.write('LOADED ' + JSON.stringify(Object.keys(Module._cache)) + '\\n');
      process.exitCode = 0;
    });
    process.argv = [process.argv[0], ${JSON.stringify(executable)}, ...${JSON.stringify(args)}];
    await import(${JSON.stringify(pathToFileURL(executable).href)});
  `;
  const { stderr } = await run(process.execPath, ['--input-type=module', '-e', script]);
  return JSON.parse(/LOADED (.*)\n/.exec(stderr)?.[1] ?? 'null') as string[];
}

for (const args of [
  ['agent', 'status', '--help'],
  ['agent', 'status'],
]) {
  test(`omens ${args.join(' ')} loads commander, and neither pg nor express`, async () => {
    const root = mkdtempSync(join(tmpdir(), 'omens-loads-'));
    try {
      const loaded = await loadedBy([...args, '--root', root]);
      expect(loaded.some((path) => path.includes('/node_modules/commander/'))).toBe(true);
      expect(loaded.filter((path) => /node_modules\/(?:pg|express|knex|pino)\//.test(path))).toEqual([]);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
}
