// Tells the programs of this host that files changed: each program once in a round, one after the other, and none before
// the one before it has settled (settle.ts).
import { nameOfCheck, postCheck } from './post-check.ts';
import type { InstallPorts } from './install-ports.ts';
import { noteTold, othersSettled } from './settle.ts';
import type { Consumer, PostCheck, Target } from './target.ts';

/** What a target's programs are held against: the leaf that is in its place. */
export type ToldTarget = { readonly target: Target; readonly certificateSha256: string | null };

/** One program, and for which targets it is told. */
export type Program = {
  readonly consumer: Consumer;
  readonly readers: readonly (ToldTarget & { readonly checks: readonly PostCheck[] })[];
};

/** What was looked at, for reports. */
export type CheckOutcome = {
  readonly target: string;
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly served: string | null;
};

/** `wasReloaded`: the program was touched, and must be told again if the files change back. */
export type Telling =
  | { readonly ok: true; readonly wasReloaded: boolean; readonly checks: readonly CheckOutcome[] }
  | {
      readonly ok: false;
      readonly wasReloaded: boolean;
      readonly checks: readonly CheckOutcome[];
      readonly phase: 'hook' | 'postCheck';
      readonly reason: 'validateFailed' | 'reloadFailed' | 'checkFailed' | 'anotherServed';
      readonly detail: string;
    };

/**
 * The programs of some targets in the order in which they are told. Consumers of one name that are told in the same way are
 * one program; of different settle times the longest counts.
 */
export function programsOf(targets: readonly ToldTarget[]): readonly Program[] {
  const programs = new Map<string, Program>();
  for (const told of targets) {
    for (const consumer of told.target.consumers) {
      const key = JSON.stringify([consumer.name, consumer.validate, consumer.reload]);
      const known = programs.get(key);
      const settleSeconds = Math.max(consumer.settleSeconds, known?.consumer.settleSeconds ?? 0);
      programs.set(key, {
        consumer: { ...(known?.consumer ?? consumer), settleSeconds },
        readers: [...(known?.readers ?? []), { ...told, checks: consumer.checks }],
      });
    }
  }
  return [...programs.values()].sort((a, b) => a.consumer.rank - b.consumer.rank);
}

const validateSeconds = 60;
const reloadSeconds = 120;

/** Tells one program: validate, reload, settle, look. Never rejects for what the program does. */
export async function tell(ports: InstallPorts, program: Program): Promise<Telling> {
  const { name, onlyWhile, validate, reload, settleSeconds } = program.consumer;
  const failure = { ok: false, checks: [], phase: 'hook' } as const;
  if (onlyWhile !== null && !(await ports.run(onlyWhile, validateSeconds)).ok) {
    const detail = `${name} does not run: it reads the files when it starts`;
    const checks = program.readers.map(({ target }) => ({
      target: target.name,
      check: `${name} runs`,
      ok: true,
      detail,
    }));
    return { ok: true, wasReloaded: false, checks: checks.map((one) => ({ ...one, served: null })) };
  }
  ports.progress.working(`telling ${name}`);
  if (validate !== null) {
    const result = await ports.run(validate, validateSeconds);
    if (!result.ok) {
      const detail = `${name}: \`${validate.join(' ')}\`: ${result.detail}${shown(result.output)}`;
      return { ...failure, wasReloaded: false, reason: 'validateFailed', detail };
    }
  }
  if (reload !== null) {
    await othersSettled(ports, program.consumer);
    await noteTold(ports, program.consumer);
    const result = await ports.run(reload, reloadSeconds);
    if (!result.ok) {
      const detail = `${name}: \`${reload.join(' ')}\`: ${result.detail}${shown(result.output)}`;
      return { ...failure, wasReloaded: true, reason: 'reloadFailed', detail };
    }
    await ports.sleep(settleSeconds * 1000);
  }
  return looked(ports, program, reload !== null);
}

const shown = (output: string): string => (output === '' ? '' : `: ${output}`);

/** Every check of a program; the first that fails decides, and the others are still made. */
async function looked(ports: InstallPorts, program: Program, wasReloaded: boolean): Promise<Telling> {
  const checks = await look(ports, program);
  const bad = checks.find(({ ok }) => !ok);
  if (bad === undefined) return { ok: true, wasReloaded, checks };
  const reason = bad.served === null ? 'checkFailed' : 'anotherServed';
  const detail = `${program.consumer.name}: ${bad.check}: ${bad.detail}`;
  return { ok: false, wasReloaded, checks, phase: 'postCheck', reason, detail };
}

/** Makes the checks of a program and changes nothing. */
export async function look(ports: InstallPorts, { readers }: Program): Promise<readonly CheckOutcome[]> {
  const outcomes: CheckOutcome[] = [];
  for (const { target, certificateSha256, checks } of readers) {
    for (const check of checks) {
      const { ok, detail, served } = await postCheck(ports, check, certificateSha256);
      outcomes.push({ target: target.name, check: nameOfCheck(check), ok, detail, served });
    }
  }
  return outcomes;
}
