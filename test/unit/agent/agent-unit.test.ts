// The systemd unit of the agent as text. What systemd itself thinks of it: test/e2e/agent-unit.test.ts.
import { expect, test } from '@jest/globals';
import { agentUnit, type UnitInput, unitMark } from '../../../src/agent/units/agent-unit.ts';

const unit = (over: Partial<UnitInput> = {}): string =>
  agentUnit({
    command: ['/usr/bin/node', '/usr/lib/omens/omens.js'],
    writes: ['/etc/nginx/ssl', '/etc/keylime/certs', '/etc/nginx/ssl'],
    devices: ['/dev/tpmrm0'],
    credentials: [],
    ...over,
  });

const lines = (text: string, key: string): readonly string[] =>
  text.split('\n').flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));

test('begins with the mark by which it is known as ours', () => {
  expect(unit().split('\n')[0]).toBe(unitMark);
});

test('orders itself after the network and depends hard on nothing', () => {
  expect(lines(unit(), 'Wants')).toEqual(['network-online.target']);
  expect(lines(unit(), 'After')[0]).toContain('network-online.target');
  for (const hard of ['Requires', 'Requisite', 'BindsTo', 'PartOf']) expect(lines(unit(), hard)).toEqual([]);
});

test('lets each directory of the targets be written once, and is not stopped by one that is absent', () => {
  expect(lines(unit(), 'ReadWritePaths')).toEqual(['-/etc/keylime/certs', '-/etc/nginx/ssl']);
  expect(lines(unit(), 'ProtectSystem')).toEqual(['strict']);
});

test('opens no device but the TPM', () => {
  expect(lines(unit(), 'DeviceAllow')).toEqual(['/dev/tpmrm0 rw']);
  expect(lines(unit(), 'DevicePolicy')).toEqual(['closed']);
});

test('loads passwords of TPM hierarchies as credentials, where there are some', () => {
  expect(lines(unit(), 'LoadCredential')).toEqual([]);
  const credentials = [['tpm-owner-password', '/etc/omens/owner password']] as const;
  expect(lines(unit({ credentials }), 'LoadCredential')).toEqual(['tpm-owner-password:/etc/omens/owner password']);
});

test('quotes what systemd would read as something else', () => {
  const text = unit({ command: ['/opt/my node/node', '/opt/100%/$HOME/a"b.js'] });
  expect(lines(text, 'ExecStart')).toEqual(['"/opt/my node/node" "/opt/100%%/$$HOME/a\\"b.js" agent run']);
});
