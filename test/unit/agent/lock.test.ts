import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exclusively } from '../../../src/agent/agent-state.ts';

let root: string;
const directory = (): string => join(root, 'var/lib/omens/agent');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'omens-lock-'));
  mkdirSync(directory(), { recursive: true, mode: 0o700 });
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

test('work of one process is done alone, and leaves nothing behind', async () => {
  expect(await exclusively(root, async () => readdirSync(directory()).includes('lock'))).toBe(true);
  expect(readdirSync(directory())).toEqual([]);
});

test('a lock whose process is gone is taken over', async () => {
  writeFileSync(join(directory(), 'lock'), '4194304\n');
  expect(await exclusively(root, async () => 'done')).toBe('done');
  expect(readdirSync(directory())).toEqual([]);
});

test('a lock whose process lives is respected', async () => {
  writeFileSync(join(directory(), 'lock'), '1\n');
  await expect(exclusively(root, async () => 'done')).rejects.toThrow(
    'another omens agent works on this host (process 1)',
  );
  expect(readdirSync(directory())).toEqual(['lock']);
});
