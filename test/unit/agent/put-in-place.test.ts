// Installing on a host that is a directory, with real commands as its programs: what a reader finds afterwards, and what
// is in service again when something fails.
import { createServer as createHttp } from 'node:http';
import { createServer, type Server as TlsServer } from 'node:tls';
import { once } from 'node:events';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseAgentConfig } from '../../../src/agent/agent-config.ts';
import { hostFacts } from '../../../src/agent/host-facts.ts';
import type { InstallPorts } from '../../../src/agent/install-ports.ts';
import { currentGeneration } from '../../../src/agent/installed.ts';
import type { PlacementInput } from '../../../src/agent/places.ts';
import { silent } from '../../../src/agent/progress.ts';
import { finishInterrupted, goBack, putAllInPlace } from '../../../src/agent/put-in-place.ts';
import { runCommand } from '../../../src/agent/run-command.ts';
import type { Target } from '../../../src/agent/target.ts';
import { targetsOf } from '../../../src/agent/targets.ts';
import { issuedPair, keyOf, type TestEstate, testEstate, validAt } from '../../fakes/issued-pair.ts';

let root: string;
let estate: TestEstate;
let commands: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'omens-put-'));
  chmodSync(root, 0o755);
  estate = testEstate();
  commands = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const ports = (over: Partial<InstallPorts> = {}): InstallPorts => ({
  ...{ root, uid: process.getuid!(), now: () => validAt, sleep: async () => undefined, progress: silent },
  run: async (command, seconds) => {
    commands.push(command.join(' '));
    return runCommand(command, seconds);
  },
  rehearse: null,
  ...over,
});

const putInPlace = async (given: InstallPorts, target: Target, input: PlacementInput) =>
  (await putAllInPlace(given, [{ target, input }]))[0]!;

const targets = async (yaml: string): Promise<readonly Target[]> => {
  const config = parseAgentConfig(yaml, 'agent.yaml');
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  return targetsOf(config.value, await hostFacts(root));
};
const agentTarget = async (more = ''): Promise<Target> =>
  (await targets(`targets: [{preset: keylime-agent${more}}]`))[0]!;

const certs = (name: string): string => join(root, 'etc/keylime/certs', name);
const pair = () => ({
  certificate: readFileSync(certs('agent.crt'), 'utf8'),
  key: readFileSync(certs('agent-pkcs8.key'), 'utf8'),
});
const pairOf = (input: PlacementInput) => ({
  certificate: input.checked.leafPem + input.checked.chainPem,
  key: keyOf(input),
});
const sh = (script: string): string => `['/bin/sh', '-c', ${JSON.stringify(script)}]`;

