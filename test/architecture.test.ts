// The shape of the tree, as data and as a test: which folder may import which, where npm packages may be named, what the
// pure folders must not touch. A failure names the file and the rule.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'src');

/** What the composition root wires: all of the server, nothing of the host side. */
const server = [
  ...['domain', 'x509', 'tpm2', 'issuers', 'issuance', 'enrollment', 'lifecycle', 'revocation', 'audit', 'storage'],
  ...['notify', 'probes', 'metrics', 'http', 'web', 'config.ts', 'policies.ts', 'passphrase.ts', 'checked-yaml.ts'],
  'secret-file.ts',
];

/** The pieces of main.ts that handle issuer keys. */
const keyPieces = ['authorities.ts', 'init.ts', 'trust-signing.ts'];

/** Pieces of main.ts that stand in files of their own; nobody but main.ts and one another imports them. */
const piecesOfMain = [
  ...keyPieces,
  ...[
    'database.ts',
    'enrollment-services.ts',
    'inventory-services.ts',
    'jobs.ts',
    'lineage-services.ts',
    'log.ts',
    'own-certificate.ts',
  ],
  ...['rotation-services.ts', 'server-certificate-file.ts', 'services.ts', 'spire-services.ts', 'trust-services.ts'],
  ...[
    'look-services.ts',
    'warning-services.ts',
    'notify-services.ts',
    'report-services.ts',
    'metrics-services.ts',
    'probe-services.ts',
  ],
  ...['client-trust.ts', 'throwaway-client.ts', 'web-services.ts', 'content-services.ts'],
];

/** What a folder may import beside itself. A file directly in src/ is named with its `.ts`. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    piecesOfMain.map((piece) => [
      piece,
      [...server.filter((one) => one !== 'issuers' || keyPieces.includes(piece)), ...piecesOfMain],
    ]),
  ),
  'main.ts': [...server, ...piecesOfMain],
  domain: [],
  x509: ['domain'],
  tpm2: ['domain'],
  issuers: ['domain', 'x509'],
  issuance: ['domain', 'x509', 'issuers'],
  revocation: ['domain', 'x509'],
  audit: ['domain', 'x509'],
  enrollment: ['domain', 'x509', 'tpm2', 'issuance'],
  lifecycle: ['domain', 'issuance'],
  storage: ['domain'],
  notify: ['domain'],
  probes: ['domain'],
  metrics: ['domain'],
  web: ['domain'],
  client: ['domain'],
  http: ['domain', 'issuance', 'enrollment', 'lifecycle', 'revocation', 'audit', 'web'],
  agent: ['domain', 'x509', 'tpm2', 'client', 'checked-yaml.ts'],
  cli: ['domain', 'client', 'agent'],
  'checked-yaml.ts': ['domain'],
  'profile-file.ts': ['domain', 'checked-yaml.ts'],
  'profile-rules.ts': ['domain', 'checked-yaml.ts'],
  'passphrase.ts': ['domain', 'checked-yaml.ts', 'secret-file.ts'],
  'secret-file.ts': ['domain', 'checked-yaml.ts'],
  'tpm-denied-file.ts': ['domain', 'checked-yaml.ts'],
  'renewals-config.ts': ['domain', 'checked-yaml.ts'],
  'config.ts': [
    ...['domain', 'x509', 'checked-yaml.ts', 'renewals-config.ts', 'spire-config.ts', 'notify-config.ts'],
    ...['probes-config.ts', 'keylime-config.ts'],
  ],
  'spire-config.ts': ['domain'],
  'channel-config.ts': ['domain', 'checked-yaml.ts'],
  'notify-config.ts': ['domain', 'checked-yaml.ts', 'channel-config.ts'],
  'probes-config.ts': ['domain', 'checked-yaml.ts'],
  'keylime-config.ts': ['domain', 'checked-yaml.ts'],
  'warnings-file.ts': ['domain', 'checked-yaml.ts'],
  'policies.ts': [
    ...['domain', 'x509', 'checked-yaml.ts', 'profile-file.ts', 'profile-rules.ts', 'tpm-denied-file.ts'],
    'warnings-file.ts',
  ],
};

/** The only doors between the operator's command and the server: dynamic imports, so that the agent loads no server. */
const dynamicDoors = ['cli/serve.ts', 'cli/init.ts', 'cli/trust.ts'];

/** The only places that may name an npm package. A package that is not listed may be named nowhere. */
const packageHome: Readonly<Record<string, readonly string[]>> = {
  '@peculiar/x509': ['x509'],
  'reflect-metadata': ['x509'],
  pkijs: ['x509'],
  asn1js: ['x509'],
  pg: ['storage'],
  knex: ['storage'],
  express: ['http'],
  'rate-limiter-flexible': ['http'],
  ajv: ['http', 'checked-yaml.ts'],
  'ajv-formats': ['http', 'checked-yaml.ts'],
  yaml: ['http', 'checked-yaml.ts'],
  koffi: ['agent'],
  commander: ['cli'],
  pino: ['log.ts'],
  'prom-client': ['metrics'],
  nodemailer: ['notify'],
  standardwebhooks: ['notify'],
};

