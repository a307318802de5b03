// Installing by the built program, as an operating system makes it hard: killed at any instant, a full disk, a directory
// that has become read-only. A reader that looks all the time finds one pair or the other, never half of each.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PlacementInput } from '../../src/agent/places.ts';
import { issuedPair, keyOf, testEstate, validAt } from '../fakes/issued-pair.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'omens-generations-'));
  mkdirSync(join(root, 'etc/keylime/certs'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const certs = (name: string): string => join(root, 'etc/keylime/certs', name);
const built = (file: string): string => JSON.stringify(pathToFileURL(resolve('dist/src/agent', file)).href);

/** Installs the pairs of a file, over and over; one line for each outcome. */
const script = `
  import { readFileSync } from 'node:fs';
  const { putAllInPlace } = await import(${built('put-in-place.js')});
  const { targetsOf } = await import(${built('targets.js')});
  const { parseAgentConfig } = await import(${built('agent-config.js')});
  const { hostFacts } = await import(${built('host-facts.js')});
  const { runCommand } = await import(${built('run-command.js')});
  const [file, root, times] = process.argv.slice(-3);
  const config = parseAgentConfig('targets: [{preset: keylime-agent}]', 'agent.yaml');
  const [target] = targetsOf(config.value, await hostFacts(root));
  const inputs = JSON.parse(readFileSync(file, 'utf8'));
  const progress = { note: () => undefined, working: () => undefined };
  const sleep = async () => undefined;
  const now = () => new Date(${JSON.stringify(validAt.toISOString())});
  const ports = { root, uid: process.getuid(), now, sleep, progress, run: runCommand, rehearse: null };
  for (let at = 0; at < Number(times); at += 1) {
    const found = inputs[at % inputs.length];
    const input = { ...found, root: Buffer.from(found.root, 'base64') };
    const [outcome] = await putAllInPlace(ports, [{ target, input }]);
    console.log(JSON.stringify({ kind: outcome.kind, generation: outcome.generation, error: outcome.error ?? null }));
  }
`;

/** The file for the script, outside of the directory that the tests make full. */
function written(inputs: readonly PlacementInput[]): string {
  const file = join(root, 'inputs.json');
  const texts = inputs.map((input) => ({ ...input, root: Buffer.from(input.root).toString('base64') }));
  writeFileSync(file, JSON.stringify(texts), { mode: 0o600 });
  return file;
}

const program = (file: string, times: number): string[] => [
  ...['--input-type=module', '-e', script, '--', file, root],
  String(times),
];

const certificateOf = ({ checked }: PlacementInput): string => checked.leafPem + checked.chainPem;

describe('killed at any instant', () => {
  test('two hundred switches show a reader no half pair', async () => {
    const estate = testEstate();
    const inputs = [issuedPair(estate), issuedPair(estate), issuedPair(estate)];
    const file = written(inputs);
    const keyFor = new Map(inputs.map((input) => [certificateOf(input), keyOf(input)]));
    const seen = { reads: 0, switches: 0, halves: [] as string[], isOver: false };
    const watching = (async () => {
      let before: string | null = null;
      while (!seen.isOver) {
        // By the generation in service, and by the names that programs open: the latter only where nothing changed between.
        const current = await readlink(certs('.omens/keylime-agent/current')).catch(() => null);
        if (current === null) {
          await new Promise((after) => setTimeout(after, 1));
          continue;
        }
        const at = (name: string): Promise<string> =>
          readFile(certs(`.omens/keylime-agent/${current}/${name}`), 'utf8');
        const [certificate, key] = await Promise.all([at('agent.crt'), at('agent-pkcs8.key')]);
        if (keyFor.get(certificate) !== key) seen.halves.push(`generation ${current}`);
        const first = await readFile(certs('agent.crt'), 'utf8');
        const named = await readFile(certs('agent-pkcs8.key'), 'utf8');
        const isSame = (await readlink(certs('.omens/keylime-agent/current'))) === current;
        if (isSame && keyFor.get(first) !== named) seen.halves.push(`names at generation ${current}`);
        seen.reads += 1;
        if (before !== null && before !== current) seen.switches += 1;
        before = current;
      }
    })();
    let kills = 0;
    for (; seen.switches < 200 && kills < 200; kills += 1) {
      const child = spawn(process.execPath, program(file, 1000), { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(child, 'exit');
      // One that ends by itself has failed: to wait for its words would be to wait for ever.
      await Promise.race([once(child.stdout, 'data'), ended]);
      await new Promise((after) => setTimeout(after, 50 + Math.random() * 1500));
      child.kill('SIGKILL');
      await ended;
      if (child.exitCode !== null) throw new Error(`the installing program ended with ${child.exitCode}`);
    }
    execFileSync(process.execPath, program(file, 1), { stdio: 'pipe' });
    seen.isOver = true;
    await watching;
    expect(seen.halves).toEqual([]);
    expect(seen.switches).toBeGreaterThanOrEqual(200);
    expect(kills).toBeGreaterThan(3);
    expect(readFileSync(certs('agent.crt'), 'utf8')).toBe(certificateOf(inputs[0]!));
    // What the killed ones left is gone: no temporary name, nothing pending, five generations beside the one in service.
    const left = readdirSync(certs('')).concat(readdirSync(certs('.omens/keylime-agent')));
    expect(left.filter((name) => name === 'pending' || /\.[0-9a-f]{12}$/.test(name))).toEqual([]);
    expect(left.filter((name) => /^[0-9]+$/.test(name)).length).toBeLessThanOrEqual(6);
  }, 240_000);
});

/** Runs a script in a mount namespace of its own, with a small tmpfs as the directory of the certificates. */
const mounted = (steps: string): string =>
  `set -e; mount -t tmpfs -o size=256k,mode=755 tmpfs ${certs('')}\n` +
  `put() { "$0" --input-type=module -e "$1" -- "$2" ${root} "$3"; }\n${steps}`;

const inNamespace = (steps: string, files: readonly string[]) =>
  spawnSync('unshare', ['-m', 'sh', '-c', mounted(steps), process.execPath, script, ...files], { encoding: 'utf8' });

const mayMount =
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt'], { stdio: 'ignore' }).status === 0;
if (!mayMount) {
  process.stderr.write(
    'LEFT OUT: full disk and read-only directory: `unshare -m` with a tmpfs is not permitted here\n',
  );
}

// Registered only where it can run: what cannot be tried here is named above.
if (mayMount) {
  describe('a disk that takes nothing more', () => {
    const kinds: readonly (readonly [string, string, string])[] = [
      ['is full', 'dd if=/dev/zero of=$CERTS/filler bs=1k count=1000 2>/dev/null || true', 'diskFull'],
      ['has become read-only', 'mount -o remount,ro $CERTS', 'readOnly'],
    ];
    for (const [what, breaking, reason] of kinds) {
      test(`${what}: the old pair stays, the reason is said, and the next attempt succeeds`, () => {
        const estate = testEstate();
        const [before, after] = [issuedPair(estate), issuedPair(estate)];
        const first = written([before]);
        const second = `${first}.second`;
        writeFileSync(second, JSON.stringify([{ ...after, root: Buffer.from(after.root).toString('base64') }]));
        const { stdout, stderr, status } = inNamespace(
          [
            `CERTS=${certs('')}`,
            'put "$1" "$2" 1',
            breaking,
            'put "$1" "$3" 1',
            'cat $CERTS/agent.crt $CERTS/agent-pkcs8.key | sha256sum',
            'mount -o remount,rw $CERTS; rm -f $CERTS/filler',
            'put "$1" "$3" 1',
            'cat $CERTS/agent.crt $CERTS/agent-pkcs8.key | sha256sum',
            'ls -A $CERTS/.omens/keylime-agent | tr "\\n" " "',
          ].join('\n'),
          [first, second],
        );
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        const [installed, refused, kept, again, served, names] = stdout.trim().split('\n');
        const digestOf = (input: PlacementInput): string =>
          execFileSync('sha256sum', { input: certificateOf(input) + keyOf(input), encoding: 'utf8' }).trim();
        expect(JSON.parse(installed!)).toMatchObject({ kind: 'inUse', generation: 1 });
        expect(JSON.parse(refused!)).toMatchObject({
          ...{ kind: 'rolledBack', generation: 1 },
          error: { phase: 'install', reason },
        });
        expect(kept!.trim()).toBe(digestOf(before));
        expect(JSON.parse(again!)).toMatchObject({ kind: 'inUse', generation: 2 });
        expect(served!.trim()).toBe(digestOf(after));
        expect(names!.trim()).toBe('1 2 current');
      }, 60_000);
    }
  });
}
