// Prometheus's own program on what this repository offers it: rules, their unit tests, the example of a configuration, and
// the text of a scrape.
import { execFileSync, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { scrapeMetrics } from '../../src/metrics/scrape.ts';
import { scrapePorts } from '../unit/metrics/scene.ts';

const directory = join(resolve(import.meta.dirname, '../..'), 'monitoring/prometheus');
const promtool = (...args: readonly string[]): string =>
  execFileSync('promtool', args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

test('promtool takes the alert rules', () => {
  expect(promtool('check', 'rules', 'omens.rules.yaml')).toMatch(/SUCCESS: \d+ rules found/);
});

test('each alert fires when it should, and is silent otherwise', () => {
  expect(promtool('test', 'rules', 'omens.rules.test.yaml')).toContain('SUCCESS');
});

test('promtool takes the example of a configuration', () => {
  expect(promtool('check', 'config', '--syntax-only', 'scrape.yaml')).toContain('SUCCESS');
});

test.each([
  ['with its database', {}],
  ['without its database', { gather: () => Promise.reject(new Error('away')), isDatabaseUp: async () => false }],
] as const)('promtool finds nothing to say about a scrape of a service %s', async (_what, over) => {
  const input = await scrapeMetrics(scrapePorts(over))();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
});