describe('a certificate that is put in place', () => {
  test('is found under the usual names, which lead into one generation', async () => {
    const target = await agentTarget();
    const input = issuedPair(estate);
    await expect(putInPlace(ports(), target, input)).resolves.toMatchObject({ kind: 'inUse', generation: 1 });
    expect(pair()).toEqual(pairOf(input));
    expect(readlinkSync(certs('agent.crt'))).toBe('.omens/keylime-agent/current/agent.crt');
    expect(readlinkSync(certs('.omens/keylime-agent/current'))).toBe('1');
    expect(readlinkSync(certs('ca-chain.crt'))).toBe('ca-complete-chain.crt');
    expect(readFileSync(certs('ca-chain.crt'), 'utf8')).toBe(readFileSync(certs('ca-complete-chain.crt'), 'utf8'));
    expect(statSync(certs('agent-pkcs8.key')).mode & 0o777).toBe(0o640);
    await expect(currentGeneration(root, target)).resolves.toMatchObject({
      ...{ generation: 1, certificateSha256: input.checked.certificateSha256 },
      ...{ leafPem: input.checked.leafPem, chainPem: input.checked.chainPem },
      key: { kind: 'software', privateKeyPem: keyOf(input) },
    });
  });

  test('takes over the files that lay there, and gives them back', async () => {
    mkdirSync(certs(''), { recursive: true });
    const before = issuedPair(estate);
    writeFileSync(certs('agent.crt'), pairOf(before).certificate, { mode: 0o604 });
    writeFileSync(certs('agent-pkcs8.key'), pairOf(before).key, { mode: 0o600 });
    writeFileSync(certs('ca-chain.crt'), 'an old chain');
    const target = await agentTarget();
    const input = issuedPair(estate);
    await expect(putInPlace(ports(), target, input)).resolves.toMatchObject({ generation: 1 });
    expect(pair()).toEqual(pairOf(input));
    await expect(goBack(ports(), target)).resolves.toMatchObject({ kind: 'inUse', generation: 0 });
    expect(pair()).toEqual(pairOf(before));
    expect(readFileSync(certs('ca-chain.crt'), 'utf8')).toBe('an old chain');
    expect(statSync(certs('agent.crt')).mode & 0o777).toBe(0o604);
  });

  test('is only looked at when it comes again, and no program is told', async () => {
    const target = await agentTarget(`, hooks: {reload: ${sh('true')}}`);
    const input = issuedPair(estate);
    await putInPlace(ports(), target, input);
    commands = [];
    await expect(putInPlace(ports(), target, input)).resolves.toMatchObject({ kind: 'inUse', generation: 1 });
    expect(commands).toEqual([]);
  });

  test('leaves five generations behind it, and never the key of another', async () => {
    const target = await agentTarget();
    for (let round = 0; round < 8; round += 1) await putInPlace(ports(), target, issuedPair(estate));
    const names = readdirSync(certs('.omens/keylime-agent')).sort();
    expect(names).toEqual(['3', '4', '5', '6', '7', '8', 'current']);
  });

  test('goes into the directory that the usual one is a link to, never out of the root', async () => {
    mkdirSync(join(root, 'srv/real'), { recursive: true });
    mkdirSync(join(root, 'etc/keylime'), { recursive: true });
    symlinkSync('/srv/real', certs('').replace(/\/$/, ''));
    await expect(putInPlace(ports(), await agentTarget(), issuedPair(estate))).resolves.toMatchObject({
      kind: 'inUse',
    });
    expect(lstatSync(join(root, 'srv/real/agent.crt')).isSymbolicLink()).toBe(true);
    expect(existsSync('/srv/real')).toBe(false);
  });

  test('is not put where somebody else laid a directory of that name', async () => {
    mkdirSync(certs('.omens'), { recursive: true });
    chmodSync(certs('.omens'), 0o777);
    await expect(putInPlace(ports(), await agentTarget(), issuedPair(estate))).resolves.toMatchObject({
      kind: 'rolledBack',
      error: { phase: 'install', reason: 'notInstallable' },
    });
    expect(existsSync(certs('agent.crt'))).toBe(false);
  });
});

