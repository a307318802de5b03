// One round of keeping: what was interrupted is finished, the service is told how the host stands and tells what is due,
// and each target gets as far as it can. All I/O is behind `KeepPorts`; each step is saved before the next one begins.
import type { LineageResource } from '../domain/lineage-wire.ts';
import { messageOf } from '../domain/thrown.ts';
import { call, failContact, report } from './keep-contact.ts';
import { type Decision, decide, type DecisionInput, needsServer, noticed, type LocalFiles } from './keep-decision.ts';
import { type Fault, failureOf, faultOf, remainingOf } from './keep-failure.ts';
import type { KeepPorts, KeepTarget } from './keep-ports.ts';
import { recordOf, type Round, save, type Urgency } from './keep-round-state.ts';
import { installAll, type Stepped, takeStep } from './keep-steps.ts';
import { isPausing, type Kept, type TargetRecord, withTarget } from './kept.ts';

export type RoundOptions = { readonly urgency: Urgency };

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

/** A renewal takes six; more means that something goes round in circles. */
const mostSteps = 16;
/** Each puts a certificate in place and begins with its successor, which is due at once only for the shortest lives. */
const mostPasses = 3;

/** Does one round. Rejects only when the state cannot be read or written, or another round is at work. */
export const keepRound = (ports: KeepPorts, { urgency }: RoundOptions): Promise<RoundOutcome> =>
  ports.exclusively(async () => {
    const [kept, targets] = [await ports.load(), await ports.targets()];
    const round: Round = {
      ...{ ports, urgency, targets, kept, server: null, answer: null, begun: new Set<string>(), lost: null },
    };
    try {
      // 1. What an interrupted round left, as far as it needs no service.
      const ready = await advance(round, targets);
      // 2. The regular call, and whatever waits for an answer of the service.
      if (await isCallDue(round, ready)) await call(round);
      // 3. What it says, target after target; and what is ready then is put in place at once for all.
      const before = faultsOf(round);
      await putInPlace(round, round.server === null ? ready : await advance(round, targets));
      if (faultsOf(round) !== before) await report(round);
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

/** Each target as far as it gets without a change of its files; answers those whose files are to be changed now. */
async function advance(round: Round, targets: readonly KeepTarget[]): Promise<readonly KeepTarget[]> {
  const ready: KeepTarget[] = [];
  for (const target of targets) if ((await serve(round, target)) === 'ready') ready.push(target);
  return ready;
}

/** Decides and acts until nothing is left to do for this target, or it is ready to be put in place. */
async function serve(round: Round, target: KeepTarget): Promise<'ready' | 'over'> {
  for (let steps = 0; steps < mostSteps; steps += 1) {
    const { record, files, decision } = await decided(round, target);
    if (decision.do === 'install') return 'ready';
    if (decision.do === 'nothing') await settled(round, target);
    if (decision.do === 'nothing' || decision.do === 'wait') return 'over';
    if (needsServer(decision) && round.server === null) return 'over';
    const { ports, server } = round;
    const stepped = await takeStep({ ports, server, target, record }, decision);
    if (decision.do === 'makeKey') round.begun.add(target.name);
    if (!(await hasGone(round, target, { files, stepped }))) return 'over';
  }
  await fail(round, target, { files: (await look(round, target)).files, fault: noProgress });
  return 'over';
}

async function decided(round: Round, target: KeepTarget) {
  const input = await look(round, target);
  return { ...input, decision: decide(input) };
}

/** Saves what a step came to; false when something went wrong with it. */
async function hasGone(
  round: Round,
  target: KeepTarget,
  { files, stepped }: { readonly files: LocalFiles; readonly stepped: Stepped },
): Promise<boolean> {
  const { record, fault, lineage } = stepped;
  if (lineage !== undefined) hearOf(round, lineage);
  await save(round, withTarget(round.kept, target.name, record));
  if (fault !== null) await fail(round, target, { files, fault });
  return fault === null;
}

/**
 * Puts everything in place that is ready for it, all at once, so that each program is told once; then goes on with those
 * targets. The pauses after a failure are drawn for each target: one that spoils a shared program soon stands alone.
 */
async function putInPlace(round: Round, ready: readonly KeepTarget[]): Promise<void> {
  for (let waiting = ready, passes = 0; waiting.length > 0; passes += 1) {
    const found = [];
    for (const target of waiting) {
      const { record, files, decision } = await decided(round, target);
      if (passes >= mostPasses) await fail(round, target, { files, fault: noProgress });
      else if (decision.do === 'install') found.push({ target, record, files });
    }
    if (found.length === 0) return;
    const all = await installAll(round.ports, found);
    const gone: KeepTarget[] = [];
    for (const [at, { target, files }] of found.entries()) {
      const stepped = all[at];
      if (stepped !== undefined && (await hasGone(round, target, { files, stepped }))) gone.push(target);
    }
    waiting = await advance(round, gone);
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
  const { ports, urgency, answer, begun } = round;
  const files = await ports.host.inPlace(target);
  const lineage =
    answer?.lineages.find(({ profile, place }) => profile === target.profile && place === target.place) ?? null;
  const wished = urgency(target);
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

/** Not while the way to the service is in back-off, unless a person waits. What is put in place is told at once. */
async function isCallDue(round: Round, ready: readonly KeepTarget[]): Promise<boolean> {
  const { ports, kept, targets, urgency } = round;
  const { reportDueAt, lastAt, failure } = kept.contact;
  const now = ports.now();
  if (targets.some((target) => urgency(target) !== 'usual')) return true;
  if (failure !== null) return !isPausing(failure, now);
  if (reportDueAt === null || lastAt === null || now >= new Date(reportDueAt) || now < new Date(lastAt)) return true;
  for (const target of targets) if (needsServer(decide(await look(round, target)))) return true;
  return ready.length > 0;
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
    // How far it got is on disk; what this round knew of the state from before must not be written over it.
    const outcome = await ports.recovery.enroll().finally(async () => {
      round.kept = await ports.load();
    });
    if (outcome.state === 'pending') {
      await failContact(round, pending(outcome.detail));
      return;
    }
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
