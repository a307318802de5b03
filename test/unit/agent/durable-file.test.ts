import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ensureDirectory, placeFile, placeFiles, placeLink } from '../../../src/agent/durable-file.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'omens-durable-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const file = (name: string, content = name, mode = 0o640) => ({
  path: join(directory, name),
  ...{ content, mode, owner: null },
});

test('a file has exactly its mode, whatever the umask is', async () => {
  const before = process.umask(0o077);
  try {
    await placeFile(file('open', 'x', 0o644));
  } finally {
    process.umask(before);
  }
  expect((await stat(join(directory, 'open'))).mode & 0o777).toBe(0o644);
});

test('when one file of several cannot be written, none is changed and nothing is left over', async () => {
  await placeFile(file('key', 'old'));
  const impossible = { ...file('x'), path: join(directory, 'missing', 'certificate') };
  await expect(placeFiles([file('key', 'new'), impossible])).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readFile(join(directory, 'key'), 'utf8')).toBe('old');
  expect(await readdir(directory)).toEqual(['key']);
});

test('a file that somebody linked elsewhere is replaced, not written through', async () => {
  await writeFile(join(directory, 'victim'), 'untouched');
  await placeLink(join(directory, 'key'), 'victim');
  await placeFile(file('key', 'secret', 0o600));
  expect(await readFile(join(directory, 'victim'), 'utf8')).toBe('untouched');
  expect(await readFile(join(directory, 'key'), 'utf8')).toBe('secret');
});

test('a link is replaced by another, and by itself', async () => {
  const path = join(directory, 'ca-chain.crt');
  await placeLink(path, 'a');
  await placeLink(path, 'b');
  await placeLink(path, 'b');
  expect(await readlink(path)).toBe('b');
  expect(await readdir(directory)).toEqual(['ca-chain.crt']);
});

test('a directory that is there keeps the mode that its owner gave it', async () => {
  const path = join(directory, 'own');
  await mkdir(path, { mode: 0o750 });
  await ensureDirectory(path, 0o700);
  expect((await stat(path)).mode & 0o777).toBe(0o750);
  await ensureDirectory(join(directory, 'new', 'deep'), 0o700);
  expect((await stat(join(directory, 'new', 'deep'))).mode & 0o777).toBe(0o700);
  expect(existsSync(join(directory, 'new'))).toBe(true);
});
