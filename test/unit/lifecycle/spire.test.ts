// SPIRE at rotation: the plan, the round of the server with the fake program, the list of agents, and the admin's word.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Device } from '../../../src/domain/device.ts';
import { noLimits, type Principal } from '../../../src/domain/principal.ts';
import { ok, type Refusal } from '../../../src/domain/result.ts';
import { devidAgentId, type SpireMode } from '../../../src/domain/spire.ts';
import { spireOverview } from '../../../src/domain/spire-agents.ts';
import { nodeAliasOf, type SpireDevid, spirePlan, type SpirePlanFacts } from '../../../src/domain/spire-plan.ts';
import type { CertificateRecord } from '../../../src/domain/certificate.ts';
import { confirmBySpireId } from '../../../src/lifecycle/spire-confirm.ts';
import { spireRound } from '../../../src/lifecycle/spire-round.ts';
import { spireAgents, spireOfDevice } from '../../../src/lifecycle/spire-views.ts';
import { spireServer } from '../../../src/probes/spire-server.ts';
import { type FakeAgent, type SpireProgram, spireProgram } from '../../fakes/spire-program.ts';

const now = new Date('2026-11-23T12:00:00Z');
const later = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const issuerDer = Buffer.from('issuing CA');

const devid = (name: string, over: Partial<SpireDevid> = {}): SpireDevid => ({
  deviceId: '33333333-3333-4333-8333-333333333333',
  hostName: 'tower.example.org',
  isActive: true,
  lineageId: 'lineage',
  hasSpireAgent: true,
  isNewest: true,
  fingerprint: createHash('sha256').update(name).digest('hex'),
  der: Buffer.from(name),
  issuerDer,
  notAfter: later(60),
  isRevoked: false,
  installedAt: now,
  confirmedAt: null,
  confirmedBy: null,
  ...over,
});
const confirmed = { confirmedAt: now, confirmedBy: 'spire' };
const old = devid('old', { isNewest: false, ...confirmed });
const fresh = devid('new');
const idOf = (one: SpireDevid): string => devidAgentId('funlab.casa', one.der);
const listed = (one: SpireDevid, over: Partial<FakeAgent> = {}): FakeAgent => ({
  spiffeId: idOf(one),
  attestationType: 'tpm_devid',
  expiresAt: now.getTime() / 1000 + 3600,
  ...over,
});

let program: SpireProgram;
beforeEach(() => {
  program = spireProgram();
});
afterEach(() => program.remove());

const agent = (one: SpireDevid, over: { isBanned?: boolean; expiresAt?: Date } = {}) => ({
  spiffeId: idOf(one),
  attestationType: 'tpm_devid',
  expiresAt: later(1),
  canReattest: true,
  isBanned: false,
  ...over,
});

