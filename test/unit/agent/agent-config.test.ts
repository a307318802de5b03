// agent.yaml: what stands for an absent file, what is refused and how it is said, and what targets become of it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadAgentConfig, parseAgentConfig } from '../../../src/agent/agent-config.ts';
import { hostFacts, listenerIn, readyUrlIn } from '../../../src/agent/host-facts.ts';
import { targetFor, targetsOf } from '../../../src/agent/targets.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'omens-config-'));
  mkdirSync(join(root, 'etc/omens'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const faults = (yaml: string): readonly string[] => {
  const read = parseAgentConfig(yaml, 'agent.yaml');
  return read.ok ? [] : read.error.map(({ field, detail }) => `${field}: ${detail}`);
};
const targets = async (yaml: string, real = false) => {
  const read = parseAgentConfig(yaml, 'agent.yaml');
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return targetsOf(read.value, { ...(await hostFacts(root)), isRealRoot: real });
};

describe('the file', () => {
  test('may be absent: then a Keylime agent and a DevID are kept', async () => {
    const config = await loadAgentConfig(root);
    expect(config.targets.map(({ preset }) => preset)).toEqual(['keylime-agent', 'devid']);
    expect(config.checkEverySeconds).toBe(3600);
  });

  test('that is named must be there', async () => {
    await expect(loadAgentConfig(root, join(root, 'other.yaml'))).rejects.toThrow('cannot read');
  });

  test('is refused with every fault at once, each with its place', async () => {
    writeFileSync(join(root, 'etc/omens/agent.yaml'), 'chekEvery: 5\ntargets: [{preset: keylime, hook: {}}]\n');
    await expect(loadAgentConfig(root)).rejects.toMatchObject({
      message: expect.stringContaining('nothing was done'),
      hints: expect.arrayContaining([
        expect.stringMatching(/agent\.yaml: \/: unknown key "chekEvery" \(accepted: tpm, /),
        expect.stringMatching(/\/targets\/0: unknown key "hook" \(accepted: preset, name, /),
        expect.stringMatching(/\/targets\/0\/preset: .*accepted: keylime-agent, /),
      ]),
    });
  });

  test('has no path that leads elsewhere, and no command that a shell would read', () => {
    for (const path of ['etc/x.crt', '/etc/../x', '/etc/./x', '/etc/x/', '/']) {
      expect(faults(`targets: [{preset: nginx-vhost, key: "${path}"}]`)).toHaveLength(1);
    }
    expect(faults('targets: [{preset: nginx-vhost, hooks: {reload: "nginx -s reload"}}]')).toHaveLength(1);
    expect(faults('targets: [{preset: nginx-vhost, key: /etc/ssl/private/x..key}]')).toEqual([]);
  });

  test('has no profile, place or number of targets that the service would not take in a report', () => {
    expect(faults('targets: [{preset: devid, place: "Rack 4"}]')).toHaveLength(1);
    expect(faults(`targets: [{preset: devid, place: ${'a'.repeat(65)}}]`)).toHaveLength(1);
    expect(faults('targets: [{preset: own-directory, profile: 4you}]')).toHaveLength(1);
    const many = Array.from({ length: 65 }, (_, at) => `{preset: nginx-vhost, name: www${at}}`);
    expect(faults(`targets: [${many.join()}]`)).toHaveLength(1);
    expect(faults(`targets: [${many.slice(1).join()}]`)).toEqual([]);
  });

  test('is refused where its parts contradict one another', () => {
    expect(faults('targets: [{preset: devid}, {preset: devid}]').join()).toContain('another target called "devid"');
    expect(faults('targets: [{preset: own-directory}]').join()).toContain('none is named');
    expect(faults('targets: [{preset: devid, key: /etc/k}]').join()).toContain('where its readers look');
    expect(faults('targets: [{preset: devid, checks: [{}]}]').join()).toContain('names 0 of tcp');
    expect(faults('targets: [{preset: devid, checks: [{tcp: "a:0"}]}]').join()).toContain('no such port');
    expect(faults('targets: [{preset: devid, checks: [{tcp: "a:1", serverName: a}]}]').join()).toContain(
      'without served',
    );
    expect(faults('tpm: tpm0')).toHaveLength(1);
  });
});

describe('targets', () => {
  test('have the paths, owner and mode of the file where it has some', async () => {
    const [target] = await targets(
      'targets: [{preset: nginx-vhost, name: www, certificate: /etc/ssl/www.pem, key: /etc/ssl/private/www.key, owner: "www:web", mode: "0440"}]',
    );
    expect(target).toMatchObject({ name: 'www', home: 'etc/ssl' });
    expect(target!.table.rows).toMatchObject([
      { path: 'etc/ssl/private/www.key', mode: 0o440, owner: [{ user: 'www', group: 'web' }] },
      { path: 'etc/ssl/www.pem', mode: 0o644 },
    ]);
  });

  test('tell only the programs that this host has, under the name that its unit has', async () => {
    mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
    for (const unit of ['keylime_agent', 'spire-agent']) {
      writeFileSync(join(root, `etc/systemd/system/${unit}.service`), '[Service]\n');
    }
    const [agent, devid, bao] = await targets(
      'targets: [{preset: keylime-agent}, {preset: devid}, {preset: openbao-server}]',
      true,
    );
    expect(agent!.consumers.map(({ name, reload }) => [name, reload?.join(' ')])).toEqual([
      ['keylime-agent', 'systemctl restart keylime_agent.service'],
      ['spire-agent', 'systemctl restart spire-agent.service'],
    ]);
    expect(devid).toMatchObject({ hasSpireAgent: true, consumers: [{ name: 'spire-agent' }] });
    expect(bao).toMatchObject({ consumers: [], remarks: [expect.stringContaining('openbao is not on this host')] });
  });

  test('tell nobody under another root, but for what the file says', async () => {
    const yaml = 'programs: {spire-agent: {reload: [/bin/true]}}\ntargets: [{preset: keylime-agent}, {preset: devid}]';
    const [agent, devid] = await targets(yaml);
    expect(agent!.consumers.map(({ name }) => name)).toEqual(['spire-agent']);
    expect(agent!.remarks).toEqual([expect.stringContaining('keylime-agent was not told')]);
    expect(devid).toMatchObject({ hasSpireAgent: true, consumers: [{ reload: ['/bin/true'], onlyWhile: null }] });
  });

  test('are found by profile, place and names; what nobody claims goes to the directory of the agent', async () => {
    const all = await targets(
      'targets: [{preset: keylime-registrar, dnsNames: [registrar.lan]}, {preset: keylime-verifier, place: two}, {preset: devid}]',
    );
    const found = (profile: string, place: string, dnsNames: readonly string[] | null) =>
      targetFor(all, { profile, place, dnsNames }).name;
    expect(found('keylime-server', '', ['registrar.lan'])).toBe('keylime-registrar');
    expect(found('keylime-server', 'two', null)).toBe('keylime-verifier');
    expect(found('devid', '', null)).toBe('devid');
    const own = targetFor(all, { profile: 'openbao-server', place: 'x.lan', dnsNames: null });
    expect(own).toMatchObject({
      key: { type: 'rsa-2048' },
      home: 'var/lib/omens/agent/certificates/openbao-server-x.lan',
    });
  });

  test('tell programs in the order of the file', async () => {
    const yaml =
      'order: [spire-agent]\nprograms: {spire-agent: {reload: [/bin/true]}, keylime-agent: {reload: [/bin/true]}}';
    expect((await targets(yaml))[0]!.consumers.map(({ name }) => name)).toEqual(['spire-agent', 'keylime-agent']);
  });
});

test('where programs listen is read from their own files', () => {
  expect(listenerIn('[agent]\nip = "0.0.0.0"\nport = 9102\n', 'port', 9002)).toEqual({ host: '127.0.0.1', port: 9102 });
  expect(listenerIn('[verifier]\nip = 10.0.0.2\n# port = 1\n', 'port', 8881)).toEqual({ host: '10.0.0.2', port: 8881 });
  const health = 'agent {}\nhealth_checks {\n  listener_enabled = true\n  bind_port = "8088"\n}\n';
  expect(readyUrlIn(health)).toBe('http://localhost:8088/ready');
  expect(readyUrlIn(health.replace('true', 'false'))).toBeNull();
  expect(readyUrlIn(health.replace('health_checks', '# health_checks'))).toBeNull();
});
