// The list of a SPIRE server's agents against the inventory: which belong to which device, which are left over, and
// whether the join_token plugin can go. Pure.
import {
  defaultCommandSettings,
  devidAgentId,
  shellText,
  type SpireAgent,
  spireCommands,
  type SpireSettings,
} from './spire.ts';
import { isLiving, isSpireConfirmed, type SpireDevid, trustDomainOf } from './spire-plan.ts';
import type { SpireAgentsResource, SpireAgentState } from './spire-wire.ts';
import { wireTime } from './wire.ts';

export type SpireOverviewFacts = {
  readonly settings: SpireSettings | null;
  /** Null when the server was not asked. */
  readonly agents: readonly SpireAgent[] | null;
  readonly devids: readonly SpireDevid[];
  /** Host names of all active devices. */
  readonly activeHosts: readonly string[];
  readonly now: Date;
};

type Judged = { readonly state: SpireAgentState; readonly because: string; readonly action: 'evict' | 'ban' | null };

/** Every listed agent with what it is to us, and the verdict on join_token. */
export function spireOverview(facts: SpireOverviewFacts): Pick<SpireAgentsResource, 'agents' | 'joinToken'> {
  const { settings, devids, now } = facts;
  const trustDomain = trustDomainOf(settings);
  const byId = new Map(devids.map((devid) => [devidAgentId(trustDomain, devid.der), devid]));
  const agents = (facts.agents ?? []).map((agent) => {
    const devid = byId.get(agent.spiffeId) ?? null;
    const { state, because, action } = judge(agent, { devid, devids, now });
    const command = action === null ? null : spireCommands[action](settings ?? defaultCommandSettings, agent.spiffeId);
    return {
      ...{ spiffeId: agent.spiffeId, attestationType: agent.attestationType, expiresAt: wireTime(agent.expiresAt) },
      ...{ state, because, device: devid?.deviceId ?? null, hostName: devid?.hostName ?? null },
      command: command === null ? null : shellText(command),
    };
  });
  return { agents, joinToken: joinTokenVerdict(facts, byId) };
}

type Context = { readonly devid: SpireDevid | null; readonly devids: readonly SpireDevid[]; readonly now: Date };

function judge(agent: SpireAgent, context: Context): Judged {
  const { devid, now } = context;
  if (agent.isBanned)
    return { state: 'banned', because: 'it cannot attest; evicting it would lift that', action: null };
  if (devid !== null) return judgeOurs(devid, context);
  if (agent.attestationType === 'tpm_devid') {
    return { state: 'orphan', because: 'it attested with a DevID that this service does not know', action: 'evict' };
  }
  if (agent.expiresAt <= now) {
    return { state: 'expired', because: `its SVID ended at ${wireTime(agent.expiresAt)}`, action: 'evict' };
  }
  if (agent.attestationType === 'join_token') {
    return { state: 'joinToken', because: 'it attested by a token, and cannot attest again', action: null };
  }
  return { state: 'other', because: `it attests by ${agent.attestationType}`, action: null };
}

function judgeOurs(devid: SpireDevid, { devids }: Context): Judged {
  if (!devid.isActive) {
    return { state: 'deviceNotActive', because: 'its device is suspended or retired', action: 'ban' };
  }
  if (devid.isNewest) return { state: 'current', because: 'the newest DevID of its device', action: null };
  const newest = devids.find((other) => other.lineageId === devid.lineageId && other.isNewest);
  const isConfirmed = newest !== undefined && isSpireConfirmed(newest);
  return isConfirmed
    ? { state: 'superseded', because: 'its DevID was replaced, and the new one is confirmed', action: 'evict' }
    : { state: 'superseded', because: 'its DevID was replaced; the new one is not confirmed yet', action: null };
}

function joinTokenVerdict(
  { agents, activeHosts, now }: SpireOverviewFacts,
  byId: ReadonlyMap<string, SpireDevid>,
): SpireAgentsResource['joinToken'] {
  const living = (agents ?? []).filter((agent) => isLiving(agent, now));
  const attested = new Set(living.flatMap((agent) => byId.get(agent.spiffeId)?.hostName ?? []));
  const missing = activeHosts.filter((host) => !attested.has(host)).toSorted();
  if (agents === null) return { isRemovable: false, because: 'the agents are not known', missing };
  if (missing.length > 0) {
    const because = `${missing.length} of ${activeHosts.length} active hosts have no agent that attests by its DevID`;
    return { isRemovable: false, because, missing };
  }
  const tokens = living.filter(({ attestationType }) => attestationType === 'join_token').length;
  if (tokens > 0) return { isRemovable: false, because: `${tokens} agents live on a join token`, missing };
  return { isRemovable: true, because: 'every active host has an agent that attests by its DevID', missing };
}
