// What the agent tells the service of its host beside certificates.
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { examineHost } from '../../../../src/agent/doctor/examine.ts';
import { observeHost } from '../../../../src/agent/doctor/host-scene.ts';
import type { CommandResult, DoctorPorts } from '../../../../src/agent/doctor/ports.ts';
import { reportedFacts } from '../../../../src/agent/doctor/reported-facts.ts';
import type { TpmFacts } from '../../../../src/agent/doctor/tpm-facts.ts';
import type { HostFacts } from '../../../../src/domain/lineage-wire.ts';
import { healthyHost, type TestHost } from './host.ts';

let host: TestHost;
beforeEach(async () => {
  host = await healthyHost();
});
afterEach(() => host.remove('/'));

const tpm: TpmFacts = {
  ...{ state: 'present', isInLockout: false, lockoutCounter: 3, maxAuthFail: 32, hashEk: null, keys: [] },
};

const asked = async (over: Partial<DoctorPorts> = {}, facts: TpmFacts = tpm): Promise<HostFacts> => {
  const ports = host.ports(over);
  return reportedFacts(ports, await observeHost(ports.root, []), facts);
};

/** Answers each program by its exit code and output. */
const answers =
  (of: (program: string, args: readonly string[]) => Partial<CommandResult>): NonNullable<DoctorPorts['run']> =>
  async ([program, ...args]) => ({ code: 0, stdout: '', stderr: '', ...of(program, args) });

const link = async (from: string, to: string): Promise<void> => {
  await mkdir(dirname(join(host.directory, from)), { recursive: true });
  await symlink(to, join(host.directory, from));
};

const mounts = (lines: Readonly<Record<string, readonly [number: string, source: string]>>): Promise<void> =>
  host.put(
    '/proc/self/mountinfo',
    Object.entries(lines)
      .map(([point, [number, source]], at) => `${20 + at} 1 ${number} / ${point} rw shared:1 - ext4 ${source} rw\n`)
      .join(''),
  );

/** A mapped device above others, in /sys. */
const mapped = async (number: string, uuid: string, ...slaves: readonly string[]): Promise<void> => {
  const device = `/sys/devices/virtual/block/dm-${number.split(':')[1]!}`;
  await host.put(`${device}/dm/uuid`, `${uuid}\n`);
  await host.put(`${device}/dm/name`, `mapped-${number.split(':')[1]!}\n`);
  await link(`/sys/dev/block/${number}`, device);
  await link(`/sys/class/block/dm-${number.split(':')[1]!}`, device);
  for (const slave of slaves) await link(`${device}/slaves/${slave}`, `/sys/devices/virtual/block/${slave}`);
};

const plain = async (number: string, name: string): Promise<void> => {
  await host.put(`/sys/devices/virtual/block/${name}/size`, '1\n');
  await link(`/sys/dev/block/${number}`, `/sys/devices/virtual/block/${name}`);
  await link(`/sys/class/block/${name}`, `/sys/devices/virtual/block/${name}`);
};

describe('the TPM', () => {
  test('is told with its lockout', async () => {
    expect((await asked()).tpm).toEqual({ present: true, inLockout: false, lockoutCounter: 3, maxAuthFail: 32 });
  });

  test('that answers badly is there, and one that is not there is not', async () => {
    const told = { detail: '', hint: null } as const;
    const unknown = { inLockout: null, lockoutCounter: null, maxAuthFail: null };
    expect((await asked({}, { state: 'failed', ...told })).tpm).toEqual({ present: true, ...unknown });
    expect((await asked({}, { state: 'absent', ...told })).tpm).toEqual({ present: false, ...unknown });
  });
});

