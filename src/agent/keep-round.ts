// One round of keeping: what was interrupted is finished, the service is told how the host stands and tells what is due,
// and each target gets as far as it can. All I/O is behind `KeepPorts`; each step is saved before the next one begins.
import type { HostReportAnswer, LineageResource } from '../domain/lineage-wire.ts';
import { messageOf } from '../domain/thrown.ts';
import { wireTime } from '../domain/wire.ts';
import { type Decision, decide, type DecisionInput, needsServer, noticed, type LocalFiles } from './keep-decision.ts';
import { type Fault, failureOf, faultOf, faultOfRefusal, remainingOf } from './keep-failure.ts';
import type { KeepPorts, KeepServer, KeepTarget } from './keep-ports.ts';
import { targetReport } from './keep-report.ts';
import { type Act, takeStep } from './keep-steps.ts';
import { isPausing, type Kept, newRecord, type TargetRecord, withTarget } from './kept.ts';

export type RoundOptions = {
  /** How urgent a target is; `usual` for the daemon. */
  readonly urgency: (target: KeepTarget) => DecisionInput['urgency'];
};

/** How a target stands after the round. */
export type TargetOutcome = {
  readonly target: KeepTarget;
  readonly record: TargetRecord;
  readonly files: LocalFiles;
  readonly decision: Decision;
};

export type RoundOutcome = {
  readonly targets: readonly TargetOutcome[];
  readonly contact: Kept['contact'];
  /** Whether anything waits for a repetition: a target, or the way to the service. */
  readonly hasFailed: boolean;
  /** When the next round has something to do, if nothing changes before. */
  readonly nextAt: Date;
};

type Round = {
  readonly ports: KeepPorts;
  readonly options: RoundOptions;
  readonly targets: readonly KeepTarget[];
  /** As last saved. */
  kept: Kept;
  server: KeepServer | null;
  answer: HostReportAnswer | null;
  /** Targets that a person wanted renewed and that have begun. */
  readonly begun: Set<string>;
  /** The keys of this host are of no use: why. */
  lost: Fault | null;
};

/** A renewal takes six; more means that something goes round in circles. */
const mostSteps = 16;

/** Does one round. Rejects only when the state cannot be read or written, or another round is at work. */
export const keepRound = (ports: KeepPorts, options: RoundOptions): Promise<RoundOutcome> =>
  ports.exclusively(async () => {
    const [kept, targets] = [await ports.load(), await ports.targets()];
    const round: Round = {
      ...{ ports, options, targets, kept, server: null, answer: null, begun: new Set<string>(), lost: null },
    };
    try {
      // 1. What an interrupted round left, as far as it needs no service.
      await serveTargets(round);
      // 2. The regular call, and whatever waits for an answer of the service.
      if (await isCallDue(round)) await call(round);
      // 3. What it says, target after target.
      if (round.server !== null) {
        const before = faultsOf(round);
        await serveTargets(round);
        if (faultsOf(round) !== before) await report(round);
      }
      // 4. Keys that are lost: the TPM is proved anew, where that is allowed.
      if (round.lost !== null) await recover(round, round.lost);
      // 5. What needs no service and no decision of this file.
      await tend(round);
    } finally {
      round.server?.close();
    }
    return outcomeOf(round);
  });

const faultsOf = ({ kept }: Round): string =>
  JSON.stringify(Object.values(kept.targets).map(({ failure }) => failure?.error ?? null));

async function save(round: Round, kept: Kept): Promise<void> {
  if (kept === round.kept) return;
  await round.ports.save(kept);
  round.kept = kept;
}

const recordOf = ({ kept }: Round, { name }: KeepTarget): TargetRecord => kept.targets[name] ?? newRecord;

async function serveTargets(round: Round): Promise<void> {
  for (const target of round.targets) await serve(round, target);
}

/** Decides and acts until nothing is left to do for this target. */
async function serve(round: Round, target: KeepTarget): Promise<void> {
  for (let steps = 0; ; steps += 1) {
    const input = await look(round, target);
    const decision = decide(input);
    if (decision.do === 'nothing') return settled(round, target);
    if (decision.do === 'wait') return;
    if (needsServer(decision) && round.server === null) return;
    if (steps >= mostSteps) return fail(round, target, { files: input.files, fault: noProgress });
    const { ports, server } = round;
    const { record, fault, lineage } = await takeStep(
      { ports, server, target, record: input.record },
      decision satisfies Act,
    );
    if (decision.do === 'makeKey') round.begun.add(target.name);
    if (lineage !== undefined) hearOf(round, lineage);
    await save(round, withTarget(round.kept, target.name, record));
    if (fault !== null) return fail(round, target, { files: input.files, fault });
  }
}

