// Puts certificates with their keys and CA files in place of the ones before, tells the programs that read them, looks
// whether they serve them, and goes back if not. The caller holds the lock of the agent (`exclusively`).
import type { LineageError } from '../domain/lineage-wire.ts';
import { wireTime } from '../domain/wire.ts';
import { AgentFailure } from './failure.ts';
import { type Change, concluded, goBackAgain, goForth, leafOfGeneration } from './generation-change.ts';
import {
  currentNumber,
  type GenerationStore,
  generationNumbers,
  generationStore,
  notePending,
  readPending,
  removeGeneration,
} from './generation-store.ts';
import type { InstallPorts, PutOutcome } from './install-ports.ts';
import { isInPlace, observedOf } from './installed.ts';
import type { PlacementInput } from './places.ts';
import { prepareGeneration, Unfit, unfitOf } from './prepare-generation.ts';
import type { Target } from './target.ts';
import { type CheckOutcome, look, type Program, programsOf, tell } from './tell-consumers.ts';

/** One target, and what shall be in its place. */
export type PutWish = { readonly target: Target; readonly input: PlacementInput };

/**
 * Installs for several targets in one round, in which a program that reads the files of two is told once. Each outcome
 * stands for itself: a target whose programs fail goes back, with its programs told again, and the others stay. Good to
 * repeat: what a killed process left is finished or undone first, and what is in place already is only looked at.
 * Refusals, failing programs and faults of the disk are outcomes; a fault of this program throws.
 */
export async function putAllInPlace(ports: InstallPorts, wishes: readonly PutWish[]): Promise<readonly PutOutcome[]> {
  const targets = wishes.map(({ target }) => target);
  try {
    await finishInterrupted(ports, targets);
  } catch (error) {
    const outcomes: PutOutcome[] = [];
    for (const target of targets) outcomes.push(await refused(ports, await generationStore(ports.root, target), error));
    return outcomes;
  }
  const works: (Change | PutOutcome)[] = [];
  for (const wish of wishes) works.push(await begun(ports, wish));
  const changes = works.filter(isChange);
  await tellAll(ports, changes);
  const outcomes: PutOutcome[] = [];
  for (const work of works) outcomes.push(isChange(work) ? await outcomeOf(ports, work) : work);
  return outcomes;
}

const isChange = (work: Change | PutOutcome): work is Change => 'store' in work;

/** Prepares and switches; the programs are not told yet. */
async function begun(ports: InstallPorts, { target, input }: PutWish): Promise<Change | PutOutcome> {
  const store = await generationStore(ports.root, target);
  try {
    const there = await isInPlace(store, target.files(input));
    if (there !== null) return await seen(ports, target, there);
    ports.progress.working(`installing ${target.name}`);
    const { from, manifest, remarks } = await prepareGeneration(ports, target, { store, input });
    return await switched(ports, {
      ...{ target, store, from, to: manifest.generation, isNew: true, remarks },
      ...{ certificateSha256: manifest.certificateSha256, checks: [], error: null },
    });
  } catch (error) {
    return refused(ports, store, error);
  }
}

/** Outcome of what could not even begin: the generation in service has not changed. */
async function refused(ports: InstallPorts, store: GenerationStore, thrown: unknown): Promise<PutOutcome> {
  const unfit = unfitOf(thrown);
  if (!(unfit instanceof Unfit)) throw thrown;
  const error = { at: wireTime(ports.now()), ...unfit.error };
  return { kind: 'rolledBack', generation: await currentNumber(store), error, remarks: [] };
}

/** Switches; a fault of the disk on the way is undone. */
async function switched(ports: InstallPorts, change: Change): Promise<Change> {
  try {
    await goForth(change);
    return change;
  } catch (error) {
    const unfit = unfitOf(error);
    if (!(unfit instanceof Unfit)) throw error;
    await goBackAgain(change);
    await concluded({ ...change, error: { at: wireTime(ports.now()), ...unfit.error } });
    throw unfit;
  }
}

/** What is in place already, as it is. */
async function seen(ports: InstallPorts, target: Target, generation: number): Promise<PutOutcome> {
  const { checks, certificateSha256, store } = await looked(ports, target);
  const change = { target, store, from: generation, to: generation, isNew: false, remarks: [], error: null };
  return outcomeOf(ports, { ...change, certificateSha256, checks });
}

/** Looks at the programs of a target and changes nothing. */
async function looked(
  ports: InstallPorts,
  target: Target,
): Promise<Pick<Change, 'checks' | 'certificateSha256' | 'store'>> {
  const store = await generationStore(ports.root, target);
  const certificateSha256 = await leafOfGeneration(store, await currentNumber(store));
  const programs = programsOf([{ target, certificateSha256 }]);
  const checks = [];
  for (const program of programs) checks.push(...(await look(ports, program)));
  return { checks, certificateSha256, store };
}

/** What can be seen of the use of what is in place; the programs are not told. Null when nothing is. */
export async function observeUse(ports: InstallPorts, target: Target) {
  const { checks, store } = await looked(ports, target);
  const generation = await currentNumber(store);
  return generation === null ? null : observedOf(store, { target, generation, checks });
}

/** Tells every program once. Targets whose program fails go back, and the programs that had taken them are told again. */
async function tellAll(ports: InstallPorts, changes: readonly Change[]): Promise<void> {
  const told: Program[] = [];
  for (const program of programsOf(changes)) {
    const live = changes.filter(
      (change) => change.error === null && program.readers.some(({ target }) => target === change.target),
    );
    if (live.length === 0) continue;
    const readers = program.readers.filter(({ target }) => live.some((change) => change.target === target));
    const telling = await tell(ports, { ...program, readers });
    if (telling.wasReloaded) told.push(program);
    for (const change of live) {
      change.checks = [...change.checks, ...telling.checks.filter(({ target }) => target === change.target.name)];
    }
    if (telling.ok) continue;
    const { phase, reason, detail } = telling;
    const guilty = guiltyOf(live, telling.checks);
    await takeBack(ports, guilty, { told, error: { at: wireTime(ports.now()), phase, reason, detail } });
  }
}

