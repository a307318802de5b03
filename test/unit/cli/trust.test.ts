// `omens trust` over a fake service: what is asked, what is shown, and what is wrong usage. Signing is test/e2e.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import { fakeWorld } from '../../fakes/service.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'omens-cli-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const bundle = {
  ...{ generation: 3, bundle: 'PEM\n', createdAt: '2026-11-20T12:00:00Z', signedBy: 'ab'.repeat(32) },
  anchors: [
    {
      trustDomain: 'estate',
      certificate: 'cd'.repeat(32),
      subject: 'Eye of Thundera',
      notAfter: '2046-11-20T12:00:00Z',
    },
  ],
};

test('show tells generation, signer and roots', async () => {
  const world = fakeWorld({ trustBundle: bundle });
  expect(await run(['trust', 'show'], world)).toBe(0);
  expect(world.calls).toEqual([['trustBundle', {}]]);
  expect(world.out()).toContain(`generation 3, made 2026-11-20T12:00:00Z, signed by ${'ab'.repeat(32)}\n`);
  expect(world.out()).toMatch(/estate +Eye of Thundera +2046-11-20T12:00:00Z +cdcd/);
});

test('show --json prints the resource unchanged', async () => {
  const world = fakeWorld({ trustBundle: bundle });
  await run(['trust', 'show', '--json'], world);
  expect(JSON.parse(world.out())).toEqual(bundle);
});

test('publish sends the octets of the file', async () => {
  const octets = Uint8Array.of(0x30, 0x03, 0xfb, 0xff, 0xfe);
  const file = join(directory, 'bundle.cms');
  writeFileSync(file, `-----BEGIN CMS-----\n${Buffer.from(octets).toString('base64')}\n-----END CMS-----\n`);
  const world = fakeWorld({ publishTrustBundle: bundle });
  expect(await run(['trust', 'publish', file], world)).toBe(0);
  expect(world.calls).toEqual([['publishTrustBundle', { bundle: Buffer.from(octets).toString('base64url') }]]);
});

test('publish asks nothing for a file that is no bundle', async () => {
  const file = join(directory, 'root.crt');
  writeFileSync(file, '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n');
  const world = fakeWorld({});
  expect(await run(['trust', 'publish', file], world)).toBe(1);
  expect(world.errors()).toBe(`omens: ${file} is no signed bundle\nhint: \`omens trust sign\` makes one\n`);
});

test.each([
  ['generation 0', ['--generation', '0', '--anchor', 'estate=r.crt']],
  ['half a generation', ['--generation', '1.5', '--anchor', 'estate=r.crt']],
  ['a domain that is not known', ['--generation', '1', '--anchor', 'everything=r.crt']],
  ['an anchor without a file', ['--generation', '1', '--anchor', 'estate=']],
  ['no anchor', ['--generation', '1']],
])('sign with %s is wrong usage', async (_, args) => {
  const files = ['--root-certificate', 'r.crt', '--root-key', 'r.key', '--passphrase-file', 'p', '--out', 'b.cms'];
  const world = fakeWorld({});
  expect(await run(['trust', 'sign', ...files, ...args], world)).toBe(2);
  expect(world.errors()).toMatch(/^omens: /);
});
