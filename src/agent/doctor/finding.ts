// What the doctor says of one thing it looked at. Only the form: what is looked at, and how, stands in the other files.
import type { FindingResource } from '../../domain/lineage-wire.ts';

export type FindingLevel = FindingResource['level'];

/** One thing that was looked at. `fix` is a command or a sentence; `path` the file it is about, as the host names it. */
export type Finding = FindingResource & { readonly path: string | null };

type Told = { readonly detail: string; readonly fix?: string; readonly path?: string };

const finding =
  (level: FindingLevel) =>
  (check: string, { detail, fix, path }: Told): Finding => ({
    ...{ check, level, detail },
    fix: fix ?? null,
    path: path ?? null,
  });

export const fine = finding('ok');
export const warning = finding('warning');
export const critical = finding('critical');
export const unknown = finding('unknown');

/** From the worst to the best, as a reader wants them. What could not be found out stands before a warning. */
const severity: readonly FindingLevel[] = ['critical', 'unknown', 'warning', 'ok'];

/** The worst first; those of one level keep their order. */
export const worstFirst = (findings: readonly Finding[]): readonly Finding[] =>
  [...findings].sort((a, b) => severity.indexOf(a.level) - severity.indexOf(b.level));

/** The level that decides: critical, else warning, else unknown, else ok. */
export function worstLevel(findings: readonly Finding[]): FindingLevel {
  const levels = new Set(findings.map(({ level }) => level));
  return (['critical', 'warning', 'unknown'] as const).find((level) => levels.has(level)) ?? 'ok';
}

/** A finding as a host report carries it: the path stands before its detail. */
export const findingResource = ({ check, level, detail, fix, path }: Finding): FindingResource => ({
  ...{ check, level, fix },
  detail: path === null ? detail : `${path}: ${detail}`,
});