/** The targets whose own checks failed; where no check says more, every target of the program. */
function guiltyOf(live: readonly Change[], checks: readonly CheckOutcome[]): readonly Change[] {
  const failed = new Set(checks.flatMap(({ ok, target }) => (ok ? [] : [target])));
  const guilty = live.filter(({ target }) => failed.has(target.name));
  return guilty.length > 0 ? guilty : live;
}

async function takeBack(
  ports: InstallPorts,
  changes: readonly Change[],
  { told, error }: { readonly told: readonly Program[]; readonly error: LineageError },
): Promise<void> {
  for (const change of changes) {
    change.error = error;
    await goBackAgain(change);
  }
  const after = await toldAgain(ports, changes, told);
  for (const change of changes) change.error = { ...error, detail: error.detail + after };
}

/** Tells the programs that had read what is taken back; answers what went wrong with that, as a clause. */
async function toldAgain(ports: InstallPorts, changes: readonly Change[], told: readonly Program[]): Promise<string> {
  const failures: string[] = [];
  for (const program of told) {
    const readers = [];
    for (const reader of program.readers) {
      const change = changes.find(({ target }) => target === reader.target);
      if (change === undefined) continue;
      const certificateSha256 = await leafOfGeneration(change.store, change.from);
      const isThere = change.from !== null;
      readers.push({ ...reader, certificateSha256, checks: isThere ? reader.checks : [] });
    }
    if (readers.length === 0) continue;
    const telling = await tell(ports, { ...program, readers });
    if (!telling.ok) failures.push(telling.detail);
  }
  return failures.length === 0 ? '' : `; and after going back: ${failures.join('; ')}`;
}

async function outcomeOf(ports: InstallPorts, change: Change): Promise<PutOutcome> {
  await concluded(change);
  const { target, store, from, to, error, remarks, checks } = change;
  if (error !== null) return { kind: 'rolledBack', generation: from, error, remarks };
  const observed = await observedOf(store, { target, generation: to, checks });
  return { kind: 'inUse', generation: to, observed, remarks };
}

/**
 * Finishes or undoes what a killed process left of changes: what was switched already is told to the programs now, each
 * once, and goes back if they fail. Answers the targets of which something was under way.
 */
export async function finishInterrupted(
  ports: InstallPorts,
  targets: readonly Target[],
): Promise<readonly { readonly target: Target; readonly outcome: PutOutcome }[]> {
  const ways: Record<Way, Change[]> = { forth: [], back: [], toldBack: [] };
  for (const target of targets) {
    const found = await interruptedOf(ports, target);
    if (found !== null) ways[found.way].push(found.change);
  }
  const { forth, back, toldBack } = ways;
  for (const change of forth) await goForth(change);
  await tellAll(ports, forth);
  const after = await toldAgain(ports, toldBack, programsOf(toldBack));
  const detail = 'this program was ended while it worked; what was in service before is again';
  const error = { at: wireTime(ports.now()), phase: 'install', reason: 'interrupted' } as const;
  for (const change of back) change.error = { ...error, detail };
  for (const change of toldBack) change.error = { ...error, detail: detail + after };
  const ended = [];
  for (const change of [...back, ...toldBack, ...forth]) {
    ended.push({ target: change.target, outcome: await outcomeOf(ports, change) });
  }
  return ended;
}

/** How an interrupted change goes on: to its end; back, unseen by any program; back, with the programs told again. */
type Way = 'forth' | 'back' | 'toldBack';

/** What was under way for a target; the files are back already where that is its way. */
async function interruptedOf(
  ports: InstallPorts,
  target: Target,
): Promise<{ readonly change: Change; readonly way: Way } | null> {
  const store = await generationStore(ports.root, target);
  const pending = await readPending(store);
  if (pending === null) return null;
  const { from, to, isNew, stage } = pending;
  if (stage === 'writing') {
    if (isNew) await removeGeneration(store, to);
    await notePending(store, null);
    return null;
  }
  const change: Change = {
    ...{ target, store, from, to, isNew, remarks: [], checks: [], error: null },
    certificateSha256: await leafOfGeneration(store, to),
  };
  if (stage === 'switching' && (await currentNumber(store)) === to) return { change, way: 'forth' };
  await goBackAgain(change);
  return { change, way: stage === 'goingBack' ? 'toldBack' : 'back' };
}

/**
 * Back to the generation before the one in service; the programs are told, and if they fail everything stays as it was.
 * Throws `AgentFailure` when there is none before.
 */
export async function goBack(ports: InstallPorts, target: Target): Promise<PutOutcome> {
  await finishInterrupted(ports, [target]);
  const store = await generationStore(ports.root, target);
  const from = await currentNumber(store);
  const to = (await generationNumbers(store)).filter((one) => from !== null && one < from).at(-1);
  if (from === null || to === undefined) {
    throw new AgentFailure(`${target.name} has no generation before the one in service`, {
      hints: [`generations are kept in ${store.directory}`],
    });
  }
  try {
    const change = await switched(ports, {
      ...{ target, store, from, to, isNew: false, remarks: [], checks: [], error: null },
      certificateSha256: await leafOfGeneration(store, to),
    });
    await tellAll(ports, [change]);
    return await outcomeOf(ports, change);
  } catch (error) {
    return refused(ports, store, error);
  }
}
