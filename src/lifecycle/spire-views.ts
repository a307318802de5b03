// What people see of SPIRE at rotation: the plan of one host, and the list of a server's agents against the inventory. The
// server is asked where that is allowed; where it is not, or fails, the view says so and shows the commands.
import type { Device } from '../domain/device.ts';
import type { Refusal, Result } from '../domain/result.ts';
import { defaultCommandSettings, devidAgentId, shellText, type SpireAgent, spireCommands } from '../domain/spire.ts';
import { spireOverview } from '../domain/spire-agents.ts';
import { nodeAliasOf, type SpireDevid, spirePlan, type SpirePlanFacts, trustDomainOf } from '../domain/spire-plan.ts';
import type { SpireAgentsResource, SpireAsked, SpireDeviceResource, SpireIdentity } from '../domain/spire-wire.ts';
import { wireTime } from '../domain/wire.ts';
import { rememberedFrom, type SpirePorts } from './spire-records.ts';

type Asked<T> = { readonly asked: SpireAsked; readonly because: string | null; readonly value: T | null };

/** The list of a server's agents, compared with the devices. */
export const spireAgents =
  (ports: SpirePorts) =>
  async ({ now }: { readonly now: Date }): Promise<SpireAgentsResource> => {
    const { asked, because, value: agents } = await ask(ports, (server) => server.listAgents());
    const devids = await ports.devidsEndingAfter(rememberedFrom(now), null);
    const { settings } = ports;
    const activeHosts = await ports.activeHostNames();
    return {
      generatedAt: wireTime(now),
      ...{ asked, because },
      command: shellText(spireCommands.listAgents(settings ?? defaultCommandSettings)),
      ...spireOverview({ settings, agents, devids, activeHosts, now }),
    };
  };

/** The plan of one host: for each DevID lineage the old and the new ID, and the steps. Null: no such device. */
export const spireOfDevice =
  (ports: SpirePorts & { readonly findDevice: (id: string) => Promise<Device | null> }) =>
  async (id: string, { now }: { readonly now: Date }): Promise<SpireDeviceResource | null> => {
    const device = await ports.findDevice(id);
    if (device === null) return null;
    const devids = await ports.devidsEndingAfter(rememberedFrom(now), id);
    const { settings } = ports;
    const [first] = devids;
    const alias = first === undefined ? { spiffeId: '', selectors: [] } : nodeAliasOf(first, settings);
    const agents = await ask(ports, (server) => server.listAgents());
    const entries =
      first === undefined ? null : (await ask(ports, (server) => server.showEntries(alias.spiffeId))).value;
    const newest = devids.filter(({ isNewest }) => isNewest);
    return {
      ...{
        device: device.id,
        hostName: device.hostName,
        asked: agents.asked,
        because: agents.because,
        nodeAlias: alias,
      },
      lineages: newest.map((devid) => {
        const older = devids.filter((other) => other.lineageId === devid.lineageId && !other.isNewest);
        return lineageView({ newest: devid, older, settings, agents: agents.value, entries, now });
      }),
    };
  };

function lineageView(facts: SpirePlanFacts): SpireDeviceResource['lineages'][number] {
  const { newest, older } = facts;
  return {
    lineage: newest.lineageId,
    hasSpireAgent: newest.hasSpireAgent,
    confirmedAt: newest.confirmedAt === null ? null : wireTime(newest.confirmedAt),
    confirmedBy: newest.confirmedBy,
    newest: identityOf(newest, facts),
    older: older.map((devid) => identityOf(devid, facts)),
    steps: spirePlan(facts),
  };
}

function identityOf(devid: SpireDevid, { settings, agents }: SpirePlanFacts): SpireIdentity {
  const spiffeId = devidAgentId(trustDomainOf(settings), devid.der);
  const listed = agents === null ? null : isListed(agents, spiffeId);
  return { certificate: devid.fingerprint, spiffeId, notAfter: wireTime(devid.notAfter), listed };
}

const isListed = (agents: readonly SpireAgent[], spiffeId: string): boolean =>
  agents.some((agent) => agent.spiffeId === spiffeId);

async function ask<T>(
  { settings, server }: SpirePorts,
  question: (server: NonNullable<SpirePorts['server']>) => Promise<Result<T, Refusal>>,
): Promise<Asked<T>> {
  if (settings === null || server === null) return { asked: 'notConfigured', because: null, value: null };
  const answer = settings.mode === 'print' ? null : await question(server);
  if (answer === null) return { asked: 'notAllowed', because: null, value: null };
  return answer.ok
    ? { asked: 'answered', because: null, value: answer.value }
    : { asked: 'failed', because: answer.error.detail, value: null };
}
