// What of Keylime is not well: hosts that it does not attest, agents that are nobody's, and programs that do not answer.
// Pure.
import { placeholderAgentUuids } from '../device.ts';
import { isQuoteWrong, stateName } from '../keylime.ts';
import type { AgentRecord, KeylimeDevice, KeylimeOutcome, KeylimeScene } from '../keylime-agents.ts';
import type { Condition, Standing, WarningLevel } from '../warning.ts';
import { utcDay, utcMinute } from '../words.ts';

/** The conditions of Keylime; a look for one of them looks for both. */
export const keylimeConditions = ['attestationFailing', 'keylimeInventory'] as const satisfies readonly Condition[];

/** A failing agent is told of after so long: what is well again sooner was a restart. Seconds. */
const toldAfterSeconds = 120;

/** A registration that belongs to no host. Seconds. */
const orphanSeconds = { warning: 3 * 86_400, critical: 7 * 86_400 };

/** A host has so long to register its agent after it enrolled. Seconds. */
const registersWithinSeconds = 86_400;

export type KeylimeStandingFacts = Pick<KeylimeScene, 'devices' | 'gate' | 'now'> &
  Pick<KeylimeOutcome, 'agents' | 'decision'> & {
    /** By agent that belongs to no host: the host that has the same EK under its own UUID. */
    readonly sameKey: ReadonlyMap<string, KeylimeDevice>;
    /** Registrars are asked at all. */
    readonly isRegistrarAsked: boolean;
    /** Who does not answer, since when, and why. */
    readonly silent: readonly {
      readonly who: 'registrar' | 'verifier';
      readonly since: Date;
      readonly detail: string;
    }[];
  };

/** Everything of Keylime that is not well. */
export function keylimeStandings(facts: KeylimeStandingFacts): readonly Standing[] {
  const deviceOf = new Map(facts.devices.map((device) => [device.id, device]));
  return [
    ...facts.agents.flatMap((agent) => attestationStandings(agent, deviceOf.get(agent.deviceId ?? '') ?? null, facts)),
    ...capStandings(facts),
    ...facts.agents.flatMap((agent) => strangerStandings(agent, facts)),
    ...missingStandings(facts),
    ...silentStandings(facts),
  ];
}

const secondsSince = (instant: Date, now: Date): number => (now.getTime() - instant.getTime()) / 1000;

function attestationStandings(
  agent: AgentRecord,
  device: KeylimeDevice | null,
  { now, gate }: KeylimeStandingFacts,
): readonly Standing[] {
  const { failingSince, lastSuccessfulAttestation, heldAt } = agent;
  if (failingSince === null) return [];
  const seconds = secondsSince(failingSince, now);
  const isWrong = isQuoteWrong(agent);
  if (!isWrong && seconds < toldAfterSeconds) return [];
  const last =
    lastSuccessfulAttestation === null ? 'never attested' : `last attested ${utcMinute(lastSuccessfulAttestation)}`;
  const state = stateName(agent.operationalState) ?? agent.attestationStatus ?? 'unknown';
  const held = heldAt === null ? '' : `; its renewals are held since ${utcMinute(heldAt)}`;
  return [
    {
      condition: 'attestationFailing',
      subject: `keylimeAgent:${agent.agent}`,
      level: isWrong || seconds >= gate.failingForSeconds ? 'critical' : 'warning',
      cause: isWrong ? `keylimeAgent:${agent.agent}` : 'condition:attestationFailing',
      reason: `${state} since ${utcMinute(agent.stateSince)}; ${last}${held}`,
      ...aboutOf(device),
      facts: { name: device?.hostName ?? agent.agent, ...hostNameOf(device), agent: agent.agent, state },
    },
  ];
}

const aboutOf = (device: KeylimeDevice | null): Pick<Standing, 'deviceId' | 'lineageId'> => ({
  deviceId: device?.id ?? null,
  lineageId: null,
});