/** A newer word of the service about one lineage. */
function hearOf(round: Round, told: LineageResource): void {
  const { answer } = round;
  if (answer === null) return;
  round.answer = { ...answer, lineages: answer.lineages.map((one) => (one.id === told.id ? told : one)) };
}

/** By the word of the service nothing is due: what failed before has ceased to matter. */
async function settled(round: Round, target: KeepTarget): Promise<void> {
  const record = recordOf(round, target);
  if (round.answer === null || record.failure === null) return;
  await save(round, withTarget(round.kept, target.name, { ...record, failure: null }));
}

const noProgress: Fault = {
  error: { phase: 'request', reason: 'noProgress', detail: 'the same steps came round again and again' },
  ...{ hints: [], pace: 'usual', retryAfterSeconds: null, areKeysLost: false },
};

/** What is known of a target at this instant. What was noticed is saved. */
async function look(round: Round, target: KeepTarget): Promise<DecisionInput> {
  const { ports, options, answer, begun } = round;
  const files = await ports.host.inPlace(target);
  const lineage =
    answer?.lineages.find(({ profile, place }) => profile === target.profile && place === target.place) ?? null;
  const wished = options.urgency(target);
  const input: DecisionInput = {
    target,
    files,
    record: recordOf(round, target),
    now: ports.now(),
    view: answer === null ? null : { time: new Date(answer.time), lineage },
    urgency: wished === 'forced' && begun.has(target.name) ? 'unpaused' : wished,
  };
  const record = noticed(input);
  if (record === input.record) return input;
  await save(round, withTarget(round.kept, target.name, record));
  return { ...input, record };
}

async function fail(
  round: Round,
  target: KeepTarget,
  { files, fault }: { readonly files: LocalFiles; readonly fault: Fault },
): Promise<void> {
  const { ports } = round;
  const record = recordOf(round, target);
  const remainingSeconds = remainingOf(files, ports.now());
  const failure = failureOf(fault, record.failure, { ports, remainingSeconds });
  const { phase, reason, detail } = fault.error;
  ports.log('target.failed', {
    ...{ target: target.name, phase, reason, detail, failures: failure.count },
    nextAttemptAt: failure.nextAttemptAt,
  });
  await save(round, withTarget(round.kept, target.name, { ...record, failure }));
  if (fault.areKeysLost) round.lost ??= fault;
}

/** Not while the way to the service is in back-off, unless a person waits. */
async function isCallDue(round: Round): Promise<boolean> {
  const { ports, kept, targets, options } = round;
  const { reportDueAt, lastAt, failure } = kept.contact;
  const now = ports.now();
  if (targets.some((target) => options.urgency(target) !== 'usual')) return true;
  if (failure !== null) return !isPausing(failure, now);
  if (reportDueAt === null || lastAt === null || now >= new Date(reportDueAt) || now < new Date(lastAt)) return true;
  for (const target of targets) if (needsServer(decide(await look(round, target)))) return true;
  return false;
}

async function call(round: Round): Promise<void> {
  const { ports } = round;
  try {
    round.server = await ports.connect();
  } catch (thrown) {
    return failContact(round, faultOf(thrown, 'request'));
  }
  if (!(await report(round))) return;
  const newest = round.answer?.trustGeneration ?? 0;
  if (await ports.trust.isDue(newest)) await renewTrust(round, newest);
}

/** Whether the service took it. Otherwise there is no server for the rest of the round. */
async function report(round: Round): Promise<boolean> {
  const { ports, server } = round;
  if (server === null) return false;
  try {
    const body = { ...(await hostBody(round)), at: wireTime(ports.now()) };
    const answer = await server.report(body);
    if (answer.ok) {
      await heard(round, answer.value);
      return true;
    }
    await failContact(round, faultOfRefusal(answer, 'request'));
  } catch (thrown) {
    await failContact(round, faultOf(thrown, 'request'));
  }
  server.close();
  round.server = null;
  return false;
}

async function hostBody(round: Round) {
  const { ports, targets } = round;
  const told = [];
  for (const target of targets) {
    told.push(targetReport(target, recordOf(round, target), await ports.host.inPlace(target)));
  }
  const [{ findings, unmanaged }, trustGeneration] = [await ports.host.examined(), await ports.trust.generation()];
  return { agentVersion: ports.agentVersion, targets: told, unmanaged, findings, trustGeneration };
}

