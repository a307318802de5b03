// The README against what it shows: the configuration table is made of the schema, the profile is a whole file of
// policies/. A failure prints the text that belongs there.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { configSchema } from '../../src/config.ts';

const root = resolve(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

type Setting = {
  readonly description: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Setting>>;
};

/** One row per setting; what stands behind "; default" in a description is a default that depends on others. */
function rowsOf(settings: Readonly<Record<string, Setting>>, prefix = ''): readonly string[] {
  return Object.entries(settings).flatMap(([name, setting]) => {
    if (setting.properties !== undefined) return rowsOf(setting.properties, `${prefix}${name}.`);
    const [meaning = '', dependent = '–'] = setting.description.split('; default ');
    const value = setting.default === undefined ? dependent : JSON.stringify(setting.default).replace(/^"|"$/g, '');
    const shown = /[ –]/.test(value) ? value : `\`${value}\``;
    return [`| \`${prefix}${name}\` | ${meaning.replaceAll('|', '\\|')} | ${shown} |`];
  });
}

describe('the README', () => {
  test('has the table of the configuration schema', () => {
    const table = ['| Key | Meaning | Default |', '|---|---|---|', ...rowsOf(configSchema.properties)].join('\n');
    const shown = readme.slice(readme.indexOf('| Key | Meaning | Default |')).split('\n\n')[0];
    expect(shown).toBe(table);
  });

  test('shows a profile as it is in policies/', () => {
    const shown = [...readme.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((match) => match[1]);
    expect(shown).toContain(readFileSync(join(root, 'policies/profiles/nginx-vhost.yaml'), 'utf8'));
  });

  test('names every folder of the sources in its map', () => {
    const map = readme.slice(readme.indexOf('## Map of the repository'));
    const folders = ['domain', 'x509', 'tpm2', 'issuers', 'issuance', 'enrollment', 'lifecycle', 'revocation'];
    const edges = ['storage', 'http', 'client', 'agent', 'cli'];
    expect([...folders, ...edges].filter((folder) => !map.includes(`${folder}/`))).toEqual([]);
  });
});
