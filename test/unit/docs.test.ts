// The documents against the tree: links, paths and tests that they name are there, decisions stay short, and the import
// table of docs/architecture.md is the one that is enforced.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { run } from '../../src/cli/program.ts';
import type { World } from '../../src/cli/world.ts';
import { conditions } from '../../src/domain/warning.ts';

const root = resolve(import.meta.dirname, '../..');

const markdownBelow = (directory: string): readonly string[] =>
  readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(directory, file));

/** Every Markdown file of the repository, relative to its root. */
const documents = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...['docs', 'policies', 'certs-test', 'bench']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap(markdownBelow),
];

const textOf = (document: string): string => readFileSync(join(root, document), 'utf8');

/** Without fenced blocks: those show files and commands, not links. */
const proseOf = (document: string): string => textOf(document).replace(/^```[\s\S]*?^```/gm, '');

/** The fragment under which a heading is found, as forges make it. */
const fragmentOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

const headingsOf = (document: string): readonly string[] =>
  [...proseOf(document).matchAll(/^#+ (.+)$/gm)].map((match) => fragmentOf(match[1]!));

function brokenLinks(document: string): readonly string[] {
  const links = [...proseOf(document).matchAll(/\]\((?![a-z]+:)([^)\s]+)\)/g)].map((match) => match[1]!);
  return links.flatMap((link) => {
    const [path = '', fragment] = link.split('#');
    const target = path === '' ? document : relative(root, resolve(root, dirname(document), path));
    if (!existsSync(join(root, target))) return [`${document}: ${link} is not there`];
    if (fragment === undefined || headingsOf(target).includes(fragment)) return [];
    return [`${document}: ${link} has no such heading`];
  });
}

/** Paths of this repository in backticks, without those that hold a placeholder. */
const pathsIn = (document: string): readonly string[] =>
  [...proseOf(document).matchAll(/`((?:src|test|sql|policies|docs|scripts|bench|certs-test)\/[^`\s]*)`/g)]
    .map((match) => match[1]!)
    .filter((path) => !/[*<{…]/.test(path));

describe('the documents', () => {
  test('have no dead link', () => {
    expect(documents.flatMap(brokenLinks)).toEqual([]);
  });

  test('name no file of the repository that is not there', () => {
    const missing = documents.flatMap((document) =>
      pathsIn(document)
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${document}: ${path}`),
    );
    expect(missing).toEqual([]);
  });

  test('say for every condition of a warning where to go', () => {
    const rows =
      textOf('docs/runbooks/warning-came.md')
        .match(/^\| `.*$/gm)
        ?.join('\n') ?? '';
    expect(Object.keys(conditions).filter((condition) => !rows.includes(`\`${condition}\``))).toEqual([]);
  });

  test('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
    const named = documents.flatMap((document) =>
      [...textOf(document).matchAll(/\bnpm (?:run (?:-s )?)([a-z][a-z:-]*)/g)].map((match) => match[1]!),
    );
    expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
  });
});

/** What `--help` says of a command line's command; empty when there is no such command. */
async function helpOf(words: readonly string[]): Promise<string> {
  let help = '';
  const world: World = {
    stdout: (text) => {
      help += text;
    },
    stderr: () => undefined,
    readStdin: async () => '',
    isTerminal: false,
    isColorful: false,
    env: {},
    uid: 1000,
    now: () => new Date(0),
    sleep: async () => undefined,
    openService: () => Promise.reject(new Error('help asks no service')),
    untilToldToStop: async () => undefined,
  };
  const code = await run([...words, '--help'], world);
  return code === 0 && help.startsWith(`Usage: omens ${words.join(' ')} `) ? help : '';
}

/** Command lines of ours in fenced blocks and backticks: the words of the command, and its options. */
const commandsIn = (document: string) =>
  [
    ...textOf(document)
      .replace(/\\\n\s*/g, '')
      .matchAll(/(?:^(?:\$ )?|`)omens ((?:[a-z][a-z-]* ?)+)([^#`\n]*)/gm),
  ].map(([line, words, rest]) => ({
    line: `${document}: ${line.replace('`', '').trim()}`,
    words: words!.trim().split(' '),
    options: [...rest!.matchAll(/(?<=^|\s)--[a-z0-9-]+/g)].map((match) => match[0]),
  }));

