// `omens endpoints …` and `omens keylime …` as a person types them.
import { expect, test } from '@jest/globals';
import { run } from '../../../src/cli/program.ts';
import type { EndpointResource, KeylimeAgentResource } from '../../../src/domain/warning-wire.ts';
import { fakeWorld, refusedWith } from '../../fakes/service.ts';

const endpoint: EndpointResource = {
  ...{ name: 'verifier', address: 'v.example.org:8881', kind: 'keylime-verifier', lookedAt: '2026-11-23T11:58:00Z' },
  ...{ reachableAt: '2026-11-23T11:58:00Z', level: 'critical', servedSha256: 'ab'.repeat(32), servedNotAfter: null },
  findings: [
    { condition: 'servedDiffers', level: 'critical', detail: 'serves the certificate of \u001b[31mr.example.org' },
  ],
};
const agent: KeylimeAgentResource = {
  ...{ agent: 'c'.repeat(64), device: null, hostName: 'tower.example.org', registered: true, operationalState: 7 },
  ...{ state: 'failed', attestationStatus: 'FAIL', lastSuccessfulAttestation: null, since: '2026-11-23T11:00:00Z' },
  ...{ failingSince: '2026-11-23T11:00:00Z', held: true, letThroughUntil: null },
};

test('endpoints list shows the level of each and what was found', async () => {
  const never = { ...endpoint, name: 'bao', level: 'unknown', lookedAt: null, findings: [] };
  const world = fakeWorld({ listEndpoints: { items: [endpoint, never], next: null } });
  expect(await run(['endpoints', 'list'], world)).toBe(0);
  expect(world.out()).toMatch(
    /^critical {2}verifier {2}v\.example\.org:8881 {2}2026-11-23T11:58:00Z {2}servedDiffers$/m,
  );
  expect(world.out()).toMatch(/^unknown {3}bao .* - +-$/m);
});

test('endpoints probe looks at one and shows every finding, with nothing in it that moves the cursor', async () => {
  const world = fakeWorld({ probeEndpoint: endpoint });
  expect(await run(['endpoints', 'probe', 'verifier'], world)).toBe(0);
  expect(world.calls).toEqual([['probeEndpoint', 'verifier']]);
  expect(world.out()).toContain('critical  servedDiffers  serves the certificate of ?[31mr.example.org');
});

test('endpoints probe of what is not declared fails with the word of the service', async () => {
  const problem = {
    type: 'https://ca.example.org/problems/notFound',
    title: 't',
    status: 404,
    detail: 'no such endpoint',
  };
  const world = fakeWorld({ probeEndpoint: refusedWith({ ...problem, instance: 'urn:uuid:1' }) });
  expect(await run(['endpoints', 'probe', 'nobody'], world)).toBe(1);
  expect(world.errors()).toContain('no such endpoint');
});

test('keylime agents shows who is held, and --json the resource as it is', async () => {
  const world = fakeWorld({ listKeylimeAgents: { items: [agent], next: null } });
  expect(await run(['keylime', 'agents'], world)).toBe(0);
  expect(world.out()).toMatch(/^failed {2}FAIL {4}tower\.example\.org {2}- +2026-11-23T11:00:00Z {2}held {2}c{64}$/m);
  const json = fakeWorld({ listKeylimeAgents: { items: [agent], next: null } });
  await run(['keylime', 'agents', '--json'], json);
  expect(JSON.parse(json.out())).toEqual({ items: [agent], next: null });
});

test('keylime let-through opens the gate for one agent', async () => {
  const world = fakeWorld({ letAgentThrough: { ...agent, held: false, letThroughUntil: '2026-11-24T12:00:00Z' } });
  expect(await run(['keylime', 'let-through', agent.agent], world)).toBe(0);
  expect(world.out()).toBe('tower.example.org is not held before 2026-11-24T12:00:00Z\n');
});
