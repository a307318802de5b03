// Agents of Keylime in a database: taken in whole, under one lock of all servers, with what the gate did in the audit.
import type { AgentRecord, KeylimeDevice, KeylimeOutcome } from '../domain/keylime-agents.ts';
import { deviceStateOf } from './devices.ts';
import type { Database, RawRow, Session } from './pool.ts';
import { boolean, instant, instantOrNull, number, text, textOrNull } from './row.ts';
import { statement } from './statement.ts';

type NamedAgent = AgentRecord & { readonly hostName: string | null };

const lock = statement<[], boolean>('lock_keylime.sql', (row) => boolean(row, 'locked'));
const agents = statement<[number], NamedAgent>('keylime_agents.sql', agentFromRow);
const devices = statement<[], KeylimeDevice>('keylime_devices.sql', (row) => ({
  id: text(row, 'id'),
  hostName: text(row, 'host_name'),
  state: deviceStateOf(text(row, 'state')),
  keylimeUuid: text(row, 'keylime_uuid'),
  hasAgent: boolean(row, 'has_agent'),
  createdAt: instant(row, 'created_at'),
}));
const record = statement<[string, Date, string], number>('record_keylime_agents.sql', (row) => number(row, 'agents'));
const held = statement<[string, Date, Date], NamedAgent>('held_agent.sql', agentFromRow);
const through = statement<[string, Date, string, Date], NamedAgent>('let_agent_through.sql', agentFromRow);

/** More are not listed; Keylime's answer is capped before. */
const mostAgents = 50_000;
const mostListed = 10_000;

/** Keylime in a database, as lifecycle/look-keylime.ts needs it. */
export const keylimeStore = (db: Database) => ({
  keylimeDevices: (): Promise<readonly KeylimeDevice[]> => devices(db, []),
  keylimeAgents: (): Promise<readonly NamedAgent[]> => agents(db, [mostListed]),
  changeAgents: (decide: (before: readonly AgentRecord[]) => KeylimeOutcome, at: Date): Promise<KeylimeOutcome> =>
    db.transaction((tx) => changeIn(tx, decide, at)),
  heldAgent: async (deviceId: string, { now, from }: { now: Date; from: Date }): Promise<AgentRecord | null> =>
    (await held(db, [deviceId, from, now]))[0] ?? null,
  letThrough: async (
    agent: string,
    { until, by, at }: { until: Date; by: string; at: Date },
  ): Promise<NamedAgent | null> => (await through(db, [agent, until, by, at]))[0] ?? null,
});

async function changeIn(
  tx: Session,
  decide: (before: readonly AgentRecord[]) => KeylimeOutcome,
  at: Date,
): Promise<KeylimeOutcome> {
  await lock(tx, []);
  const outcome = decide(await agents(tx, [mostAgents]));
  await record(tx, [JSON.stringify(outcome.agents.map(rowOf)), at, JSON.stringify(outcome.events)]);
  return outcome;
}

const rowOf = (one: AgentRecord): object => ({
  ...{ agent: one.agent, device: one.deviceId, registered: one.isRegistered, state: one.operationalState },
  ...{ status: one.attestationStatus, attested: one.lastSuccessfulAttestation, since: one.stateSince },
  ...{ failing: one.failingSince, passing: one.passingSince, held: one.heldAt, through: one.letThroughUntil },
  ...{ word: one.wordAt, first: one.firstSeenAt, seen: one.seenAt },
});

function agentFromRow(row: RawRow): NamedAgent {
  return {
    agent: text(row, 'agent_uuid'),
    deviceId: textOrNull(row, 'device_id'),
    hostName: textOrNull(row, 'host_name'),
    isRegistered: boolean(row, 'is_registered'),
    operationalState: row['operational_state'] === null ? null : number(row, 'operational_state'),
    attestationStatus: textOrNull(row, 'attestation_status'),
    lastSuccessfulAttestation: instantOrNull(row, 'last_successful_attestation'),
    stateSince: instant(row, 'state_since'),
    failingSince: instantOrNull(row, 'failing_since'),
    passingSince: instantOrNull(row, 'passing_since'),
    heldAt: instantOrNull(row, 'held_at'),
    letThroughUntil: instantOrNull(row, 'let_through_until'),
    wordAt: instantOrNull(row, 'word_at'),
    firstSeenAt: instant(row, 'first_seen_at'),
    seenAt: instant(row, 'seen_at'),
  };
}