const pureFolders = ['domain', 'x509', 'tpm2'];

/** Node modules that a pure folder may name: arithmetic, and nothing that reaches out of the process. */
const pureModules = ['node:crypto', 'node:buffer', 'node:util'];

/** What a pure folder must not do: read a clock, draw randomness, look around. */
const impure: readonly (readonly [string, RegExp])[] = [
  ['reads the clock by Date.now', /\bDate\.now\b/],
  ['reads the clock by new Date()', /\bnew Date\(\s*\)/],
  ['reads the clock by performance.now', /\bperformance\.now\b/],
  ['draws randomness by Math.random', /\bMath\.random\b/],
  ['draws randomness by node:crypto', /\b(?:randomBytes|randomInt|randomUUID|randomFill(?:Sync)?|getRandomValues)\b/],
  ['makes keys by node:crypto', /\bgenerateKey(?:Pair)?(?:Sync)?\b/],
  ['reads process.*', /\bprocess\.(?:env|argv|cwd|hrtime)\b/],
];

const typescriptFiles = (directory: string): readonly string[] =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .sort()
    : [];

const files = typescriptFiles(source);

/** `x509` for x509/pem.ts, `config.ts` for config.ts. */
const folderOf = (file: string): string => file.split('/')[0]!;

/** The text without comments, and with what stands in strings kept: specifiers are strings. */
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$|(?<=[\s;{}(),])\/\/ .*$/gm, '');

/** The text without comments, strings and templates: what is left is code. */
const codeOf = (text: string): string =>
  withoutComments(text).replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");

type Import = { readonly specifier: string; readonly isDynamic: boolean };

