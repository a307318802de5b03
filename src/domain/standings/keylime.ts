// The agents of Keylime after a look, and what of them is not well, from what registrar and verifier answered, the
// inventory and the clock. Pure.
import { type DeviceState, placeholderAgentUuids } from '../device.ts';
import {
  type AttestationGate,
  decideGate,
  type GateDecision,
  isQuoteWrong,
  nextSince,
  stateName,
  type VerifiedAgent,
  verdictOf,
} from '../keylime.ts';
import type { Condition, Standing, WarningLevel } from '../warning.ts';
import { wireTime } from '../wire.ts';

/** The conditions of Keylime; a look for one of them looks for both. */
export const keylimeConditions = ['attestationFailing', 'keylimeInventory'] as const satisfies readonly Condition[];

/** An agent as it is stored. */
export type AgentRecord = {
  readonly agent: string;
  readonly deviceId: string | null;
  readonly isRegistered: boolean;
  readonly operationalState: number | null;
  readonly attestationStatus: string | null;
  readonly lastSuccessfulAttestation: Date | null;
  /** Since when state and status are as they are. */
  readonly stateSince: Date;
  readonly failingSince: Date | null;
  readonly passingSince: Date | null;
  readonly heldAt: Date | null;
  readonly letThroughUntil: Date | null;
  /** When the verifier last spoke of it; null where it does not know it. */
  readonly wordAt: Date | null;
  readonly firstSeenAt: Date;
  readonly seenAt: Date;
};

/** A host of the inventory that has a UUID of Keylime. */
export type KeylimeDevice = {
  readonly id: string;
  readonly hostName: string;
  readonly state: DeviceState;
  readonly keylimeUuid: string;
  /** It is granted the certificate of an agent. */
  readonly hasAgent: boolean;
  readonly createdAt: Date;
};

/** What was answered; null where nobody was asked, or none answered. */
export type KeylimeAnswers = {
  readonly registered: readonly string[] | null;
  readonly verified: readonly VerifiedAgent[] | null;
};

export type KeylimeScene = {
  readonly before: readonly AgentRecord[];
  readonly answers: KeylimeAnswers;
  readonly devices: readonly KeylimeDevice[];
  readonly gate: AttestationGate;
  /** A word of the verifier before this instant holds nobody. */
  readonly wordCountsFrom: Date;
  readonly now: Date;
};

/** What the gate did; told in the audit. */
export type GateEvent = {
  readonly event: 'attestation.held' | 'attestation.released';
  readonly facts: Readonly<Record<string, unknown>>;
};

export type KeylimeOutcome = {
  readonly agents: readonly AgentRecord[];
  readonly decision: GateDecision;
  readonly events: readonly GateEvent[];
};

/** The agents as they are now, whom the gate holds, and what of that is new. */
export function keylimeOutcome(scene: KeylimeScene): KeylimeOutcome {
  const { before, answers, devices, gate, now, wordCountsFrom } = scene;
  const known = new Map(before.map((record) => [record.agent, record]));
  const registered = answers.registered === null ? null : new Set(answers.registered);
  const verified = answers.verified === null ? null : new Map(answers.verified.map((one) => [one.agent, one]));
  const deviceOf = new Map(devices.map((device) => [device.keylimeUuid, device]));
  const names = new Set([...known.keys(), ...(registered ?? []), ...(verified?.keys() ?? [])]);
  const agents = [...names].flatMap((agent): readonly AgentRecord[] => {
    const last = known.get(agent) ?? stranger(agent, now);
    const isRegistered = registered === null ? last.isRegistered : registered.has(agent);
    const word = verified === null ? null : (verified.get(agent) ?? 'unknown');
    const told = { ...last, deviceId: deviceOf.get(agent)?.id ?? null, isRegistered };
    const next = word === null ? told : withWord(told, word, { now, gate });
    // Gone from both, as far as both were asked.
    if (!next.isRegistered && next.wordAt === null) return [];
    const isSeen = registered?.has(agent) === true || (word !== null && word !== 'unknown');
    return [{ ...next, seenAt: isSeen ? now : last.seenAt }];
  });
  const activeIds = new Set(devices.filter(({ state }) => state === 'active').map(({ id }) => id));
  const isFresh = ({ wordAt }: AgentRecord): boolean => wordAt !== null && wordAt >= wordCountsFrom;
  const candidates = agents.filter(isFresh).map((agent) => ({
    ...agent,
    isDeviceActive: agent.deviceId !== null && activeIds.has(agent.deviceId),
    isFailing: verdictOf(agent) === 'failing',
  }));
  const attested = agents.filter(({ wordAt, deviceId }) => wordAt !== null && deviceId !== null).length;
  const decision = decideGate(candidates, { gate, attested, now });
  return { ...withGate(agents, decision, { now, deviceOf }), decision };
}

