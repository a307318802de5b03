// The decisions of scripts/setup.mjs; what it then runs (npm, tsc, apt-get) is shown by scripts/fresh.sh.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

type Tool = {
  readonly program?: string;
  readonly library?: string;
  readonly package: string;
  readonly suites: readonly string[];
};

type Setup = {
  readonly nodeFault: (version: string) => string | null;
  readonly needsInstall: (times: { readonly lockMs: number; readonly installedMs: number | null }) => boolean;
  readonly missingTools: (
    list: readonly Tool[],
    suites: readonly string[],
    has: (tool: Tool) => boolean,
  ) => readonly Tool[];
  readonly installLine: (missing: readonly Tool[]) => string;
  readonly isPresent: (tool: Partial<Tool>) => boolean;
  readonly isLink: (path: string) => boolean;
  readonly fingerprint: (directory: string, paths: readonly string[]) => string;
};

const script = new URL('../../../scripts/setup.mjs', import.meta.url).href;
const { nodeFault, needsInstall, missingTools, installLine, isPresent, isLink, fingerprint } = (await import(
  script
)) as Setup;

describe('setup', () => {
  test.each([
    ['v20.19.0', null],
    ['v22.1.0', null],
    ['v20.18.3', /too old: 20\.19/],
    ['v18.20.4', /too old: 20\.19/],
  ])('judges Node %s', (version, fault) => {
    if (fault === null) expect(nodeFault(version)).toBeNull();
    else expect(nodeFault(version)).toMatch(fault);
  });

  test.each([
    ['nothing is installed', 1000, null, true],
    ['the lock file is newer than the installation', 1001, 1000, true],
    ['the installation is as new as the lock file', 1000, 1000, false],
  ])('when %s, decides on npm ci', (_when, lockMs, installedMs, expected) => {
    expect(needsInstall({ lockMs, installedMs })).toBe(expected);
  });

  const list: readonly Tool[] = [
    { program: 'swtpm', package: 'swtpm', suites: ['tpm', 'demo'] },
    { program: 'swtpm_setup', package: 'swtpm-tools', suites: ['tpm'] },
    { program: 'swtpm_localca', package: 'swtpm-tools', suites: ['tpm'] },
    { library: 'ossl-modules/tpm2.so', package: 'tpm2-openssl', suites: ['e2e'] },
  ];

  test('asks only for what the wanted suites need and the machine lacks', () => {
    const missing = (suites: readonly string[], present: readonly string[]) =>
      missingTools(list, suites, (tool) => present.includes(tool.package)).map((tool) => tool.package);
    expect(missing(['tpm'], [])).toEqual(['swtpm', 'swtpm-tools', 'swtpm-tools']);
    expect(missing(['tpm'], ['swtpm-tools'])).toEqual(['swtpm']);
    expect(missing(['db'], [])).toEqual([]);
  });

  test('installs each missing package in one line, once', () => {
    expect(installLine(list)).toBe('apt-get install --no-install-recommends swtpm swtpm-tools tpm2-openssl');
  });

  test('finds a program on PATH and a library in the system, and nothing else', () => {
    expect(isPresent({ program: 'sh' })).toBe(true);
    expect(isPresent({ program: 'no-such-program-of-ours' })).toBe(false);
    expect(isPresent({ library: 'libc.so.6' })).toBe(true);
    expect(isPresent({ library: 'libno-such-library.so.0' })).toBe(false);
  });
});

describe('the look at the tree', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'omens-setup-'));
    mkdirSync(join(directory, 'src/deep'), { recursive: true });
    writeFileSync(join(directory, 'src/deep/a.ts'), 'a');
    writeFileSync(join(directory, 'src/b.ts'), 'b');
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const now = () => fingerprint(directory, ['src', 'absent']);

  test('tells a link from a directory, since npm ci would empty what it points to', () => {
    symlinkSync(join(directory, 'src'), join(directory, 'link'));
    symlinkSync(join(directory, 'nowhere'), join(directory, 'dangling'));
    expect(['src', 'link', 'dangling', 'absent'].map((name) => isLink(join(directory, name)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  test('gives the sources the same fingerprint while nothing changes', () => {
    expect(now()).toBe(now());
  });

  test.each([
    ['a file is added', () => writeFileSync(join(directory, 'src/c.ts'), '')],
    ['a file is removed', () => rmSync(join(directory, 'src/deep/a.ts'))],
    ['a file is written', () => writeFileSync(join(directory, 'src/b.ts'), 'bb')],
    ['an older file takes its place', () => utimesSync(join(directory, 'src/b.ts'), 1, 1)],
  ])('gives another fingerprint when %s', (_what, change) => {
    const before = now();
    change();
    expect(now()).not.toBe(before);
  });
});
