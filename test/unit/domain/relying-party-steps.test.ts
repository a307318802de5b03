// What people are told to do at SPIRE and Keylime when a host is suspended or retired.
import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { relyingPartySteps, type StepFacts } from '../../../src/domain/relying-party-steps.ts';

const now = new Date('2026-11-23T12:00:00Z');
const devid = { der: Buffer.from('a DevID'), notAfter: new Date('2026-12-24T12:00:00Z') };
const sha1 = createHash('sha1').update(devid.der).digest('hex');
const facts = (over: Partial<StepFacts> = {}): StepFacts => ({
  state: 'retired',
  keylimeUuid: 'ab'.repeat(32),
  devids: [devid],
  spire: {
    trustDomain: 'funlab.casa',
    serverCommand: ['/opt/spire/bin/spire-server'],
    socketPath: '/run/spire/api.sock',
    mode: 'print',
  },
  now,
  ...over,
});

test('a retired host is banned at SPIRE now, evicted when its DevID has ended, and deleted at both Keylime servers', () => {
  const id = `spiffe://funlab.casa/spire/agent/tpm_devid/${sha1}`;
  expect(
    relyingPartySteps(facts()).map(({ relyingParty, state, notBefore }) => [relyingParty, state, notBefore]),
  ).toEqual([
    ['spire', 'due', null],
    ['spire', 'notYet', '2026-12-24T12:00:00Z'],
    ['keylimeVerifier', 'due', null],
    ['keylimeRegistrar', 'due', null],
  ]);
  const [ban, evict, verifier, registrar] = relyingPartySteps(facts()).map(({ command }) => command);
  expect(ban).toBe(
    `/opt/spire/bin/spire-server agent ban -output json -spiffeID ${id} -socketPath /run/spire/api.sock`,
  );
  expect(evict).toContain(`agent evict -output json -spiffeID ${id}`);
  expect(verifier).toContain(`--request DELETE "https://$KEYLIME_VERIFIER:8881/v2.6/agents/${'ab'.repeat(32)}"`);
  expect(registrar).toContain(`"https://$KEYLIME_REGISTRAR:8891/v2.6/agents/${'ab'.repeat(32)}"`);
});

test('a suspended host is banned and taken off the verifier, and keeps its registration', () => {
  const steps = relyingPartySteps(facts({ state: 'suspended' }));
  expect(steps.map(({ relyingParty, action }) => [relyingParty, action])).toEqual([
    ['spire', 'ban the agent'],
    ['keylimeVerifier', 'delete the agent'],
  ]);
});

test('there is nothing to do for an active host, nor for a DevID that has ended or a UUID that is not known', () => {
  expect(relyingPartySteps(facts({ state: 'active' }))).toEqual([]);
  const ended = { ...devid, notAfter: new Date('2026-11-23T11:59:59Z') };
  expect(relyingPartySteps(facts({ devids: [ended], keylimeUuid: null }))).toEqual([]);
});

test('without a configured SPIRE server the trust domain is left to the shell of whoever runs the command', () => {
  const [ban] = relyingPartySteps(facts({ spire: null }));
  expect(ban!.command).toBe(
    `spire-server agent ban -output json -spiffeID "spiffe://$SPIRE_TRUST_DOMAIN/spire/agent/tpm_devid/${sha1}"`,
  );
});
