// What the executable loads before it knows which command runs: nothing of the server.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from '@jest/globals';

/** Every module that is reached from `entry` by static imports: files as paths below src/, packages by name. */
function reached(entry: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(relative('src', file))) return;
    seen.add(relative('src', file));
    // Type imports are gone at run time; `import(…)` is no static import.
    const imports = /^(?:import|export) (?!type )(?:[^'";]*? from )?'([^']+)';/gm;
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(imports)) {
      if (target.startsWith('.')) visit(join(dirname(file), target));
      else seen.add(target);
    }
  };
  visit(entry);
  return seen;
}

test('the executable reaches the agent, and no database, web framework or composition root', () => {
  const modules = reached('src/cli/omens.ts');
  expect(modules).toContain('agent/enroll.ts');
  expect(modules).toContain('commander');
  for (const forbidden of [
    'pg',
    'knex',
    'express',
    'pino',
    '@peculiar/x509',
    'pkijs',
    'main.ts',
    'init.ts',
    'config.ts',
  ])
    expect([...modules].filter((module) => module === forbidden)).toEqual([]);
  const folders = new Set(
    [...modules].filter((module) => module.endsWith('.ts')).map((module) => module.split('/')[0]),
  );
  expect([...folders].sort()).toEqual(['agent', 'checked-yaml.ts', 'cli', 'client', 'domain', 'tpm2', 'x509']);
});

test('the composition root is what it says, or the test above would say nothing', () => {
  expect(reached('src/main.ts')).toContain('express');
});
