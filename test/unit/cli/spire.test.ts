// What people read of SPIRE at rotation.
import { expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import { fakeWorld } from '../../fakes/service.ts';

const id = '33333333-3333-4333-8333-333333333333';
const agentId = `spiffe://funlab.casa/spire/agent/tpm_devid/${'a'.repeat(40)}`;
const identity = { certificate: 'ab'.repeat(32), spiffeId: agentId, notAfter: '2026-12-24T12:00:00Z', listed: false };
const plan = {
  ...{ device: id, hostName: 'tower.example.org', asked: 'notAllowed', because: null },
  nodeAlias: { spiffeId: 'spiffe://funlab.casa/omens/node/tower.example.org', selectors: ['tpm_devid:subject:cn:x'] },
  lineages: [
    {
      ...{
        lineage: id,
        hasSpireAgent: true,
        confirmedAt: null,
        confirmedBy: null,
        newest: identity,
        older: [identity],
      },
      steps: [
        { step: 'evict', state: 'notYet', spiffeId: agentId, command: 'spire-server agent evict X', because: 'why' },
      ],
    },
  ],
};

test('a host is found by its name, and its plan has each step with its command', async () => {
  const devices = {
    items: [
      { id: 'old', hostName: 'tower.example.org', state: 'retired' },
      { id, hostName: 'tower.example.org', state: 'active' },
    ],
    next: null,
  };
  const world = fakeWorld({ listDevices: devices, spireOfDevice: plan });
  expect(await run(['devices', 'spire', 'tower.example.org'], world)).toBe(0);
  expect(world.calls.at(-1)).toEqual(['spireOfDevice', id]);
  expect(world.out()).toContain(`new agent  ${agentId} (not listed)`);
  expect(world.out()).toContain('[-] not yet: evict: why\n    spire-server agent evict X\n');
  expect(world.out()).toContain('note: the SPIRE server may not be asked');
});

test('a host that is not there is said to be so', async () => {
  const world = fakeWorld({ listDevices: { items: [], next: null } });
  expect(await run(['devices', 'spire', 'gate.example.org'], world)).toBe(1);
  expect(world.errors()).toContain('there is no host gate.example.org');
});

test('the list of agents ends with the verdict on join_token and names who is missing', async () => {
  const agents = {
    ...{ generatedAt: '2026-11-23T12:00:00Z', asked: 'answered', because: null, command: 'spire-server agent list' },
    agents: [
      {
        ...{ spiffeId: agentId, attestationType: 'tpm_devid', expiresAt: '2026-11-23T13:00:00Z', state: 'orphan' },
        ...{ device: null, hostName: null, command: 'spire-server agent evict Y', because: 'not ours' },
      },
    ],
    joinToken: { isRemovable: false, because: '1 of 1 active hosts', missing: ['tower.example.org'] },
  };
  const world = fakeWorld({ spireAgents: agents });
  expect(await run(['spire', 'agents'], world)).toBe(0);
  expect(world.out()).toContain('To do:\n  spire-server agent evict Y\n');
  expect(world.out()).toContain('join_token cannot go yet: 1 of 1 active hosts\n  missing: tower.example.org\n');
});

test('an admin states the ID of an agent', async () => {
  const world = fakeWorld({ confirmBySpireId: plan });
  expect(await run(['certs', 'confirm-spire', 'x', '--spiffe-id', agentId], world)).toBe(0);
  expect(world.calls).toEqual([['confirmBySpireId', 'x', { spiffeId: agentId }]]);
  expect(await run(['certs', 'confirm-spire', 'x'], fakeWorld({}))).toBe(2);
});