async function heard(round: Round, answer: HostReportAnswer): Promise<void> {
  const now = round.ports.now();
  if (round.kept.contact.failure !== null) round.ports.log('server.back', {});
  round.answer = answer;
  await save(round, {
    ...round.kept,
    contact: {
      reportDueAt: wireTime(new Date(now.getTime() + Math.max(1, answer.callAgainSeconds) * 1000)),
      lastAt: wireTime(now),
      clockDifferenceSeconds: Math.round((new Date(answer.time).getTime() - now.getTime()) / 1000),
      failure: null,
    },
  });
}

/** The pause is no longer than a quarter of the shortest life on this host. */
async function failContact(round: Round, fault: Fault): Promise<void> {
  const { ports, kept, targets } = round;
  const lives = [];
  for (const target of targets) lives.push(remainingOf(await ports.host.inPlace(target), ports.now()));
  const remainingSeconds = lives.length === 0 ? 86_400 : Math.min(...lives);
  const failure = failureOf(fault, kept.contact.failure, { ports, remainingSeconds });
  const { reason, detail } = fault.error;
  ports.log('server.failed', { reason, detail, failures: failure.count, nextAttemptAt: failure.nextAttemptAt });
  await save(round, { ...kept, contact: { ...kept.contact, failure } });
  if (fault.areKeysLost) round.lost ??= fault;
}

async function renewTrust({ ports }: Round, newest: number): Promise<void> {
  try {
    const taken = await ports.trust.renew();
    if (taken.ok) ports.log('trust.renewed', taken.value);
    else ports.log('trust.refused', { generation: newest, reason: taken.error.reason, detail: taken.error.detail });
  } catch (thrown) {
    const { reason, detail } = faultOf(thrown, 'request').error;
    ports.log('trust.failed', { generation: newest, reason, detail });
  }
}

async function tend({ ports }: Round): Promise<void> {
  try {
    await ports.tend();
  } catch (thrown) {
    ports.log('tending.failed', { detail: messageOf(thrown) });
  }
}

/** A certificate of this host is late: missing, of no use, ended, or past its instant. */
async function isOverdue({ ports, kept, targets }: Round): Promise<boolean> {
  const now = ports.now();
  for (const target of targets) {
    const files = await ports.host.inPlace(target);
    const due = kept.targets[target.name]?.inPlace?.renewAt;
    if (files.state !== 'inPlace' || now > new Date(files.notAfter)) return true;
    if (due !== undefined && now >= new Date(due)) return true;
  }
  return false;
}

/** Only when nothing else can help and a certificate is late; otherwise a person is told what to run. */
async function recover(round: Round, lost: Fault): Promise<void> {
  const { ports } = round;
  if (ports.recovery.mode === 'manual' || !(await isOverdue(round))) return;
  ports.log('recovery.begins', { reason: lost.error.reason });
  try {
    const outcome = await ports.recovery.enroll();
    if (outcome.state === 'pending') {
      await failContact(round, pending(outcome.detail));
      return;
    }
    round.kept = await ports.load();
    await save(round, afresh(round.kept));
    ports.log('recovery.done', {});
  } catch (thrown) {
    await failContact(round, { ...faultOf(thrown, 'key'), areKeysLost: false });
  }
}

const pending = (detail: string): Fault => ({
  error: { phase: 'request', reason: 'recoveryPending', detail },
  hints: ['an operator compares the endorsement key and approves: `omens devices pending`'],
  ...{ pace: 'slow', retryAfterSeconds: null, areKeysLost: false },
});

/** Work that stood on the lost keys is over, and so are its failures. */
const afresh = (kept: Kept): Kept => ({
  targets: Object.fromEntries(
    Object.entries(kept.targets).map(([name, record]) => [
      name,
      { ...record, work: { step: 'idle' } as const, failure: null },
    ]),
  ),
  contact: { ...kept.contact, reportDueAt: null, failure: null },
});

async function outcomeOf(round: Round): Promise<RoundOutcome> {
  const { ports, targets } = round;
  const outcomes = [];
  for (const target of targets) {
    const input = await look(round, target);
    outcomes.push({ target, record: input.record, files: input.files, decision: decide(input) });
  }
  const { contact } = round.kept;
  const calls = contact.failure?.nextAttemptAt ?? contact.reportDueAt;
  const instants = [
    calls === null ? ports.now() : new Date(calls),
    ...outcomes.flatMap(({ decision }) => ('until' in decision ? [decision.until] : [])),
  ];
  return {
    targets: outcomes,
    contact,
    hasFailed: contact.failure !== null || outcomes.some(({ record }) => record.failure !== null),
    nextAt: new Date(Math.min(...instants.map((instant) => instant.getTime()))),
  };
}
