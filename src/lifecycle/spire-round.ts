// One round with the SPIRE server: the alias of whoever rotates is there before, the new ID that it lists confirms the new
// DevID, and only after that the old ID is evicted. The agents are listed once a round, and only when something waits.
import type { Refusal } from '../domain/result.ts';
import { devidAgentId, type SpireAgent, type SpireSettings } from '../domain/spire.ts';
import { isAliasPresent, isLiving, isSpireConfirmed, nodeAliasOf, type SpireDevid } from '../domain/spire-plan.ts';
import { type ConfirmAs, rememberedFrom, type SpireCalls, type SpirePorts } from './spire-records.ts';

export type SpireRoundPorts = Pick<SpirePorts, 'devidsEndingAfter'> & {
  readonly settings: SpireSettings;
  readonly server: SpireCalls;
  readonly confirmAs: ConfirmAs;
  /** A line of the audit for what was done at the server. */
  readonly recordSpireAct: (act: {
    readonly event: string;
    readonly facts: object;
    readonly at: Date;
  }) => Promise<void>;
  readonly onFault: (what: string, fault: Refusal) => void;
};

/** Does what is due. A fault of the server ends the round, and the next one goes on. */
export const spireRound =
  (ports: SpireRoundPorts) =>
  async (now: Date): Promise<void> => {
    const { settings, server } = ports;
    if (settings.mode === 'print') return;
    const all = await ports.devidsEndingAfter(rememberedFrom(now), null);
    const served = all.filter(({ isActive, hasSpireAgent }) => isActive && hasSpireAgent);
    const waiting = served.filter((devid) => devid.isNewest && !devid.isRevoked && !isSpireConfirmed(devid));
    const leftOver = settings.mode === 'act' ? leftOverOf(served) : [];
    if (settings.mode === 'act') await makeAliases(ports, waiting, now);
    const installed = waiting.filter(({ installedAt }) => installedAt !== null);
    if (installed.length + leftOver.length === 0) return;
    const agents = await server.listAgents();
    if (!agents.ok) {
      ports.onFault('agent list', agents.error);
      return;
    }
    const listed = new Map(agents.value.map((agent) => [agent.spiffeId, agent]));
    for (const devid of installed) await confirmIfListed(ports, devid, { listed, now });
    for (const devid of leftOver) await evictIfListed(ports, devid, { listed, now });
  };

type Listed = { readonly listed: ReadonlyMap<string, SpireAgent>; readonly now: Date };

/** Older DevIDs of lineages whose newest one the SPIRE server, or a person, has confirmed. */
const leftOverOf = (served: readonly SpireDevid[]): readonly SpireDevid[] => {
  const finished = new Set(
    served.filter((devid) => devid.isNewest && isSpireConfirmed(devid)).map(({ lineageId }) => lineageId),
  );
  return served.filter((devid) => !devid.isNewest && finished.has(devid.lineageId));
};

async function makeAliases(ports: SpireRoundPorts, waiting: readonly SpireDevid[], now: Date): Promise<void> {
  for (const devid of waiting) {
    const alias = nodeAliasOf(devid, ports.settings);
    const entries = await ports.server.showEntries(alias.spiffeId);
    if (entries.ok && isAliasPresent(alias, entries.value)) continue;
    const made = entries.ok ? await ports.server.createAlias(alias) : entries;
    if (!made.ok) {
      ports.onFault('node alias', made.error);
      return;
    }
    const facts = { device: devid.deviceId, hostName: devid.hostName, ...alias };
    await ports.recordSpireAct({ event: 'spire.aliasCreated', facts, at: now });
  }
}

async function confirmIfListed(ports: SpireRoundPorts, devid: SpireDevid, { listed, now }: Listed): Promise<void> {
  const spiffeId = devidAgentId(ports.settings.trustDomain, devid.der);
  const agent = listed.get(spiffeId);
  if (agent === undefined || !isLiving(agent, now)) return;
  const evidence = { version: 1, spiffeId, svidExpiresAt: agent.expiresAt.toISOString() };
  const confirmed = await ports.confirmAs('spire', { cert: devid.fingerprint, principal: 'service', evidence, now });
  if (!confirmed.ok) ports.onFault('confirmation', confirmed.error);
}

/** An agent that is banned stays: evicting it would lift the ban. */
async function evictIfListed(ports: SpireRoundPorts, devid: SpireDevid, { listed, now }: Listed): Promise<void> {
  const spiffeId = devidAgentId(ports.settings.trustDomain, devid.der);
  const agent = listed.get(spiffeId);
  if (agent === undefined || agent.isBanned) return;
  const evicted = await ports.server.evict(spiffeId);
  if (!evicted.ok) {
    ports.onFault('agent evict', evicted.error);
    return;
  }
  const facts = { device: devid.deviceId, hostName: devid.hostName, certificate: devid.fingerprint, spiffeId };
  await ports.recordSpireAct({ event: 'spire.agentEvicted', facts, at: now });
}