describe('the plan of a rotation', () => {
  const facts = (over: Partial<SpirePlanFacts> = {}): SpirePlanFacts => ({
    newest: fresh,
    older: [old],
    settings: program.settings('ask'),
    agents: [agent(old)],
    entries: [],
    now,
    ...over,
  });
  const states = (over: Partial<SpirePlanFacts> = {}) =>
    spirePlan(facts(over)).map(({ step, state }) => `${step} ${state}`);

  test('has the ID that SPIRE computes: SHA-1 of the leaf in DER', () => {
    const sha1 = createHash('sha1').update('new').digest('hex');
    expect(spirePlan(facts())[2]!.spiffeId).toBe(`spiffe://funlab.casa/spire/agent/tpm_devid/${sha1}`);
  });

  test('goes from alias over installation and list to eviction, which comes last and only after confirmation', () => {
    const issued = devid('new', { installedAt: null });
    expect(states({ newest: issued })).toEqual(['nodeAlias due', 'install due', 'verifyListed notYet', 'evict notYet']);
    expect(states()).toEqual(['nodeAlias due', 'install done', 'verifyListed due', 'evict notYet']);
    const both = [agent(old), agent(fresh)];
    expect(states({ agents: both })).toEqual(['nodeAlias due', 'install done', 'verifyListed done', 'evict notYet']);
    const known = devid('new', confirmed);
    expect(states({ newest: known, agents: both })[3]).toBe('evict due');
    expect(states({ newest: known, agents: [agent(fresh)] })[3]).toBe('evict done');
  });

  test('takes the word of the host for no confirmation, and a banned or ended agent for no listing', () => {
    const byHost = devid('new', { confirmedAt: now, confirmedBy: 'host' });
    expect(states({ newest: byHost }).slice(2)).toEqual(['verifyListed due', 'evict notYet']);
    expect(states({ agents: [agent(fresh, { isBanned: true })] })[2]).toBe('verifyListed due');
    expect(states({ agents: [agent(fresh, { expiresAt: now })] })[2]).toBe('verifyListed due');
  });

  test('never says to evict an agent that is banned while its DevID is good: that would let it back in', () => {
    const known = devid('new', confirmed);
    expect(states({ newest: known, agents: [agent(old, { isBanned: true }), agent(fresh)] })).toHaveLength(3);
  });

  test('knows an alias by exactly its selectors', () => {
    const alias = nodeAliasOf(fresh, program.settings('ask'));
    const entry = { id: '1', spiffeId: alias.spiffeId, parentId: 'spiffe://funlab.casa/spire/server' };
    expect(states({ entries: [{ ...entry, selectors: alias.selectors.toReversed() }] })[0]).toBe('nodeAlias done');
    expect(states({ entries: [{ ...entry, selectors: alias.selectors.slice(1) }] })[0]).toBe('nodeAlias due');
    const elsewhere = { ...entry, parentId: 'spiffe://funlab.casa/spire/agent/x', selectors: alias.selectors };
    expect(states({ entries: [elsewhere] })[0]).toBe('nodeAlias due');
    const [issuer] = alias.selectors.slice(1);
    expect(issuer).toBe(`tpm_devid:ca:fingerprint:${createHash('sha1').update(issuerDer).digest('hex')}`);
  });
});

/** A store of DevIDs in which a confirmation is seen by the next round. */
function world(mode: SpireMode, start: readonly SpireDevid[]) {
  let devids = start;
  const acts: string[] = [];
  const faults: string[] = [];
  const settings = program.settings(mode);
  const ports = {
    settings,
    server: spireServer(settings),
    devidsEndingAfter: async () => devids,
    activeHostNames: async () => ['tower.example.org'],
    confirmAs: async (kind: 'spire' | 'operator', { cert }: { readonly cert: string }) => {
      acts.push(`confirm ${kind}`);
      devids = devids.map((one) => (one.fingerprint === cert ? { ...one, confirmedAt: now, confirmedBy: kind } : one));
      return ok(null);
    },
    recordSpireAct: async ({ event }: { readonly event: string }) => void acts.push(event),
    onFault: (what: string, fault: Refusal) => void faults.push(`${what}: ${fault.detail}`),
  };
  return { ports, acts, faults, round: () => spireRound(ports)(now) };
}

