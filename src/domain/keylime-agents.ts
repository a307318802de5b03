// The agents of Keylime after a look, and whom the gate holds, from what registrar and verifier answered, the inventory and
// the clock. What of that is not well is standings/keylime.ts. Pure.
import type { DeviceState } from './device.ts';
import {
  type AttestationGate,
  decideGate,
  type GateDecision,
  nextSince,
  stateName,
  type VerifiedAgent,
  verdictOf,
} from './keylime.ts';

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