describe('the commands that documents show', () => {
  const shown = ['README.md', 'CHANGELOG.md', ...markdownBelow('docs')].flatMap(commandsIn);

  test.each(shown)('$line', async ({ words, options }) => {
    const help = await helpOf(words);
    expect(help).not.toBe('');
    expect(options.filter((option) => !new RegExp(`^  (?:-[a-z], )?${option}\\b`, 'm').test(help))).toEqual([]);
  });

  test('are enough of them to notice when they are not found', () => {
    expect(shown.length).toBeGreaterThan(20);
  });
});

describe('docs/conformance.md', () => {
  const rows = textOf('docs/conformance.md')
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|\s*(?:-|What|Section)/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()));

  test('says of each section done, differs, or not yet', () => {
    const other = rows.filter((cells) => !/^(?:done|differs|not yet)\b/.test(cells[3] ?? ''));
    expect(other.map((cells) => cells.join(' | '))).toEqual([]);
    expect(rows.length).toBeGreaterThan(40);
  });

  test('names for everything that is done, or differs, a test that exists', () => {
    const unshown = rows.filter((cells) => {
      const tests = [...(cells[4] ?? '').matchAll(/`(test\/[^`]+\.test\.ts)`/g)].map((match) => match[1]!);
      const isThere = tests.length > 0 && tests.every((file) => existsSync(join(root, file)));
      return !isThere && !(cells[3] ?? '').startsWith('not yet');
    });
    expect(unshown.map((cells) => cells.join(' | '))).toEqual([]);
  });
});

describe('a decision record', () => {
  const records = readdirSync(join(root, 'docs/adr'))
    .filter((file) => file.endsWith('.md'))
    .sort();

  test('is numbered without a gap', () => {
    expect(records.map((file) => file.slice(0, 5))).toEqual(
      records.map((_, at) => `${String(at + 1).padStart(4, '0')}-`),
    );
  });

  test.each(records)('%s has context, decision and consequences in 25 lines', (file) => {
    const text = textOf(join('docs/adr', file));
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(25);
    for (const part of ['**Context.**', '**Decision.**', '**Consequences.**']) expect(text).toContain(part);
  });

  test('is found from docs/architecture.md', () => {
    expect(records.filter((file) => !textOf('docs/architecture.md').includes(`adr/${file}`))).toEqual([]);
  });
});

describe('the import table of docs/architecture.md', () => {
  test('is the one that test/architecture.test.ts enforces', () => {
    const enforced = /const mayImport[^{]*\{([\s\S]*?)^\};/m.exec(textOf('test/architecture.test.ts'))?.[1] ?? '';
    const expected = [...enforced.matchAll(/^ {2}([a-z0-9]+): \[([^\]]*)\],$/gm)].map(
      ([, folder, to]) => [folder, [...to!.matchAll(/'([a-z0-9.-]+)'/g)].map((match) => match[1]).join(' ')] as const,
    );
    const table = [...textOf('docs/architecture.md').matchAll(/^\| `([a-z0-9`, ]+)` \| ([^|]*) \|/gm)].flatMap(
      ([, folders, to]) => folders!.split('`, `').map((folder) => [folder, to!.replace(/`|–/g, '').trim()] as const),
    );
    const exists = ([folder]: readonly [string | undefined, string]): boolean => existsSync(join(root, 'src', folder!));
    const asText = (rows: readonly (readonly [string | undefined, string])[]): readonly string[] =>
      rows
        .map(
          ([folder, to]) =>
            `${folder}: ${to
              .split(' ')
              .filter((name) => name !== '' && exists([name, '']))
              .join(' ')}`,
        )
        .sort();
    expect(asText(table)).toEqual(asText(expected.filter(exists)));
  });
});
