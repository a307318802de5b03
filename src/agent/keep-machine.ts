// The ports of a round on a real host, put together: its files, its TPM, its service, its configuration. Nothing is
// decided here.
import type { HostApi } from '../client/api.ts';
import type { Tpm } from '../tpm2/command.ts';
import { exclusively } from './agent-state.ts';
import { doctorPorts } from './doctor/host-ports.ts';
import { examineHost } from './doctor/examine.ts';
import { findingResource } from './doctor/finding.ts';
import { unmanagedCertificates } from './doctor/unmanaged.ts';
import { keepHost } from './keep-host.ts';
import { type KeepHost, type KeepPorts, Trouble } from './keep-ports.ts';
import { recoveryOf } from './keep-recovery.ts';
import type { connectToServer } from './enrollment-server.ts';
import type { openKeepServer } from './keep-server.ts';
import { keepSession, keptOf, noteEndorsementKey, noteRoot, openSession, type Session } from './keep-session.ts';
import { type KeepTpm, onTpm } from './keep-tpm.ts';
import { keepTrust } from './keep-trust.ts';
import { keepLocalClient } from './local-client.ts';
import type { Pace } from './patience.ts';
import type { Progress } from './progress.ts';
import { ekFingerprint } from './prove.ts';
import { currentGeneration } from './installed.ts';
import { finishInterrupted, observeUse, putAllInPlace } from './put-in-place.ts';
import { requestKeyOf } from './request-key.ts';
import type { RunCommand } from './run-command.ts';
import { readEkPublic, type TpmPasswords } from './tpm-endorsement.ts';

/** A real host, and what was said on the command line. */
export type Machine = Pace & {
  /** Stands for `/`. */
  readonly root: string;
  readonly uid: number;
  /** agent.yaml, where it is not the usual one. */
  readonly configFile: string | undefined;
  /** `--tpm`; null: that of agent.yaml, else that of the enrollment. */
  readonly tpm: string | null;
  readonly passwords: TpmPasswords;
  readonly random: () => number;
  readonly withTpm: <T>(spec: string, use: (tpm: Tpm) => Promise<T>) => Promise<T>;
  readonly run: RunCommand;
  /** The ways to the service: for a round, and for proving the TPM anew. */
  readonly service: { readonly open: typeof openKeepServer; readonly enroll: typeof connectToServer };
  readonly progress: Progress;
  readonly agentVersion: string;
  readonly log: KeepPorts['log'];
};

/** The doctor's round takes a while and its findings change slowly. */
const examineEveryMs = 6 * 3600_000;

/** The ports. What one round reads is read again by the next. */
export function keepPorts(machine: Machine): KeepPorts {
  const { root } = machine;
  let opened: Session | null = null;
  let api: HostApi | null = null;
  const session = (): Session => {
    if (opened === null) throw new TypeError('a round begins with load()');
    return opened;
  };
  const tpm = (): KeepTpm => tpmOf(machine, session());
  const load = async () => {
    opened = await openSession(machine);
    await endInterrupted(machine, opened);
    return keptOf(opened);
  };
  return {
    ...{ agentVersion: machine.agentVersion, now: machine.now, random: machine.random, log: machine.log, load },
    save: (kept) => keepSession(root, session(), kept),
    exclusively: (work) => exclusively(root, work),
    targets: () => Promise.resolve(keptTargets(session())),
    connect: async () => {
      const line = await connect(machine, session(), tpm());
      api = line.api;
      return line.server;
    },
    host: keepHost({
      ...{ session, tpm, install: machine, engine: { putAllInPlace, currentGeneration, observeUse } },
      examined: examinedBy(machine, session),
    }),
    trust: keepTrust({ root, session, api: () => api, install: machine }),
    recovery: recoveryOf(machine, session),
    tend: () => tend(machine, session()),
  };
}

const keptTargets = ({ targets, config }: Session) =>
  targets.map(({ name, profile, place, hasSpireAgent }) => ({
    ...{ name, profile, place, hasSpireAgent, stageEarly: config.stageEarly },
  }));

/** What a killed process left of a change of files is finished or undone before anything is decided about them. */
async function endInterrupted(machine: Machine, { targets }: Session): Promise<void> {
  for (const { target, outcome } of await finishInterrupted({ ...machine, rehearse: null }, targets)) {
    machine.log('installation.ended', { target: target.name, kind: outcome.kind });
  }
}

function tpmOf(machine: Machine, session: Session): KeepTpm {
  const { state, config, passwords } = session;
  const spec = machine.tpm ?? config.tpm ?? state.tpm;
  return { withTpm: (use) => machine.withTpm(spec, use), passwords, state };
}

async function connect(machine: Machine, session: Session, tpm: KeepTpm) {
  const { state, trust } = session;
  const key = requestKeyOf((use) => onTpm(tpm, { doing: 'signing a request' }, use), state.keys, tpm.passwords);
  const line = await machine.service.open(state.server, { now: machine.now, sleep: machine.sleep, key, trust });
  if (line.root !== null) await noteRoot(machine.root, session, line.root);
  if (state.identity.ekSha256 === null) await learnEndorsementKey(machine, session, tpm);
  return line;
}

/** Once: later it tells a TPM that was cleared from one that was replaced. */
async function learnEndorsementKey({ root, log }: Machine, session: Session, tpm: KeepTpm): Promise<void> {
  try {
    const { keys } = session.state;
    const ekPublic = await onTpm(tpm, { doing: 'reading the endorsement key' }, (open) =>
      readEkPublic(open, keys.ek, tpm.passwords),
    );
    await noteEndorsementKey(root, session, ekFingerprint(ekPublic));
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    log('endorsementKey.unread', { reason: error.reason, detail: error.message });
  }
}

/** What the doctor finds, looked for now and then; a doctor that fails stops nothing. */
function examinedBy(machine: Machine, session: () => Session): KeepHost['examined'] {
  let last: { readonly at: number; readonly told: Awaited<ReturnType<KeepHost['examined']>> } | null = null;
  return async () => {
    const now = machine.now().getTime();
    if (last !== null && Math.abs(now - last.at) < examineEveryMs) return last.told;
    const { state, targets, config, trust } = session();
    const kept = keptOf(session());
    const tpm = tpmOf(machine, session());
    const ports = doctorPorts({
      ...{ root: machine.root, uid: machine.uid, now: machine.now, state, targets, kept },
      ...{ tpm: machine.tpm ?? config.tpm, passwords: tpm.passwords },
      trust: { here: trust?.generation ?? 0, newest: kept.contact.trustGeneration },
    });
    const { findings: found, facts } = await examineHost(ports);
    const findings = found.filter(({ check }) => !config.doctor.ignore.includes(check)).map(findingResource);
    last = { at: now, told: { findings, facts, unmanaged: await unmanagedCertificates(ports) } };
    return last.told;
  };
}

/** The pair by which a program of this host asks the local Keylime agent. */
async function tend(machine: Machine, { config, state }: Session): Promise<void> {
  if (config.localClient === null) return;
  const { root, uid, now } = machine;
  const outcome = await keepLocalClient({ root, uid, now }, state.hostName, config.localClient);
  if (outcome.kind === 'make') machine.log('localClient.made', { why: outcome.why });
}