describe('the old pair stays in service', () => {
  const refusal = async (input: PlacementInput, over: Partial<InstallPorts> = {}) => {
    const target = await agentTarget();
    const before = issuedPair(estate);
    await putInPlace(ports(), target, before);
    const outcome = await putInPlace(ports(over), target, input);
    expect(pair()).toEqual(pairOf(before));
    expect(readdirSync(certs('.omens/keylime-agent')).sort()).toEqual(['1', 'current']);
    return outcome;
  };

  test('when key and certificate do not belong together', async () => {
    const [a, b] = [issuedPair(estate), issuedPair(estate)];
    const mixed = { ...a, checked: { ...a.checked, wanted: b.checked.wanted } };
    await expect(refusal(mixed)).resolves.toMatchObject({
      ...{ kind: 'rolledBack', generation: 1 },
      error: {
        phase: 'check',
        reason: 'keyDoesNotMatch',
        detail: 'the private key does not belong to the certificate',
      },
    });
  });

  test('when the chain leads to another root', async () => {
    await expect(refusal({ ...issuedPair(estate), root: testEstate().root.der })).resolves.toMatchObject({
      error: { phase: 'check', reason: 'notUnderPinnedRoot' },
    });
  });

  test('when the new one is not valid yet, or no more', async () => {
    await expect(refusal(issuedPair(estate, { notBefore: new Date(validAt.getTime() + 1000) }))).resolves.toMatchObject(
      { error: { phase: 'check', reason: 'notYetValid' } },
    );
    rmSync(join(root, 'etc'), { recursive: true });
    await expect(refusal(issuedPair(estate, { notAfter: new Date('2026-11-05T00:00:00Z') }))).resolves.toMatchObject({
      error: { phase: 'check', reason: 'expired' },
    });
  });

  test('when the user that reads the files could not', async () => {
    mkdirSync(join(root, 'etc'), { recursive: true });
    writeFileSync(
      join(root, 'etc/passwd'),
      'reader:x:65534:65534::/:/bin/false\nkeylime:x:65533:65533::/:/bin/false\n',
    );
    writeFileSync(join(root, 'etc/group'), 'tss:x:65532:keylime\n');
    const before = issuedPair(estate);
    await putInPlace(ports(), await agentTarget(), before);
    const target = await agentTarget(', readableBy: [reader]');
    if (process.getuid!() !== 0) {
      // Only the superuser can become somebody else and try.
      await expect(putInPlace(ports(), target, issuedPair(estate))).resolves.toMatchObject({
        remarks: expect.arrayContaining([expect.stringMatching(/reader.* can read was not tried: not root/)]),
      });
      return;
    }
    await expect(putInPlace(ports(), target, issuedPair(estate))).resolves.toMatchObject({
      ...{ kind: 'rolledBack', generation: 1 },
      error: {
        ...{ phase: 'check', reason: 'notReadable' },
        detail: expect.stringMatching(/^reader cannot read \/etc\/.*agent-pkcs8\.key, which has mode 640 .*EACCES/),
      },
    });
    expect(pair()).toEqual(pairOf(before));
    // A supplementary group is enough: keylime reads through tss what belongs to root.
    const throughGroup = await agentTarget(', owner: "root:tss", readableBy: [keylime]');
    await expect(putInPlace(ports(), throughGroup, issuedPair(estate))).resolves.toMatchObject({ kind: 'inUse' });
  });

  test('when validate, reload or a check refuse the new one; the program reads the old one again', async () => {
    const served = join(root, 'served.crt');
    const old = join(root, 'old.crt');
    const isOld = `cmp -s ${certs('agent.crt')} ${old}`;
    const take = `cp ${certs('agent.crt')} ${served}`;
    const kinds: [string, string, string, string][] = [
      [`validate: ${sh(isOld)}, reload: ${sh(take)}`, 'hook', 'validateFailed', 'exit code 1'],
      [
        `reload: ${sh(`${take}; ${isOld} || { echo broken >&2; exit 3; }`)}`,
        'hook',
        'reloadFailed',
        'exit code 3: broken',
      ],
      [
        `reload: ${sh(take)}, checks: [{command: ${sh(isOld)}, withinSeconds: 1}]`,
        'postCheck',
        'checkFailed',
        'exit code 1',
      ],
    ];
    for (const [hooks, phase, reason, detail] of kinds) {
      rmSync(join(root, 'etc'), { recursive: true, force: true });
      const before = issuedPair(estate);
      writeFileSync(old, pairOf(before).certificate);
      const target = await agentTarget(`, hooks: {${hooks}}`);
      await expect(putInPlace(ports(), target, before)).resolves.toMatchObject({ kind: 'inUse' });
      await expect(putInPlace(ports(), target, issuedPair(estate))).resolves.toMatchObject({
        ...{ kind: 'rolledBack', generation: 1 },
        error: { phase, reason, detail: expect.stringContaining(detail) },
      });
      expect(pair()).toEqual(pairOf(before));
      expect(readFileSync(served, 'utf8')).toBe(pairOf(before).certificate);
      expect(readdirSync(certs('.omens/keylime-agent')).sort()).toEqual(['1', 'current']);
    }
  });

  test('or nothing, where there was nothing', async () => {
    const target = await agentTarget(`, hooks: {reload: ${sh('false')}}`);
    await expect(putInPlace(ports(), target, issuedPair(estate))).resolves.toMatchObject({
      ...{ kind: 'rolledBack', generation: null },
      error: { detail: expect.stringContaining('and after going back') },
    });
    expect(readdirSync(certs(''))).toEqual(['.omens']);
  });
});