function importsOf(text: string): readonly Import[] {
  const code = withoutComments(text);
  const find = (pattern: RegExp, isDynamic: boolean): Import[] =>
    [...code.matchAll(pattern)].map((match) => ({ specifier: match[1]!, isDynamic }));
  return [
    ...find(/^\s*(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]/gm, false),
    ...find(/^\s*import\s*['"]([^'"]+)['"]/gm, false),
    ...find(/\b(?:import|require)\s*\(\s*['"`]([^'"`]+)['"`]/g, true),
  ];
}

/** The npm package of a specifier: `@scope/name` or `name`, without what stands behind. */
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const textOf = (file: string): string => readFileSync(join(source, file), 'utf8');

/** Why an import is not allowed in a file, or null. */
function importFault(file: string, { specifier, isDynamic }: Import): string | null {
  const from = folderOf(file);
  if (specifier.startsWith('node:')) {
    const isKept = !pureFolders.includes(from) || pureModules.includes(specifier);
    return isKept ? null : `${from} is pure and imports ${specifier}`;
  }
  if (!specifier.startsWith('.')) {
    const home = packageHome[packageOf(specifier)];
    if (home === undefined) return `the package ${specifier} has no home in packageHome`;
    return home.includes(from) ? null : `the package ${specifier} belongs to ${home.join(', ')}`;
  }
  const target = relative(source, resolve(dirname(join(source, file)), specifier));
  if (target.startsWith('..')) return `${specifier} lies outside src/`;
  if (!existsSync(join(source, target))) return null; // tsc says it better
  const to = folderOf(target);
  if (to === from || mayImport[from]?.includes(to) === true) return null;
  if (target === 'main.ts' && isDynamic && dynamicDoors.includes(file)) return null;
  return `${from} must not import ${target}`;
}

const all = (fault: (file: string) => readonly string[]): readonly string[] =>
  files.flatMap((file) => fault(file).map((what) => `src/${file}: ${what}`));

describe('the sources', () => {
  test('are all in a folder that the import table knows', () => {
    expect(
      all((file) => (folderOf(file) in mayImport ? [] : [`${folderOf(file)} is not in the import table`])),
    ).toEqual([]);
  });

  test('import only what their folder may', () => {
    expect(
      all((file) =>
        importsOf(textOf(file)).flatMap((one) => {
          const fault = importFault(file, one);
          return fault === null ? [] : [fault];
        }),
      ),
    ).toEqual([]);
  });

  test('name in a dynamic import only text that can be read here', () => {
    const hidden = /\bimport\s*\(\s*(?!['"`]|\/)/;
    expect(
      all((file) => (hidden.test(codeOf(textOf(file)).replaceAll("''", '``')) ? ['imports a computed name'] : [])),
    ).toEqual([]);
  });

  test('are pure in domain, x509 and tpm2', () => {
    expect(
      all((file) => {
        if (!pureFolders.includes(folderOf(file))) return [];
        const code = codeOf(textOf(file));
        return impure.filter(([, pattern]) => pattern.test(code)).map(([what]) => what);
      }),
    ).toEqual([]);
  });

  test('hold at most 300 lines of code each', () => {
    expect(
      all((file) => {
        const lines = withoutComments(textOf(file))
          .split('\n')
          .filter((line) => line.trim() !== '').length;
        return lines > 300 ? [`has ${lines} lines of code, more than 300`] : [];
      }),
    ).toEqual([]);
  });

  test('have no barrel, no default export and no file named for its kind', () => {
    const kinds = /(?:^|\/)(?:index|utils?|helpers?|common|types|misc)\.ts$/;
    expect(
      all((file) => [
        ...(kinds.test(file) ? ['is named for its kind, not for its thing'] : []),
        ...(/^export default\b|^export \* from\b/m.test(textOf(file)) ? ['has a default or star export'] : []),
      ]),
    ).toEqual([]);
  });

  test('begin with a comment that says what they are', () => {
    expect(all((file) => (/^(?:#!.*\n)?(?:\/\/|\/\*)/.test(textOf(file)) ? [] : ['begins without a comment']))).toEqual(
      [],
    );
  });
});

describe('the import table', () => {
  const fault = (file: string, specifier: string, isDynamic = false): string | null =>
    importFault(file, { specifier, isDynamic });

  test('keeps the issuers behind issuance and the composition root', () => {
    expect(
      Object.entries(mayImport)
        .flatMap(([folder, to]) => (to.includes('issuers') ? [folder] : []))
        .sort(),
    ).toEqual(['issuance', 'main.ts', ...keyPieces].sort());
  });

  test('has no circle', () => {
    // The pieces of main.ts may name one another: they are one thing in several files.
    const folders = Object.keys(mayImport).filter((one) => !piecesOfMain.includes(one));
    const reachedFrom = (from: string): ReadonlySet<string> => {
      const reached = new Set<string>();
      const visit = (one: string): void => {
        for (const to of mayImport[one] ?? []) {
          if (reached.has(to)) continue;
          reached.add(to);
          visit(to);
        }
      };
      visit(from);
      return reached;
    };
    expect(folders.filter((one) => reachedFrom(one).has(one))).toEqual([]);
  });

  test('leads from the agent and the client to nothing of the server', () => {
    const shared = ['domain', 'x509', 'tpm2', 'checked-yaml.ts'];
    const barred = ['main.ts', ...server.filter((one) => !shared.includes(one))];
    const reached = (from: string): readonly string[] => [from, ...(mayImport[from] ?? []).flatMap(reached)];
    for (const folder of ['client', 'agent', 'cli']) {
      expect({ folder, server: reached(folder).filter((one) => barred.includes(one)) }).toEqual({ folder, server: [] });
    }
  });

  test('is read from every kind of import', () => {
    const text = [
      "import 'a';",
      "import { b } from 'b';",
      "import type {\n  C,\n} from 'c';",
      "export { d } from 'd';",
      "const e = await import('e');",
      "// import { f } from 'f';",
      "/* import { g } from 'g'; */",
    ].join('\n');
    expect(
      importsOf(text)
        .map(({ specifier }) => specifier)
        .sort(),
    ).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('refuses what it is there to refuse', () => {
    expect(fault('domain/plan.ts', 'node:fs')).toBe('domain is pure and imports node:fs');
    expect(fault('domain/plan.ts', '../config.ts')).toBe('domain must not import config.ts');
    expect(fault('storage/pool.ts', 'pkijs')).toBe('the package pkijs belongs to x509');
    expect(fault('http/app.ts', 'left-pad')).toBe('the package left-pad has no home in packageHome');
    expect(fault('agent/x.ts', '../config.ts', true)).toBe('agent must not import config.ts');
  });
});

describe('the repository', () => {
  const node = (...args: readonly string[]): string => {
    try {
      execFileSync(process.execPath, args, { cwd: root, stdio: 'pipe' });
      return '';
    } catch (fault) {
      return String((fault as { readonly stderr: Buffer }).stderr);
    }
  };

  test('has a complete package-lock.json that names no host', () => {
    expect(node('scripts/complete-lock.mjs', '--check')).toBe('');
  });

  test('has every file that its documents link to', () => {
    const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'policies/README.md'].filter(
      (file) => existsSync(join(root, file)),
    );
    const docs = existsSync(join(root, 'docs'))
      ? readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.md'))
          .map((file) => join('docs', file))
      : [];
    const broken = [...documents, ...docs].flatMap((document) => {
      const prose = readFileSync(join(root, document), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
      return [...prose.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1]!)
        .filter((link) => !existsSync(resolve(root, dirname(document), link)))
        .map((link) => `${document}: links to ${link}, which is not there`);
    });
    expect(broken).toEqual([]);
  });

  test('names in tools.json only suites that exist', () => {
    const { tools } = JSON.parse(readFileSync(join(root, 'scripts/tools.json'), 'utf8')) as {
      readonly tools: readonly { readonly suites: readonly string[] }[];
    };
    const known = ['http', 'db', 'tpm', 'spire', 'keylime', 'interop', 'web', 'e2e', 'fleet', 'demo'];
    expect(tools.flatMap(({ suites }) => suites.filter((suite) => !known.includes(suite)))).toEqual([]);
  });
});
