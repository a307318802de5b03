// What a person may write after a command, and what is said of a mistake; the commands themselves are in commands.test.ts.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import { fakeWorld } from '../../fakes/service.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'omens-arguments-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test.each(['0badc0de', '0BADC0DE', '0B:AD:C0:DE'])(
  'a serial number is taken as openssl prints it: %s',
  async (serial) => {
    const world = fakeWorld({ findCertificates: { items: [], next: null } });
    expect(await run(['certs', 'list', '--serial', serial], world)).toBe(0);
    expect(world.calls).toEqual([['findCertificates', expect.objectContaining({ serial: '0badc0de' })]]);
  },
);

test.each(['0bad0', 'xyz', '', 'ab'.repeat(21)])('what is no serial number is wrong usage: "%s"', async (serial) => {
  const world = fakeWorld({});
  expect(await run(['certs', 'list', '--serial', serial], world)).toBe(2);
  expect(world.errors()).toContain('accepted: at most 20 octets in hex');
});

test.each([['show'], ['suspend'], ['resume'], ['retire'], ['grants']])(
  'an id that is none is told to be one, in devices %s',
  async (command) => {
    const world = fakeWorld({});
    expect(await run(['devices', command, 'nope'], world)).toBe(2);
    expect(world.calls).toEqual([]);
    expect(world.errors()).toBe(
      'omens: nope is no id of a device\nhint: an id is a UUID, as `omens devices list` shows it\n',
    );
  },
);

test('a file in the place of the output directory is named, and nothing is issued', async () => {
  const [csr, out] = [join(directory, 'www.csr'), join(directory, 'www')];
  writeFileSync(csr, Uint8Array.of(0x30, 0));
  writeFileSync(out, 'precious');
  for (const place of [out, join(out, 'below')]) {
    const world = fakeWorld({});
    expect(await run(['issue', '--profile', 'nginx-vhost', '--csr', csr, '--out', place], world)).toBe(1);
    expect(world.calls).toEqual([]);
    expect(world.errors()).toContain(`omens: --out ${place} `);
    expect(world.errors()).toContain('hint: --out names a directory');
    expect(world.errors()).not.toContain('EEXIST');
  }
});