describe('the round', () => {
  test('in act mode: alias before, confirmation when the new ID is listed, eviction in the round after', async () => {
    program.write({ agents: [listed(old)] });
    const { round, acts } = world('act', [fresh, old]);
    await round();
    expect(acts).toEqual(['spire.aliasCreated']);
    expect(program.read().entries).toMatchObject([
      { selectors: nodeAliasOf(fresh, program.settings('act')).selectors },
    ]);
    program.write({ ...program.read(), agents: [listed(old), listed(fresh)] });
    await round();
    expect(acts.slice(1)).toEqual(['confirm spire']);
    expect(program.read().agents).toHaveLength(2);
    await round();
    expect(acts.slice(2)).toEqual(['spire.agentEvicted']);
    expect(program.read().agents.map(({ spiffeId }) => spiffeId)).toEqual([idOf(fresh)]);
    await round();
    expect(acts).toHaveLength(3);
  });

  test('in ask mode: confirms, and changes nothing at the server', async () => {
    program.write({ agents: [listed(old), listed(fresh)] });
    const { round, acts } = world('ask', [fresh, old]);
    await round();
    await round();
    expect(acts).toEqual(['confirm spire']);
    expect(program.asked().every((line) => line.startsWith('agent list'))).toBe(true);
    expect(program.read().agents).toHaveLength(2);
  });

  test.each([
    ['an ID that is not listed', [fresh], [listed(old)]],
    ['a banned agent', [fresh], [listed(fresh, { banned: true })]],
    ['an agent whose SVID has ended', [fresh], [listed(fresh, { expiresAt: now.getTime() / 1000 })]],
    ['a lineage that no SPIRE agent uses', [devid('new', { hasSpireAgent: false })], [listed(fresh)]],
    ['a device that is not active', [devid('new', { isActive: false })], [listed(fresh)]],
    ['a DevID that is revoked', [devid('new', { isRevoked: true })], [listed(fresh)]],
    ['a DevID that is not installed yet', [devid('new', { installedAt: null })], [listed(fresh)]],
  ])('confirms nothing for %s', async (_what, devids, agents) => {
    program.write({ agents });
    const { round, acts } = world('ask', devids);
    await round();
    expect(acts).toEqual([]);
  });

  test('lists the agents once however many wait, and not at all when nothing waits', async () => {
    const many = ['a', 'b', 'c'].map((name) => devid(name, { lineageId: name }));
    program.write({ agents: many.map((one) => listed(one)) });
    await world('ask', many).round();
    expect(program.asked()).toHaveLength(1);
    await world('ask', [devid('new', confirmed)]).round();
    await world('print', many).round();
    expect(program.asked()).toEqual([]);
  });

  test('never evicts a banned agent, nor one whose successor only its host has confirmed', async () => {
    const byHost = devid('new', { confirmedAt: now, confirmedBy: 'host', installedAt: null });
    program.write({ agents: [listed(old), listed(fresh)] });
    await world('act', [byHost, old]).round();
    expect(program.read().agents).toHaveLength(2);
    program.write({ agents: [listed(old, { banned: true }), listed(fresh)] });
    await world('act', [devid('new', confirmed), old]).round();
    expect(program.read().agents).toHaveLength(2);
  });

  test('ends with a fault that is told when the server cannot be asked', async () => {
    const { ports, faults, acts } = world('ask', [fresh]);
    const settings = { ...ports.settings, serverCommand: ['/nonexistent/spire-server'] };
    await spireRound({ ...ports, settings, server: spireServer(settings) })(now);
    expect(faults).toEqual(['agent list: spire-server failed: the program is not there']);
    expect(acts).toEqual([]);
  });
});