const stranger = (agent: string, now: Date): AgentRecord => ({
  ...{ agent, deviceId: null, isRegistered: false, operationalState: null, attestationStatus: null },
  ...{ lastSuccessfulAttestation: null, stateSince: now, failingSince: null, passingSince: null, heldAt: null },
  ...{ letThroughUntil: null, wordAt: null, firstSeenAt: now, seenAt: now },
});

function withWord(
  last: AgentRecord,
  word: VerifiedAgent | 'unknown',
  { now, gate }: Pick<KeylimeScene, 'now' | 'gate'>,
): AgentRecord {
  if (word === 'unknown') {
    const nothing = { operationalState: null, attestationStatus: null, failingSince: null, passingSince: null };
    return { ...last, ...nothing, wordAt: null, stateSince: last.wordAt === null ? last.stateSince : now };
  }
  const { operationalState, attestationStatus } = word;
  const isSame = last.operationalState === operationalState && last.attestationStatus === attestationStatus;
  const isFirst = last.wordAt === null;
  return {
    ...last,
    ...{ operationalState, attestationStatus },
    lastSuccessfulAttestation: word.lastSuccessfulAttestation ?? last.lastSuccessfulAttestation,
    stateSince: isSame && !isFirst ? last.stateSince : now,
    wordAt: now,
    ...nextSince(last, verdictOf(word), { now, passingForSeconds: gate.passingForSeconds }),
  };
}

function withGate(
  agents: readonly AgentRecord[],
  { held }: GateDecision,
  { now, deviceOf }: { readonly now: Date; readonly deviceOf: ReadonlyMap<string, KeylimeDevice> },
): Pick<KeylimeOutcome, 'agents' | 'events'> {
  const isHeld = new Set(held);
  const events: GateEvent[] = [];
  const after = agents.map((record): AgentRecord => {
    const heldAt = isHeld.has(record.agent) ? (record.heldAt ?? now) : null;
    if ((heldAt === null) !== (record.heldAt === null)) {
      const hostName = deviceOf.get(record.agent)?.hostName ?? null;
      const facts = {
        agent: record.agent,
        device: record.deviceId,
        hostName,
        state: stateName(record.operationalState),
      };
      events.push({ event: heldAt === null ? 'attestation.released' : 'attestation.held', facts });
    }
    return { ...record, heldAt };
  });
  return { agents: after, events };
}

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
    lastSuccessfulAttestation === null ? 'never attested' : `last attested ${wireTime(lastSuccessfulAttestation)}`;
  const state = stateName(agent.operationalState) ?? agent.attestationStatus ?? 'unknown';
  const held = heldAt === null ? '' : `; its renewals are held since ${wireTime(heldAt)}`;
  return [
    {
      condition: 'attestationFailing',
      subject: `keylimeAgent:${agent.agent}`,
      level: isWrong || seconds >= gate.failingForSeconds ? 'critical' : 'warning',
      cause: isWrong ? `keylimeAgent:${agent.agent}` : 'condition:attestationFailing',
      reason: `${state} since ${wireTime(agent.stateSince)}; ${last}${held}`,
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
  return standing(level, `known to Keylime and of no host, for ${Math.floor(seconds / 86_400)} days`);
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
      reason: `the ${who} cannot be asked since ${wireTime(since)}: ${detail}`,
      ...aboutOf(null),
      facts: { name: `Keylime ${who}` },
    }));
