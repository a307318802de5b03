// `omens agent rollback` on a host that is a directory.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadAgentConfig } from '../../../src/agent/agent-config.ts';
import { hostFacts } from '../../../src/agent/host-facts.ts';
import { silent } from '../../../src/agent/progress.ts';
import { putAllInPlace } from '../../../src/agent/put-in-place.ts';
import { runCommand } from '../../../src/agent/run-command.ts';
import { targetsOf } from '../../../src/agent/targets.ts';
import { run } from '../../../src/cli/program.ts';
import { fakeWorld } from '../../fakes/service.ts';
import { issuedPair, testEstate, validAt } from '../../fakes/issued-pair.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'omens-rollback-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function installed(times: number) {
  const [agent] = targetsOf(await loadAgentConfig(root), await hostFacts(root));
  const host = { root, uid: process.getuid!(), now: () => validAt, sleep: async () => undefined, progress: silent };
  const inputs = Array.from({ length: times }, () => issuedPair(testEstate()));
  for (const input of inputs) {
    await putAllInPlace({ ...host, run: runCommand, rehearse: null }, [{ target: agent!, input }]);
  }
  return inputs.map(({ checked }) => checked);
}

test('it puts the one before into service, and says until when that is valid', async () => {
  const [before] = await installed(2);
  const world = fakeWorld({});
  await expect(run(['agent', 'rollback', '--root', root], world)).resolves.toBe(0);
  expect(world.out()).toBe('keylime-agent: generation 1 is in service again, valid until 2027-01-29T23:59:59Z\n');
  const served = readFileSync(join(root, 'etc/keylime/certs/agent.crt'), 'utf8');
  expect(served).toBe(before!.leafPem + before!.chainPem);
});

test('it prints the resource', async () => {
  const [before] = await installed(2);
  const world = fakeWorld({});
  await expect(run(['agent', 'rollback', '--target', 'keylime-agent', '--json', '--root', root], world)).resolves.toBe(
    0,
  );
  expect(JSON.parse(world.out())).toMatchObject({
    ...{ target: 'keylime-agent', generation: 1, certificate: before!.certificateSha256 },
  });
});

test('it refuses where nothing was before, and a target that is not here', async () => {
  await installed(1);
  const world = fakeWorld({});
  await expect(run(['agent', 'rollback', '--root', root], world)).resolves.toBe(1);
  expect(world.errors()).toContain('no target of this host has a generation before');
  await expect(run(['agent', 'rollback', '--target', 'bao', '--root', root], fakeWorld({}))).resolves.toBe(2);
});
