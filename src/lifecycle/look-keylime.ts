// The look at Keylime: its agents are read, joined to hosts, written down with what the gate does about them, and what is
// not well becomes standings. What the gate holds is asked here too, at each renewal.
import {
  type KeylimeSettings,
  letThroughSeconds,
  stateName,
  type VerifiedAgent,
  wordCountsFrom,
} from '../domain/keylime.ts';
import type { LookChange } from '../domain/look.ts';
import type { ChannelRules } from '../domain/message.ts';
import { err, ok, type Refusal, type Result } from '../domain/result.ts';
import {
  type AgentRecord,
  type KeylimeAnswers,
  type KeylimeDevice,
  keylimeOutcome,
  type KeylimeOutcome,
} from '../domain/keylime-agents.ts';
import { keylimeConditions, keylimeStandings, type KeylimeStandingFacts } from '../domain/standings/keylime.ts';
import type { KeylimeAgentResource } from '../domain/warning-wire.ts';
import { wireTime } from '../domain/wire.ts';
import type { WarningStore } from './warning-records.ts';

type Asked<T> = (() => Promise<Result<T, Refusal>>) | null;

export type KeylimePorts = Pick<WarningStore, 'recordLook'> & {
  readonly settings: KeylimeSettings;
  readonly channels: readonly ChannelRules[];
  readonly now: () => Date;
  readonly keylime: {
    readonly registered: Asked<readonly string[]>;
    readonly verified: Asked<readonly VerifiedAgent[]>;
    readonly endorsementKeyOf: ((agent: string) => Promise<Result<Uint8Array | null, Refusal>>) | null;
  };
  /** `hash_ek` of a TPM2B_PUBLIC; null where it is no EK that we know to read. */
  readonly keylimeUuidOf: (ekPublic: Uint8Array) => string | null;
  readonly keylimeDevices: () => Promise<readonly KeylimeDevice[]>;
  /** Reads all agents, decides and writes, under one lock of all servers. */
  readonly changeAgents: (
    decide: (before: readonly AgentRecord[]) => KeylimeOutcome,
    at: Date,
  ) => Promise<KeylimeOutcome>;
};

/** Registrations of nobody whose EK is looked at in one round, and for how long. */
const mostStrangers = 200;
const strangersMilliseconds = 10_000;

/** A round; it remembers who was silent, and since when. Says which warnings changed. */
export function lookAtKeylime(ports: KeylimePorts): () => Promise<readonly LookChange[]> {
  const silentSince = new Map<'registrar' | 'verifier', Date>();
  return async () => {
    const { settings, keylime } = ports;
    const silent: KeylimeStandingFacts['silent'][number][] = [];
    const ask = async <T>(who: 'registrar' | 'verifier', asked: Asked<T>): Promise<T | null> => {
      const answer = await asked?.();
      if (answer === undefined) return null;
      if (answer.ok) silentSince.delete(who);
      else {
        const since = silentSince.get(who) ?? ports.now();
        silentSince.set(who, since);
        silent.push({ who, since, detail: answer.error.detail });
      }
      return answer.ok ? answer.value : null;
    };
    const answers: KeylimeAnswers = {
      registered: await ask('registrar', keylime.registered),
      verified: await ask('verifier', keylime.verified),
    };
    const devices = await ports.keylimeDevices();
    const now = ports.now();
    const { gate } = settings;
    const from = wordCountsFrom(now, settings);
    const decide = (before: readonly AgentRecord[]): KeylimeOutcome =>
      keylimeOutcome({ before, answers, devices, gate, now, wordCountsFrom: from });
    const outcome = await ports.changeAgents(decide, now);
    const sameKey = await strangersWithKnownKeys(ports, outcome.agents, devices);
    const isRegistrarAsked = keylime.registered !== null;
    const standings = keylimeStandings({ ...outcome, devices, gate, now, sameKey, isRegistrarAsked, silent });
    return ports.recordLook({ conditions: keylimeConditions, standings, at: now, channels: ports.channels });
  };
}

