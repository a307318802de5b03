// The rotation of a DevID as SPIRE sees it: a new certificate is a new agent. From what is known, the ordered steps, each
// with its state and exact command line. Pure; nothing is run here.
import {
  defaultCommandSettings,
  devidAgentId,
  nodeAliasId,
  nodeAliasSelectors,
  shellText,
  type SpireAgent,
  spireCommands,
  type SpireEntry,
  type SpireSettings,
  unknownTrustDomain,
} from './spire.ts';
import type { SpireStep } from './spire-wire.ts';

/** A DevID certificate of a lineage, and what is known of its use. */
export type SpireDevid = {
  readonly deviceId: string;
  readonly hostName: string;
  readonly isActive: boolean;
  readonly lineageId: string;
  /** As its host says: a SPIRE agent uses this lineage. */
  readonly hasSpireAgent: boolean;
  readonly isNewest: boolean;
  readonly fingerprint: string;
  readonly der: Uint8Array;
  readonly issuerDer: Uint8Array;
  readonly notAfter: Date;
  readonly isRevoked: boolean;
  readonly installedAt: Date | null;
  readonly confirmedAt: Date | null;
  readonly confirmedBy: string | null;
};

/** What a plan stands on; `agents` and `entries` are null when the server was not asked. */
export type SpirePlanFacts = {
  readonly newest: SpireDevid;
  readonly older: readonly SpireDevid[];
  readonly settings: SpireSettings | null;
  readonly agents: readonly SpireAgent[] | null;
  readonly entries: readonly SpireEntry[] | null;
  readonly now: Date;
};

export const trustDomainOf = (settings: SpireSettings | null): string => settings?.trustDomain ?? unknownTrustDomain;

/** The node alias of a host: what its workload entries should have as parent. */
export const nodeAliasOf = (devid: SpireDevid, settings: SpireSettings | null) => ({
  spiffeId: nodeAliasId(trustDomainOf(settings), devid.hostName),
  selectors: nodeAliasSelectors(devid.hostName, devid.issuerDer),
});

/** Whether the entry is there with exactly these selectors, as a node's. */
export const isAliasPresent = (
  alias: { readonly spiffeId: string; readonly selectors: readonly string[] },
  entries: readonly SpireEntry[],
): boolean =>
  entries.some(
    (entry) =>
      entry.spiffeId === alias.spiffeId &&
      entry.parentId.endsWith('/spire/server') &&
      entry.selectors.toSorted().join() === alias.selectors.toSorted().join(),
  );

/** Whether the SPIRE server has the last word already: a host's own word is none here. */
export const isSpireConfirmed = ({ confirmedBy }: SpireDevid): boolean =>
  confirmedBy === 'spire' || confirmedBy === 'operator';

/** An agent that is listed, not banned, and whose SVID has not ended. */
export const isLiving = (agent: SpireAgent | undefined, now: Date): boolean =>
  agent !== undefined && !agent.isBanned && agent.expiresAt > now;

/**
 * The steps, in order: node alias, so that workloads survive; install and restart on the host; the new ID listed by the
 * server; the old IDs evicted, and that only after the new one was confirmed.
 */
export function spirePlan(facts: SpirePlanFacts): readonly SpireStep[] {
  return [aliasStep(facts), installStep(facts), verifyStep(facts), ...evictSteps(facts)];
}

const idOf = (devid: SpireDevid, { settings }: SpirePlanFacts): string =>
  devidAgentId(trustDomainOf(settings), devid.der);

function aliasStep({ newest, settings, entries }: SpirePlanFacts): SpireStep {
  const alias = nodeAliasOf(newest, settings);
  return {
    step: 'nodeAlias',
    state: entries !== null && isAliasPresent(alias, entries) ? 'done' : 'due',
    spiffeId: alias.spiffeId,
    command: shellText(spireCommands.createAlias(settings ?? defaultCommandSettings, alias)),
    because: 'entries under the alias outlive rotations; under an agent ID they end with it',
  };
}

function installStep(facts: SpirePlanFacts): SpireStep {
  const { installedAt, confirmedAt } = facts.newest;
  return {
    step: 'install',
    state: installedAt !== null || confirmedAt !== null ? 'done' : 'due',
    spiffeId: idOf(facts.newest, facts),
    command: 'omens agent renew',
    because: 'on the host: its agent installs the DevID and restarts spire-agent, which reads it at start only',
  };
}

function verifyStep(facts: SpirePlanFacts): SpireStep {
  const { newest, agents, settings, now } = facts;
  const spiffeId = idOf(newest, facts);
  const agent = agents?.find((one) => one.spiffeId === spiffeId);
  const isDone = isSpireConfirmed(newest) || isLiving(agent, now);
  const isInstalled = newest.installedAt !== null || newest.confirmedAt !== null;
  return {
    step: 'verifyListed',
    state: isDone ? 'done' : isInstalled ? 'due' : 'notYet',
    spiffeId,
    command: shellText(spireCommands.listAgents(settings ?? defaultCommandSettings)),
    because: 'a restarted agent goes on with its cached SVID: only the new ID in the list shows that it attested',
  };
}

function evictSteps(facts: SpirePlanFacts): readonly SpireStep[] {
  const { newest, older, agents, settings, now } = facts;
  return older.flatMap((devid): readonly SpireStep[] => {
    const spiffeId = idOf(devid, facts);
    const agent = agents?.find((one) => one.spiffeId === spiffeId);
    // Evicting would lift a ban.
    if (agent?.isBanned === true && devid.notAfter >= now) return [];
    const isGone = agents !== null && agent === undefined;
    return [
      {
        step: 'evict',
        state: isGone ? 'done' : isSpireConfirmed(newest) ? 'due' : 'notYet',
        spiffeId,
        command: shellText(spireCommands.evict(settings ?? defaultCommandSettings, spiffeId)),
        because: 'until the new ID is confirmed, the old agent is the way back',
      },
    ];
  });
}