describe('the list of agents', () => {
  const overview = (agents: readonly ReturnType<typeof agent>[] | null, over: object = {}) =>
    spireOverview({
      settings: program.settings('ask'),
      agents,
      devids: [fresh, old],
      activeHosts: ['tower.example.org'],
      now,
      ...over,
    });
  const token = {
    ...agent(devid('t')),
    spiffeId: 'spiffe://funlab.casa/spire/agent/join_token/x',
    attestationType: 'join_token',
  };

  test('says of each which device it belongs to and what is left over', () => {
    const agents = [
      agent(fresh),
      agent(old),
      agent(devid('somebody else')),
      token,
      { ...token, expiresAt: now },
      agent(devid('banned'), { isBanned: true }),
      { ...token, attestationType: 'x509pop' },
    ];
    expect(overview(agents).agents.map(({ state, hostName, command }) => [state, hostName, command !== null])).toEqual([
      ['current', 'tower.example.org', false],
      ['superseded', 'tower.example.org', false],
      ['orphan', null, true],
      ['joinToken', null, false],
      ['expired', null, true],
      ['banned', null, false],
      ['other', null, false],
    ]);
    const finished = overview([agent(old)], { devids: [devid('new', confirmed), old] }).agents[0]!;
    expect([finished.state, finished.command]).toEqual(['superseded', expect.stringContaining('agent evict')]);
    const suspended = overview([agent(fresh)], { devids: [devid('new', { isActive: false })] }).agents[0]!;
    expect([suspended.state, suspended.command]).toEqual(['deviceNotActive', expect.stringContaining('agent ban')]);
  });

  test.each([
    ['the agents are not known', null, ['tower.example.org'], false],
    ['a host has no agent of its DevID', [agent(fresh)], ['tower.example.org', 'gate.example.org'], false],
    ['the only agent of a host is banned', [agent(fresh, { isBanned: true })], ['tower.example.org'], false],
    ['an agent still lives on a token', [agent(fresh), token], ['tower.example.org'], false],
    [
      'every host is there, and tokens have ended',
      [agent(fresh), { ...token, expiresAt: now }],
      ['tower.example.org'],
      true,
    ],
  ])('join_token: %s', (_when, agents, activeHosts, isRemovable) => {
    const { joinToken } = overview(agents, { activeHosts });
    expect(joinToken.isRemovable).toBe(isRemovable);
    if (activeHosts.length === 2) expect(joinToken.missing).toEqual(['gate.example.org']);
  });

  test('is shown as commands when the server may not be asked or fails', async () => {
    const { ports } = world('print', [fresh, old]);
    expect(await spireAgents(ports)({ now })).toMatchObject({
      asked: 'notAllowed',
      agents: [],
      joinToken: { isRemovable: false },
    });
    const none = { ...ports, settings: null, server: null };
    expect(await spireAgents(none)({ now })).toMatchObject({
      asked: 'notConfigured',
      command: 'spire-server agent list -output json',
    });
    const settings = { ...program.settings('ask'), serverCommand: ['/nonexistent/spire-server'] };
    const failing = { ...ports, settings, server: spireServer(settings) };
    expect(await spireAgents(failing)({ now })).toMatchObject({
      asked: 'failed',
      because: expect.stringContaining('not there'),
    });
  });

  test('of one host shows both IDs and whether they are listed', async () => {
    program.write({ agents: [listed(old)] });
    const { ports } = world('ask', [fresh, old]);
    const findDevice = async (id: string) =>
      id === fresh.deviceId ? ({ id, hostName: fresh.hostName } as Device) : null;
    const shown = await spireOfDevice({ ...ports, findDevice })(fresh.deviceId, { now });
    expect(shown).toMatchObject({
      asked: 'answered',
      lineages: [{ newest: { spiffeId: idOf(fresh), listed: false }, older: [{ spiffeId: idOf(old), listed: true }] }],
    });
    expect(await spireOfDevice({ ...ports, findDevice })('x', { now })).toBeNull();
  });
});

describe('the word of an admin', () => {
  const principal: Extract<Principal, { kind: 'operator' }> = {
    ...{ kind: 'operator', tokenId: '1', name: 'alice', role: 'admin', limits: noLimits },
  };
  const record = {
    fingerprint: fresh.fingerprint,
    der: fresh.der,
    profile: 'devid',
    deviceId: fresh.deviceId,
  } as CertificateRecord;
  const confirm = (spiffeId: string, over: Partial<CertificateRecord> = {}, settings = program.settings('print')) => {
    const { ports, acts } = world('print', [fresh]);
    const findCertificate = async (cert: string) => (cert === 'x' ? { ...record, ...over } : null);
    const input = { cert: 'x', spiffeId, principal };
    return { acts, answer: confirmBySpireId({ ...ports, settings, findCertificate })(input, { now }) };
  };

  test('confirms when the ID is that of the certificate', async () => {
    const { acts, answer } = confirm(idOf(fresh));
    expect(await answer).toEqual(ok({ deviceId: fresh.deviceId }));
    expect(acts).toEqual(['confirm operator']);
  });

  test.each([
    ['the ID of the old certificate', () => idOf(old), {}, 'spiffeIdDiffers'],
    ['an ID of another trust domain', () => devidAgentId('example.org', fresh.der), {}, 'spiffeIdDiffers'],
    ['a certificate that is no DevID', () => idOf(fresh), { profile: 'nginx-vhost' }, 'notADevid'],
  ])('is refused for %s, and tells no ID', async (_what, id, over, reason) => {
    const { acts, answer } = confirm(id(), over);
    const refused = await answer;
    expect(refused).toMatchObject({ ok: false, error: { reason } });
    expect(JSON.stringify(refused)).not.toContain(createHash('sha1').update(fresh.der).digest('hex'));
    expect(acts).toEqual([]);
  });
});