/** Who registered under another name than the hash of its EK. */
async function strangersWithKnownKeys(
  { keylime, keylimeUuidOf, now }: KeylimePorts,
  agents: readonly AgentRecord[],
  devices: readonly KeylimeDevice[],
): Promise<ReadonlyMap<string, KeylimeDevice>> {
  const found = new Map<string, KeylimeDevice>();
  if (keylime.endorsementKeyOf === null) return found;
  const deviceOf = new Map(devices.map((device) => [device.keylimeUuid, device]));
  const strangers = agents.filter(({ deviceId, isRegistered }) => deviceId === null && isRegistered);
  const until = now().getTime() + strangersMilliseconds;
  for (const { agent } of strangers.slice(0, mostStrangers)) {
    if (now().getTime() > until) break;
    const key = await keylime.endorsementKeyOf(agent);
    if (!key.ok && key.error.reason === 'keylimeUnreachable') break;
    const uuid = key.ok && key.value !== null ? keylimeUuidOf(key.value) : null;
    const device = uuid === null ? undefined : deviceOf.get(uuid);
    if (device !== undefined) found.set(agent, device);
  }
  return found;
}

/** Why a host gets no renewal now. */
export type AttestationHold = { readonly detail: string; readonly retryAfterSeconds: number };

export type HoldPorts = {
  readonly settings: KeylimeSettings;
  /** An agent of the device that the gate holds by a word that still counts. */
  readonly heldAgent: (
    deviceId: string,
    at: { readonly now: Date; readonly from: Date },
  ) => Promise<AgentRecord | null>;
};

/** Whether the gate holds a host. It holds nobody by itself: without a fresh word of the verifier all go through. */
export const attestationHold =
  ({ settings, heldAgent }: HoldPorts) =>
  async (deviceId: string, now: Date): Promise<AttestationHold | null> => {
    if (!settings.gate.isEnabled) return null;
    const agent = await heldAgent(deviceId, { now, from: wordCountsFrom(now, settings) });
    if (agent === null) return null;
    const since = agent.failingSince === null ? '' : ` since ${wireTime(agent.failingSince)}`;
    const state = stateName(agent.operationalState) ?? agent.attestationStatus ?? 'unknown';
    return {
      detail: `Keylime does not attest this host${since}: its agent is in state ${state}`,
      retryAfterSeconds: settings.gate.passingForSeconds,
    };
  };

type NamedAgent = AgentRecord & { readonly hostName: string | null };

export type AgentListPorts = {
  readonly keylimeAgents: () => Promise<readonly NamedAgent[]>;
  /** Null when there is none of that name. */
  readonly letThrough: (
    agent: string,
    change: { readonly until: Date; readonly by: string; readonly at: Date },
  ) => Promise<NamedAgent | null>;
};

/** Every agent, the failing ones first. */
export const listKeylimeAgents =
  ({ keylimeAgents }: Pick<AgentListPorts, 'keylimeAgents'>) =>
  async (): Promise<readonly KeylimeAgentResource[]> =>
    (await keylimeAgents()).map(agentResource);

/** The gate does not hold this agent's host for a day, whatever Keylime says. */
export const letAgentThrough =
  ({ letThrough }: Pick<AgentListPorts, 'letThrough'>) =>
  async (agent: string, by: string, now: Date): Promise<Result<KeylimeAgentResource, Refusal<'notFound'>>> => {
    const until = new Date(now.getTime() + letThroughSeconds * 1000);
    const changed = await letThrough(agent, { until, by, at: now });
    return changed === null
      ? err({ reason: 'notFound', detail: 'Keylime has no such agent' })
      : ok(agentResource(changed));
  };

const agentResource = (record: NamedAgent): KeylimeAgentResource => ({
  agent: record.agent,
  device: record.deviceId,
  hostName: record.hostName,
  registered: record.isRegistered,
  operationalState: record.operationalState,
  state: stateName(record.operationalState),
  attestationStatus: record.attestationStatus,
  lastSuccessfulAttestation: timeOrNull(record.lastSuccessfulAttestation),
  since: wireTime(record.stateSince),
  failingSince: timeOrNull(record.failingSince),
  held: record.heldAt !== null,
  letThroughUntil: timeOrNull(record.letThroughUntil),
});

const timeOrNull = (instant: Date | null): string | null => (instant === null ? null : wireTime(instant));