describe('what is really served', () => {
  let server: TlsServer;
  let port: number;
  const serving = async (input: PlacementInput): Promise<void> => {
    server = createServer({ cert: pairOf(input).certificate, key: keyOf(input) }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  afterEach(() => void server.close());

  test('is compared with what was installed, and reported', async () => {
    const input = issuedPair(estate);
    await serving(input);
    const target = await agentTarget(
      `, checks: [{served: "127.0.0.1:${port}", withinSeconds: 1}, {tcp: "127.0.0.1:${port}"}]`,
    );
    await expect(putInPlace(ports(), target, input)).resolves.toMatchObject({
      kind: 'inUse',
      observed: {
        servedSha256: input.checked.certificateSha256,
        checks: [
          { check: `served 127.0.0.1:${port}`, ok: true },
          { check: `tcp 127.0.0.1:${port}`, ok: true },
        ],
      },
    });
    await expect(putInPlace(ports(), target, issuedPair(estate))).resolves.toMatchObject({
      kind: 'rolledBack',
      error: {
        ...{ phase: 'postCheck', reason: 'anotherServed' },
        detail: expect.stringContaining(`serves another certificate, ${input.checked.certificateSha256}`),
      },
    });
  });
});

test('a health page that answers 503 is no health', async () => {
  const server = createHttp((_request, response) => void response.writeHead(503).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const target = await agentTarget(`, checks: [{url: "http://127.0.0.1:${port}/ready", withinSeconds: 1}]`);
  await expect(putInPlace(ports(), target, issuedPair(estate))).resolves.toMatchObject({
    error: { reason: 'checkFailed', detail: expect.stringContaining('answers 503') },
  });
  server.close();
});

/** A clock that moves only while somebody sleeps. */
function movingClock(after = 0) {
  let time = validAt.getTime() + after;
  const slept: number[] = [];
  const sleep = async (milliseconds: number): Promise<void> => {
    slept.push(milliseconds);
    time += milliseconds;
  };
  return { slept, sleep, now: () => new Date(time) };
}

describe('a round of several targets', () => {
  const yaml = (verifier: string): string =>
    [
      'targets:',
      `  - {preset: nginx-vhost, name: one, hooks: {reload: ${sh('echo nginx')}}}`,
      `  - {preset: nginx-vhost, name: two, hooks: {reload: ${sh('echo nginx')}}}`,
      `  - {preset: keylime-agent, hooks: {reload: ${sh('echo agent')}}}`,
      `  - {preset: keylime-verifier, hooks: {reload: ${sh(verifier)}}}`,
    ].join('\n');
  const wishes = async (verifier = 'echo verifier') =>
    (await targets(yaml(verifier))).map((target) => ({
      target,
      input: issuedPair(estate, { profile: target.profile }),
    }));

  test('tells each program once, the verifier before the agent, and waits for each to settle', async () => {
    const { slept, ...moving } = movingClock();
    const outcomes = await putAllInPlace(ports(moving), await wishes());
    expect(outcomes.map(({ kind }) => kind)).toEqual(['inUse', 'inUse', 'inUse', 'inUse']);
    expect(commands.map((command) => command.split(' ').at(-1))).toEqual(['verifier', 'agent', 'nginx']);
    expect(slept).toEqual([5000, 5000, 1000]);
  });

  test('takes back only the target whose own check fails of a program that two share', async () => {
    const check = (script: string): string => `checks: [{command: ${sh(script)}, withinSeconds: 1}]`;
    const hooks = `hooks: {reload: ${sh('echo nginx')}}`;
    const [one, two] = await targets(
      `targets: [{preset: nginx-vhost, name: one, ${hooks}, ${check('true')}}, {preset: nginx-vhost, name: two, ${hooks}, ${check('exit 1')}}]`,
    );
    const input = () => issuedPair(estate, { profile: 'nginx-vhost' });
    const before = [input(), input()] as const;
    const quiet = await targets('targets: [{preset: nginx-vhost, name: one}, {preset: nginx-vhost, name: two}]');
    await putAllInPlace(
      ports(),
      quiet.map((target, at) => ({ target, input: before[at]! })),
    );
    const next = input();
    const outcomes = await putAllInPlace(ports(), [
      { target: one!, input: next },
      { target: two!, input: input() },
    ]);
    expect(outcomes).toMatchObject([
      { kind: 'inUse', generation: 2 },
      { kind: 'rolledBack', error: { phase: 'postCheck' } },
    ]);
    const served = (name: string) => readFileSync(join(root, `etc/nginx/ssl/${name}.crt`), 'utf8');
    expect(served('one')).toBe(pairOf(next).certificate);
    expect(served('two')).toBe(pairOf(before[1]).certificate);
  });

  test('keeps its distance to a program that was restarted just before this process was killed', async () => {
    const [agent, verifier] = [(await wishes())[2]!, (await wishes())[3]!];
    const killed = { ...movingClock(), sleep: async () => Promise.reject(new Error('kill -9')) };
    await expect(putAllInPlace(ports(killed), [agent])).rejects.toThrow('kill -9');
    const { slept, ...moving } = movingClock(2000);
    await putAllInPlace(ports(moving), [verifier]);
    expect(slept).toEqual([3000, 5000]);
    const longAfter = movingClock(3600_000);
    await putAllInPlace(ports(longAfter), [(await wishes())[0]!]);
    expect(longAfter.slept).toEqual([1000]);
    const setBack = movingClock(-3600_000);
    await putAllInPlace(ports(setBack), [agent]);
    expect(setBack.slept).toEqual([1000, 5000]);
  });

  test('takes back the target whose program fails, and no other', async () => {
    const outcomes = await putAllInPlace(ports(), await wishes('exit 1'));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['inUse', 'inUse', 'inUse', 'rolledBack']);
    expect(existsSync(certs('verifier.crt'))).toBe(false);
    expect(existsSync(certs('agent.crt'))).toBe(true);
    // What both share is served on by the one that stayed.
    for (const name of ['ca.crt', 'ca-root-only.crt', 'ca-chain.crt']) expect(existsSync(certs(name))).toBe(true);
  });

  test('takes a name that two share back to the other one, when only the one that went had changed it', async () => {
    const [agent, verifier] = await targets(
      `targets: [{preset: keylime-agent}, {preset: keylime-verifier, hooks: {reload: ${sh('exit 1')}}}]`,
    );
    const input = issuedPair(estate);
    await putInPlace(ports(), agent!, input);
    const other = issuedPair(testEstate());
    await expect(putInPlace(ports(), verifier!, other)).resolves.toMatchObject({ error: { reason: 'reloadFailed' } });
    expect(readFileSync(certs('ca.crt'), 'utf8')).toBe(input.checked.chainPem);
  });
});

test('going back tells the programs, and undoes itself when they fail', async () => {
  const flag = join(root, 'fails');
  const target = await agentTarget(`, hooks: {reload: ${sh(`! test -e ${flag}`)}}`);
  const [first, second] = [issuedPair(estate), issuedPair(estate)];
  await putInPlace(ports(), target, first);
  await putInPlace(ports(), target, second);
  writeFileSync(flag, '');
  await expect(goBack(ports(), target)).resolves.toMatchObject({ kind: 'rolledBack', generation: 2 });
  expect(pair()).toEqual(pairOf(second));
  rmSync(flag);
  await expect(goBack(ports(), target)).resolves.toMatchObject({ kind: 'inUse', generation: 1 });
  expect(pair()).toEqual(pairOf(first));
  await expect(goBack(ports(), target)).rejects.toThrow('has no generation before');
  expect(await finishInterrupted(ports(), [target])).toEqual([]);
});

describe('what a killed process left', () => {
  const pendingFile = (): string => certs('.omens/keylime-agent/pending');
  const ended = async (target: Target) => (await finishInterrupted(ports(), [target]))[0]?.outcome;
  /** As if the process had ended after the switch to generation 2 and before any program was told. */
  const interrupted = async (reload: string) => {
    const [first, second] = [issuedPair(estate), issuedPair(estate)];
    const quiet = await agentTarget();
    for (const input of [first, second]) await putInPlace(ports(), quiet, input);
    writeFileSync(pendingFile(), JSON.stringify({ from: 1, to: 2, stage: 'switching', isNew: true }));
    return { first, second, target: await agentTarget(`, hooks: {reload: ${sh(reload)}}`) };
  };

  test('is finished: the programs are told by the next one', async () => {
    const { second, target } = await interrupted('true');
    await expect(ended(target)).resolves.toMatchObject({ kind: 'inUse', generation: 2 });
    expect(commands).toEqual(['/bin/sh -c true']);
    expect(pair()).toEqual(pairOf(second));
    expect(existsSync(pendingFile())).toBe(false);
  });

  test('of several targets is finished with one word to a program that they share', async () => {
    const names = ['one', 'two'];
    const vhosts = (reload: string) =>
      targets(`targets: [${names.map((name) => `{preset: nginx-vhost, name: ${name}${reload}}`).join(', ')}]`);
    for (const target of await vhosts('')) {
      for (let generation = 1; generation <= 2; generation += 1) {
        await putInPlace(ports(), target, issuedPair(estate, { profile: 'nginx-vhost' }));
      }
      const pending = join(root, 'etc/nginx/ssl/.omens', target.name, 'pending');
      writeFileSync(pending, JSON.stringify({ from: 1, to: 2, stage: 'switching', isNew: true }));
    }
    const ended = await finishInterrupted(ports(), await vhosts(`, hooks: {reload: ${sh('echo nginx')}}`));
    expect(ended.map(({ outcome }) => outcome.kind)).toEqual(['inUse', 'inUse']);
    expect(commands).toEqual(['/bin/sh -c echo nginx']);
  });

  test('is undone when they fail', async () => {
    const { first, target } = await interrupted('false');
    await expect(ended(target)).resolves.toMatchObject({ kind: 'rolledBack', generation: 1 });
    expect(pair()).toEqual(pairOf(first));
    expect(existsSync(pendingFile())).toBe(false);
  });

  test('on its way back is brought back, with its programs told', async () => {
    const { first, target } = await interrupted('true');
    writeFileSync(pendingFile(), JSON.stringify({ from: 1, to: 2, stage: 'goingBack', isNew: true }));
    await expect(ended(target)).resolves.toMatchObject({
      ...{ kind: 'rolledBack', generation: 1 },
      error: { reason: 'interrupted' },
    });
    expect(commands).toEqual(['/bin/sh -c true']);
    expect(pair()).toEqual(pairOf(first));
  });
});