describe('the disk', () => {
  const disk = async (over: Partial<DoctorPorts> = {}): Promise<string> => (await asked(over)).diskEncryption;

  test('is unknown where the kernel does not say what carries it', async () => {
    expect(await disk()).toBe('unknown');
    await mounts({ '/': ['0:35', 'overlay'] });
    expect(await disk()).toBe('unknown');
  });

  test('is not encrypted on a partition', async () => {
    await plain('8:2', 'sda2');
    await mounts({ '/': ['8:2', '/dev/sda2'] });
    expect(await disk()).toBe('none');
  });

  test('is encrypted on dm-crypt, and on a volume above it', async () => {
    await plain('8:3', 'sda3');
    await mapped('253:0', 'CRYPT-LUKS2-0123456789abcdef-root', 'sda3');
    await mapped('253:1', 'LVM-abcdef', 'dm-0');
    await mounts({ '/': ['253:1', '/dev/mapper/vg-root'] });
    expect(await disk()).toBe('luks');
  });

  test('is found by its name where the file system has a number of its own', async () => {
    await mapped('253:7', 'CRYPT-LUKS2-0123456789abcdef-root');
    await mounts({ '/': ['0:31', '/dev/mapper/mapped-7'] });
    expect(await disk()).toBe('luks');
  });

  test('is not encrypted when /var lies on another one that is not, or one of two is not', async () => {
    await plain('8:4', 'sda4');
    await mapped('253:0', 'CRYPT-LUKS2-0123456789abcdef-root');
    await mounts({ '/': ['253:0', '/dev/mapper/root'], '/var': ['8:4', '/dev/sda4'] });
    expect(await disk()).toBe('none');
    await mapped('253:2', 'LVM-abcdef', 'dm-0', 'sda4');
    await mounts({ '/': ['253:2', '/dev/mapper/both'] });
    expect(await disk()).toBe('none');
  });

  test('is opened by Clevis when Clevis lists a pin for it', async () => {
    await plain('8:3', 'sda3');
    await mapped('253:0', 'CRYPT-LUKS2-0123456789abcdef-root', 'sda3');
    await mounts({ '/': ['253:0', '/dev/mapper/root'] });
    expect((await asked({ run: answers(() => ({})) })).clevisBound).toBe(false);
    await host.put('/usr/bin/clevis', '', 0o755);
    const lines: string[] = [];
    const list = (stdout: string) =>
      answers((program, args) => {
        lines.push([program, ...args].join(' '));
        return { stdout };
      });
    expect((await asked({ run: list(`1: tpm2 '{"hash":"sha256"}'\n`) })).clevisBound).toBe(true);
    expect((await asked({ run: list('') })).clevisBound).toBe(false);
    expect(lines[0]).toBe('/usr/bin/clevis luks list -d /dev/sda3');
    expect((await asked({ run: answers(() => ({ code: 1 })) })).clevisBound).toBeNull();
    expect((await asked({ run: () => Promise.reject(new Error('gone')) })).clevisBound).toBeNull();
  });
});

describe('SPIRE and Keylime', () => {
  const unit = (name: string, start: string): Promise<void> =>
    host.put(`/etc/systemd/system/${name}.service`, `[Service]\nExecStart=${start}\n`);

  test('are not installed on a host without a unit of theirs', async () => {
    const { spireAgent, keylimeAgent } = await asked({ run: answers(() => ({})), listens: async () => true });
    expect(spireAgent).toEqual({ installed: false, healthy: null });
    expect(keylimeAgent).toEqual({ installed: false, listening: null });
  });

  test('are asked by unit and by port', async () => {
    await unit('spire-agent', '/opt/spire/bin/spire-agent run -config /opt/spire/conf/agent/agent.conf');
    await unit('keylime_agent', '/usr/bin/keylime_agent');
    const asks: unknown[] = [];
    const ports = {
      run: answers((_, args) => ({ code: args.includes('spire-agent.service') ? 3 : 0 })),
      listens: async (at: unknown) => asks.push(at) > 0,
    };
    const { spireAgent, keylimeAgent } = await asked(ports);
    expect(spireAgent).toEqual({ installed: true, healthy: false });
    expect(keylimeAgent).toEqual({ installed: true, listening: true });
    await host.put('/etc/keylime/agent.conf', '[agent]\nip = "10.0.0.7"\nport = 9100\n');
    await asked(ports);
    expect(asks).toEqual([
      { host: '127.0.0.1', port: 9002 },
      { host: '10.0.0.7', port: 9100 },
    ]);
  });

  test('are unknown where nobody can be asked', async () => {
    await unit('spire-agent', '/opt/spire/bin/spire-agent run');
    await unit('keylime_agent', '/usr/bin/keylime_agent');
    const { spireAgent, keylimeAgent } = await asked();
    expect(spireAgent).toEqual({ installed: true, healthy: null });
    expect(keylimeAgent).toEqual({ installed: true, listening: null });
  });
});

test('the doctor has the facts beside its findings', async () => {
  const { findings, facts } = await examineHost(host.ports());
  expect(findings.map(({ check }) => check)).toContain('tpm');
  expect(facts).toMatchObject({ tpm: { present: true, inLockout: null }, diskEncryption: 'unknown' });
});