const hostNameOf = (device: KeylimeDevice | null): { readonly hostName?: string } =>
  device === null ? {} : { hostName: device.hostName };

/** More hosts fail at once than the gate may hold: rather the verifier is wrong than all of them. */
function capStandings({ decision: { beyondCap, cap } }: KeylimeStandingFacts): readonly Standing[] {
  if (beyondCap === 0) return [];
  return [
    {
      condition: 'attestationFailing',
      subject: 'keylime:gate',
      level: 'critical',
      cause: 'condition:attestationFailing',
      reason: `${beyondCap + cap} hosts fail; the gate holds ${cap} at most (keylime.gate.mostHeld) and lets ${beyondCap} renew`,
      ...aboutOf(null),
      facts: { name: 'the gate of attestation', beyondCap, cap },
    },
  ];
}

/** The condition is one for each agent, so that its worst fault is told. */
function strangerStandings(agent: AgentRecord, { sameKey, now }: KeylimeStandingFacts): readonly Standing[] {
  const standing = (level: WarningLevel, reason: string, device: KeylimeDevice | null = null): readonly Standing[] => [
    {
      condition: 'keylimeInventory',
      subject: `keylimeAgent:${agent.agent}`,
      level,
      cause: 'condition:keylimeInventory',
      reason,
      ...aboutOf(device),
      facts: { name: agent.agent, ...hostNameOf(device), agent: agent.agent },
    },
  ];
  if (placeholderAgentUuids.includes(agent.agent)) {
    return standing('critical', 'registered under the example UUID of the documentation: hosts collide in it');
  }
  if (agent.deviceId !== null) return [];
  const device = sameKey.get(agent.agent) ?? null;
  if (device !== null) {
    const why = `the TPM of ${device.hostName} registered a second time, under another UUID than its hash_ek`;
    return standing('warning', why, device);
  }
  const seconds = secondsSince(agent.firstSeenAt, now);
  if (seconds < orphanSeconds.warning) return [];
  const level = seconds >= orphanSeconds.critical ? 'critical' : 'warning';
  return standing(level, `known to Keylime and of no host since ${utcDay(agent.firstSeenAt)}`);
}

function missingStandings({
  devices,
  agents,
  isRegistrarAsked,
  now,
  silent,
}: KeylimeStandingFacts): readonly Standing[] {
  if (!isRegistrarAsked || silent.some(({ who }) => who === 'registrar')) return [];
  const registered = new Set(agents.filter(({ isRegistered }) => isRegistered).map(({ agent }) => agent));
  return devices
    .filter(
      ({ state, hasAgent, keylimeUuid, createdAt }) =>
        state === 'active' &&
        hasAgent &&
        !registered.has(keylimeUuid) &&
        secondsSince(createdAt, now) >= registersWithinSeconds,
    )
    .map((device) => ({
      condition: 'keylimeInventory',
      subject: `device:${device.id}`,
      level: 'warning',
      cause: 'condition:keylimeInventory',
      reason: 'has a certificate for a Keylime agent, and none is registered under its hash_ek',
      ...aboutOf(device),
      facts: { name: device.hostName, hostName: device.hostName, agent: device.keylimeUuid },
    }));
}

/** Two looks in a row; after an hour it is an outage. Seconds. */
const silence = { told: 30, outage: 3600 };

const silentStandings = ({ silent, now }: KeylimeStandingFacts): readonly Standing[] =>
  silent
    .filter(({ since }) => secondsSince(since, now) >= silence.told)
    .map(({ who, since, detail }) => ({
      condition: 'keylimeInventory',
      subject: `keylime:${who}`,
      level: secondsSince(since, now) >= silence.outage ? 'critical' : 'warning',
      cause: 'condition:keylimeInventory',
      reason: `the ${who} cannot be asked since ${utcMinute(since)}: ${detail}`,
      ...aboutOf(null),
      facts: { name: `Keylime ${who}` },
    }));
